#include "store/postgres/schema.h"

#include <string>

namespace skyhook::store::postgres {
namespace {

// All times are microseconds since the Unix epoch, UTC; `minute` is whole minutes since then.
//
// Nothing on the happy path is ever updated or deleted: an event, its deliveries and their attempts
// are inserted, counts are inserted as differences, and days are dropped as a whole. So there is
// nothing for vacuum to do, however long somebody holds a snapshot open.
constexpr std::string_view kTables = R"sql(
CREATE SEQUENCE skyhook.account_ids;
CREATE SEQUENCE skyhook.webhook_ids;
CREATE SEQUENCE skyhook.node_ids AS int;
CREATE SEQUENCE skyhook.row_numbers;      -- of nodes, taken in blocks
CREATE SEQUENCE skyhook.publish_numbers;  -- of skyhook.publish()

CREATE TABLE skyhook.accounts (
  account_id      bigint PRIMARY KEY DEFAULT nextval('skyhook.account_ids'),
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL,
  is_active       boolean NOT NULL,
  name            text NOT NULL,
  allowed_origins text[] NOT NULL,
  api_key_hash    bytea NOT NULL
);

CREATE TABLE skyhook.webhooks (
  account_id    bigint NOT NULL REFERENCES skyhook.accounts,
  webhook_id    bigint NOT NULL DEFAULT nextval('skyhook.webhook_ids'),
  created_at    bigint NOT NULL,
  updated_at    bigint NOT NULL,
  is_active     boolean NOT NULL,
  name          text NOT NULL,
  url           text NOT NULL,
  events        text[] NOT NULL,
  sealed_secret text NOT NULL,
  PRIMARY KEY (account_id, webhook_id)
);
CREATE INDEX webhooks_by_id ON skyhook.webhooks (webhook_id);

-- Deleted webhooks (webhook_id 0: the whole account) whose rows are still to be removed.
CREATE TABLE skyhook.purges (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  PRIMARY KEY (account_id, webhook_id)
);

-- What changed in accounts and webhooks, for the other nodes. Rows are read again until no
-- transaction that could still add an earlier one is open: hence the transaction's number.
CREATE TABLE skyhook.changes (
  account_id bigint NOT NULL,
  change_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  written_by bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind       "char" NOT NULL,   -- a: account, w: webhook, d: due work of the webhook
  webhook_id bigint NOT NULL,
  PRIMARY KEY (account_id, change_id)
);
CREATE INDEX changes_by_writer ON skyhook.changes (written_by);

CREATE FUNCTION skyhook.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'accounts' THEN
    INSERT INTO skyhook.changes (account_id, kind, webhook_id)
    VALUES (coalesce(NEW.account_id, OLD.account_id), 'a', 0);
  ELSE
    INSERT INTO skyhook.changes (account_id, kind, webhook_id)
    VALUES (coalesce(NEW.account_id, OLD.account_id), 'w', coalesce(NEW.webhook_id, OLD.webhook_id));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON skyhook.accounts
  FOR EACH ROW EXECUTE FUNCTION skyhook.note_change();
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON skyhook.webhooks
  FOR EACH ROW EXECUTE FUNCTION skyhook.note_change();

-- A node is one life of one process. fresh_from: every delivery of the node with a lower id is
-- settled or has a row in `detours`. expired: it may write no more. emptied: nothing is left of it.
CREATE TABLE skyhook.nodes (
  node_id     int PRIMARY KEY DEFAULT nextval('skyhook.node_ids'),
  lease_until timestamptz NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  probed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  fresh_from  bigint NOT NULL,
  fresh_taken boolean NOT NULL DEFAULT false,
  expired     boolean NOT NULL DEFAULT false,
  emptied     boolean NOT NULL DEFAULT false,
  version     text NOT NULL,
  name        text NOT NULL,     -- of the machine
  process     text NOT NULL      -- boot, process namespace, process id and its start: who else is it?
) WITH (fillfactor = 50);

CREATE TABLE skyhook.events (
  account_id bigint NOT NULL,
  event_id   bigint NOT NULL,
  created_at bigint NOT NULL,
  event_type text NOT NULL,
  data       bytea NOT NULL,    -- the publisher's bytes
  traceparent text NOT NULL DEFAULT '',
  PRIMARY KEY (account_id, event_id)
) PARTITION BY RANGE (event_id);

-- Never changed. node_id: who accepted it. Its state follows from `detours` and `attempts`.
CREATE TABLE skyhook.deliveries (
  account_id  bigint NOT NULL,
  webhook_id  bigint NOT NULL,
  delivery_id bigint NOT NULL,
  event_id    bigint NOT NULL,
  created_at  bigint NOT NULL,
  due_at      bigint NOT NULL,
  node_id     int NOT NULL,
  is_test     boolean NOT NULL,
  event_type  text NOT NULL,
  PRIMARY KEY (account_id, webhook_id, delivery_id)
) PARTITION BY RANGE (delivery_id);
-- For a take-over: what an ended node accepted last. Costs next to nothing to keep.
CREATE INDEX deliveries_by_id ON skyhook.deliveries
  USING brin (delivery_id) WITH (pages_per_range = 32, autosummarize = on);

-- verdict: 0 retry, 1 delivered, 2 given up; verdict_at: when delivered, due again or ended.
CREATE TABLE skyhook.attempts (
  account_id         bigint NOT NULL,
  webhook_id         bigint NOT NULL,
  delivery_id        bigint NOT NULL,
  started_at         bigint NOT NULL,
  duration_us        bigint NOT NULL,
  verdict_at         bigint NOT NULL,
  number             int NOT NULL,
  response_status    smallint,
  failure            smallint NOT NULL,
  verdict            smallint NOT NULL,
  response_truncated boolean NOT NULL,
  error_detail       bytea NOT NULL,
  response_headers   bytea NOT NULL,
  response_body      bytea NOT NULL,
  PRIMARY KEY (account_id, webhook_id, delivery_id, number)
) PARTITION BY RANGE (delivery_id);

-- Only deliveries that left the happy path: those that wait (state 0: for a retry, for room, or
-- taken over) and those that failed (state 2). A delivery without a row here is delivered where an
-- attempt says so, and otherwise pending in the hands of the node that accepted it.
CREATE TABLE skyhook.detours (
  account_id        bigint NOT NULL,
  webhook_id        bigint NOT NULL,
  delivery_id       bigint NOT NULL,
  at                bigint NOT NULL,    -- state 0: due; state 2: ended
  node_id           int NOT NULL,       -- the owner
  attempts_made     int NOT NULL,
  schedule_position int NOT NULL,
  state             smallint NOT NULL,
  failure           smallint NOT NULL,  -- of state 2
  PRIMARY KEY (account_id, webhook_id, delivery_id)
) PARTITION BY RANGE (delivery_id);
CREATE INDEX detours_due ON skyhook.detours (webhook_id, at, delivery_id) WHERE state = 0;
CREATE INDEX detours_failed ON skyhook.detours (webhook_id, delivery_id) WHERE state = 2;
CREATE INDEX detours_owned ON skyhook.detours (node_id) WHERE state = 0;
CREATE INDEX detours_oldest ON skyhook.detours (delivery_id) WHERE state = 0;

-- Differences of counts: one row a batch and webhook, later folded into `totals` and `rollups`.
-- durations: one byte an attempt, the bucket of its duration.
CREATE TABLE skyhook.tallies (
  account_id      bigint NOT NULL,
  webhook_id      bigint NOT NULL,
  minute          bigint NOT NULL,
  written_by      bigint NOT NULL,
  pending         int NOT NULL,
  delivered       int NOT NULL,
  failed          int NOT NULL,
  ended_delivered int NOT NULL,
  ended_failed    int NOT NULL,
  failed_attempts int NOT NULL,
  durations       bytea NOT NULL
) PARTITION BY RANGE (minute);
CREATE INDEX tallies_of_webhook ON skyhook.tallies (account_id, webhook_id, written_by);
CREATE INDEX tallies_in_order ON skyhook.tallies
  USING brin (written_by) WITH (pages_per_range = 8, autosummarize = on);

CREATE TABLE skyhook.totals (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  pending    bigint NOT NULL,
  delivered  bigint NOT NULL,
  failed     bigint NOT NULL,
  PRIMARY KEY (account_id, webhook_id)
) WITH (fillfactor = 50);

CREATE TABLE skyhook.rollups (
  account_id      bigint NOT NULL,
  webhook_id      bigint NOT NULL,
  minute          bigint NOT NULL,
  delivered       bigint NOT NULL,
  failed_attempts bigint NOT NULL,
  failed          bigint NOT NULL,
  PRIMARY KEY (account_id, webhook_id, minute)
) PARTITION BY RANGE (minute);

CREATE TABLE skyhook.rollup_durations (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  minute     bigint NOT NULL,
  bucket     int NOT NULL,
  attempts   bigint NOT NULL,
  PRIMARY KEY (account_id, webhook_id, minute, bucket)
) PARTITION BY RANGE (minute);

-- Tallies of transactions below folded_to are in `totals` and `rollups`.
CREATE TABLE skyhook.fold_state (
  is_single boolean PRIMARY KEY DEFAULT true CHECK (is_single),
  folded_to bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO skyhook.fold_state (folded_to) VALUES (0);

CREATE TABLE skyhook.idempotency_keys (
  account_id   bigint NOT NULL,
  created_at   bigint NOT NULL,  -- of the event
  event_id     bigint NOT NULL,
  deliveries   bigint NOT NULL,
  key          text COLLATE "C" NOT NULL,
  request_hash bytea NOT NULL,
  PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_by_time ON skyhook.idempotency_keys (created_at);

-- The events that nodes know, for skyhook.publish(): what a node that starts knows is added.
CREATE TABLE skyhook.event_types (
  name text COLLATE "C" PRIMARY KEY
);

-- Written by skyhook.publish() in the user's own transaction; emptied by the nodes.
CREATE TABLE skyhook.outbox (
  account_id bigint NOT NULL,
  event_id   bigint NOT NULL,
  created_at bigint NOT NULL,
  event_type text NOT NULL,
  data       bytea NOT NULL,
  key        text,              -- the idempotency key
  written_by bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  PRIMARY KEY (account_id, event_id)
);
CREATE INDEX outbox_in_order ON skyhook.outbox (written_by, event_id);

-- What the keys of accounts asked for in windows that are open, through all nodes: the shared rate
-- limit. A crash may forget it.
CREATE UNLOGGED TABLE skyhook.request_counts (
  account_id bigint NOT NULL,
  window_end bigint NOT NULL,   -- Unix seconds
  requests   bigint NOT NULL,
  PRIMARY KEY (account_id, window_end)
) WITH (fillfactor = 50);
)sql";

constexpr std::string_view kPartitions = R"sql(
-- The default partitions hold what is still pending of days that were dropped: few rows, if any.
CREATE TABLE skyhook.events_rest PARTITION OF skyhook.events DEFAULT;
CREATE TABLE skyhook.deliveries_rest PARTITION OF skyhook.deliveries DEFAULT;
CREATE TABLE skyhook.attempts_rest PARTITION OF skyhook.attempts DEFAULT;
CREATE TABLE skyhook.detours_rest PARTITION OF skyhook.detours DEFAULT;
CREATE TABLE skyhook.tallies_rest PARTITION OF skyhook.tallies DEFAULT;
CREATE TABLE skyhook.rollups_rest PARTITION OF skyhook.rollups DEFAULT;
CREATE TABLE skyhook.rollup_durations_rest PARTITION OF skyhook.rollup_durations DEFAULT;

-- A day is two sets of partitions: by id, and by minute. Attached rather than created in place:
-- that locks nobody out. Days: since 1970-01-01.
CREATE FUNCTION skyhook.make_day(p_day int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t text;
  low bigint;
  high bigint;
BEGIN
  IF to_regclass(format('skyhook.events_d%s', p_day)) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(1397442891, 2);
  -- Not to_regclass again: it may remember that there was none before the wait.
  IF EXISTS (SELECT FROM pg_class WHERE relname = 'events_d' || p_day
             AND relnamespace = 'skyhook'::regnamespace) THEN
    RETURN;
  END IF;
  PERFORM set_config('lock_timeout', '500ms', true);
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations',
                           'deliveries', 'attempts', 'detours', 'events'] LOOP
    IF t IN ('tallies', 'rollups', 'rollup_durations') THEN
      low := p_day::bigint * 1440;
      high := low + 1440;
    ELSE
      low := p_day::bigint << 38;
      high := (p_day + 1)::bigint << 38;
    END IF;
    EXECUTE format('CREATE TABLE skyhook.%I (LIKE skyhook.%I INCLUDING ALL)', t || '_d' || p_day, t);
    IF t = 'detours' THEN
      EXECUTE format('ALTER TABLE skyhook.%I SET (autovacuum_vacuum_scale_factor = 0.05, '
                     'autovacuum_vacuum_cost_delay = 0)', t || '_d' || p_day);
    END IF;
    EXECUTE format('ALTER TABLE skyhook.%I ATTACH PARTITION skyhook.%I FOR VALUES FROM (%s) TO (%s)',
                   t, t || '_d' || p_day, low, high);
  END LOOP;
END $$;

-- Drops a day. What is pending of it moves to the default partitions. Nothing where somebody reads
-- the day, or its counts are not folded yet: next time. True where it is gone.
CREATE FUNCTION skyhook.drop_day(p_day int) RETURNS boolean LANGUAGE plpgsql
SET enable_seqscan = on SET enable_hashjoin = on AS $$  -- it does read all of a day
DECLARE
  t text;
  unfolded boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1397442891, 2) THEN RETURN false; END IF;
  IF to_regclass(format('skyhook.events_d%s', p_day)) IS NULL THEN RETURN true; END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM skyhook.%I WHERE written_by >= '
                 '(SELECT folded_to FROM skyhook.fold_state))', 'tallies_d' || p_day) INTO unfolded;
  IF unfolded THEN RETURN false; END IF;
  PERFORM set_config('lock_timeout', '200ms', true);
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours',
                           'tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || '_d' || p_day);
  END LOOP;
  EXECUTE format('CREATE TEMP TABLE waiting ON COMMIT DROP AS '
                 'SELECT d.account_id, d.webhook_id, d.delivery_id, d.event_id '
                 'FROM skyhook.%1$I d JOIN skyhook.%2$I x USING (account_id, webhook_id, delivery_id) '
                 'WHERE x.state = 0', 'deliveries_d' || p_day, 'detours_d' || p_day);
  EXECUTE format('INSERT INTO skyhook.deliveries SELECT d.* FROM skyhook.%I d '
                 'JOIN waiting USING (account_id, webhook_id, delivery_id)', 'deliveries_d' || p_day);
  EXECUTE format('INSERT INTO skyhook.attempts SELECT a.* FROM skyhook.%I a '
                 'JOIN waiting USING (account_id, webhook_id, delivery_id)', 'attempts_d' || p_day);
  EXECUTE format('INSERT INTO skyhook.detours SELECT x.* FROM skyhook.%I x WHERE x.state = 0',
                 'detours_d' || p_day);
  EXECUTE format('INSERT INTO skyhook.events SELECT e.* FROM skyhook.%I e WHERE EXISTS ('
                 'SELECT FROM waiting w WHERE w.account_id = e.account_id AND w.event_id = e.event_id) '
                 'OR EXISTS (SELECT FROM skyhook.deliveries d JOIN skyhook.detours x '
                 'USING (account_id, webhook_id, delivery_id) WHERE x.state = 0 '
                 'AND d.account_id = e.account_id AND d.event_id = e.event_id '
                 'AND x.delivery_id < %L::bigint)', 'events_d' || p_day, (p_day + 2)::bigint << 38);
  -- Totals count what is in the log.
  EXECUTE format($sql$
    INSERT INTO skyhook.tallies
    SELECT d.account_id, d.webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
           pg_current_xact_id()::text::bigint, 0,
           -count(*) FILTER (WHERE x.delivery_id IS NULL),
           -count(*) FILTER (WHERE x.state = 2), 0, 0, 0, ''
    FROM skyhook.%1$I d LEFT JOIN skyhook.%2$I x USING (account_id, webhook_id, delivery_id)
    WHERE x.state IS DISTINCT FROM 0 GROUP BY 1, 2$sql$,
    'deliveries_d' || p_day, 'detours_d' || p_day);
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours',
                           'tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || '_d' || p_day);
  END LOOP;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END $$;
)sql";

