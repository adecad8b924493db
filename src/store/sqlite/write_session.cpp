#include "store/sqlite/write_session.h"

#include <algorithm>
#include <map>
#include <utility>

namespace skyhook::store::sqlite {

WriteSession::WriteSession(Connection& connection, int checkpoint_pages,
                           std::int64_t journal_rows_limit)
    : connection_(connection),
      checkpoint_pages_(checkpoint_pages),
      journal_rows_(journal_rows_limit),
      begin_(connection.handle(), "BEGIN IMMEDIATE"),
      commit_(connection.handle(), "COMMIT"),
      rollback_(connection.handle(), "ROLLBACK"),
      events_(connection.handle(), "INSERT INTO events", "(?, ?, ?, ?, ?, ?)"),
      deliveries_(connection.handle(),
                  "INSERT INTO deliveries (id, webhook_id, event_id, event_type, status, at, "
                  "attempt_number, schedule_position, response_status, failure, is_test, "
                  "created_at)",
                  "(?, ?, ?, ?, 0, ?, 0, 0, 1000, 0, ?, ?)"),
      attempts_(connection.handle(), "REPLACE INTO attempts", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      deliver_(connection.handle(),
               "UPDATE deliveries SET status = 1, at = ?3, attempt_number = ?4, response_status = "
               "?5, failure = 0 "
               "WHERE id = ?1 AND webhook_id = ?2 AND status = 0"),
      deliver_failed_(connection.handle(),
                      "UPDATE deliveries SET status = 1, at = ?3, attempt_number = ?4, "
                      "response_status = ?5, failure = 0 "
                      "WHERE id = ?1 AND webhook_id = ?2 AND status = 2"),
      retry_(
          connection.handle(),
          "UPDATE deliveries SET at = ?3, attempt_number = ?4, response_status = ?5, failure = ?6, "
          "schedule_position = schedule_position + 1 WHERE id = ?1 AND webhook_id = ?2 AND status "
          "= 0 AND attempt_number < ?4"),
      give_up_(connection.handle(),
               "UPDATE deliveries SET status = 2, at = ?3, attempt_number = ?4, response_status = "
               "?5, failure = ?6 "
               "WHERE id = ?1 AND webhook_id = ?2 AND status = 0"),
      log_late_(connection.handle(),
                "UPDATE deliveries SET attempt_number = ?3, response_status = ?4 "
                "WHERE id = ?1 AND webhook_id = ?2 AND status = 2 AND attempt_number < ?3"),
      mark_ids_(
          connection.handle(),
          "INSERT INTO id_marks VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "
          "first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id)"),
      move_ceiling_(connection.handle(),
                    "UPDATE counters SET value = ?1 WHERE name = 'id_ceiling'") {
  sqlite3_wal_hook(
      connection_.handle(),
      [](void* session, sqlite3*, const char*, int pages) {
        static_cast<WriteSession*>(session)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  load_webhooks();
  // How much its rows hold is not known: where it has any, the first fold takes them.
  journal_.rows = journal_rows(connection_);
  journal_.changes = journal_.rows > 0 ? kJournalChanges : 0;
  committed_journal_ = journal_;
  Query query(connection_.statement("SELECT value FROM counters WHERE name = 'id_ceiling'"));
  if (query.next()) id_ceiling_ = committed_id_ceiling_ = query.integer(0);
}

void WriteSession::load_webhooks() {
  webhooks_.clear();
  for (Query query(connection_.statement("SELECT id FROM webhooks")); query.next();) {
    webhooks_.insert(WebhookId{query.integer(0)});
  }
}

WriteSession::~WriteSession() {
  sqlite3_wal_hook(connection_.handle(), nullptr, nullptr);
}

void WriteSession::checkpoint_if_due() {
  if (log_pages_ < checkpoint_pages_) return;
  // Where it fails (a full disk, a reader that holds on to the log), everything is still in the
  // log: the next commit tries again.
  (void)sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                  nullptr);
}

void WriteSession::begin() {
  rows_ = 0;
  begin_.run();
  if (webhooks_stale_) {
    load_webhooks();
    webhooks_stale_ = false;
  }
}

void WriteSession::commit() {
  write_rows();
  flush();
  commit_.run();
  committed_id_ceiling_ = id_ceiling_;
  committed_journal_ = journal_;
  forget_changes();
}

void WriteSession::rollback() noexcept {
  try {
    // After some errors SQLite has rolled back by itself.
    if (connection_.in_transaction()) rollback_.run();
  } catch (const SqliteError&) {
    // The next begin() meets the same trouble and reports it.
  }
  webhooks_stale_ = webhooks_stale_ || webhooks_changed_;
  id_ceiling_ = committed_id_ceiling_;
  journal_ = committed_journal_;
  forget_changes();
}

void WriteSession::forget_changes() {
  events_.clear();
  deliveries_.clear();
  attempts_.clear();
  webhooks_changed_ = false;
  changes_.clear();
  id_marks_.clear();
  highest_id_ = 0;
}

void WriteSession::webhook_created(WebhookId id) {
  webhooks_.insert(id);
  webhooks_changed_ = true;
}

void WriteSession::webhook_deleted(WebhookId id) {
  webhooks_.erase(id);
  webhooks_changed_ = true;
  changes_.totals.erase(id);
  forget_rollups(rollup_owner(id));
}

void WriteSession::account_deleted(AccountId id) {
  forget_rollups(rollup_owner(id));
}

// What this transaction did to it before no longer counts, and the journal speaks of none that is
// gone.
void WriteSession::forget_rollups(std::int64_t owner) {
  std::erase_if(changes_.rollups,
                [owner](const auto& entry) { return entry.first.owner == owner; });
  fold();
}

// --- publish
// ---------------------------------------------------------------------------------------------------------------

PublishOutcome WriteSession::publish(const std::vector<NewEvent>& events) {
  const bool has_keys = std::any_of(events.begin(), events.end(), [](const NewEvent& event) {
    return event.idempotency_key.has_value();
  });
  std::vector<EventReceipt> receipts;
  receipts.reserve(events.size());
  if (!has_keys) {
    for (const NewEvent& event : events) receipts.push_back(insert_event(event));
    return receipts;
  }
  const KeyPlan plan = plan_keys(events);
  if (plan.conflict) return IdempotencyConflict{*plan.conflict};
  for (std::size_t index = 0; index < events.size(); ++index) {
    if (plan.stored[index]) {
      receipts.push_back(*plan.stored[index]);
    } else if (plan.same_as[index]) {
      receipts.push_back(receipts[*plan.same_as[index]]);
      receipts.back().replayed = true;
    } else {
      receipts.push_back(insert_event(events[index]));
    }
  }
  return receipts;
}

WriteSession::KeyPlan WriteSession::plan_keys(const std::vector<NewEvent>& events) {
  KeyPlan plan;
  plan.stored.resize(events.size());
  plan.same_as.resize(events.size());
  std::map<std::pair<AccountId, std::string_view>, std::size_t> first_with_key;
  for (std::size_t index = 0; index < events.size(); ++index) {
    if (!events[index].idempotency_key) continue;
    const Event& event = *events[index].event;
    const IdempotencyKey& key = *events[index].idempotency_key;
    Query known(connection_.statement(
                    "SELECT request_hash, event_id, created_at, deliveries FROM idempotency_keys "
                    "WHERE account_id = ?1 AND key = ?2 AND created_at > ?3"),
                event.account_id.value, key.key, event.created_at - kIdempotencyWindow);
    const std::string_view hash(reinterpret_cast<const char*>(key.request_hash.data()),
                                key.request_hash.size());
    if (known.next()) {
      if (known.bytes(0) != hash) return {.conflict = index, .stored = {}, .same_as = {}};
      plan.stored[index] =
          EventReceipt{EventId{known.integer(1)}, known.time(2), known.integer(3), true};
      continue;
    }
    const auto [place, is_new] =
        first_with_key.emplace(std::pair(event.account_id, std::string_view(key.key)), index);
    if (is_new) continue;
    if (events[place->second].idempotency_key->request_hash != key.request_hash) {
      return {.conflict = index, .stored = {}, .same_as = {}};
    }
    plan.same_as[index] = place->second;
  }
  return plan;
}

EventReceipt WriteSession::insert_event(const NewEvent& added) {
  const Event& event = *added.event;
  events_.add(event.id.value, event.account_id.value, event.created_at, event.type, event.data,
              event.traceparent);
  mark_id(event.id.value, event.created_at);
  EventReceipt receipt{event.id, event.created_at, 0, false};
  const bool is_test = !added.deliveries.empty() && added.deliveries.front().is_test;
  if (!is_test) {
    changes_.rollups[{rollup_owner(event.account_id), minute_of(event.created_at)}].delivered += 1;
  }
  for (const WaitingDelivery& delivery : added.deliveries) {
    // Deleted since the publisher's side looked: its deliveries are dropped, as those that waited
    // were.
    if (!webhooks_.contains(delivery.webhook_id)) continue;
    insert_delivery(delivery);
    ++receipt.deliveries;
  }
  if (added.idempotency_key) {
    const IdempotencyKey& key = *added.idempotency_key;
    connection_.statement("REPLACE INTO idempotency_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .run(event.account_id.value, key.key,
             Blob{key.request_hash.data(), key.request_hash.size()}, event.id.value,
             receipt.deliveries, event.created_at);
  }
  rows_ += 1;
  return receipt;
}

void WriteSession::insert_delivery(const WaitingDelivery& delivery) {
  const std::int64_t id = delivery.id.value;
  if (deliveries_.empty()) lowest_unwritten_ = id;
  lowest_unwritten_ = std::min(lowest_unwritten_, id);
  deliveries_.add(id, delivery.webhook_id.value, delivery.event->id.value, delivery.event->type,
                  delivery.due_at, delivery.is_test, delivery.created_at);
  changes_.totals[delivery.webhook_id].pending += 1;
  mark_id(id, delivery.created_at);
  rows_ += 1;
}

void WriteSession::mark_id(std::int64_t id, Timestamp created_at) {
  highest_id_ = std::max(highest_id_, id);
  const auto [mark, is_new] = id_marks_.try_emplace(minute_of(created_at), IdSpan{id, id});
  if (is_new) return;
  mark->second.first = std::min(mark->second.first, id);
  mark->second.last = std::max(mark->second.last, id);
}

// --- record
// ----------------------------------------------------------------------------------------------------------------

void WriteSession::record(const AttemptOutcome& outcome) {
  if (!webhooks_.contains(outcome.webhook_id)) return;
  // Published by this transaction: nobody delivers it before it is durable, but the interface does
  // not forbid it.
  if (!deliveries_.empty() && outcome.delivery_id.value >= lowest_unwritten_) deliveries_.flush();
  const Attempt& attempt = outcome.attempt;
  Rollup& ended_then = rollup(outcome.webhook_id, attempt.started_at + attempt.duration);
  const bool counts = std::visit(
      [&](const auto& verdict) { return settle(outcome, verdict, ended_then); }, outcome.verdict);
  if (!counts) return;
  ended_then.durations.add(attempt.duration);
  if (outcome.first) count_first(*outcome.first, attempt.started_at);
  insert_attempt(outcome);
  rows_ += 1;
}

void WriteSession::count_first(const FirstAttempt& first, Timestamp began_at) {
  Rollup& began_then = changes_.rollups[{rollup_owner(first.account), minute_of(began_at)}];
  began_then.failed_attempts += 1;
  began_then.failed += first.is_late ? 1 : 0;
  began_then.durations.add(first.latency);
}

bool WriteSession::settle(const AttemptOutcome& outcome, const Delivered& delivered,
                          Rollup& rollup) {
  const auto run = [&](Statement& statement) {
    return statement.run(outcome.delivery_id.value, outcome.webhook_id.value, delivered.at,
                         outcome.attempt.number,
                         outcome.attempt.response_status.value_or(kNoResponse)) == 1;
  };
  DeliveryTotals& totals = changes_.totals[outcome.webhook_id];
  if (run(deliver_)) {
    totals.pending -= 1;
  } else if (run(deliver_failed_)) {
    totals.failed -= 1;
  } else {
    return false;
  }
  totals.delivered += 1;
  rollup.delivered += 1;
  return true;
}

bool WriteSession::settle(const AttemptOutcome& outcome, const RetryAt& retry, Rollup& rollup) {
  const Attempt& attempt = outcome.attempt;
  if (retry_.run(outcome.delivery_id.value, outcome.webhook_id.value, retry.at, attempt.number,
                 attempt.response_status.value_or(kNoResponse),
                 static_cast<int>(attempt.failure)) == 0) {
    return settle_late(outcome, rollup);
  }
  rollup.failed_attempts += 1;
  return true;
}

bool WriteSession::settle(const AttemptOutcome& outcome, const GaveUp& gave_up, Rollup& rollup) {
  const Attempt& attempt = outcome.attempt;
  if (give_up_.run(outcome.delivery_id.value, outcome.webhook_id.value,
                   attempt.started_at + attempt.duration, attempt.number,
                   attempt.response_status.value_or(kNoResponse),
                   static_cast<int>(gave_up.reason)) == 0) {
    return settle_late(outcome, rollup);
  }
  DeliveryTotals& totals = changes_.totals[outcome.webhook_id];
  totals.pending -= 1;
  totals.failed += 1;
  rollup.failed_attempts += 1;
  rollup.failed += 1;
  return true;
}

bool WriteSession::settle_late(const AttemptOutcome& outcome, Rollup& rollup) {
  const Attempt& attempt = outcome.attempt;
  if (log_late_.run(outcome.delivery_id.value, outcome.webhook_id.value, attempt.number,
                    attempt.response_status.value_or(kNoResponse)) == 0) {
    return false;
  }
  rollup.failed_attempts += 1;
  return true;
}

void WriteSession::insert_attempt(const AttemptOutcome& outcome) {
  const Attempt& attempt = outcome.attempt;
  attempts_.add(attempt_key(outcome.delivery_id.value, attempt.number), attempt.number,
                attempt.started_at, std::int64_t{attempt.duration.count()},
                attempt.response_status.value_or(kNoResponse), static_cast<int>(attempt.failure),
                attempt.response_truncated, attempt.error_detail,
                Blob{attempt.response_headers.data(), attempt.response_headers.size()},
                Blob{attempt.response_body.data(), attempt.response_body.size()});
}

void WriteSession::write_rows() {
  events_.flush();
  deliveries_.flush();
  attempts_.flush();
}

Connection& WriteSession::connection() {
  write_rows();
  return connection_;
}

// --- counts
// ----------------------------------------------------------------------------------------------------------------

void WriteSession::flush() {
  if (const std::int64_t changes = append_to_journal(connection_, changes_); changes > 0) {
    journal_.rows += 1;
    journal_.changes += changes;
  }
  for (const auto& [minute, span] : id_marks_) mark_ids_.run(minute, span.first, span.last);
  if (highest_id_ >= id_ceiling_) {
    id_ceiling_ = highest_id_ + kIdsReserved;
    move_ceiling_.run(id_ceiling_);
  }
}

void WriteSession::fold() {
  if (journal_.rows == 0) return;
  fold_journal(connection_);
  journal_ = {};
}

std::optional<Error> WriteSession::fold_if_due() noexcept {
  if (journal_.rows < journal_rows_ && journal_.changes < kJournalChanges) return std::nullopt;
  try {
    begin();
    fold();
    commit();
    return std::nullopt;
  } catch (const SqliteError& failure) {
    rollback();
    return failure.to_error();
  }
}

void WriteSession::close_ids(std::int64_t next) {
  if (next >= id_ceiling_) return;
  id_ceiling_ = next;
  move_ceiling_.run(next);
}

}  // namespace skyhook::store::sqlite
