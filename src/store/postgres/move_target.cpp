#include "store/postgres/move_target.h"

#include <algorithm>
#include <set>

#include "store/options_text.h"
#include "store/postgres/connection.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

constexpr std::string_view kAccountColumns =
    "account_id, created_at, updated_at, is_active, name, allowed_origins, api_key_hash, "
    "first_attempt_target_ms";
constexpr std::string_view kWebhookColumns =
    "account_id, webhook_id, created_at, updated_at, is_active, name, url, events, sealed_secret, "
    "options";
constexpr std::string_view kEventColumns =
    "account_id, event_id, created_at, event_type, data, traceparent";
constexpr std::string_view kDeliveryColumns =
    "account_id, webhook_id, delivery_id, event_id, created_at, due_at, node_id, is_test, "
    "event_type";
constexpr std::string_view kDetourColumns =
    "account_id, webhook_id, delivery_id, at, node_id, attempts_made, schedule_position, state, "
    "failure";
constexpr std::string_view kAttemptColumns =
    "account_id, webhook_id, delivery_id, started_at, duration_us, verdict_at, number, "
    "response_status, failure, verdict, response_truncated, error_detail, response_headers, "
    "response_body";
constexpr std::string_view kTotalColumns = "account_id, webhook_id, pending, delivered, failed";
constexpr std::string_view kRollupColumns =
    "account_id, webhook_id, minute, delivered, failed_attempts, failed";
constexpr std::string_view kDurationColumns = "account_id, webhook_id, minute, bucket, attempts";
constexpr std::string_view kKeyColumns =
    "account_id, created_at, event_id, deliveries, key, request_hash";

// As in the schema: `detours.state` and `attempts.verdict`.
constexpr int kWaits = 0, kFailed = 2;
constexpr int kRetry = 0, kDelivered = 1, kGaveUp = 2;

constexpr int kNoStatus = -1;  // stands for NULL on the way
constexpr std::int64_t kMinutesADay = 24 * 60;
// A page, an index or a count of a large table may take its time.
constexpr std::chrono::minutes kPatience{30};

std::string parameters(std::string_view columns) {
  std::string list;
  const auto count = 1 + std::count(columns.begin(), columns.end(), ',');
  for (int i = 1; i <= count; ++i) list += (i > 1 ? ", $" : "$") + std::to_string(i);
  return list;
}

std::string insert_into(std::string_view table, std::string_view columns) {
  return "INSERT INTO skyhook." + std::string(table) + " (" + std::string(columns) + ") ";
}

std::string insert_one(std::string_view table, std::string_view columns) {
  return insert_into(table, columns) + "VALUES (" + parameters(columns) + ")";
}

// One array a column. `values`: where the columns are not taken as they come.
std::string insert_many(std::string_view table, std::string_view columns,
                        const std::string& values = "*") {
  return insert_into(table, columns) + "SELECT " + values + " FROM unnest(" + parameters(columns) +
         ") AS r (" + std::string(columns) + ")";
}

