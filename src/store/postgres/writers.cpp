#include "store/postgres/writers.h"

#include <pthread.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "logging/log.h"
#include "store/postgres/durations.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

constexpr std::string_view kSettleDelivered =
    "SELECT skyhook.settle_delivered($1::int,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,"
    "$17)";
constexpr std::string_view kSettle =
    "SELECT "
    "skyhook.settle($1::int,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)";

// First attempts that were held against a target, summed up by account and minute.
constexpr std::string_view kTallyFirst =
    "INSERT INTO skyhook.tallies SELECT a, 0, minute, pg_current_xact_id()::text::bigint, "
    "0, 0, 0, 0, late, n, durations FROM unnest($1, $2, $3, $4, $5) AS r(a, minute, n, late, "
    "durations)";
// The same one by one, before kSettle and within its transaction: only what that will take.
constexpr std::string_view kTallyFirstToSettle =
    "INSERT INTO skyhook.tallies SELECT i.account_id, 0, minute, "
    "pg_current_xact_id()::text::bigint, 0, 0, 0, 0, sum(late), count(*), string_agg(bucket, '') "
    "FROM unnest($2, $3, $4, $5, $6, $7) "
    "AS i(account_id, webhook_id, delivery_id, minute, late, bucket), "
    "LATERAL (SELECT d.node_id FROM skyhook.deliveries d WHERE d.account_id = i.account_id "
    "AND d.webhook_id = i.webhook_id AND d.delivery_id = i.delivery_id OFFSET 0) AS d "
    "LEFT JOIN LATERAL (SELECT x.node_id FROM skyhook.detours x WHERE x.account_id = i.account_id "
    "AND x.webhook_id = i.webhook_id AND x.delivery_id = i.delivery_id OFFSET 0) AS x ON true "
    "WHERE coalesce(x.node_id, d.node_id) = $1 "
    "AND NOT EXISTS (SELECT FROM skyhook.attempts a WHERE a.account_id = i.account_id "
    "AND a.webhook_id = i.webhook_id AND a.delivery_id = i.delivery_id) "
    "AND EXISTS (SELECT FROM skyhook.webhooks h "
    "WHERE h.account_id = i.account_id AND h.webhook_id = i.webhook_id) GROUP BY 1, 3";

std::int64_t minute_of(Timestamp time) {
  return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count();
}

// As `attempts.verdict` in the schema.
enum VerdictCode : int { kRetry = 0, kDelivered = 1, kGaveUp = 2 };

struct StoredVerdict {
  VerdictCode code;
  Timestamp at;
  FailureReason reason;
};

StoredVerdict stored(const AttemptOutcome& outcome) {
  if (const auto* delivered = std::get_if<Delivered>(&outcome.verdict)) {
    return {kDelivered, delivered->at, FailureReason::none};
  }
  if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
    return {kRetry, retry->at, FailureReason::none};
  }
  return {kGaveUp, outcome.attempt.started_at + outcome.attempt.duration,
          std::get<GaveUp>(outcome.verdict).reason};
}

int day_of(std::int64_t id) {
  return static_cast<int>(id >> kDayShift);
}

// Columns of attempts, common to both ways of settling.
struct AttemptRows {
  std::vector<std::int64_t> account, webhook, delivery, started, duration, at, number, status;
  std::vector<bool> truncated;
  std::vector<std::string_view> headers, body;

  void add(const AttemptOutcome& outcome, AccountId owner) {
    const Attempt& attempt = outcome.attempt;
    account.push_back(owner.value);
    webhook.push_back(outcome.webhook_id.value);
    delivery.push_back(outcome.delivery_id.value);
    started.push_back(to_unix_micros(attempt.started_at));
    duration.push_back(attempt.duration.count());
    at.push_back(to_unix_micros(stored(outcome).at));
    number.push_back(attempt.number);
    status.push_back(attempt.response_status.value_or(-1));
    truncated.push_back(attempt.response_truncated);
    headers.push_back(attempt.response_headers);
    body.push_back(attempt.response_body);
  }
};