constexpr std::string_view kNodes = R"sql(
-- Within every transaction of a node that writes deliveries: holds off a take-over until the
-- transaction ends, and fails where the take-over came first.
CREATE FUNCTION skyhook.fence(p_node int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(1397442892, p_node);
  IF NOT EXISTS (SELECT FROM skyhook.nodes WHERE node_id = p_node AND NOT expired) THEN
    RAISE EXCEPTION 'node % holds no lease', p_node USING ERRCODE = 'SK001';
  END IF;
END $$;

-- Ends the leases that have run out (p_only: that node's, whether or not it has). A backend that
-- works for such a node is stopped first: it may hang in the middle of a transaction.
CREATE FUNCTION skyhook.expire_nodes(p_only int DEFAULT NULL) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int;
  ended int := 0;
BEGIN
  FOR n IN SELECT node_id FROM skyhook.nodes
           WHERE NOT expired AND (node_id = p_only OR p_only IS NULL AND lease_until < clock_timestamp())
           FOR UPDATE SKIP LOCKED LOOP
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'skyhook node ' || n AND datname = current_database()
      AND pid <> pg_backend_pid();
    PERFORM set_config('lock_timeout', '3s', true);
    PERFORM pg_advisory_xact_lock(1397442892, n);
    UPDATE skyhook.nodes SET expired = true WHERE node_id = n;
    ended := ended + 1;
  END LOOP;
  RETURN ended;
END $$;

-- Moves up to about p_limit deliveries of ended nodes to p_node; returns their webhooks.
CREATE FUNCTION skyhook.take_over(p_node int, p_limit int) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
  dead record;
  moved bigint[];
BEGIN
  PERFORM skyhook.fence(p_node);
  FOR dead IN SELECT node_id FROM skyhook.nodes WHERE expired AND NOT emptied ORDER BY node_id LOOP
    -- What it accepted and had not begun to park: bounded by what a node keeps in memory.
    PERFORM FROM skyhook.nodes WHERE node_id = dead.node_id AND NOT fresh_taken
      FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      WITH fresh AS (
        INSERT INTO skyhook.detours
        SELECT d.account_id, d.webhook_id, d.delivery_id, d.due_at, p_node, 0, 0, 0, 0
        FROM skyhook.deliveries d
        WHERE d.delivery_id >= (SELECT fresh_from FROM skyhook.nodes WHERE node_id = dead.node_id)
          AND d.node_id = dead.node_id
          AND NOT EXISTS (SELECT FROM skyhook.detours x WHERE x.account_id = d.account_id
                          AND x.webhook_id = d.webhook_id AND x.delivery_id = d.delivery_id)
          AND NOT EXISTS (SELECT FROM skyhook.attempts a WHERE a.account_id = d.account_id
                          AND a.webhook_id = d.webhook_id AND a.delivery_id = d.delivery_id
                          AND a.verdict = 1)
        ON CONFLICT DO NOTHING RETURNING webhook_id)
      SELECT array_agg(DISTINCT webhook_id) INTO moved FROM fresh;
      UPDATE skyhook.nodes SET fresh_taken = true WHERE node_id = dead.node_id;
      IF moved IS NOT NULL THEN
        RETURN QUERY SELECT unnest(moved);
        RETURN;
      END IF;
    END IF;
    WITH batch AS (
      SELECT account_id, webhook_id, delivery_id FROM skyhook.detours
      WHERE node_id = dead.node_id AND state = 0 LIMIT p_limit FOR UPDATE SKIP LOCKED),
    taken AS (
      UPDATE skyhook.detours x SET node_id = p_node FROM batch b
      WHERE x.account_id = b.account_id AND x.webhook_id = b.webhook_id
        AND x.delivery_id = b.delivery_id
      RETURNING x.webhook_id)
    SELECT array_agg(DISTINCT webhook_id) INTO moved FROM taken;
    IF moved IS NOT NULL THEN
      RETURN QUERY SELECT unnest(moved);
      RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM skyhook.detours WHERE node_id = dead.node_id AND state = 0) THEN
      UPDATE skyhook.nodes SET emptied = true
      WHERE node_id = dead.node_id AND fresh_taken;
    END IF;
  END LOOP;
END $$;
)sql";