std::string insert_attempts() {
  std::string values(kAttemptColumns);
  const std::string status = "response_status";
  values.replace(values.find(status), status.size(),
                 "nullif(response_status, " + std::to_string(kNoStatus) + ")");
  return insert_many("attempts", kAttemptColumns, values);
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::string_view bytes_of(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

using Numbers = std::vector<std::int64_t>;
using Texts = std::vector<std::string_view>;

struct DetourRows {
  Numbers account, webhook, delivery, at, node, attempts_made, position, state, failure;

  void add(const MovedDelivery& from, std::int64_t owner) {
    if (from.status == DeliveryStatus::delivered) return;
    const bool waits = from.status == DeliveryStatus::pending;
    account.push_back(from.account_id.value);
    webhook.push_back(from.webhook_id.value);
    delivery.push_back(from.id.value);
    at.push_back(to_unix_micros(from.at));
    node.push_back(owner);
    attempts_made.push_back(from.attempt_number);
    position.push_back(from.schedule_position);
    state.push_back(waits ? kWaits : kFailed);
    failure.push_back(waits ? 0 : static_cast<int>(from.failure));
  }
  Params params() const {
    Params params;
    params.add(account).add(webhook).add(delivery).add(at).add(node).add(attempts_made);
    params.add(position).add(state).add(failure);
    return params;
  }
};

struct AttemptRows {
  Numbers account, webhook, delivery, started, duration, verdict_at, number, status, failure;
  Numbers verdict;
  std::vector<bool> truncated;
  Texts error, headers, body;

  void add(const MovedDelivery& of, const Attempt& attempt) {
    const bool is_last = &attempt == &of.attempts.back();
    account.push_back(of.account_id.value);
    webhook.push_back(of.webhook_id.value);
    delivery.push_back(of.id.value);
    started.push_back(to_unix_micros(attempt.started_at));
    duration.push_back(attempt.duration.count());
    verdict_at.push_back(is_last ? to_unix_micros(of.at)
                                 : to_unix_micros(attempt.started_at + attempt.duration));
    number.push_back(attempt.number);
    status.push_back(attempt.response_status.value_or(kNoStatus));
    failure.push_back(static_cast<int>(attempt.failure));
    verdict.push_back(verdict_of(of, attempt, is_last));
    truncated.push_back(attempt.response_truncated);
    error.push_back(attempt.error_detail);
    headers.push_back(attempt.response_headers);
    body.push_back(attempt.response_body);
  }
  // Only that of the last attempt says how the delivery stands; an earlier one may have delivered
  // it before it was tried again on demand.
  static int verdict_of(const MovedDelivery& of, const Attempt& attempt, bool is_last) {
    if (attempt.failure == FailureReason::none) return kDelivered;
    return is_last && of.status == DeliveryStatus::failed ? kGaveUp : kRetry;
  }
  Params params() const {
    Params params;
    params.add(account).add(webhook).add(delivery).add(started).add(duration).add(verdict_at);
    params.add(number).add(status).add(failure).add(verdict).bools(truncated).bytes_list(error);
    params.bytes_list(headers).bytes_list(body);
    return params;
  }
};

// The statements of a page, each with the values that it refers to.
class Statements {
 public:
  void add(const std::string& sql, Params params) {
    sql_.push_back(sql);
    params_.push_back(std::move(params));
  }
  std::vector<Call> calls() const {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < sql_.size(); ++i) calls.push_back({sql_[i], params_[i]});
    return calls;
  }

 private:
  std::vector<std::string> sql_;
  std::vector<Params> params_;
};

class PostgresMoveTarget final : public MoveTarget {
 public:
  PostgresMoveTarget(std::unique_ptr<Connection> connection, std::string version)
      : connection_(std::move(connection)), version_(std::move(version)) {}

  Result<State> state(const std::string& id) override {
    auto rows = connection_->query(
        "SELECT move_id, node_id::bigint, finished_at IS NOT NULL FROM skyhook.moves");
    if (!rows) return failed(rows.error());
    for (int row = 0; row < rows->count(); ++row) {
      if (rows->text(row, 0) != id) continue;
      id_ = id;
      node_ = rows->integer(row, 1);
      return rows->boolean(row, 2) ? State::finished : State::begun;
    }
    if (rows->count() > 0) {
      return refused(
          "the database holds another move, finished or not: give an empty database, or DROP "
          "SCHEMA skyhook CASCADE where nothing in it is needed");
    }
    if (auto empty = check_empty(); !empty) return Err{empty.error()};
    return State::empty;
  }

  Result<Done> begin(const MoveMark& mark, const MovedIds& ids) override {
    if (ids.ceiling > kMovedEnd) {
      return refused("the ids of the source are too high to be told from those of the target");
    }
    if (auto begun = begin_transaction(mark, ids); !begun) {
      if (connection_->usable() && connection_->in_transaction()) {
        (void)connection_->script("ROLLBACK");
      }
      return begun;
    }
    id_ = mark.id;
    return Done{};
  }

  Result<Done> make_days(const std::vector<MovedDay>& days) override {
    for (std::size_t i = 0; i < days.size(); ++i) {
      const MovedDay& day = days[i];
      Params params;
      params.add(day.day).add(day.first_id);
      params.add(i + 1 < days.size() ? days[i + 1].first_id : kMovedEnd);
      params.add(day.created_from).add(day.created_to);
      auto made =
          connection_->query("SELECT skyhook.make_moved_day($1::int, $2, $3, $4, $5)", params);
      if (!made) return failed(made.error());
      days_.insert(day.day);
    }
    return Done{};
  }

  Result<std::map<MoveTable, MoveProgress>> progress() override {
    Params params;
    params.text(id_);
    auto rows = connection_->query(
        "SELECT part::bigint, last, rows FROM skyhook.move_progress WHERE move_id = $1", params);
    if (!rows) return failed(rows.error());
    std::map<MoveTable, MoveProgress> progress;
    for (int row = 0; row < rows->count(); ++row) {
      progress[static_cast<MoveTable>(rows->integer(row, 0))] = {rows->integer(row, 1),
                                                                 rows->integer(row, 2)};
    }
    return progress;
  }

  Result<Done> take(const MovePage<Account>& page) override {
    static const std::string insert = insert_one("accounts", kAccountColumns);
    Statements statements;
    for (const Account& account : page.rows) {
      Params params;
      params.add(account.id.value).add(account.created_at).add(account.updated_at);
      params.add(account.is_active).text(account.name).texts(views(account.allowed_origins));
      params.bytes(bytes_of(account.api_key_hash));
      params.add(account.first_attempt_target.value_or(Millis{0}).count());
      statements.add(insert, std::move(params));
    }
    return write(statements, MoveTable::accounts, page.last, page.rows.size());
  }

  Result<Done> take(const MovePage<Webhook>& page) override {
    static const std::string insert = insert_one("webhooks", kWebhookColumns);
    Statements statements;
    for (const Webhook& webhook : page.rows) {
      Params params;
      params.add(webhook.account_id.value).add(webhook.id.value).add(webhook.created_at);
      params.add(webhook.updated_at).add(webhook.is_active).text(webhook.name).text(webhook.url);
      params.texts(views(webhook.events)).text(webhook.secret);
      params.text(options_text(webhook.options));
      statements.add(insert, std::move(params));
    }
    return write(statements, MoveTable::webhooks, page.last, page.rows.size());
  }

  Result<Done> take(const MovePage<Event>& page) override {
    static const std::string insert = insert_many("events", kEventColumns);
    Numbers account, id, created;
    Texts type, data, trace;
    for (const Event& event : page.rows) {
      account.push_back(event.account_id.value);
      id.push_back(event.id.value);
      created.push_back(to_unix_micros(event.created_at));
      type.push_back(event.type);
      data.push_back(event.data);
      trace.push_back(event.traceparent);
    }
    Params params;
    params.add(account).add(id).add(created).texts(type).bytes_list(data).texts(trace);
    Statements statements;
    statements.add(insert, std::move(params));
    return write(statements, MoveTable::events, page.last, page.rows.size());
  }

  Result<Done> take(const MovePage<MovedDelivery>& page) override {
    static const std::string insert = insert_many("deliveries", kDeliveryColumns);
    static const std::string insert_detours = insert_many("detours", kDetourColumns);
    static const std::string insert_attempt_rows = insert_attempts();
    Numbers account, webhook, id, event, created, node;
    std::vector<bool> is_test;
    Texts type;
    DetourRows detours;
    AttemptRows attempts;
    for (const MovedDelivery& delivery : page.rows) {
      if (auto told = check_told(delivery); !told) return told;
      account.push_back(delivery.account_id.value);
      webhook.push_back(delivery.webhook_id.value);
      id.push_back(delivery.id.value);
      event.push_back(delivery.event_id.value);
      created.push_back(to_unix_micros(delivery.created_at));
      node.push_back(node_);
      is_test.push_back(delivery.is_test);
      type.push_back(delivery.event_type);
      detours.add(delivery, node_);
      for (const Attempt& attempt : delivery.attempts) attempts.add(delivery, attempt);
    }
    Params params;
    params.add(account).add(webhook).add(id).add(event).add(created).add(created).add(node);
    params.bools(is_test).texts(type);
    Statements statements;
    statements.add(insert, std::move(params));
    statements.add(insert_detours, detours.params());
    statements.add(insert_attempt_rows, attempts.params());
    return write(statements, MoveTable::deliveries, page.last,
                 page.rows.size() + attempts.number.size());
  }

  Result<Done> take(const MovePage<MovedTotals>& page) override {
    static const std::string insert = insert_many("totals", kTotalColumns);
    Numbers account, webhook, pending, delivered, failed;
    for (const MovedTotals& row : page.rows) {
      account.push_back(row.account_id.value);
      webhook.push_back(row.webhook_id.value);
      pending.push_back(row.totals.pending);
      delivered.push_back(row.totals.delivered);
      failed.push_back(row.totals.failed);
    }
    Params params;
    params.add(account).add(webhook).add(pending).add(delivered).add(failed);
    Statements statements;
    statements.add(insert, std::move(params));
    return write(statements, MoveTable::totals, page.last, page.rows.size());
  }

  Result<Done> take(const MovePage<MovedRollup>& page) override {
    static const std::string insert = insert_many("rollups", kRollupColumns);
    static const std::string insert_durations = insert_many("rollup_durations", kDurationColumns);
    Numbers account, webhook, minute, delivered, failed_attempts, failed;
    Numbers bucket_account, bucket_webhook, bucket_minute, bucket, attempts;
    for (const MovedRollup& row : page.rows) {
      if (auto made = ensure_day(row.minute / kMinutesADay); !made) return made;
      account.push_back(row.account_id.value);
      webhook.push_back(row.webhook_id.value);
      minute.push_back(row.minute);
      delivered.push_back(row.delivered);
      failed_attempts.push_back(row.failed_attempts);
      failed.push_back(row.failed);
      for (const auto& [number, count] : row.durations) {
        bucket_account.push_back(row.account_id.value);
        bucket_webhook.push_back(row.webhook_id.value);
        bucket_minute.push_back(row.minute);
        bucket.push_back(number);
        attempts.push_back(count);
      }
    }
    Params params;
    params.add(account).add(webhook).add(minute).add(delivered).add(failed_attempts).add(failed);
    Params durations;
    durations.add(bucket_account).add(bucket_webhook).add(bucket_minute).add(bucket).add(attempts);
    Statements statements;
    statements.add(insert, std::move(params));
    statements.add(insert_durations, std::move(durations));
    return write(statements, MoveTable::rollups, page.last, page.rows.size());
  }

  Result<Done> take(const MovePage<MovedKey>& page) override {
    static const std::string insert = insert_many("idempotency_keys", kKeyColumns);
    Numbers account, created, event, deliveries;
    Texts key, hash;
    for (const MovedKey& row : page.rows) {
      account.push_back(row.account_id.value);
      created.push_back(to_unix_micros(row.created_at));
      event.push_back(row.event_id.value);
      deliveries.push_back(row.deliveries);
      key.push_back(row.key.key);
      hash.push_back(bytes_of(row.key.request_hash));
    }
    Params params;
    params.add(account).add(created).add(event).add(deliveries).texts(key).bytes_list(hash);
    Statements statements;
    statements.add(insert, std::move(params));
    return write(statements, MoveTable::keys, page.last, page.rows.size());
  }

  Result<MoveCounts> counts() override {
    auto rows = connection_->query(
        "SELECT (SELECT count(*) FROM skyhook.accounts), (SELECT count(*) FROM skyhook.webhooks), "
        "(SELECT count(*) FROM skyhook.events), (SELECT count(*) FROM skyhook.deliveries), "
        "(SELECT count(*) FROM skyhook.detours WHERE state = 0), "
        "(SELECT count(*) FROM skyhook.detours WHERE state = 2), "
        "(SELECT count(*) FROM skyhook.attempts), (SELECT count(*) FROM skyhook.totals), "
        "(SELECT count(*) FROM skyhook.rollups), "
        "(SELECT count(*) FROM skyhook.idempotency_keys)");
    if (!rows) return failed(rows.error());
    MoveCounts counts;
    counts.accounts = rows->integer(0, 0);
    counts.webhooks = rows->integer(0, 1);
    counts.events = rows->integer(0, 2);
    counts.waiting = rows->integer(0, 4);
    counts.failed = rows->integer(0, 5);
    counts.delivered = rows->integer(0, 3) - counts.waiting - counts.failed;
    counts.attempts = rows->integer(0, 6);
    counts.totals = rows->integer(0, 7);
    counts.rollups = rows->integer(0, 8);
    counts.keys = rows->integer(0, 9);
    return counts;
  }

  Result<Done> finish() override {
    if (auto done = script("SELECT skyhook.fill_spans()"); !done) return done;
    // So many new rows: without this the first queries are planned as if there were none.
    for (const MovedColumns& moved : moved_columns()) {
      if (auto done = script("ANALYZE skyhook." + std::string(moved.table)); !done) return done;
    }
    // From here on it must last; what was committed before it lasts with it.
    if (auto done = script("SET synchronous_commit = on"); !done) return done;
    Params node, id;
    const Params none;
    node.add(node_);
    id.text(id_);
    auto done = connection_->pipeline(
        // One node is to send what waits in order, whoever takes over which part of it.
        {{"UPDATE skyhook.detours SET place = 0 WHERE state = 0 AND webhook_id IN (SELECT "
          "webhook_id FROM skyhook.webhooks WHERE options LIKE '%\"ordered\":true%')",
          none},
         {"UPDATE skyhook.nodes SET emptied = false WHERE node_id = $1", node},
         {"UPDATE skyhook.moves SET finished_at = clock_timestamp() WHERE move_id = $1", id}});
    if (!done) return failed(done.error());
    return Done{};
  }

 private:
  static Err<Error> failed(const DatabaseError& error) { return Err{to_store_error(error)}; }
  static Err<Error> refused(std::string why) {
    return Err{Error{Error::Kind::unavailable, std::move(why)}};
  }

  Result<Done> script(const std::string& sql) {
    auto done = connection_->script(sql);
    if (!done) return failed(done.error());
    return Done{};
  }

  Result<Done> check_empty() {
    auto rows = connection_->query(
        "SELECT (SELECT name FROM skyhook.nodes WHERE NOT expired LIMIT 1), "
        "EXISTS (SELECT FROM skyhook.accounts) OR EXISTS (SELECT FROM skyhook.events) "
        "OR EXISTS (SELECT FROM skyhook.deliveries) OR EXISTS (SELECT FROM skyhook.outbox) "
        "OR EXISTS (SELECT FROM skyhook.idempotency_keys)");
    if (!rows) return failed(rows.error());
    if (!rows->is_null(0, 0)) {
      return refused("a server uses the database (on " + rows->string(0, 0) +
                     "): stop it, and run this again");
    }
    if (rows->boolean(0, 1)) {
      return refused(
          "the database holds accounts or events already: a move needs an empty one, since ids "
          "stay what they are");
    }
    return Done{};
  }

  Result<Done> begin_transaction(const MoveMark& mark, const MovedIds& ids) {
    // A server that registers now waits for us, then sees the move and ends.
    if (auto done = script("BEGIN; LOCK TABLE skyhook.nodes IN SHARE ROW EXCLUSIVE MODE"); !done) {
      return done;
    }
    auto ended = connection_->query("SELECT skyhook.expire_nodes()");
    if (!ended) return failed(ended.error());
    if (auto empty = check_empty(); !empty) return empty;
    Params params;
    params.text(version_).text("moved from an embedded store");
    auto node = connection_->query(
        "INSERT INTO skyhook.nodes (lease_until, fresh_from, fresh_taken, expired, emptied, "
        "version, name, process) VALUES (clock_timestamp(), 0, true, true, true, $1, $2, '') "
        "RETURNING node_id::bigint",
        params);
    if (!node) return failed(node.error());
    node_ = node->integer(0, 0);
    Params move;
    move.text(mark.id).add(node_).add(mark.began_at);
    auto noted = connection_->query(
        "INSERT INTO skyhook.moves (move_id, node_id, began_at) VALUES ($1, $2, $3)", move);
    if (!noted) return failed(noted.error());
    Params highest;
    highest.add(ids.highest_account).add(ids.highest_webhook);
    auto moved_on = connection_->query(
        "SELECT setval('skyhook.account_ids', greatest($1, 1), $1 > 0), "
        "setval('skyhook.webhook_ids', greatest($2, 1), $2 > 0)",
        highest);
    if (!moved_on) return failed(moved_on.error());
    return script("COMMIT");
  }

  // What the log is told from must be there.
  static Result<Done> check_told(const MovedDelivery& delivery) {
    const bool is_told =
        delivery.status != DeliveryStatus::delivered ||
        (!delivery.attempts.empty() && delivery.attempts.back().failure == FailureReason::none);
    if (is_told) return Done{};
    return Err{Error{Error::Kind::corrupt, "the source is damaged: delivery " +
                                               std::to_string(delivery.id.value) +
                                               " was delivered by no attempt"}};
  }

  // The day's partitions, unless it is so far off that the clock must have been wrong then.
  Result<Done> ensure_day(std::int64_t day) {
    if (days_.contains(day) || days_.empty()) return Done{};
    const std::int64_t newest = *days_.rbegin();
    if (day > newest || day < newest - static_cast<std::int64_t>(kMovedDaysLimit)) return Done{};
    Params params;
    params.add(day);
    auto made = connection_->query("SELECT skyhook.make_day($1::int)", params);
    if (!made) return failed(made.error());
    days_.insert(day);
    return Done{};
  }

  Result<Done> write(Statements& statements, MoveTable table, std::int64_t last, std::size_t rows) {
    Params progress;
    progress.text(id_).add(static_cast<std::int64_t>(table)).add(last);
    progress.add(static_cast<std::int64_t>(rows));
    statements.add(
        "INSERT INTO skyhook.move_progress AS p (move_id, part, last, rows) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT (move_id, part) DO UPDATE "
        "SET last = excluded.last, rows = p.rows + excluded.rows",
        std::move(progress));
    auto done = connection_->pipeline(statements.calls());
    if (!done) return failed(done.error());
    return Done{};
  }

  std::unique_ptr<Connection> connection_;
  const std::string version_;
  std::string id_;               // of the move
  std::int64_t node_ = 0;        // that owns what is moved
  std::set<std::int64_t> days_;  // that have partitions
};

}  // namespace