// nullopt: none of them was held against a target.
std::optional<Params> tally_first(const std::vector<const AttemptOutcome*>& outcomes) {
  struct Tally {
    std::int64_t count = 0, late = 0;
    std::string durations;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, Tally> tallies;
  for (const AttemptOutcome* outcome : outcomes) {
    if (!outcome->first) continue;
    const FirstAttempt& first = *outcome->first;
    Tally& tally = tallies[{first.account.value, minute_of(outcome->attempt.started_at)}];
    ++tally.count;
    tally.late += first.is_late ? 1 : 0;
    tally.durations.push_back(static_cast<char>(duration_bucket(first.latency)));
  }
  if (tallies.empty()) return std::nullopt;
  std::vector<std::int64_t> account, minute, count, late;
  std::vector<std::string_view> durations;
  for (const auto& [key, tally] : tallies) {
    account.push_back(key.first);
    minute.push_back(key.second);
    count.push_back(tally.count);
    late.push_back(tally.late);
    durations.push_back(tally.durations);
  }
  Params params;
  params.add(account).add(minute).add(count).add(late).bytes_list(durations);
  return params;
}

// Likewise, for kTallyFirstToSettle.
std::optional<Params> first_to_settle(const std::vector<const AttemptOutcome*>& outcomes,
                                      int node) {
  std::vector<std::int64_t> account, webhook, delivery, minute, late;
  std::vector<std::string> buckets;
  for (const AttemptOutcome* outcome : outcomes) {
    if (!outcome->first) continue;
    account.push_back(outcome->first->account.value);
    webhook.push_back(outcome->webhook_id.value);
    delivery.push_back(outcome->delivery_id.value);
    minute.push_back(minute_of(outcome->attempt.started_at));
    late.push_back(outcome->first->is_late ? 1 : 0);
    buckets.emplace_back(1, static_cast<char>(duration_bucket(outcome->first->latency)));
  }
  if (account.empty()) return std::nullopt;
  Params params;
  params.add(std::int64_t{node}).add(account).add(webhook).add(delivery).add(minute).add(late);
  params.bytes_list(std::vector<std::string_view>(buckets.begin(), buckets.end()));
  return params;
}

}  // namespace

const std::string_view kAccept =
    "SELECT "
    "skyhook.accept($1::int,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19)";

const std::string_view kAcceptInOrder = "SELECT skyhook.accept_in_order($1::int,$2,$3,$4,$5)";

void AcceptRows::add(const NewEvent& added, const DeletedWebhooks& deleted) {
  const Event& from = *added.event;
  event_account.push_back(from.account_id.value);
  event_id.push_back(from.id.value);
  event_created.push_back(to_unix_micros(from.created_at));
  event_type.push_back(from.type);
  event_data.push_back(from.data);
  event_trace.push_back(from.traceparent);
  const bool is_test = !added.deliveries.empty() && added.deliveries.front().is_test;
  if (!is_test) ++tallies[{from.account_id.value, 0}];
  for (const WaitingDelivery& delivery : added.deliveries) {
    if (deleted.contains(delivery.webhook_id)) continue;
    account.push_back(from.account_id.value);
    webhook.push_back(delivery.webhook_id.value);
    id.push_back(delivery.id.value);
    event.push_back(from.id.value);
    created.push_back(to_unix_micros(delivery.created_at));
    due.push_back(to_unix_micros(delivery.due_at));
    test.push_back(delivery.is_test);
    type.push_back(from.type);
    ++tallies[{from.account_id.value, delivery.webhook_id.value}];
    if (!delivery.is_ordered) continue;
    ordered_account.push_back(from.account_id.value);
    ordered_webhook.push_back(delivery.webhook_id.value);
    ordered_id.push_back(delivery.id.value);
    ordered_due.push_back(to_unix_micros(delivery.due_at));
  }
}