// A row that is looked up for each row of an input stands in a LATERAL that ends in OFFSET 0: so it
// is looked up by its whole key. Left to itself, the planner sometimes takes a part of the key for
// enough, on tables of which it knows nothing yet.
constexpr std::string_view kHotPath = R"sql(
CREATE FUNCTION skyhook.accept(
  p_node int,
  e_account bigint[], e_id bigint[], e_created bigint[], e_type text[], e_data bytea[],
  e_trace text[],
  d_account bigint[], d_webhook bigint[], d_id bigint[], d_event bigint[], d_created bigint[],
  d_due bigint[], d_test boolean[], d_type text[],
  t_account bigint[], t_webhook bigint[], t_pending bigint[], p_minute bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  me bigint := pg_current_xact_id()::text::bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  INSERT INTO skyhook.events SELECT * FROM unnest(e_account, e_id, e_created, e_type, e_data, e_trace);
  INSERT INTO skyhook.deliveries
  SELECT a, w, d, e, c, due, p_node, test, type
  FROM unnest(d_account, d_webhook, d_id, d_event, d_created, d_due, d_test, d_type)
    AS r(a, w, d, e, c, due, test, type);
  INSERT INTO skyhook.tallies
  SELECT a, w, p_minute, me, n, 0, 0, 0, 0, 0, '' FROM unnest(t_account, t_webhook, t_pending) AS r(a, w, n);
END $$;

-- First attempts of deliveries that this node accepted and still has in memory: delivered. Nothing
-- to look up. Fails as a whole where one of them is there already.
CREATE FUNCTION skyhook.settle_delivered(
  p_node int,
  p_account bigint[], p_webhook bigint[], p_delivery bigint[], p_started bigint[],
  p_duration bigint[], p_at bigint[], p_number bigint[], p_status bigint[], p_truncated boolean[],
  p_headers bytea[], p_body bytea[],
  t_account bigint[], t_webhook bigint[], t_minute bigint[], t_delivered bigint[], t_durations bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  me bigint := pg_current_xact_id()::text::bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  INSERT INTO skyhook.attempts
  SELECT a, w, d, started, duration, at, number, nullif(status, -1), 0, 1, truncated, '', headers, body
  FROM unnest(p_account, p_webhook, p_delivery, p_started, p_duration, p_at, p_number, p_status,
              p_truncated, p_headers, p_body)
    AS r(a, w, d, started, duration, at, number, status, truncated, headers, body);
  INSERT INTO skyhook.tallies
  SELECT a, w, minute, me, -n, n, 0, n, 0, 0, durations
  FROM unnest(t_account, t_webhook, t_minute, t_delivered, t_durations)
    AS r(a, w, minute, n, durations);
END $$;

-- Deliveries of this node that stay longer than it wants to remember them get a row of their own.
-- Returns those that exist and are pending.
CREATE FUNCTION skyhook.park(p_node int, p_account bigint[], p_webhook bigint[], p_delivery bigint[])
RETURNS TABLE (parked_webhook bigint, parked_delivery bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM skyhook.fence(p_node);
  RETURN QUERY
  INSERT INTO skyhook.detours
  SELECT d.account_id, d.webhook_id, d.delivery_id, d.due_at, p_node, 0, 0, 0, 0
  FROM unnest(p_account, p_webhook, p_delivery) AS i(account_id, webhook_id, delivery_id),
    LATERAL (SELECT d.* FROM skyhook.deliveries d WHERE d.account_id = i.account_id
             AND d.webhook_id = i.webhook_id AND d.delivery_id = i.delivery_id OFFSET 0) AS d
  WHERE NOT EXISTS (SELECT FROM skyhook.attempts a WHERE a.account_id = d.account_id
                    AND a.webhook_id = d.webhook_id AND a.delivery_id = d.delivery_id
                    AND a.verdict = 1)
  ON CONFLICT DO NOTHING RETURNING webhook_id, delivery_id;
END $$;

-- Ends up to p_limit waiting deliveries of a webhook, whoever owns them.
CREATE FUNCTION skyhook.fail_waiting(p_account bigint, p_webhook bigint, p_failure int, p_now bigint,
                                     p_limit int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  ended bigint;
BEGIN
  WITH batch AS (
    SELECT account_id, webhook_id, delivery_id FROM skyhook.detours
    WHERE webhook_id = p_webhook AND state = 0 ORDER BY at, delivery_id LIMIT p_limit FOR UPDATE),
  failed AS (
    UPDATE skyhook.detours x SET state = 2, at = p_now, failure = p_failure FROM batch b
    WHERE x.account_id = b.account_id AND x.webhook_id = b.webhook_id
      AND x.delivery_id = b.delivery_id AND x.state = 0
    RETURNING 1)
  SELECT count(*) INTO ended FROM failed;
  IF ended > 0 THEN
    INSERT INTO skyhook.tallies VALUES
      (p_account, p_webhook, p_now / 60000000, pg_current_xact_id()::text::bigint,
       -ended, 0, ended, 0, ended, 0, '');
  END IF;
  RETURN ended;
END $$;

-- Back to pending. NULL where the delivery or its event does not exist; true where it waits in
-- `detours` now, false where it is fresh in the hands of another node, which is about to try it.
CREATE FUNCTION skyhook.reopen(p_node int, p_account bigint, p_webhook bigint, p_delivery bigint,
                               p_due bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  d record;
  x record;
  last_number int;
  was int;
BEGIN
  PERFORM skyhook.fence(p_node);
  SELECT * INTO d FROM skyhook.deliveries
  WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM skyhook.events
                              WHERE account_id = p_account AND event_id = d.event_id) THEN
    RETURN NULL;
  END IF;
  SELECT * INTO x FROM skyhook.detours
  WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery FOR UPDATE;
  IF FOUND THEN
    was := x.state;
    UPDATE skyhook.detours
    SET at = p_due, schedule_position = 0, state = 0, failure = 0,
        node_id = CASE was WHEN 0 THEN node_id ELSE p_node END
    WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
  ELSE
    SELECT max(number) INTO last_number FROM skyhook.attempts
    WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
    was := CASE WHEN last_number IS NULL THEN 0 ELSE 1 END;
    IF was = 0 AND d.node_id <> p_node THEN RETURN false; END IF;
    INSERT INTO skyhook.detours
    VALUES (p_account, p_webhook, p_delivery, p_due, p_node, coalesce(last_number, 0), 0, 0, 0);
  END IF;
  IF was <> 0 THEN
    INSERT INTO skyhook.tallies VALUES
      (p_account, p_webhook, p_due / 60000000, pg_current_xact_id()::text::bigint,
       1, CASE was WHEN 1 THEN -1 ELSE 0 END, CASE was WHEN 2 THEN -1 ELSE 0 END, 0, 0, 0, '');
  END IF;
  INSERT INTO skyhook.changes (account_id, kind, webhook_id) VALUES (p_account, 'd', p_webhook);
  RETURN true;
END $$;

CREATE FUNCTION skyhook.reopen_failed(p_node int, p_account bigint, p_webhook bigint, p_from bigint,
                                      p_until bigint, p_after bigint, p_first_due bigint,
                                      p_spacing bigint, p_limit int)
RETURNS TABLE (reopened bigint, last_id bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM skyhook.fence(p_node);
  RETURN QUERY
  WITH batch AS (
    SELECT x.account_id, x.webhook_id, x.delivery_id FROM skyhook.detours x,
      LATERAL (SELECT d.created_at, d.event_id, d.account_id FROM skyhook.deliveries d
               WHERE d.account_id = x.account_id AND d.webhook_id = x.webhook_id
               AND d.delivery_id = x.delivery_id OFFSET 0) AS d
    WHERE x.webhook_id = p_webhook AND x.state = 2 AND x.delivery_id > p_after
      AND d.created_at >= p_from AND d.created_at < p_until
      AND EXISTS (SELECT FROM skyhook.events e
                  WHERE e.account_id = d.account_id AND e.event_id = d.event_id)
    ORDER BY x.delivery_id LIMIT p_limit FOR UPDATE OF x),
  numbered AS (SELECT *, row_number() OVER (ORDER BY delivery_id) - 1 AS place FROM batch),
  opened AS (
    UPDATE skyhook.detours x
    SET state = 0, failure = 0, schedule_position = 0, node_id = p_node,
        at = p_first_due + n.place * p_spacing
    FROM numbered n WHERE x.account_id = n.account_id AND x.webhook_id = n.webhook_id
      AND x.delivery_id = n.delivery_id
    RETURNING x.delivery_id),
  counted AS (
    INSERT INTO skyhook.tallies
    SELECT p_account, p_webhook, p_first_due / 60000000, pg_current_xact_id()::text::bigint,
           count(*), 0, -count(*), 0, 0, 0, '' FROM opened HAVING count(*) > 0)
  SELECT count(*), max(o.delivery_id) FROM opened o;
END $$;
)sql";

constexpr std::string_view kRequestCounts = R"sql(
-- Adds what a node allowed (p_spent) and, as far as the limit goes, what it wants to allow
-- (p_wanted); returns the totals, and how much of the latter was granted. Rows in the order of
-- their key, or two nodes could wait in a circle.
CREATE FUNCTION skyhook.count_requests(p_account bigint[], p_window_end bigint[], p_spent bigint[],
                                       p_wanted bigint[], p_limit bigint)
RETURNS TABLE (counted_account bigint, counted_window bigint, total bigint, granted bigint)
LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. coalesce(array_length(p_account, 1), 0) LOOP
    counted_account := p_account[i];
    counted_window := p_window_end[i];
    INSERT INTO skyhook.request_counts AS r VALUES (p_account[i], p_window_end[i], p_spent[i])
    ON CONFLICT (account_id, window_end) DO UPDATE SET requests = r.requests + excluded.requests
    RETURNING r.requests INTO total;
    granted := least(p_wanted[i], greatest(p_limit - total, 0));
    IF granted > 0 THEN
      total := total + granted;
      UPDATE skyhook.request_counts r SET requests = total
      WHERE r.account_id = p_account[i] AND r.window_end = p_window_end[i];
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;
)sql";

constexpr std::string_view kHousekeeping = R"sql(
-- Moves the tallies of finished transactions into the totals and roll-ups. Returns how far.
CREATE FUNCTION skyhook.fold_tallies() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  low bigint;
  high bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
BEGIN
  SELECT folded_to INTO low FROM skyhook.fold_state FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF low > high THEN
    -- The database was restored into a cluster whose transactions are numbered anew: what is left
    -- unfolded is what has a higher number than the mark.
    DELETE FROM skyhook.tallies WHERE written_by < low;
    UPDATE skyhook.tallies SET written_by = 0;
    UPDATE skyhook.fold_state SET folded_to = 0;
    RETURN 0;
  END IF;
  INSERT INTO skyhook.totals AS t
  SELECT account_id, webhook_id, sum(pending), sum(delivered), sum(failed) FROM skyhook.tallies
  WHERE written_by >= low AND written_by < high GROUP BY 1, 2
  ON CONFLICT (account_id, webhook_id) DO UPDATE
  SET pending = t.pending + excluded.pending, delivered = t.delivered + excluded.delivered,
      failed = t.failed + excluded.failed;
  INSERT INTO skyhook.rollups AS r
  SELECT account_id, webhook_id, minute, sum(ended_delivered), sum(failed_attempts),
         sum(ended_failed)
  FROM skyhook.tallies WHERE written_by >= low AND written_by < high
    AND (ended_delivered > 0 OR failed_attempts > 0 OR ended_failed > 0) GROUP BY 1, 2, 3
  ON CONFLICT (account_id, webhook_id, minute) DO UPDATE
  SET delivered = r.delivered + excluded.delivered, failed = r.failed + excluded.failed,
      failed_attempts = r.failed_attempts + excluded.failed_attempts;
  INSERT INTO skyhook.rollup_durations AS r
  SELECT account_id, webhook_id, minute, get_byte(durations, i), count(*)
  FROM skyhook.tallies, generate_series(0, length(durations) - 1) AS i
  WHERE written_by >= low AND written_by < high AND durations <> '' GROUP BY 1, 2, 3, 4
  ON CONFLICT (account_id, webhook_id, minute, bucket) DO UPDATE
  SET attempts = r.attempts + excluded.attempts;
  UPDATE skyhook.fold_state SET folded_to = high;
  RETURN high;
END $$;

-- Removes up to p_limit rows of each kind that belong to a deleted webhook or account. True where
-- more are left.
CREATE FUNCTION skyhook.purge_deleted(p_limit int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  p record;
  removed bigint;
BEGIN
  SELECT * INTO p FROM skyhook.purges ORDER BY account_id, webhook_id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p.webhook_id <> 0 THEN
    WITH batch AS (
      SELECT account_id, webhook_id, delivery_id FROM skyhook.deliveries
      WHERE account_id = p.account_id AND webhook_id = p.webhook_id ORDER BY delivery_id LIMIT p_limit),
    a AS (DELETE FROM skyhook.attempts x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    s AS (DELETE FROM skyhook.detours x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    d AS (DELETE FROM skyhook.deliveries x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id RETURNING 1)
    SELECT count(*) INTO removed FROM d;
  ELSE
    WITH batch AS (
      SELECT account_id, event_id FROM skyhook.events
      WHERE account_id = p.account_id ORDER BY event_id LIMIT p_limit),
    e AS (DELETE FROM skyhook.events x USING batch b
          WHERE x.account_id = b.account_id AND x.event_id = b.event_id RETURNING 1)
    SELECT count(*) INTO removed FROM e;
  END IF;
  IF removed < p_limit THEN
    DELETE FROM skyhook.totals WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.tallies WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.rollups WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.rollup_durations WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.purges WHERE account_id = p.account_id AND webhook_id = p.webhook_id;
  END IF;
  RETURN true;
END $$;

-- Of dropped days: what waited then and has ended since. Up to p_limit; true where more may be left.
CREATE FUNCTION skyhook.purge_rest(p_before bigint, p_limit int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  removed bigint;
BEGIN
  WITH batch AS (
    SELECT d.account_id, d.webhook_id, d.delivery_id, x.state FROM skyhook.deliveries_rest d
    LEFT JOIN skyhook.detours_rest x USING (account_id, webhook_id, delivery_id)
    WHERE d.delivery_id < p_before AND x.state IS DISTINCT FROM 0 LIMIT p_limit),
  a AS (DELETE FROM skyhook.attempts_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  s AS (DELETE FROM skyhook.detours_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  d AS (DELETE FROM skyhook.deliveries_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id
        RETURNING x.account_id, x.webhook_id, b.state),
  t AS (INSERT INTO skyhook.tallies
        SELECT account_id, webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
               pg_current_xact_id()::text::bigint, 0, -count(*) FILTER (WHERE state IS NULL),
               -count(*) FILTER (WHERE state = 2), 0, 0, 0, '' FROM d GROUP BY 1, 2)
  SELECT count(*) INTO removed FROM d;
  DELETE FROM skyhook.events_rest e WHERE e.event_id < p_before AND NOT EXISTS (
    SELECT FROM skyhook.deliveries_rest d
    WHERE d.account_id = e.account_id AND d.event_id = e.event_id);
  RETURN removed >= p_limit;
END $$;

-- Publishes within the caller's own transaction: the event exists if and only if that commits.
-- Returns the event's id, as the API shows it. data: an object, kept byte for byte. Runs with the
-- rights of the schema's owner: a role that publishes needs USAGE on the schema and no more.
CREATE FUNCTION skyhook.publish(account_id bigint, event text, data json, idempotency_key text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  now_us bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
  raw bytea := convert_to(data::text, 'UTF8');
  hash bytea := sha256(convert_to(event, 'UTF8') || '\x00'::bytea || raw);
  id bigint := ((now_us / 86400000000) << 38) | (1::bigint << 37)
               | (nextval('skyhook.publish_numbers') & ((1::bigint << 37) - 1));
  made_at bigint := now_us;
  known record;
  hex text;
BEGIN
  IF NOT EXISTS (SELECT FROM skyhook.accounts a WHERE a.account_id = publish.account_id) THEN
    RAISE EXCEPTION 'account % does not exist', account_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM skyhook.event_types t WHERE t.name = event) THEN
    RAISE EXCEPTION 'event "%" is not in the catalogue', event USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF json_typeof(data) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'data must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF length(raw) > 262144 THEN
    RAISE EXCEPTION 'data has % bytes, more than 256 KiB', length(raw)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF idempotency_key IS NOT NULL THEN
    IF length(idempotency_key) NOT BETWEEN 1 AND 255 THEN
      RAISE EXCEPTION 'idempotency_key must have 1 to 255 characters'
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO skyhook.idempotency_keys AS k (account_id, created_at, event_id, deliveries, key, request_hash)
    VALUES (account_id, now_us, id, 0, idempotency_key, hash)
    ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE
    SET created_at = excluded.created_at, event_id = excluded.event_id, deliveries = 0,
        request_hash = excluded.request_hash
    WHERE k.created_at <= now_us - 86400000000;
    IF NOT FOUND THEN
      SELECT k.created_at, k.event_id, k.request_hash INTO known FROM skyhook.idempotency_keys k
      WHERE k.account_id = publish.account_id AND k.key = idempotency_key;
      IF known.request_hash <> hash THEN
        RAISE EXCEPTION 'idempotency_key "%" was used for another event', idempotency_key
          USING ERRCODE = 'unique_violation';
      END IF;
      id := known.event_id;
      made_at := known.created_at;
    END IF;
  END IF;
  IF known IS NULL THEN
    INSERT INTO skyhook.outbox VALUES (account_id, id, now_us, event, raw, idempotency_key);
  END IF;
  -- As base/uuid.h: 48 bits of milliseconds, version 7, 12 bits of the fraction, variant 2, the id.
  hex := lpad(to_hex(made_at / 1000), 12, '0')
      || to_hex(28672 + (made_at % 1000) * 4096 / 1000)
      || lpad(to_hex((-9223372036854775808)::bigint | id), 16, '0');
  RETURN hex::uuid;
END $$;
)sql";

constexpr std::string_view kMoves = R"sql(
-- What was moved here from an embedded store. node_id: of a node that never lived and owns what
-- waited, until another takes it over.
CREATE TABLE skyhook.moves (
  move_id     text PRIMARY KEY,
  node_id     int NOT NULL,
  began_at    bigint NOT NULL,
  finished_at timestamptz
);
CREATE TABLE skyhook.move_progress (
  move_id text NOT NULL REFERENCES skyhook.moves,
  part    int NOT NULL,       -- store::MoveTable
  last    bigint NOT NULL,    -- where the next page begins
  rows    bigint NOT NULL,
  PRIMARY KEY (move_id, part)
);
-- Moved rows keep their ids, which do not carry the day: those from first_id up to the next row's
-- were created on these days, and are dropped with that day. Kept for good.
CREATE TABLE skyhook.moved_days (
  day          int PRIMARY KEY,
  first_id     bigint NOT NULL,
  created_from bigint NOT NULL,
  created_to   bigint NOT NULL
);

-- A third set of partitions of a day, for ids from p_first up to p_end. Nobody uses the store yet.
CREATE FUNCTION skyhook.make_moved_day(p_day int, p_first bigint, p_end bigint, p_from bigint,
                                       p_to bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t text;
BEGIN
  PERFORM skyhook.make_day(p_day);
  IF EXISTS (SELECT FROM skyhook.moved_days WHERE day = p_day) THEN RETURN; END IF;
  FOREACH t IN ARRAY ARRAY['deliveries', 'attempts', 'detours', 'events'] LOOP
    EXECUTE format('CREATE TABLE skyhook.%I PARTITION OF skyhook.%I FOR VALUES FROM (%s) TO (%s)',
                   t || '_m' || p_day, t, p_first, p_end);
  END LOOP;
  EXECUTE format('ALTER TABLE skyhook.%I SET (autovacuum_vacuum_scale_factor = 0.05, '
                 'autovacuum_vacuum_cost_delay = 0)', 'detours_m' || p_day);
  INSERT INTO skyhook.moved_days VALUES (p_day, p_first, p_from, p_to);
END $$;

-- Drops the partitions by id whose names end like this. What is pending of them moves to the default
-- partitions, with the events that it needs; so do events that deliveries with ids below p_below
-- wait for.
CREATE FUNCTION skyhook.drop_ids(p_suffix text, p_below bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || p_suffix);
  END LOOP;
  EXECUTE format('CREATE TEMP TABLE waiting AS '
                 'SELECT d.account_id, d.webhook_id, d.delivery_id, d.event_id '
                 'FROM skyhook.%1$I d JOIN skyhook.%2$I x USING (account_id, webhook_id, delivery_id) '
                 'WHERE x.state = 0', 'deliveries' || p_suffix, 'detours' || p_suffix);
  EXECUTE format('INSERT INTO skyhook.deliveries SELECT d.* FROM skyhook.%I d '
                 'JOIN waiting USING (account_id, webhook_id, delivery_id)', 'deliveries' || p_suffix);
  EXECUTE format('INSERT INTO skyhook.attempts SELECT a.* FROM skyhook.%I a '
                 'JOIN waiting USING (account_id, webhook_id, delivery_id)', 'attempts' || p_suffix);
  EXECUTE format('INSERT INTO skyhook.detours SELECT x.* FROM skyhook.%I x WHERE x.state = 0',
                 'detours' || p_suffix);
  EXECUTE format('INSERT INTO skyhook.events SELECT e.* FROM skyhook.%I e WHERE EXISTS ('
                 'SELECT FROM waiting w WHERE w.account_id = e.account_id AND w.event_id = e.event_id) '
                 'OR EXISTS (SELECT FROM skyhook.deliveries d JOIN skyhook.detours x '
                 'USING (account_id, webhook_id, delivery_id) WHERE x.state = 0 '
                 'AND d.account_id = e.account_id AND d.event_id = e.event_id '
                 'AND x.delivery_id < %L::bigint)', 'events' || p_suffix, p_below);
  -- Totals count what is in the log.
  EXECUTE format($sql$
    INSERT INTO skyhook.tallies
    SELECT d.account_id, d.webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
           pg_current_xact_id()::text::bigint, 0,
           -count(*) FILTER (WHERE x.delivery_id IS NULL),
           -count(*) FILTER (WHERE x.state = 2), 0, 0, 0, ''
    FROM skyhook.%1$I d LEFT JOIN skyhook.%2$I x USING (account_id, webhook_id, delivery_id)
    WHERE x.state IS DISTINCT FROM 0 GROUP BY 1, 2$sql$,
    'deliveries' || p_suffix, 'detours' || p_suffix);
  DROP TABLE waiting;
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || p_suffix);
  END LOOP;
END $$;

-- As before, and with the rows that were moved here. Nothing where somebody reads the day, or its
-- counts are not folded yet: next time. True where it is gone.
CREATE OR REPLACE FUNCTION skyhook.drop_day(p_day int) RETURNS boolean LANGUAGE plpgsql
SET enable_seqscan = on SET enable_hashjoin = on AS $$  -- it does read all of a day
DECLARE
  t text;
  unfolded boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1397442891, 2) THEN RETURN false; END IF;
  IF to_regclass(format('skyhook.events_d%s', p_day)) IS NULL THEN RETURN true; END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM skyhook.%I WHERE written_by >= '
                 '(SELECT folded_to FROM skyhook.fold_state))', 'tallies_d' || p_day) INTO unfolded;
  IF unfolded THEN RETURN false; END IF;
  PERFORM set_config('lock_timeout', '200ms', true);
  -- Before the rest is counted: whatever minute that falls on, it is not dropped with the day.
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || '_d' || p_day);
  END LOOP;
  IF to_regclass(format('skyhook.events_m%s', p_day)) IS NOT NULL THEN
    -- These days begin with an event, so that no delivery of a later one needs an event of this one.
    PERFORM skyhook.drop_ids('_m' || p_day, 0);
  END IF;
  PERFORM skyhook.drop_ids('_d' || p_day, (p_day + 2)::bigint << 38);
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || '_d' || p_day);
  END LOOP;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END $$;
)sql";

// A node of before does not name the column, and leaves it as it is.
constexpr std::string_view kOptions = R"sql(
ALTER TABLE skyhook.webhooks
  ADD COLUMN options text NOT NULL DEFAULT '';  -- store/options_text.h
)sql";

constexpr std::string_view kLive = R"sql(
-- Who watches which log live, and what changed of it on other nodes, a row for each node that is to
-- know. Lost with the database's process, and then told anew.
CREATE UNLOGGED TABLE skyhook.watches (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  node_id    int NOT NULL,
  until      timestamptz NOT NULL,
  PRIMARY KEY (account_id, webhook_id, node_id)
);
CREATE UNLOGGED TABLE skyhook.told_changes (
  account_id  bigint NOT NULL,
  webhook_id  bigint NOT NULL,
  delivery_id bigint NOT NULL,  -- 0: many of the webhook
  node_id     int NOT NULL,     -- that is to know
  told_at     timestamptz NOT NULL
);
CREATE INDEX told_changes_by_node ON skyhook.told_changes (node_id);

CREATE FUNCTION skyhook.exchange_live(p_node int, p_watched bigint[], p_webhook bigint[],
                                      p_delivery bigint[])
RETURNS TABLE (told text, of_webhook bigint, of_delivery bigint) LANGUAGE plpgsql AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  IF p_watched <> '{}' THEN
    -- Renewed only when half of its time is over: most calls write nothing.
    INSERT INTO skyhook.watches AS w
    SELECT account_id, webhook_id, p_node, moment + interval '10 s' FROM skyhook.webhooks
    WHERE webhook_id = ANY (p_watched)
    ON CONFLICT (account_id, webhook_id, node_id) DO UPDATE SET until = excluded.until
    WHERE w.until < moment + interval '5 s';
  END IF;
  DELETE FROM skyhook.watches WHERE node_id = p_node AND webhook_id <> ALL (p_watched);
  IF p_webhook <> '{}' THEN
    INSERT INTO skyhook.told_changes
    SELECT w.account_id, w.webhook_id, c.delivery, w.node_id, moment
    FROM unnest(p_webhook, p_delivery) AS c(webhook, delivery)
    JOIN skyhook.watches w ON w.webhook_id = c.webhook
    WHERE w.node_id <> p_node AND w.until > moment;
  END IF;
  RETURN QUERY DELETE FROM skyhook.told_changes WHERE node_id = p_node
    RETURNING 'change', webhook_id, delivery_id;
  RETURN QUERY SELECT DISTINCT 'watch', webhook_id, 0::bigint FROM skyhook.watches
    WHERE node_id <> p_node AND until > moment;
  -- What ended nodes left. Whoever comes first does it, so that nobody waits for anybody.
  DELETE FROM skyhook.watches WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM skyhook.watches WHERE until < moment FOR UPDATE SKIP LOCKED));
  DELETE FROM skyhook.told_changes WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM skyhook.told_changes WHERE told_at < moment - interval '1 min'
    FOR UPDATE SKIP LOCKED));
  RETURN QUERY SELECT 'node', 0::bigint, 0::bigint FROM skyhook.nodes
    WHERE NOT expired AND node_id <> p_node LIMIT 1;
