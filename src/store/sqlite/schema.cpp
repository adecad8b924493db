#include "store/sqlite/schema.h"

namespace skyhook::store::sqlite {
namespace {

// All times are microseconds since the Unix epoch, UTC; `minute` is whole minutes since then.
constexpr std::string_view kFirstSchema = R"sql(
-- AUTOINCREMENT: an id is never used again, so that nothing left of a deleted one can be taken for a new one's.
CREATE TABLE accounts (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  name            TEXT    NOT NULL,
  is_active       INTEGER NOT NULL,
  allowed_origins TEXT    NOT NULL,  -- JSON array of strings
  api_key_hash    BLOB    NOT NULL UNIQUE,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
);

CREATE TABLE webhooks (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  account_id    INTEGER NOT NULL,
  name          TEXT    NOT NULL,
  url           TEXT    NOT NULL,
  events        TEXT    NOT NULL,  -- JSON array of strings, in the order given
  is_active     INTEGER NOT NULL,
  sealed_secret TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
);
CREATE INDEX webhooks_of_account ON webhooks (account_id);

-- How many deliveries a webhook has in each status, changed by the transaction that changes them. One row a webhook.
CREATE TABLE webhook_totals (
  webhook_id INTEGER PRIMARY KEY,
  pending    INTEGER NOT NULL,
  delivered  INTEGER NOT NULL,
  failed     INTEGER NOT NULL
);

-- Events and deliveries take their ids from one ascending counter, so both tables grow at their end.
CREATE TABLE events (
  id         INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  type       TEXT    NOT NULL,
  data       TEXT    NOT NULL  -- the publisher's bytes; last, so that the others are read without its overflow pages
);

-- One row a delivery: the log entry too. The row must not change its length on the happy path (pending, then delivered by the
-- first attempt), so that SQLite overwrites it in place instead of splitting the full page that it sits in. Hence
-- response_status is 1000 where there is no answer, and one column holds two times:
--   at: pending: when the next attempt is due · delivered: when it was · failed: when it ended.
CREATE TABLE deliveries (
  id                INTEGER PRIMARY KEY,
  webhook_id        INTEGER NOT NULL,
  event_id          INTEGER NOT NULL,
  event_type        TEXT    NOT NULL,
  status            INTEGER NOT NULL,  -- DeliveryStatus
  at                INTEGER NOT NULL,
  attempt_number    INTEGER NOT NULL,
  schedule_position INTEGER NOT NULL,
  response_status   INTEGER NOT NULL,
  failure           INTEGER NOT NULL,  -- FailureReason
  is_test           INTEGER NOT NULL,
  created_at        INTEGER NOT NULL
);
-- Every index ends with the row's id. The log of a webhook:
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id);
-- The same, failed ones only.
CREATE INDEX deliveries_failed ON deliveries (webhook_id) WHERE status = 2;
-- What of a webhook falls due next.
CREATE INDEX deliveries_waiting ON deliveries (webhook_id, at) WHERE status = 0;
-- The oldest that waits, over all webhooks, and whether an event is still needed.
CREATE INDEX deliveries_pending ON deliveries (event_id) WHERE status = 0;

-- key = delivery id * 1024 + least of (attempt number, 1023): an integer, since rows of a table without rowid go to overflow
-- pages at a quarter of the size.
CREATE TABLE attempts (
  key                INTEGER PRIMARY KEY,
  number             INTEGER NOT NULL,
  started_at         INTEGER NOT NULL,
  duration_us        INTEGER NOT NULL,
  response_status    INTEGER NOT NULL,  -- 1000: none
  failure            INTEGER NOT NULL,
  response_truncated INTEGER NOT NULL,
  error_detail       TEXT    NOT NULL,
  response_headers   BLOB    NOT NULL,
  response_body      BLOB    NOT NULL
);

CREATE TABLE idempotency_keys (
  account_id   INTEGER NOT NULL,
  key          TEXT    NOT NULL,
  request_hash BLOB    NOT NULL,
  event_id     INTEGER NOT NULL,
  deliveries   INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,  -- of the event
  PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- What ended in a minute, a webhook. histogram: see histogram.h.
CREATE TABLE rollups (
  webhook_id      INTEGER NOT NULL,
  minute          INTEGER NOT NULL,
  delivered       INTEGER NOT NULL,
  failed_attempts INTEGER NOT NULL,
  failed          INTEGER NOT NULL,
  histogram       BLOB    NOT NULL,
  PRIMARY KEY (webhook_id, minute)
) WITHOUT ROWID;

-- The lowest and highest id of the deliveries created in a minute: turns a span of time into a span of ids, whatever the clock did.
CREATE TABLE id_marks (
  minute   INTEGER PRIMARY KEY,
  first_id INTEGER NOT NULL,
  last_id  INTEGER NOT NULL
);

-- Deleted webhooks and accounts whose rows are still to be removed. Exactly one of the two is not 0.
CREATE TABLE purges (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL
);

-- id_ceiling: every id in use is below it. heartbeat: what check_writable writes.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('id_ceiling', 1), ('heartbeat', 0);
)sql";

constexpr std::string_view kJournalOfCounts = R"sql(
-- What transactions changed in webhook_totals and rollups and what is not yet folded into them: one row a transaction. Whoever
-- reads a count adds what stands here. Columns: see counts.cpp.
CREATE TABLE count_journal (
  id      INTEGER PRIMARY KEY,
  totals  BLOB NOT NULL,  -- first, so that it is read without the overflow pages of the other
  rollups BLOB NOT NULL
);
)sql";