Params AcceptRows::params(int node, Timestamp now) const {
  std::vector<std::int64_t> tally_account, tally_webhook, tally_count;
  for (const auto& [key, count] : tallies) {
    tally_account.push_back(key.first);
    tally_webhook.push_back(key.second);
    tally_count.push_back(count);
  }
  Params params;
  params.add(std::int64_t{node}).add(event_account).add(event_id).add(event_created);
  params.texts(event_type).bytes_list(event_data).texts(event_trace);
  params.add(account).add(webhook).add(id).add(event).add(created).add(due).bools(test);
  params.texts(type).add(tally_account).add(tally_webhook).add(tally_count).add(minute_of(now));
  return params;
}

Params AcceptRows::order_params(int node) const {
  Params params;
  params.add(std::int64_t{node}).add(ordered_account).add(ordered_webhook).add(ordered_id);
  params.add(ordered_due);
  return params;
}

Writers::Writers(const Options& options, Connection::Settings settings, Membership& membership,
                 Registry& registry, DeletedWebhooks& deleted, AccountsOfWebhooks& accounts,
                 std::mutex& detours)
    : options_(options),
      settings_(std::move(settings)),
      membership_(membership),
      registry_(registry),
      deleted_(deleted),
      accounts_(accounts),
      detours_(detours) {
  for (std::size_t i = 0; i < options_.writer_connections; ++i) {
    threads_.emplace_back([this] { run(); });
    const std::string name = "store-writer-" + std::to_string(i);
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

Writers::~Writers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Writers::publish(std::vector<NewEvent> events, PublishCallback done) {
  Publish item{std::move(events), std::move(done)};
  for (const NewEvent& event : item.events) {
    item.rows += 1 + event.deliveries.size();
    item.bytes += event.event->data.size();
    item.keyed = item.keyed || event.idempotency_key.has_value();
    if (event.event->id.value < (std::int64_t{1} << kDayShift)) {
      item.done(Err{Error{Error::Kind::unavailable, "no ids: the database cannot be reached"}});
      return;
    }
  }
  std::optional<Error> refused;
  {
    std::lock_guard lock(mutex_);
    const bool full =
        !publishes_.empty() && (queued_rows_ + item.rows > options_.queue_limit_rows ||
                                queued_bytes_ + item.bytes > options_.queue_limit_bytes);
    if (stopping_) {
      refused = Error{Error::Kind::stopped, "the store is closing"};
    } else if (full || registry_.size() > 2 * options_.fresh_limit) {
      refused = Error{Error::Kind::overloaded, "the write queue is full"};
    } else if (!registry_.add(item.events, options_.clock.mono())) {
      refused = Error{Error::Kind::unavailable, "the event's ids are out of date"};
    } else {
      queued_rows_ += item.rows;
      queued_bytes_ += item.bytes;
      publishes_.push_back(std::move(item));
      wake_.notify_one();
      return;
    }
  }
  // A clock that went back gives out such ids until a heartbeat has said so.
  if (refused->kind == Error::Kind::unavailable) membership_.beat_now();
  item.done(Err{std::move(*refused)});
}

void Writers::record(std::vector<AttemptOutcome> outcomes, RecordCallback done) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      records_.push_back({std::move(outcomes), std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(Err{Error{Error::Kind::stopped, "the store is closing"}});
}

bool Writers::next_batch(Batch& batch) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopping_ || !publishes_.empty() || !records_.empty(); });
  if (publishes_.empty() && records_.empty()) return false;
  std::size_t rows = 0;
  while (!publishes_.empty() && rows < options_.batch_limit_rows) {
    Publish& first = publishes_.front();
    if (!batch.publishes.empty() && batch.publishes.front().keyed != first.keyed) break;
    rows += first.rows;
    queued_rows_ -= first.rows;
    queued_bytes_ -= first.bytes;
    batch.publishes.push_back(std::move(first));
    publishes_.pop_front();
  }
  rows = 0;
  while (!records_.empty() && rows < options_.batch_limit_rows) {
    rows += records_.front().outcomes.size();
    batch.records.push_back(std::move(records_.front()));
    records_.pop_front();
  }
  return true;
}