END $$;
)sql";

// Of changes, a new kind: q, a node was asked. Nodes of before pass over it.
constexpr std::string_view kInquiries = R"sql(
-- Is an attempt of the delivery under way? A node asks the one that owns it, waits for the answer and
-- removes the row. A crash may forget it.
CREATE UNLOGGED TABLE skyhook.inquiries (
  account_id  bigint NOT NULL,
  inquiry_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  webhook_id  bigint NOT NULL,
  delivery_id bigint NOT NULL,
  asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  node_id     int NOT NULL,     -- who is asked
  in_flight   boolean,          -- the answer
  PRIMARY KEY (account_id, inquiry_id)
);

-- NULL where there is nobody to ask: the delivery is not pending, or p_node's own, or of a node that
-- has ended.
CREATE FUNCTION skyhook.inquire(p_node int, p_account bigint, p_webhook bigint, p_delivery bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  owner int;
  asked bigint;
BEGIN
  SELECT coalesce(x.node_id, d.node_id) INTO owner FROM skyhook.deliveries d
  LEFT JOIN skyhook.detours x USING (account_id, webhook_id, delivery_id)
  WHERE d.account_id = p_account AND d.webhook_id = p_webhook AND d.delivery_id = p_delivery
    AND (x.state = 0 OR x.state IS NULL AND NOT EXISTS (
      SELECT FROM skyhook.attempts a WHERE a.account_id = p_account AND a.webhook_id = p_webhook
      AND a.delivery_id = p_delivery AND a.verdict = 1));
  IF owner IS NULL OR owner = p_node
     OR NOT EXISTS (SELECT FROM skyhook.nodes WHERE node_id = owner AND NOT expired) THEN
    RETURN NULL;
  END IF;
  -- Of nodes that ended while they waited.
  DELETE FROM skyhook.inquiries WHERE asked_at < clock_timestamp() - interval '1 minute';
  INSERT INTO skyhook.inquiries (account_id, webhook_id, delivery_id, node_id)
  VALUES (p_account, p_webhook, p_delivery, owner) RETURNING inquiry_id INTO asked;
  INSERT INTO skyhook.changes (account_id, kind, webhook_id) VALUES (p_account, 'q', p_webhook);
  RETURN asked;
END $$;
)sql";

constexpr std::string_view kSpans = R"sql(
-- As rollups and rollup_durations, of spans of so many minutes (store/rollup_ranges.h), so that a
-- chart of a month reads few rows. minute: the first of the span. attempts: how many of each of the
-- buckets.
CREATE TABLE skyhook.span_rollups (
  account_id      bigint NOT NULL,
  webhook_id      bigint NOT NULL,
  length          int NOT NULL,
  minute          bigint NOT NULL,
  delivered       bigint NOT NULL,
  failed_attempts bigint NOT NULL,
  failed          bigint NOT NULL,
  buckets         smallint[] NOT NULL,
  attempts        bigint[] NOT NULL,
  PRIMARY KEY (account_id, webhook_id, length, minute)
) WITH (fillfactor = 50);
CREATE INDEX span_rollups_in_order ON skyhook.span_rollups
  USING brin (minute) WITH (pages_per_range = 8, autosummarize = on);

-- What was rolled up before is not added: spans are whole from here on. Nobody folds meanwhile, and
-- whoever comes to it afterwards does it by the new function.
DO $do$
DECLARE
  whole_from bigint;
BEGIN
  PERFORM FROM skyhook.fold_state FOR UPDATE;
  SELECT coalesce(max(minute) - max(minute) % 240 + 240, 0) INTO whole_from FROM skyhook.rollups;
  ALTER TABLE skyhook.fold_state ADD COLUMN spans_from bigint NOT NULL DEFAULT 0;
  UPDATE skyhook.fold_state SET spans_from = whole_from;
END $do$;

-- As before, and into spans.
CREATE OR REPLACE FUNCTION skyhook.fold_tallies() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  low bigint;
  high bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