// After `data`: read with it only.
constexpr std::string_view kTraces = R"sql(
ALTER TABLE events ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::string_view kMoveMark = R"sql(
-- At most one row: the store is being moved, or was (move_mark.h).
CREATE TABLE move_mark (
  is_single INTEGER PRIMARY KEY CHECK (is_single = 1),
  move_id   TEXT    NOT NULL,
  place     TEXT    NOT NULL,  -- where to, for people
  began_at  INTEGER NOT NULL,
  is_moved  INTEGER NOT NULL
);
)sql";

constexpr std::string_view kOptions = R"sql(
ALTER TABLE webhooks ADD COLUMN options TEXT NOT NULL DEFAULT '';  -- store/options_text.h
)sql";

// What was rolled up before is not added: spans are whole from `spans_from` on.
// A roll-up whose webhook_id is negative belongs to the account of that id, its sign changed
// (counts.h).
constexpr std::string_view kSpans = R"sql(
-- As rollups, of spans of so many minutes (store/rollup_ranges.h), so that a chart of a month reads few rows. minute: the first.
CREATE TABLE span_rollups (
  webhook_id      INTEGER NOT NULL,
  length          INTEGER NOT NULL,
  minute          INTEGER NOT NULL,
  delivered       INTEGER NOT NULL,
  failed_attempts INTEGER NOT NULL,
  failed          INTEGER NOT NULL,
  histogram       BLOB    NOT NULL,
  PRIMARY KEY (webhook_id, length, minute)
) WITHOUT ROWID;
INSERT INTO counters SELECT 'spans_from', coalesce(max(minute) / 240 * 240 + 240, 0) FROM rollups;
)sql";

constexpr std::string_view kMarksOfEvents = R"sql(
-- From now on id_marks covers events too, also those that nobody subscribed to.
INSERT INTO id_marks
SELECT created_at / 60000000, min(id), max(id) FROM events WHERE true GROUP BY 1
ON CONFLICT DO UPDATE SET
  first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id);
)sql";

constexpr std::string_view kFirstAttempts = R"sql(
-- How soon first attempts are to begin; 0: the service's target. What roll-ups of accounts hold beside
-- their events: see rollup_owner (counts.h).
ALTER TABLE accounts ADD COLUMN first_attempt_target_ms INTEGER NOT NULL DEFAULT 0;
)sql";

// SQLite's log shrinks back to this after a burst.
constexpr int kLogFileBytes = 64 * 1024 * 1024;

}  // namespace

const std::vector<std::string_view>& migrations() {
  static const std::vector<std::string_view> list{kFirstSchema,   kJournalOfCounts, kTraces,
                                                  kMoveMark,      kOptions,         kSpans,
                                                  kMarksOfEvents, kFirstAttempts};
  return list;
}

void migrate(Connection& connection, const std::vector<std::string_view>& steps) {
  const std::int64_t application = connection.pragma("application_id");
  const std::int64_t version = connection.pragma("user_version");
  if (application != kApplicationId && (application != 0 || version != 0)) {
    throw SqliteError(SQLITE_NOTADB, "the file is a database of another application");
  }
  if (version > static_cast<std::int64_t>(steps.size())) {
    throw SqliteError(SQLITE_NOTADB, "the database has schema version " + std::to_string(version) +
                                         ", this program knows up to " +
                                         std::to_string(steps.size()) +
                                         ": it was written by a newer version of Skyhook");
  }
  for (std::size_t step = static_cast<std::size_t>(version); step < steps.size(); ++step) {
    connection.execute("BEGIN IMMEDIATE");
    try {
      connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
      connection.execute(std::string(steps[step]));
      connection.execute("PRAGMA user_version = " + std::to_string(step + 1));
      connection.execute("COMMIT");
    } catch (const SqliteError&) {
      if (connection.in_transaction()) connection.execute("ROLLBACK");
      throw;
    }
  }
}

std::unique_ptr<Connection> open_for_writing(const Connection::Options& options) {
  auto connection = std::make_unique<Connection>(options);
  connection->execute("PRAGMA page_size = " + std::to_string(kPageSizeBytes));
  connection->execute("PRAGMA journal_mode = WAL");
  connection->execute("PRAGMA synchronous = FULL");
  connection->execute("PRAGMA journal_size_limit = " + std::to_string(kLogFileBytes));
  migrate(*connection, migrations());
  return connection;
}

}  // namespace skyhook::store::sqlite