void Writers::run() {
  Worker worker;
  for (;;) {
    Batch batch;
    if (!next_batch(batch)) return;
    const MonoTime begun = options_.clock.mono();
    std::size_t rows = 0;
    for (const Publish& item : batch.publishes) rows += item.rows;
    for (const Record& item : batch.records) rows += item.outcomes.size();
    write(worker, std::move(batch));
    if (options_.metrics != nullptr) {
      options_.metrics->store_commit(
          static_cast<std::int64_t>(rows),
          std::chrono::duration_cast<Micros>(options_.clock.mono() - begun));
    }
  }
}

std::optional<DatabaseError> Writers::connect(Worker& worker) {
  if (worker.connection && !worker.connection->still_usable()) {
    worker.left_behind = worker.connection->server_pid();
    worker.connection.reset();
  }
  if (!worker.connection) {
    const MonoTime now = std::chrono::steady_clock::now();
    if (now < worker.not_before) {
      return DatabaseError{"", "the database cannot be reached", true};
    }
    auto opened = Connection::open(settings_);
    if (!opened) {
      worker.not_before = std::chrono::steady_clock::now() + Millis{250};
      return opened.error();
    }
    worker.connection = std::move(*opened);
    worker.node = 0;
    if (worker.left_behind != 0) {
      // What the lost connection was told last must have happened or not before we go on.
      Params params;
      params.add(std::int64_t{worker.left_behind});
      auto ended = worker.connection->query(
          "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
          "WHERE pid = $1::int AND datname = current_database() AND application_name LIKE 'skyhook "
          "node %' "
          "AND pid <> pg_backend_pid()",
          params);
      if (!ended && ended.error().lost) return ended.error();
      worker.left_behind = 0;
    }
  }
  const int node = membership_.node_id();
  if (worker.node != node) {
    auto named = worker.connection->script("SET application_name = 'skyhook node " +
                                           std::to_string(node) + "'");
    if (!named) return named.error();
    worker.node = node;
  }
  return std::nullopt;
}

EventReceipt Writers::receipt_of(const NewEvent& event) const {
  EventReceipt receipt{event.event->id, event.event->created_at, 0, false};
  for (const WaitingDelivery& delivery : event.deliveries) {
    if (!deleted_.contains(delivery.webhook_id)) ++receipt.deliveries;
  }
  return receipt;
}

void Writers::finish(std::vector<Publish>& publishes, std::vector<PublishOutcome> outcomes) {
  for (std::size_t i = 0; i < publishes.size(); ++i) {
    publishes[i].done(std::move(outcomes[i]));
  }
  publishes.clear();
}

void Writers::fail(std::vector<Publish>& publishes, const DatabaseError& error) {
  for (Publish& item : publishes) {
    if (error.lost) {
      registry_.uncertain(item.events);
    } else {
      registry_.dropped(item.events);
    }
    Error told = to_store_error(error);
    if (error.is(kLeaseLost)) told.kind = Error::Kind::unavailable;
    item.done(Err{std::move(told)});
  }
  publishes.clear();
}

Answer<Done> Writers::ensure_days(Worker& worker, const Batch& batch) {
  std::set<int> days;
  for (const Publish& item : batch.publishes) {
    for (const NewEvent& event : item.events) {
      days.insert(day_of(event.event->id.value));
      if (!event.deliveries.empty()) days.insert(day_of(event.deliveries.back().id.value));
    }
  }
  days.insert(membership_.today());
  for (const int day : days) {
    if (auto made = membership_.ensure_day(*worker.connection, day); !made) return made;
  }
  return Done{};
}