BEGIN
  SELECT folded_to INTO low FROM skyhook.fold_state FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF low > high THEN
    -- The database was restored into a cluster whose transactions are numbered anew: what is left
    -- unfolded is what has a higher number than the mark.
    DELETE FROM skyhook.tallies WHERE written_by < low;
    UPDATE skyhook.tallies SET written_by = 0;
    UPDATE skyhook.fold_state SET folded_to = 0;
    RETURN 0;
  END IF;
  INSERT INTO skyhook.totals AS t
  SELECT account_id, webhook_id, sum(pending), sum(delivered), sum(failed) FROM skyhook.tallies
  WHERE written_by >= low AND written_by < high GROUP BY 1, 2
  ON CONFLICT (account_id, webhook_id) DO UPDATE
  SET pending = t.pending + excluded.pending, delivered = t.delivered + excluded.delivered,
      failed = t.failed + excluded.failed;
  INSERT INTO skyhook.rollups AS r
  SELECT account_id, webhook_id, minute, sum(ended_delivered), sum(failed_attempts),
         sum(ended_failed)
  FROM skyhook.tallies WHERE written_by >= low AND written_by < high
    AND (ended_delivered > 0 OR failed_attempts > 0 OR ended_failed > 0) GROUP BY 1, 2, 3
  ON CONFLICT (account_id, webhook_id, minute) DO UPDATE
  SET delivered = r.delivered + excluded.delivered, failed = r.failed + excluded.failed,
      failed_attempts = r.failed_attempts + excluded.failed_attempts;
  INSERT INTO skyhook.rollup_durations AS r
  SELECT account_id, webhook_id, minute, get_byte(durations, i), count(*)
  FROM skyhook.tallies, generate_series(0, length(durations) - 1) AS i
  WHERE written_by >= low AND written_by < high AND durations <> '' GROUP BY 1, 2, 3, 4
  ON CONFLICT (account_id, webhook_id, minute, bucket) DO UPDATE
  SET attempts = r.attempts + excluded.attempts;
  INSERT INTO skyhook.span_rollups AS r
  WITH fresh AS (
    SELECT account_id, webhook_id, minute, sum(ended_delivered)::bigint AS delivered,
           sum(failed_attempts)::bigint AS failed_attempts, sum(ended_failed)::bigint AS failed
    FROM skyhook.tallies WHERE written_by >= low AND written_by < high
      AND (ended_delivered > 0 OR failed_attempts > 0 OR ended_failed > 0) GROUP BY 1, 2, 3),
  spans AS (
    SELECT account_id, webhook_id, s.length, minute - minute % s.length AS minute,
           sum(delivered) AS delivered, sum(failed_attempts) AS failed_attempts,
           sum(failed) AS failed
    FROM fresh, (VALUES (30), (240)) AS s(length) GROUP BY 1, 2, 3, 4),
  durations AS (
    SELECT account_id, webhook_id, minute, get_byte(durations, i) AS bucket, count(*) AS attempts
    FROM skyhook.tallies, generate_series(0, length(durations) - 1) AS i
    WHERE written_by >= low AND written_by < high AND durations <> '' GROUP BY 1, 2, 3, 4),
  parts AS (  -- bucket -1: what has none
    SELECT account_id, webhook_id, length, minute, -1 AS bucket, 0::bigint AS attempts, delivered,
           failed_attempts, failed FROM spans
    UNION ALL
    SELECT account_id, webhook_id, s.length, minute - minute % s.length, bucket, attempts, 0, 0, 0
    FROM durations, (VALUES (30), (240)) AS s(length)
    UNION ALL
    SELECT f.account_id, f.webhook_id, f.length, f.minute, bucket, n, 0, 0, 0
    FROM spans f, LATERAL (
      SELECT buckets, attempts FROM skyhook.span_rollups k WHERE k.account_id = f.account_id
        AND k.webhook_id = f.webhook_id AND k.length = f.length AND k.minute = f.minute
      OFFSET 0) AS known, unnest(known.buckets, known.attempts) AS u(bucket, n)),
  summed AS (
    SELECT account_id, webhook_id, length, minute, bucket::smallint, sum(attempts)::bigint AS attempts,
           sum(delivered) AS delivered, sum(failed_attempts) AS failed_attempts, sum(failed) AS failed
    FROM parts GROUP BY 1, 2, 3, 4, 5)
  SELECT account_id, webhook_id, length, minute, sum(delivered), sum(failed_attempts), sum(failed),
         coalesce(array_agg(bucket ORDER BY bucket) FILTER (WHERE bucket >= 0), '{}'),
         coalesce(array_agg(attempts ORDER BY bucket) FILTER (WHERE bucket >= 0), '{}')
  FROM summed GROUP BY 1, 2, 3, 4
  ON CONFLICT (account_id, webhook_id, length, minute) DO UPDATE
  SET delivered = r.delivered + excluded.delivered, failed = r.failed + excluded.failed,
      failed_attempts = r.failed_attempts + excluded.failed_attempts,
      buckets = excluded.buckets, attempts = excluded.attempts;
  UPDATE skyhook.fold_state SET folded_to = high;
  RETURN high;
END $$;