const std::vector<MovedColumns>& moved_columns() {
  static const std::vector<MovedColumns> list{
      {"accounts", kAccountColumns},     {"webhooks", kWebhookColumns},
      {"events", kEventColumns},         {"deliveries", kDeliveryColumns},
      {"detours", kDetourColumns},       {"detours", "place"},
      {"attempts", kAttemptColumns},     {"totals", kTotalColumns},
      {"rollups", kRollupColumns},       {"rollup_durations", kDurationColumns},
      {"idempotency_keys", kKeyColumns},
  };
  return list;
}

const std::vector<LeftTable>& left_tables() {
  static const std::vector<LeftTable> list{
      {"orders", "made where the first node looks for what waits"},
      {"purges", "done in the source before"},
      {"changes", "tells living nodes of changes"},
      {"nodes", "one row, made by begin()"},
      {"tallies", "the source's counts are folded already"},
      {"fold_state", "of this store alone"},
      {"span_rollups", "made from the moved roll-ups"},
      {"day_counts", "of days that are being dropped"},
      {"days_counted", "of days that are being dropped"},
      {"event_types", "every node that starts adds what it knows"},
      {"outbox", "an embedded store has none"},
      {"request_counts", "of a minute"},
      {"watches", "of living nodes"},
      {"told_changes", "of living nodes"},
      {"inquiries", "between living nodes"},
      {"schema_versions", "of this store alone"},
      {"moves", "of the move itself"},
      {"move_progress", "of the move itself"},
      {"moved_days", "of the move itself"},
  };
  return list;
}

Result<std::unique_ptr<MoveTarget>> open_move_target(const MoveTargetOptions& options) {
  auto connection = Connection::open({.url = options.database_url, .answer_timeout = kPatience});
  if (!connection) return Err{to_store_error(connection.error())};
  if (auto done = migrate(**connection); !done) return Err{to_store_error(done.error())};
  // A move that was killed may still have a backend at work: it ends with what it was told last.
  if (auto done = (*connection)
                      ->script("SET lock_timeout = '30s'; SET statement_timeout = 0; "
                               "SET synchronous_commit = off");
      !done) {
    return Err{to_store_error(done.error())};
  }
  auto locked = (*connection)->query("SELECT pg_advisory_lock(1397442891, 4)");
  if (!locked) {
    if (locked.error().is("55P03")) {
      return Err{Error{Error::Kind::unavailable, "another move into the database is under way"}};
    }
    return Err{to_store_error(locked.error())};
  }
  return std::unique_ptr<MoveTarget>(
      std::make_unique<PostgresMoveTarget>(std::move(*connection), options.version));
}

}  // namespace skyhook::store::postgres