// What of the batch takes which way: an outcome is fast where it is certain what it finds.
void Writers::write(Worker& worker, Batch batch) {
  if (auto away = connect(worker)) {
    if (options_.metrics != nullptr) options_.metrics->store_failed();
    // Nothing was sent.
    away->lost = false;
    fail(batch.publishes, *away);
    for (Record& item : batch.records) item.done(Err{to_store_error(*away)});
    return;
  }
  std::vector<const AttemptOutcome*> fast, slow;
  std::vector<DeliveryId> claimed, all;
  for (const Record& item : batch.records) {
    for (const AttemptOutcome& outcome : item.outcomes) {
      if (deleted_.contains(outcome.webhook_id)) continue;
      all.push_back(outcome.delivery_id);
      const bool certain = registry_.claim(outcome.delivery_id) == Registry::Claim::fresh;
      if (certain) claimed.push_back(outcome.delivery_id);
      const bool plain = std::holds_alternative<Delivered>(outcome.verdict) &&
                         outcome.attempt.number == 1 && outcome.attempt.error_detail.empty();
      (certain && plain ? fast : slow).push_back(&outcome);
    }
  }
  std::optional<DatabaseError> error;
  std::vector<PublishOutcome> outcomes;
  if (auto made = ensure_days(worker, batch); !made) error = made.error();
  if (!error && !batch.publishes.empty() && batch.publishes.front().keyed) {
    if (auto done = write_keyed(worker, batch.publishes, outcomes); !done) error = done.error();
    if (!error) {
      finish(batch.publishes, std::move(outcomes));
      outcomes.clear();
    }
  }
  if (!error && (!batch.publishes.empty() || !fast.empty())) {
    if (auto done = write_publishes_and_fast(worker, batch, fast); !done) error = done.error();
  }
  if (!error) {
    for (Publish& item : batch.publishes) {
      registry_.committed(item.events);
      std::vector<EventReceipt> receipts;
      for (const NewEvent& event : item.events) receipts.push_back(receipt_of(event));
      outcomes.emplace_back(std::move(receipts));
    }
    finish(batch.publishes, std::move(outcomes));
    if (!slow.empty()) {
      if (auto done = write_slow(worker, slow); !done) {
        error = done.error();
        // All are offered again, but these are written: they are not fresh any more.
        for (const AttemptOutcome* outcome : fast) registry_.settled({outcome->delivery_id});
      }
    }
  }
  if (!error) {
    registry_.settled(all);
    for (Record& item : batch.records) item.done(Done{});
    if (std::exchange(worker.failing, false)) log::info("the database takes batches again");
    return;
  }

  registry_.unclaim(claimed, !error->lost);
  const bool lease_lost = error->is(kLeaseLost);
  if (lease_lost) membership_.lease_lost();
  if (!error->lost && !lease_lost && batch.items() > 1) {
    // Whichever of them it was, the others are not to blame.
    write_one_by_one(worker, std::move(batch));
    return;
  }
  if (options_.metrics != nullptr) options_.metrics->store_failed();
  if (!std::exchange(worker.failing, true)) {
    log::warn("the database did not take a batch", {{"reason", error->message}});
  }
  fail(batch.publishes, *error);
  for (Record& item : batch.records) {
    // Others own these deliveries now: their outcomes change nothing, and must not be kept.
    if (lease_lost) {
      item.done(Done{});
    } else {
      item.done(Err{to_store_error(*error)});
    }
  }
}

void Writers::write_one_by_one(Worker& worker, Batch batch) {
  for (Publish& item : batch.publishes) {
    Batch alone;
    alone.publishes.push_back(std::move(item));
    write(worker, std::move(alone));
  }
  for (Record& item : batch.records) {
    Batch alone;
    alone.records.push_back(std::move(item));
    write(worker, std::move(alone));
  }
}