-- As before, and spans.
CREATE OR REPLACE FUNCTION skyhook.purge_deleted(p_limit int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  p record;
  removed bigint;
BEGIN
  SELECT * INTO p FROM skyhook.purges ORDER BY account_id, webhook_id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p.webhook_id <> 0 THEN
    WITH batch AS (
      SELECT account_id, webhook_id, delivery_id FROM skyhook.deliveries
      WHERE account_id = p.account_id AND webhook_id = p.webhook_id ORDER BY delivery_id LIMIT p_limit),
    a AS (DELETE FROM skyhook.attempts x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    s AS (DELETE FROM skyhook.detours x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    d AS (DELETE FROM skyhook.deliveries x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id RETURNING 1)
    SELECT count(*) INTO removed FROM d;
  ELSE
    WITH batch AS (
      SELECT account_id, event_id FROM skyhook.events
      WHERE account_id = p.account_id ORDER BY event_id LIMIT p_limit),
    e AS (DELETE FROM skyhook.events x USING batch b
          WHERE x.account_id = b.account_id AND x.event_id = b.event_id RETURNING 1)
    SELECT count(*) INTO removed FROM e;
  END IF;
  IF removed < p_limit THEN
    DELETE FROM skyhook.totals WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.tallies WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.rollups WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.rollup_durations WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.span_rollups WHERE account_id = p.account_id
      AND (webhook_id = p.webhook_id OR p.webhook_id = 0);
    DELETE FROM skyhook.purges WHERE account_id = p.account_id AND webhook_id = p.webhook_id;
  END IF;
  RETURN true;
END $$;

-- Makes the spans of what was moved here, also a second time. Nobody uses the store yet.
CREATE FUNCTION skyhook.fill_spans() RETURNS void LANGUAGE sql
SET enable_seqscan = on SET enable_hashjoin = on AS $$
  DELETE FROM skyhook.span_rollups;
  INSERT INTO skyhook.span_rollups
  SELECT account_id, webhook_id, length, minute, delivered, failed_attempts, failed,
         coalesce(buckets, '{}'), coalesce(attempts, '{}')
  FROM (SELECT account_id, webhook_id, length, minute - minute % length AS minute,
               sum(delivered) AS delivered, sum(failed_attempts) AS failed_attempts,
               sum(failed) AS failed
        FROM skyhook.rollups, (VALUES (30), (240)) AS s(length) GROUP BY 1, 2, 3, 4) AS counts
  LEFT JOIN (
    SELECT account_id, webhook_id, length, minute,
           array_agg(bucket::smallint ORDER BY bucket) AS buckets,
           array_agg(attempts ORDER BY bucket) AS attempts
    FROM (SELECT account_id, webhook_id, length, minute - minute % length AS minute, bucket,
                 sum(attempts)::bigint AS attempts
          FROM skyhook.rollup_durations, (VALUES (30), (240)) AS s(length)
          GROUP BY 1, 2, 3, 4, 5) AS d GROUP BY 1, 2, 3, 4) AS durations
  USING (account_id, webhook_id, length, minute)
$$;
)sql";

constexpr std::string_view kEventCounts = R"sql(
-- As before; and what is given for webhook 0 is how many events the account published. Such rows of
-- tallies, rollups and span_rollups belong to the account, and events stand where webhooks have what
-- was delivered.
CREATE OR REPLACE FUNCTION skyhook.accept(
  p_node int,
  e_account bigint[], e_id bigint[], e_created bigint[], e_type text[], e_data bytea[],
  e_trace text[],
  d_account bigint[], d_webhook bigint[], d_id bigint[], d_event bigint[], d_created bigint[],
  d_due bigint[], d_test boolean[], d_type text[],
  t_account bigint[], t_webhook bigint[], t_pending bigint[], p_minute bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  me bigint := pg_current_xact_id()::text::bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  INSERT INTO skyhook.events SELECT * FROM unnest(e_account, e_id, e_created, e_type, e_data, e_trace);
  INSERT INTO skyhook.deliveries
  SELECT a, w, d, e, c, due, p_node, test, type
  FROM unnest(d_account, d_webhook, d_id, d_event, d_created, d_due, d_test, d_type)
    AS r(a, w, d, e, c, due, test, type);
  INSERT INTO skyhook.tallies
  SELECT a, w, p_minute, me, CASE WHEN w <> 0 THEN n ELSE 0 END, 0, 0,
         CASE WHEN w = 0 THEN n ELSE 0 END, 0, 0, ''
  FROM unnest(t_account, t_webhook, t_pending) AS r(a, w, n);
END $$;
)sql";

// Strict order. Nodes of before know nothing of it, and send what has a place as anything else.
constexpr std::string_view kOrder = R"sql(
-- Webhooks that want, or wanted, strict order. node_id: the node that keeps it. last_place: how many
-- have been accepted. Whoever adds to it holds the row until its transaction ends, so that places are
-- in the order of commits, which ids are not.
CREATE TABLE skyhook.orders (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  last_place bigint NOT NULL,
  node_id    int NOT NULL,
  PRIMARY KEY (account_id, webhook_id)
) WITH (fillfactor = 50);

-- In the order of their webhook; 0: somebody asked for it once more. NULL: in none. What has a place
-- is sent by the node that keeps the order and by no other.
ALTER TABLE skyhook.detours ADD COLUMN place bigint;
CREATE INDEX detours_in_order ON skyhook.detours (webhook_id, place, delivery_id)
  WHERE state = 0 AND place IS NOT NULL;

-- Gives places to deliveries that the transaction has just accepted, in the order of the arrays.
CREATE FUNCTION skyhook.accept_in_order(p_node int, p_account bigint[], p_webhook bigint[],
                                        p_delivery bigint[], p_due bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one record;
  placed record;
BEGIN
  PERFORM skyhook.fence(p_node);
  FOR one IN SELECT a, w, count(*) AS n FROM unnest(p_account, p_webhook) AS r(a, w)
             GROUP BY 1, 2 ORDER BY 1, 2 LOOP
    INSERT INTO skyhook.orders AS o VALUES (one.a, one.w, one.n, p_node)
    ON CONFLICT (account_id, webhook_id) DO UPDATE SET last_place = o.last_place + one.n
    RETURNING o.last_place - one.n AS before, o.node_id INTO placed;
    INSERT INTO skyhook.detours
    SELECT one.a, one.w, d, due, p_node, 0, 0, 0, 0, placed.before + row_number() OVER (ORDER BY i)
    FROM unnest(p_webhook, p_delivery, p_due) WITH ORDINALITY AS r(w, d, due, i) WHERE w = one.w;
    IF placed.node_id <> p_node THEN
      INSERT INTO skyhook.changes (account_id, kind, webhook_id) VALUES (one.a, 'd', one.w);
    END IF;
  END LOOP;
END $$;

-- Is it p_node that keeps the order? Then the next p_limit in it are p_node's.
CREATE FUNCTION skyhook.take_order(p_node int, p_account bigint, p_webhook bigint, p_limit bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  keeper int;
BEGIN
  PERFORM skyhook.fence(p_node);
  SELECT node_id INTO keeper FROM skyhook.orders
  WHERE account_id = p_account AND webhook_id = p_webhook;
  IF keeper IS NULL THEN
    INSERT INTO skyhook.orders AS o VALUES (p_account, p_webhook, 0, p_node)
    ON CONFLICT (account_id, webhook_id) DO UPDATE SET last_place = o.last_place
    RETURNING node_id INTO keeper;
  END IF;
  IF keeper <> p_node THEN RETURN false; END IF;
  -- While this transaction is open nobody takes the order over, nor what p_node has.
  UPDATE skyhook.detours x SET node_id = p_node
  FROM (SELECT account_id, webhook_id, delivery_id FROM skyhook.detours
        WHERE webhook_id = p_webhook AND state = 0 AND place IS NOT NULL
        ORDER BY place, delivery_id LIMIT p_limit) AS b
  WHERE x.account_id = b.account_id AND x.webhook_id = b.webhook_id
    AND x.delivery_id = b.delivery_id
    AND x.node_id <> p_node AND x.state = 0 AND x.place IS NOT NULL;
  RETURN true;
END $$;

-- The webhook wants no order any more: these are sent by p_node now, where they are still its own.
CREATE FUNCTION skyhook.take_out_of_order(p_node int, p_account bigint, p_webhook bigint,
                                          p_delivery bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM skyhook.fence(p_node);
  RETURN QUERY UPDATE skyhook.detours SET place = NULL
    WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = ANY (p_delivery)
      AND node_id = p_node AND state = 0 RETURNING delivery_id;
END $$;

-- The orders that ended nodes kept are p_node's; returns their webhooks.
CREATE FUNCTION skyhook.take_over_orders(p_node int) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM skyhook.fence(p_node);
  RETURN QUERY
    WITH ended AS (
      SELECT o.account_id, o.webhook_id FROM skyhook.orders o JOIN skyhook.nodes n USING (node_id)
      WHERE n.expired FOR UPDATE OF o SKIP LOCKED)
    UPDATE skyhook.orders o SET node_id = p_node FROM ended e
    WHERE o.account_id = e.account_id AND o.webhook_id = e.webhook_id RETURNING o.webhook_id;
END $$;

-- As before; and what was settled comes first in the order of its webhook, if that has one.
CREATE OR REPLACE FUNCTION skyhook.reopen(p_node int, p_account bigint, p_webhook bigint,
                                          p_delivery bigint, p_due bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  d record;
  x record;
  last_number int;
  was int;
  first_place bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  SELECT * INTO d FROM skyhook.deliveries
  WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM skyhook.events
                              WHERE account_id = p_account AND event_id = d.event_id) THEN
    RETURN NULL;
  END IF;
  SELECT 0 INTO first_place FROM skyhook.orders
  WHERE account_id = p_account AND webhook_id = p_webhook;
  SELECT * INTO x FROM skyhook.detours
  WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery FOR UPDATE;
  IF FOUND THEN
    was := x.state;
    UPDATE skyhook.detours
    SET at = p_due, schedule_position = 0, state = 0, failure = 0,
        node_id = CASE was WHEN 0 THEN node_id ELSE p_node END,
        place = CASE was WHEN 0 THEN place ELSE first_place END
    WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
  ELSE
    SELECT max(number) INTO last_number FROM skyhook.attempts
    WHERE account_id = p_account AND webhook_id = p_webhook AND delivery_id = p_delivery;
    was := CASE WHEN last_number IS NULL THEN 0 ELSE 1 END;
    IF was = 0 AND d.node_id <> p_node THEN RETURN false; END IF;
    INSERT INTO skyhook.detours
    VALUES (p_account, p_webhook, p_delivery, p_due, p_node, coalesce(last_number, 0), 0, 0, 0,
            CASE was WHEN 0 THEN NULL ELSE first_place END);
  END IF;
  IF was <> 0 THEN
    INSERT INTO skyhook.tallies VALUES
      (p_account, p_webhook, p_due / 60000000, pg_current_xact_id()::text::bigint,
       1, CASE was WHEN 1 THEN -1 ELSE 0 END, CASE was WHEN 2 THEN -1 ELSE 0 END, 0, 0, 0, '');
  END IF;
  INSERT INTO skyhook.changes (account_id, kind, webhook_id) VALUES (p_account, 'd', p_webhook);
  RETURN true;
END $$;

-- Likewise.
CREATE OR REPLACE FUNCTION skyhook.reopen_failed(
  p_node int, p_account bigint, p_webhook bigint, p_from bigint, p_until bigint, p_after bigint,
  p_first_due bigint, p_spacing bigint, p_limit int)
RETURNS TABLE (reopened bigint, last_id bigint) LANGUAGE plpgsql AS $$
DECLARE
  first_place bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  SELECT 0 INTO first_place FROM skyhook.orders
  WHERE account_id = p_account AND webhook_id = p_webhook;
  IF FOUND THEN
    INSERT INTO skyhook.changes (account_id, kind, webhook_id) VALUES (p_account, 'd', p_webhook);
  END IF;
  RETURN QUERY
  WITH batch AS (
    SELECT x.account_id, x.webhook_id, x.delivery_id FROM skyhook.detours x,
      LATERAL (SELECT d.created_at, d.event_id, d.account_id FROM skyhook.deliveries d
               WHERE d.account_id = x.account_id AND d.webhook_id = x.webhook_id
               AND d.delivery_id = x.delivery_id OFFSET 0) AS d
    WHERE x.webhook_id = p_webhook AND x.state = 2 AND x.delivery_id > p_after
      AND d.created_at >= p_from AND d.created_at < p_until
      AND EXISTS (SELECT FROM skyhook.events e
                  WHERE e.account_id = d.account_id AND e.event_id = d.event_id)
    ORDER BY x.delivery_id LIMIT p_limit FOR UPDATE OF x),
  numbered AS (SELECT *, row_number() OVER (ORDER BY delivery_id) - 1 AS number FROM batch),
  opened AS (
    UPDATE skyhook.detours x
    SET state = 0, failure = 0, schedule_position = 0, node_id = p_node, place = first_place,
        at = p_first_due + n.number * p_spacing
    FROM numbered n WHERE x.account_id = n.account_id AND x.webhook_id = n.webhook_id
      AND x.delivery_id = n.delivery_id
    RETURNING x.delivery_id),
  counted AS (
    INSERT INTO skyhook.tallies
    SELECT p_account, p_webhook, p_first_due / 60000000, pg_current_xact_id()::text::bigint,
           count(*), 0, -count(*), 0, 0, 0, '' FROM opened HAVING count(*) > 0)
  SELECT count(*), max(o.delivery_id) FROM opened o;
END $$;
)sql";

constexpr std::string_view kReplay = R"sql(
-- New deliveries of stored events to a webhook, parked from the start, with places in its order
-- where it wants one; returns how many. Events that are gone are passed over.
CREATE FUNCTION skyhook.replay(p_node int, p_account bigint, p_webhook bigint, p_event bigint[],
                               p_first_id bigint, p_now bigint, p_first_due bigint,
                               p_spacing bigint, p_ordered boolean)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  replayed bigint;
  made_ids bigint[];
  made_due bigint[];
BEGIN
  PERFORM skyhook.fence(p_node);
  WITH found AS (
    SELECT e.event_id, e.event_type, row_number() OVER (ORDER BY i.number) - 1 AS number
    FROM unnest(p_event) WITH ORDINALITY AS i(event_id, number),
      LATERAL (SELECT e.event_id, e.event_type FROM skyhook.events e
               WHERE e.account_id = p_account AND e.event_id = i.event_id OFFSET 0) AS e
    WHERE EXISTS (SELECT FROM skyhook.webhooks h
                  WHERE h.account_id = p_account AND h.webhook_id = p_webhook)),
  made AS (
    INSERT INTO skyhook.deliveries
    SELECT p_account, p_webhook, p_first_id + number, event_id, p_now,
           p_first_due + number * p_spacing, p_node, false, event_type FROM found
    RETURNING delivery_id, due_at),
  counted AS (
    INSERT INTO skyhook.tallies
    SELECT p_account, p_webhook, p_now / 60000000, pg_current_xact_id()::text::bigint,
           count(*), 0, 0, 0, 0, 0, '' FROM made HAVING count(*) > 0)
  SELECT count(*), array_agg(delivery_id ORDER BY delivery_id), array_agg(due_at ORDER BY delivery_id)
  INTO replayed, made_ids, made_due FROM made;
  IF p_ordered AND replayed > 0 THEN
    PERFORM skyhook.accept_in_order(
      p_node, array_fill(p_account, ARRAY[replayed::int]),
      array_fill(p_webhook, ARRAY[replayed::int]), made_ids, made_due);
  ELSE
    INSERT INTO skyhook.detours
    SELECT p_account, p_webhook, id, due, p_node, 0, 0, 0, 0
    FROM unnest(made_ids, made_due) AS r(id, due);
  END IF;
  RETURN replayed;
END $$;

-- As before; and what is replayed may wait for an event of any day before its own.
CREATE OR REPLACE FUNCTION skyhook.drop_day(p_day int) RETURNS boolean LANGUAGE plpgsql
SET enable_seqscan = on SET enable_hashjoin = on AS $$  -- it does read all of a day
DECLARE
  t text;
  unfolded boolean;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1397442891, 2) THEN RETURN false; END IF;
  IF to_regclass(format('skyhook.events_d%s', p_day)) IS NULL THEN RETURN true; END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM skyhook.%I WHERE written_by >= '
                 '(SELECT folded_to FROM skyhook.fold_state))', 'tallies_d' || p_day) INTO unfolded;
  IF unfolded THEN RETURN false; END IF;
  PERFORM set_config('lock_timeout', '200ms', true);
  -- Before the rest is counted: whatever minute that falls on, it is not dropped with the day.
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || '_d' || p_day);
  END LOOP;
  IF to_regclass(format('skyhook.events_m%s', p_day)) IS NOT NULL THEN
    PERFORM skyhook.drop_ids('_m' || p_day, 9223372036854775807);
  END IF;
  PERFORM skyhook.drop_ids('_d' || p_day, 9223372036854775807);
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || '_d' || p_day);
  END LOOP;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END $$;

-- Of dropped days: what waited then and has ended since. Up to p_limit; true where more may be left.
-- An event stays as long as anything waits for it, which may have been replayed on a later day.
CREATE OR REPLACE FUNCTION skyhook.purge_rest(p_before bigint, p_limit int) RETURNS boolean LANGUAGE plpgsql
SET enable_hashjoin = on AS $$  -- what waits is read once, not once an event
DECLARE
  removed bigint;
BEGIN
  WITH batch AS (
    SELECT d.account_id, d.webhook_id, d.delivery_id, x.state FROM skyhook.deliveries_rest d
    LEFT JOIN skyhook.detours_rest x USING (account_id, webhook_id, delivery_id)
    WHERE d.delivery_id < p_before AND x.state IS DISTINCT FROM 0 LIMIT p_limit),
  a AS (DELETE FROM skyhook.attempts_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  s AS (DELETE FROM skyhook.detours_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  d AS (DELETE FROM skyhook.deliveries_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id
        RETURNING x.account_id, x.webhook_id, b.state),
  t AS (INSERT INTO skyhook.tallies
        SELECT account_id, webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
               pg_current_xact_id()::text::bigint, 0, -count(*) FILTER (WHERE state IS NULL),
               -count(*) FILTER (WHERE state = 2), 0, 0, 0, '' FROM d GROUP BY 1, 2)
  SELECT count(*) INTO removed FROM d;
  IF removed < p_limit
     AND EXISTS (SELECT FROM skyhook.events_rest WHERE event_id < p_before) THEN
    DELETE FROM skyhook.events_rest e WHERE e.event_id < p_before AND NOT EXISTS (
      SELECT FROM skyhook.deliveries_rest d
      WHERE d.account_id = e.account_id AND d.event_id = e.event_id)
    AND NOT EXISTS (
      SELECT FROM skyhook.detours x,
        LATERAL (SELECT d.account_id, d.event_id FROM skyhook.deliveries d
                 WHERE d.account_id = x.account_id AND d.webhook_id = x.webhook_id
                 AND d.delivery_id = x.delivery_id OFFSET 0) AS d
      WHERE x.state = 0 AND d.account_id = e.account_id AND d.event_id = e.event_id);
  END IF;
  RETURN removed >= p_limit;
END $$;
)sql";

constexpr std::string_view kLateOutcomes = R"sql(
-- Any outcome of any delivery of this node's that is pending, or failed while an attempt was under way (its webhook was switched
-- off): the attempt is logged, and a failed one becomes delivered where the outcome says so, and stays as it is otherwise. Where
-- it is delivered, or the attempt is there already, nothing changes. verdict as in `attempts`; p_reason: why it was given up.
CREATE OR REPLACE FUNCTION skyhook.settle(
  p_node int,
  p_account bigint[], p_webhook bigint[], p_delivery bigint[], p_started bigint[],
  p_duration bigint[], p_at bigint[], p_number bigint[], p_status bigint[], p_failure bigint[],
  p_verdict bigint[], p_reason bigint[], p_truncated boolean[], p_error bytea[], p_headers bytea[],
  p_body bytea[], p_minute bigint[], p_bucket bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  me bigint := pg_current_xact_id()::text::bigint;
  written bigint;
BEGIN
  PERFORM skyhook.fence(p_node);
  PERFORM FROM (SELECT * FROM unnest(p_account, p_webhook, p_delivery)
                  AS i(account_id, webhook_id, delivery_id) ORDER BY delivery_id) AS i,
    LATERAL (SELECT FROM skyhook.detours x WHERE x.account_id = i.account_id
             AND x.webhook_id = i.webhook_id AND x.delivery_id = i.delivery_id
             FOR UPDATE OFFSET 0) AS x;
  WITH applied AS (
    SELECT i.*, x.delivery_id IS NOT NULL AS detoured, coalesce(x.schedule_position, 0) AS position,
           s.was
    FROM unnest(p_account, p_webhook, p_delivery, p_started, p_duration, p_at, p_number, p_status,
                p_failure, p_verdict, p_reason, p_truncated, p_error, p_headers, p_body, p_minute,
                p_bucket)
      AS i(account_id, webhook_id, delivery_id, started_at, duration, at, number, status, failure,
           verdict, reason, truncated, error, headers, body, minute, bucket)
    CROSS JOIN LATERAL (
      SELECT d.node_id FROM skyhook.deliveries d WHERE d.account_id = i.account_id
      AND d.webhook_id = i.webhook_id AND d.delivery_id = i.delivery_id OFFSET 0) AS d
    LEFT JOIN LATERAL (
      SELECT x.* FROM skyhook.detours x WHERE x.account_id = i.account_id
      AND x.webhook_id = i.webhook_id AND x.delivery_id = i.delivery_id OFFSET 0) AS x ON true
    CROSS JOIN LATERAL (
      SELECT coalesce(bool_or(a.verdict = 1), false) AS delivered,
             coalesce(bool_or(a.number = i.number), false) AS logged
      FROM skyhook.attempts a WHERE a.account_id = i.account_id
      AND a.webhook_id = i.webhook_id AND a.delivery_id = i.delivery_id) AS a
    CROSS JOIN LATERAL (
      SELECT CASE WHEN x.delivery_id IS NOT NULL THEN x.state WHEN a.delivered THEN 1 ELSE 0 END
        AS was) AS s
    WHERE coalesce(x.node_id, d.node_id) = p_node AND NOT a.logged
      AND s.was <> 1
      AND EXISTS (SELECT FROM skyhook.webhooks h
                  WHERE h.account_id = i.account_id AND h.webhook_id = i.webhook_id)),
  logged AS (
    INSERT INTO skyhook.attempts
    SELECT account_id, webhook_id, delivery_id, started_at, duration, at, number,
           nullif(status, -1), failure, CASE WHEN was = 2 AND verdict = 0 THEN 2 ELSE verdict END,
           truncated, error, headers, body
    FROM applied),
  removed AS (
    DELETE FROM skyhook.detours x USING applied a
    WHERE a.verdict = 1 AND a.detoured AND x.account_id = a.account_id
      AND x.webhook_id = a.webhook_id AND x.delivery_id = a.delivery_id),
  kept AS (
    INSERT INTO skyhook.detours
    SELECT account_id, webhook_id, delivery_id, at, p_node, number, position + 1,
           verdict, CASE verdict WHEN 2 THEN reason ELSE 0 END
    FROM applied WHERE verdict <> 1
    ON CONFLICT (account_id, webhook_id, delivery_id) DO UPDATE
    SET attempts_made = excluded.attempts_made, schedule_position = excluded.schedule_position,
        at = CASE detours.state WHEN 2 THEN detours.at ELSE excluded.at END,
        state = CASE detours.state WHEN 2 THEN 2 ELSE excluded.state END,
        failure = CASE detours.state WHEN 2 THEN detours.failure ELSE excluded.failure END),
  counted AS (
    INSERT INTO skyhook.tallies
    SELECT account_id, webhook_id, minute, me,
           -count(*) FILTER (WHERE was = 0 AND verdict <> 0),
           count(*) FILTER (WHERE verdict = 1),
           count(*) FILTER (WHERE was = 0 AND verdict = 2)
             - count(*) FILTER (WHERE was = 2 AND verdict = 1),
           count(*) FILTER (WHERE verdict = 1),
           count(*) FILTER (WHERE was = 0 AND verdict = 2),
           count(*) FILTER (WHERE verdict <> 1), string_agg(bucket, '')
    FROM applied GROUP BY 1, 2, 3)
  SELECT count(*) INTO written FROM applied;
  RETURN written;
END $$;
)sql";

// A node of before does not name the column, and leaves it as it is.
constexpr std::string_view kFirstAttempts = R"sql(
-- How soon first attempts are to begin; 0: the service's target. In rows of webhook 0, which are the
-- account's, failed_attempts is how many were held against a target, failed (in tallies:
-- ended_failed) how many of them were late, and the durations are their latencies.
ALTER TABLE skyhook.accounts ADD COLUMN first_attempt_target_ms bigint NOT NULL DEFAULT 0;
)sql";

constexpr std::string_view kHalfDays = R"sql(
-- Of the spans in span_rollups, in minutes.
CREATE VIEW skyhook.span_lengths AS SELECT * FROM (VALUES (30), (240), (720)) AS s(length);

-- The spans of twelve hours are made of those that are there. Nobody folds meanwhile, and whoever
-- comes to it afterwards makes them too: the functions are as before, but for the lengths.
DO $do$
DECLARE
  f text;
BEGIN
  PERFORM FROM skyhook.fold_state FOR UPDATE;
  FOREACH f IN ARRAY ARRAY['skyhook.fold_tallies()', 'skyhook.fill_spans()'] LOOP
    EXECUTE replace(pg_get_functiondef(f::regprocedure), '(VALUES (30), (240)) AS s(length)',
                    'skyhook.span_lengths AS s');
  END LOOP;
  UPDATE skyhook.fold_state SET spans_from = (spans_from + 719) / 720 * 720;
  INSERT INTO skyhook.span_rollups
  WITH parts AS (
    SELECT account_id, webhook_id, minute - minute % 720 AS minute, delivered, failed_attempts,
           failed, buckets, attempts
    FROM skyhook.span_rollups WHERE length = 240
      AND minute >= (SELECT spans_from FROM skyhook.fold_state)),
  durations AS (
    SELECT account_id, webhook_id, minute, bucket, sum(n)::bigint AS attempts
    FROM parts, unnest(buckets, attempts) AS u(bucket, n) GROUP BY 1, 2, 3, 4)
  SELECT account_id, webhook_id, 720, minute, delivered, failed_attempts, failed,
         coalesce(d.buckets, '{}'), coalesce(d.attempts, '{}')
  FROM (SELECT account_id, webhook_id, minute, sum(delivered) AS delivered,
               sum(failed_attempts) AS failed_attempts, sum(failed) AS failed
        FROM parts GROUP BY 1, 2, 3) AS counts
  LEFT JOIN (SELECT account_id, webhook_id, minute, array_agg(bucket ORDER BY bucket) AS buckets,
                    array_agg(attempts ORDER BY bucket) AS attempts
             FROM durations GROUP BY 1, 2, 3) AS d
  USING (account_id, webhook_id, minute);
END $do$;
)sql";

constexpr std::string_view kRecoverInOrder = R"sql(
-- What failed keeps its place: ids of several nodes are not in the order of acceptance. It comes
-- before everything that still waits all the same, since that was accepted later. What has lost its
-- place by being delivered, or never had one, gets the place of the first that waits with a later
-- id, which comes after it then. The functions are as before, but for that, and for what is
-- recovered, which is dealt out in the order of places too.
DO $do$
DECLARE
  f text;
BEGIN
  f := pg_get_functiondef('skyhook.reopen(int, bigint, bigint, bigint, bigint)'::regprocedure);
  f := replace(f, 'WHEN 0 THEN place ELSE first_place END',
               'WHEN 0 THEN place ELSE coalesce(place, first_place) END');
  f := replace(f, 'SELECT 0 INTO first_place',
               'SELECT coalesce((SELECT w.place FROM skyhook.detours w
                                 WHERE w.webhook_id = p_webhook AND w.state = 0
                                   AND w.place IS NOT NULL AND w.delivery_id > p_delivery
                                 ORDER BY w.place, w.delivery_id LIMIT 1), 0) INTO first_place');
  EXECUTE f;
  f := pg_get_functiondef('skyhook.reopen_failed(int, bigint, bigint, bigint, bigint, bigint, bigint, bigint, int)'::regprocedure);
  f := replace(f, 'SELECT x.account_id, x.webhook_id, x.delivery_id FROM skyhook.detours x,',
               'SELECT x.account_id, x.webhook_id, x.delivery_id, x.place FROM skyhook.detours x,');
  f := replace(f, 'row_number() OVER (ORDER BY delivery_id)',
               'row_number() OVER (ORDER BY coalesce(place, first_place), delivery_id)');
  f := replace(f, 'place = first_place', 'place = coalesce(x.place, first_place)');
  EXECUTE f;
END $do$;
)sql";

// Whatever a day, or a deleted webhook, has of rows: no statement takes longer for it, and nobody
// who writes has to wait while they are read.
constexpr std::string_view kInSteps = R"sql(
-- Deliveries of another day than their event's: nearly all of them replays. Costs the others nothing.
CREATE INDEX deliveries_of_older_events ON skyhook.deliveries (event_id)
  WHERE (event_id >> 38) <> (delivery_id >> 38);

-- How many deliveries a webhook has in a day that is to be dropped. They are counted beforehand, since
-- nobody can write while a day is being dropped; rows of deliveries do not change. How many of them
-- wait or failed is counted then.
CREATE TABLE skyhook.day_counts (
  account_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  day        int NOT NULL,
  deliveries bigint NOT NULL,
  waiting    bigint NOT NULL DEFAULT 0,
  failed     bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, webhook_id, day)
);
CREATE TABLE skyhook.days_counted (
  part   text PRIMARY KEY,  -- how the names of its tables end
  blocks bigint NOT NULL    -- of its deliveries that are counted
);

-- Counts up to p_blocks blocks of a day of which no row is written any more. False: all are counted,
-- or another node is at it.
CREATE FUNCTION skyhook.count_day(p_day int, p_blocks bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  suffix text;
  low bigint;
  high bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1397442891, 2) THEN RETURN false; END IF;
  FOREACH suffix IN ARRAY ARRAY['_m' || p_day, '_d' || p_day] LOOP
    IF to_regclass('skyhook.deliveries' || suffix) IS NULL THEN CONTINUE; END IF;
    low := coalesce((SELECT blocks FROM skyhook.days_counted WHERE part = suffix), 0);
    high := least(low + p_blocks, pg_relation_size(('skyhook.deliveries' || suffix)::regclass)
                                  / current_setting('block_size')::bigint);
    IF low >= high THEN CONTINUE; END IF;
    EXECUTE format('INSERT INTO skyhook.day_counts AS c '
                   'SELECT account_id, webhook_id, %s, count(*) FROM skyhook.%I '
                   'WHERE ctid >= ''(%s,0)'' AND ctid < ''(%s,0)'' GROUP BY 1, 2 '
                   'ON CONFLICT (account_id, webhook_id, day) DO UPDATE '
                   'SET deliveries = c.deliveries + excluded.deliveries',
                   p_day, 'deliveries' || suffix, low, high);
    INSERT INTO skyhook.days_counted VALUES (suffix, high)
    ON CONFLICT (part) DO UPDATE SET blocks = excluded.blocks;
    RETURN true;
  END LOOP;
  RETURN false;
END $$;

-- Drops the partitions by id whose names end like this, which hold ids from p_first up to p_end. What
-- is pending of them moves to the default partitions, with the events that it needs; so do events
-- that anything else waits for. Only rows off the happy path are looked at.
CREATE FUNCTION skyhook.drop_part(p_suffix text, p_day int, p_first bigint, p_end bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || p_suffix);
  END LOOP;
  EXECUTE format('CREATE TEMP TABLE waiting AS '
                 'SELECT x.account_id, x.webhook_id, x.delivery_id, d.event_id FROM skyhook.%I x, '
                 'LATERAL (SELECT d.event_id FROM skyhook.%I d WHERE d.account_id = x.account_id '
                 'AND d.webhook_id = x.webhook_id AND d.delivery_id = x.delivery_id OFFSET 0) AS d '
                 'WHERE x.state = 0', 'detours' || p_suffix, 'deliveries' || p_suffix);
  FOREACH t IN ARRAY ARRAY['deliveries', 'attempts', 'detours'] LOOP
    EXECUTE format('INSERT INTO skyhook.%I SELECT r.* FROM waiting w, '
                   'LATERAL (SELECT r.* FROM skyhook.%I r WHERE r.account_id = w.account_id '
                   'AND r.webhook_id = w.webhook_id AND r.delivery_id = w.delivery_id OFFSET 0) AS r',
                   t, t || p_suffix);
  END LOOP;
  EXECUTE format('INSERT INTO skyhook.events SELECT e.* FROM ('
                 'SELECT account_id, event_id FROM waiting UNION '
                 'SELECT account_id, event_id FROM skyhook.awaited_elsewhere(%L, %L)) AS n, '
                 'LATERAL (SELECT e.* FROM skyhook.%I e WHERE e.account_id = n.account_id '
                 'AND e.event_id = n.event_id OFFSET 0) AS e', p_first, p_end, 'events' || p_suffix);
  DROP TABLE waiting;
  PERFORM set_config('enable_seqscan', 'on', true);  -- it does read all of them
  EXECUTE format('INSERT INTO skyhook.day_counts AS c '
                 'SELECT account_id, webhook_id, %s, 0, count(*) FILTER (WHERE state = 0), '
                 'count(*) FILTER (WHERE state = 2) FROM skyhook.%I GROUP BY 1, 2 '
                 'ON CONFLICT (account_id, webhook_id, day) DO UPDATE '
                 'SET waiting = c.waiting + excluded.waiting, failed = c.failed + excluded.failed',
                 p_day, 'detours' || p_suffix);
  PERFORM set_config('enable_seqscan', 'off', true);
  FOREACH t IN ARRAY ARRAY['events', 'deliveries', 'attempts', 'detours'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || p_suffix);
  END LOOP;