Answer<Done> Writers::write_publishes_and_fast(Worker& worker, const Batch& batch,
                                               const std::vector<const AttemptOutcome*>& fast) {
  std::vector<Params> params;
  params.reserve(4);
  std::vector<Call> calls;
  AcceptRows accepted;
  if (!batch.publishes.empty()) {
    for (const Publish& item : batch.publishes) {
      for (const NewEvent& event : item.events) {
        accepted.add(event, deleted_);
        for (const WaitingDelivery& delivery : event.deliveries) {
          accounts_.put(delivery.webhook_id, event.event->account_id);
        }
      }
    }
    params.push_back(accepted.params(worker.node, options_.clock.now()));
    calls.push_back({kAccept, params.back()});
  }
  if (!fast.empty()) {
    AttemptRows rows;
    struct Tally {
      std::int64_t delivered = 0;
      std::string durations;
    };
    std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, Tally> tallies;
    for (const AttemptOutcome* outcome : fast) {
      // Fresh deliveries came through accept, which noted the account.
      const AccountId account = accounts_.get(outcome->webhook_id).value_or(AccountId{0});
      rows.add(*outcome, account);
      const Attempt& attempt = outcome->attempt;
      Tally& tally = tallies[{account.value, outcome->webhook_id.value,
                              minute_of(attempt.started_at + attempt.duration)}];
      ++tally.delivered;
      tally.durations.push_back(static_cast<char>(duration_bucket(attempt.duration)));
    }
    std::vector<std::int64_t> account, webhook, minute, delivered;
    std::vector<std::string_view> durations;
    for (const auto& [key, tally] : tallies) {
      account.push_back(std::get<0>(key));
      webhook.push_back(std::get<1>(key));
      minute.push_back(std::get<2>(key));
      delivered.push_back(tally.delivered);
      durations.push_back(tally.durations);
    }
    Params& settle = params.emplace_back();
    settle.add(std::int64_t{worker.node}).add(rows.account).add(rows.webhook).add(rows.delivery);
    settle.add(rows.started).add(rows.duration).add(rows.at).add(rows.number).add(rows.status);
    settle.bools(rows.truncated).bytes_list(rows.headers).bytes_list(rows.body);
    settle.add(account).add(webhook).add(minute).add(delivered).bytes_list(durations);
    calls.push_back({kSettleDelivered, settle});
    if (auto first = tally_first(fast)) {
      params.push_back(*std::move(first));
      calls.push_back({kTallyFirst, params.back()});
    }
  }
  if (accepted.any_ordered()) {
    params.push_back(accepted.order_params(worker.node));
    calls.push_back({kAcceptInOrder, params.back()});
  }
  auto rows = worker.connection->pipeline(calls);
  if (!rows) return Err{rows.error()};
  return Done{};
}

Answer<Done> Writers::write_slow(Worker& worker, const std::vector<const AttemptOutcome*>& slow) {
  std::lock_guard one_at_a_time(detours_);
  std::vector<const AttemptOutcome*> rest(slow);
  while (!rest.empty()) {
    // Of a delivery only one outcome a statement: the next one stands on it.
    std::vector<const AttemptOutcome*> later;
    std::set<DeliveryId> seen;
    AttemptRows rows;
    std::vector<std::int64_t> failure, verdict, reason, minute;
    std::vector<std::string_view> error;
    std::vector<std::string> buckets;
    std::vector<const AttemptOutcome*> taken;
    for (const AttemptOutcome* outcome : rest) {
      if (!seen.insert(outcome->delivery_id).second) {
        later.push_back(outcome);
        continue;
      }
      std::optional<AccountId> account = accounts_.get(outcome->webhook_id);
      if (!account) {
        Params params;
        params.add(outcome->webhook_id.value);
        auto found = worker.connection->query(
            "SELECT account_id FROM skyhook.webhooks WHERE webhook_id = $1", params);
        if (!found) return Err{found.error()};
        if (found->count() == 0) continue;
        account = AccountId{found->integer(0, 0)};
        accounts_.put(outcome->webhook_id, *account);
      }
      const StoredVerdict what = stored(*outcome);
      const Attempt& attempt = outcome->attempt;
      rows.add(*outcome, *account);
      taken.push_back(outcome);
      failure.push_back(static_cast<int>(attempt.failure));
      verdict.push_back(what.code);
      reason.push_back(static_cast<int>(what.reason));
      error.push_back(attempt.error_detail);
      minute.push_back(minute_of(attempt.started_at + attempt.duration));
      buckets.emplace_back(1, static_cast<char>(duration_bucket(attempt.duration)));
    }
    Params params;
    params.add(std::int64_t{worker.node}).add(rows.account).add(rows.webhook).add(rows.delivery);
    params.add(rows.started).add(rows.duration).add(rows.at).add(rows.number).add(rows.status);
    params.add(failure).add(verdict).add(reason).bools(rows.truncated).bytes_list(error);
    params.bytes_list(rows.headers).bytes_list(rows.body).add(minute);
    params.bytes_list(std::vector<std::string_view>(buckets.begin(), buckets.end()));
    const auto first = first_to_settle(taken, worker.node);
    std::vector<Call> calls;
    if (first) calls.push_back({kTallyFirstToSettle, *first});
    calls.push_back({kSettle, params});
    auto written = worker.connection->pipeline(calls);
    if (!written) return Err{written.error()};
    rest = std::move(later);
  }
  return Done{};
}