END $$;

-- Events with ids from p_first up to p_end that something waits for which has an id of another day;
-- or that was moved here, since such ids carry no day (p_end of those: kMovedEnd at most).
CREATE FUNCTION skyhook.awaited_elsewhere(p_first bigint, p_end bigint)
RETURNS TABLE (account_id bigint, event_id bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT d.account_id, d.event_id FROM skyhook.deliveries d,
    LATERAL (SELECT FROM skyhook.detours x WHERE x.account_id = d.account_id
             AND x.webhook_id = d.webhook_id AND x.delivery_id = d.delivery_id AND x.state = 0
             OFFSET 0) AS x
  WHERE (d.event_id >> 38) <> (d.delivery_id >> 38)
    AND d.event_id >= p_first AND d.event_id < p_end;
  IF p_first >= 10957::bigint << 38 THEN RETURN; END IF;
  RETURN QUERY
  SELECT d.account_id, d.event_id FROM skyhook.detours x,
    LATERAL (SELECT d.account_id, d.event_id FROM skyhook.deliveries d
             WHERE d.account_id = x.account_id AND d.webhook_id = x.webhook_id
             AND d.delivery_id = x.delivery_id OFFSET 0) AS d
  WHERE x.state = 0 AND x.delivery_id < 10957::bigint << 38
    AND d.event_id >= p_first AND d.event_id < p_end;
END $$;

-- As before, but that what has to be read of a day as a whole is read before it is locked.
CREATE OR REPLACE FUNCTION skyhook.drop_day(p_day int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  t text;
  unfolded boolean;
  moved record;
BEGIN
  IF NOT pg_try_advisory_xact_lock(1397442891, 2) THEN RETURN false; END IF;
  IF to_regclass(format('skyhook.events_d%s', p_day)) IS NULL THEN RETURN true; END IF;
  -- A node of before does not count by itself.
  IF skyhook.count_day(p_day, 8192) THEN RETURN false; END IF;
  PERFORM set_config('enable_seqscan', 'on', true);
  EXECUTE format('SELECT EXISTS (SELECT FROM skyhook.%I WHERE written_by >= '
                 '(SELECT folded_to FROM skyhook.fold_state))', 'tallies_d' || p_day) INTO unfolded;
  IF unfolded THEN RETURN false; END IF;
  PERFORM set_config('enable_seqscan', 'off', true);
  PERFORM set_config('lock_timeout', '200ms', true);
  -- Before the rest is counted: whatever minute that falls on, it is not dropped with the day.
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('ALTER TABLE skyhook.%I DETACH PARTITION skyhook.%I', t, t || '_d' || p_day);
  END LOOP;
  IF to_regclass(format('skyhook.events_m%s', p_day)) IS NOT NULL THEN
    SELECT m.first_id, coalesce((SELECT min(n.first_id) FROM skyhook.moved_days n
                                 WHERE n.first_id > m.first_id), 10957::bigint << 38) AS end_id
    INTO moved FROM skyhook.moved_days m WHERE m.day = p_day;
    PERFORM skyhook.drop_part('_m' || p_day, p_day, moved.first_id, moved.end_id);
  END IF;
  PERFORM skyhook.drop_part('_d' || p_day, p_day, p_day::bigint << 38, (p_day + 1)::bigint << 38);
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations'] LOOP
    EXECUTE format('DROP TABLE skyhook.%I', t || '_d' || p_day);
  END LOOP;
  -- Totals count what is in the log.
  INSERT INTO skyhook.tallies
  SELECT account_id, webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
         pg_current_xact_id()::text::bigint, 0, waiting + failed - deliveries, -failed, 0, 0, 0, ''
  FROM skyhook.day_counts JOIN skyhook.webhooks USING (account_id, webhook_id) WHERE day = p_day;
  DELETE FROM skyhook.day_counts WHERE day = p_day;
  DELETE FROM skyhook.days_counted WHERE part IN ('_m' || p_day, '_d' || p_day);
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END $$;
DROP FUNCTION skyhook.drop_ids(text, bigint);

-- As before, but that not everything that waits is read for it.
CREATE OR REPLACE FUNCTION skyhook.purge_rest(p_before bigint, p_limit int) RETURNS boolean LANGUAGE plpgsql
SET enable_hashjoin = on AS $$  -- what is left of old days is read once, not once an event
DECLARE
  removed bigint;
BEGIN
  WITH batch AS (
    SELECT d.account_id, d.webhook_id, d.delivery_id, x.state FROM skyhook.deliveries_rest d
    LEFT JOIN skyhook.detours_rest x USING (account_id, webhook_id, delivery_id)
    WHERE d.delivery_id < p_before AND x.state IS DISTINCT FROM 0 LIMIT p_limit),
  a AS (DELETE FROM skyhook.attempts_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  s AS (DELETE FROM skyhook.detours_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
  d AS (DELETE FROM skyhook.deliveries_rest x USING batch b WHERE x.account_id = b.account_id
        AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id
        RETURNING x.account_id, x.webhook_id, b.state),
  t AS (INSERT INTO skyhook.tallies
        SELECT account_id, webhook_id, (extract(epoch FROM clock_timestamp()) / 60)::bigint,
               pg_current_xact_id()::text::bigint, 0, -count(*) FILTER (WHERE state IS NULL),
               -count(*) FILTER (WHERE state = 2), 0, 0, 0, '' FROM d GROUP BY 1, 2)
  SELECT count(*) INTO removed FROM d;
  IF removed < p_limit
     AND EXISTS (SELECT FROM skyhook.events_rest WHERE event_id < p_before) THEN
    DELETE FROM skyhook.events_rest e WHERE e.event_id < p_before AND NOT EXISTS (
      SELECT FROM skyhook.deliveries_rest d
      WHERE d.account_id = e.account_id AND d.event_id = e.event_id)
    AND (e.account_id, e.event_id) NOT IN (
      SELECT n.account_id, n.event_id FROM skyhook.awaited_elsewhere(0, p_before) AS n);
  END IF;
  RETURN removed >= p_limit;
END $$;

-- Removes up to about p_limit rows of each kind of counts that a deleted webhook has (0: the account
-- itself). True where more are left.
CREATE FUNCTION skyhook.purge_counts(p_account bigint, p_webhook bigint, p_limit int)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  t text;
  ordered_by text;
  removed bigint;
  more boolean := false;
BEGIN
  DELETE FROM skyhook.totals WHERE account_id = p_account AND webhook_id = p_webhook;
  FOREACH t IN ARRAY ARRAY['tallies', 'rollups', 'rollup_durations', 'span_rollups'] LOOP
    ordered_by := CASE t WHEN 'tallies' THEN 'written_by' WHEN 'span_rollups' THEN 'length, minute'
                         ELSE 'minute' END;
    EXECUTE format('DELETE FROM skyhook.%1$I WHERE account_id = $1 AND webhook_id = $2 AND (%2$s) <= ('
                   'SELECT %2$s FROM (SELECT %2$s FROM skyhook.%1$I WHERE account_id = $1 '
                   'AND webhook_id = $2 ORDER BY %2$s LIMIT $3) AS first ORDER BY %3$s LIMIT 1)',
                   t, ordered_by, replace(ordered_by, ',', ' DESC,') || ' DESC')
    USING p_account, p_webhook, p_limit;
    GET DIAGNOSTICS removed = ROW_COUNT;
    more := more OR removed >= p_limit;
  END LOOP;
  RETURN more;
END $$;

-- As before, but that the counts are removed in steps too. Those of an account's webhooks go with the
-- webhooks, of which each has a purge of its own.
CREATE OR REPLACE FUNCTION skyhook.purge_deleted(p_limit int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  p record;
  removed bigint;
BEGIN
  SELECT * INTO p FROM skyhook.purges ORDER BY account_id, webhook_id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p.webhook_id <> 0 THEN
    WITH batch AS (
      SELECT account_id, webhook_id, delivery_id FROM skyhook.deliveries
      WHERE account_id = p.account_id AND webhook_id = p.webhook_id ORDER BY delivery_id LIMIT p_limit),
    a AS (DELETE FROM skyhook.attempts x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    s AS (DELETE FROM skyhook.detours x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id),
    d AS (DELETE FROM skyhook.deliveries x USING batch b WHERE x.account_id = b.account_id
          AND x.webhook_id = b.webhook_id AND x.delivery_id = b.delivery_id RETURNING 1)
    SELECT count(*) INTO removed FROM d;
  ELSE
    WITH batch AS (
      SELECT account_id, event_id FROM skyhook.events
      WHERE account_id = p.account_id ORDER BY event_id LIMIT p_limit),
    e AS (DELETE FROM skyhook.events x USING batch b
          WHERE x.account_id = b.account_id AND x.event_id = b.event_id RETURNING 1)
    SELECT count(*) INTO removed FROM e;
  END IF;
  -- Counts are small rows.
  IF removed < p_limit AND NOT skyhook.purge_counts(p.account_id, p.webhook_id, 20 * p_limit) THEN
    DELETE FROM skyhook.purges WHERE account_id = p.account_id AND webhook_id = p.webhook_id;
  END IF;
  RETURN true;
END $$;

-- As the one of before, of those with ids below p_end: what recovers a short span does not go through
-- all that failed later.
DO $do$
DECLARE
  f text;
BEGIN
  f := pg_get_functiondef('skyhook.reopen_failed(int, bigint, bigint, bigint, bigint, bigint, bigint, bigint, int)'::regprocedure);
  f := replace(f, 'p_after bigint, ', 'p_after bigint, p_end bigint, ');
  f := replace(f, 'x.delivery_id > p_after', 'x.delivery_id > p_after AND x.delivery_id < p_end');
  EXECUTE f;
END $do$;
)sql";

constexpr std::string_view kRestored = R"sql(
-- Of a database that was restored into a cluster whose transactions are numbered anew: what is
-- unfolded is what has a higher number than the mark. Before any node counts with new numbers, which
-- could not be told from those of what is folded. Elsewhere it does nothing.
CREATE FUNCTION skyhook.renumber_tallies() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  low bigint;
BEGIN
  SELECT folded_to INTO low FROM skyhook.fold_state;
  IF low <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN RETURN; END IF;
  SELECT folded_to INTO low FROM skyhook.fold_state FOR UPDATE;
  IF low = 0 THEN RETURN; END IF;  -- another node was quicker
  CREATE TEMP TABLE unfolded ON COMMIT DROP AS
  SELECT * FROM skyhook.tallies WHERE written_by >= low;
  TRUNCATE skyhook.tallies;
  UPDATE unfolded SET written_by = 0;
  INSERT INTO skyhook.tallies SELECT * FROM unfolded;
  UPDATE skyhook.fold_state SET folded_to = 0;
END $$;
)sql";

// One migration: its parts only keep each literal readable.
std::string first_schema() {
  std::string sql;
  for (const std::string_view part :
       {kTables, kPartitions, kNodes, kHotPath, kRequestCounts, kHousekeeping}) {
    sql += part;
  }
  return sql;
}

}  // namespace

const std::vector<std::string_view>& migrations() {
  static const std::string first = first_schema();
  static const std::vector<std::string_view> list{
      first,          kMoves,       kOptions,        kLive,    kInquiries,
      kSpans,         kEventCounts, kOrder,          kReplay,  kLateOutcomes,
      kFirstAttempts, kHalfDays,    kRecoverInOrder, kInSteps, kRestored};
  return list;
}

Answer<Done> migrate(Connection& connection, const std::vector<std::string_view>& steps) {
  // A transaction a step, under a lock that ends with it. The version is read again under the lock.
  const auto known = static_cast<std::int64_t>(steps.size());
  for (;;) {
    if (auto begun = connection.script("BEGIN; SELECT pg_advisory_xact_lock(1397442891, 1)");
        !begun) {
      return begun;
    }
    if (auto made = connection.script(
            "CREATE SCHEMA IF NOT EXISTS skyhook; "
            "CREATE TABLE IF NOT EXISTS skyhook.schema_versions ("
            "version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())");
        !made) {
      return made;
    }
    auto rows =
        connection.query("SELECT coalesce(max(version), 0)::bigint FROM skyhook.schema_versions");
    if (!rows) return Err{rows.error()};
    const std::int64_t version = rows->integer(0, 0);
    if (version >= known) {
      auto ended = connection.script("COMMIT");
      if (!ended || version == known) return ended;
      return Err{DatabaseError{std::string(kSchemaTooNew),
                               "the database has schema version " + std::to_string(version) +
                                   ", this program knows up to " + std::to_string(known) +
                                   ": it was written by a newer version of Skyhook",
                               false}};
    }
    if (auto step = connection.script(std::string(steps[static_cast<std::size_t>(version)]));
        !step) {
      return step;
    }
    if (auto ended = connection.script("INSERT INTO skyhook.schema_versions VALUES (" +
                                       std::to_string(version + 1) + "); COMMIT");
        !ended) {
      return ended;
    }
  }
}

}  // namespace skyhook::store::postgres