// --- idempotency keys --------------------------------------------------------------------------

struct KnownKey {
  std::string hash;
  EventReceipt receipt;
  const NewEvent* ours = nullptr;  // the event of this batch that claims it
  bool is_new = false;             // no row that counts was there
};

// The keys are claimed first: a second node that uses one of them meanwhile waits for our commit.
// Then what each publish is to be told follows in memory, and only what is new is stored.
Answer<Done> Writers::write_keyed(Worker& worker, std::vector<Publish>& publishes,
                                  std::vector<PublishOutcome>& outcomes) {
  Connection& connection = *worker.connection;
  const auto hash_of = [](const NewEvent& event) {
    const Sha256& hash = event.idempotency_key->request_hash;
    return std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
  };
  KnownKeys keys;
  std::vector<std::int64_t> account, created, id, deliveries;
  std::vector<std::string_view> key, hash;
  for (const Publish& item : publishes) {
    for (const NewEvent& event : item.events) {
      if (!event.idempotency_key) continue;
      keys.try_emplace({event.event->account_id.value, event.idempotency_key->key},
                       KnownKey{std::string(hash_of(event)), receipt_of(event), nullptr, false});
    }
  }
  for (const auto& [name, known] : keys) {  // in order, so that two nodes cannot wait in a circle
    account.push_back(name.first);
    key.push_back(name.second);
    hash.push_back(known.hash);
    created.push_back(to_unix_micros(known.receipt.created_at));
    id.push_back(known.receipt.id.value);
    deliveries.push_back(known.receipt.deliveries);
  }
  if (auto begun = connection.script("BEGIN"); !begun) return begun;
  const auto give_up = [&](const DatabaseError& error) -> Answer<Done> {
    if (connection.usable()) {
      if (auto undone = connection.script("ROLLBACK"); !undone) return undone;
    }
    return Err{error};
  };
  Params claim;
  claim.add(account).add(created).add(id).add(deliveries).texts(key).bytes_list(hash);
  claim.add(std::int64_t{std::chrono::duration_cast<Micros>(kIdempotencyWindow).count()});
  auto claimed = connection.query(
      "INSERT INTO skyhook.idempotency_keys AS k SELECT * FROM unnest($1,$2,$3,$4,$5,$6) "
      "ON CONFLICT (account_id, key) DO UPDATE SET created_at = excluded.created_at, "
      "event_id = excluded.event_id, deliveries = excluded.deliveries, "
      "request_hash = excluded.request_hash WHERE k.created_at <= excluded.created_at - $7 "
      "RETURNING account_id, key",
      claim);
  if (!claimed) return give_up(claimed.error());
  for (int row = 0; row < claimed->count(); ++row) {
    const auto known = keys.find({claimed->integer(row, 0), claimed->string(row, 1)});
    if (known != keys.end()) known->second.is_new = true;
  }
  if (static_cast<std::size_t>(claimed->count()) < keys.size()) {
    Params ask;
    ask.add(account).texts(key);
    auto stored_keys = connection.query(
        "SELECT k.account_id, k.key, k.request_hash, k.event_id, k.created_at, k.deliveries "
        "FROM skyhook.idempotency_keys k JOIN unnest($1, $2) AS i(a, key) "
        "ON k.account_id = i.a AND k.key = i.key",
        ask);
    if (!stored_keys) return give_up(stored_keys.error());
    for (int row = 0; row < stored_keys->count(); ++row) {
      const auto known = keys.find({stored_keys->integer(row, 0), stored_keys->string(row, 1)});
      if (known == keys.end() || known->second.is_new) continue;
      known->second.hash = stored_keys->string(row, 2);
      known->second.receipt = {EventId{stored_keys->integer(row, 3)}, stored_keys->time(row, 4),
                               stored_keys->integer(row, 5), true};
    }
  }

  AcceptRows rows;
  std::vector<std::vector<NewEvent>> unused(publishes.size());  // replayed: never written
  std::vector<bool> refused(publishes.size());
  for (std::size_t p = 0; p < publishes.size(); ++p) {
    std::vector<EventReceipt> receipts;
    std::optional<std::size_t> conflict;
    std::map<const KnownKey*, std::string_view>
        first_hash;  // of keys that this publish would claim
    for (std::size_t i = 0; i < publishes[p].events.size() && !conflict; ++i) {
      const NewEvent& event = publishes[p].events[i];
      if (!event.idempotency_key) continue;
      const KnownKey& known = keys.at({event.event->account_id.value, event.idempotency_key->key});
      const bool open = known.is_new && known.ours == nullptr;
      const auto [first, added] = first_hash.try_emplace(&known, hash_of(event));
      const std::string_view expected = open ? first->second : std::string_view(known.hash);
      if (expected != hash_of(event)) conflict = i;
    }
    if (conflict) {
      outcomes.emplace_back(IdempotencyConflict{*conflict});
      refused[p] = true;
      continue;
    }
    for (const NewEvent& event : publishes[p].events) {
      if (event.idempotency_key) {
        KnownKey& known = keys.at({event.event->account_id.value, event.idempotency_key->key});
        if (!known.is_new || known.ours != nullptr) {
          receipts.push_back(known.receipt);
          receipts.back().replayed = true;
          unused[p].push_back(event);
          continue;
        }
        known.ours = &event;
        known.hash = hash_of(event);
        known.receipt = receipt_of(event);
      }
      rows.add(event, deleted_);
      receipts.push_back(receipt_of(event));
      for (const WaitingDelivery& delivery : event.deliveries) {
        accounts_.put(delivery.webhook_id, event.event->account_id);
      }
    }
    outcomes.emplace_back(std::move(receipts));
  }

  // Claims whose first publish was refused belong to a later one, or to nobody.
  for (const auto& [name, known] : keys) {
    if (!known.is_new) continue;
    Params correct;
    correct.add(name.first).text(name.second);
    if (known.ours == nullptr) {
      auto undone = connection.query(
          "DELETE FROM skyhook.idempotency_keys WHERE account_id = $1 AND key = $2", correct);
      if (!undone) return give_up(undone.error());
    } else if (std::find(id.begin(), id.end(), known.receipt.id.value) == id.end()) {
      correct.add(known.receipt.id.value).add(known.receipt.created_at);
      correct.add(known.receipt.deliveries).bytes(known.hash);
      auto corrected = connection.query(
          "UPDATE skyhook.idempotency_keys SET event_id = $3, created_at = $4, deliveries = $5, "
          "request_hash = $6 WHERE account_id = $1 AND key = $2",
          correct);
      if (!corrected) return give_up(corrected.error());
    }
  }
  if (!rows.event_id.empty()) {
    auto accepted = connection.query(kAccept, rows.params(worker.node, options_.clock.now()));
    if (!accepted) return give_up(accepted.error());
  }
  if (rows.any_ordered()) {
    auto placed = connection.query(kAcceptInOrder, rows.order_params(worker.node));
    if (!placed) return give_up(placed.error());
  }
  if (auto committed = connection.script("COMMIT"); !committed) {
    // Whether it was committed is not known, whatever the reason.
    DatabaseError error = committed.error();
    error.lost = error.lost || connection.in_transaction();
    return Err{std::move(error)};
  }
  for (std::size_t p = 0; p < publishes.size(); ++p) {
    if (refused[p]) {
      registry_.dropped(publishes[p].events);
    } else {
      registry_.committed(publishes[p].events);
      registry_.dropped(unused[p]);
    }
  }
  return Done{};
}

}  // namespace skyhook::store::postgres
