#include "store/sqlite/purger.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace skyhook::store::sqlite {
namespace {

// Going through the roll-ups of all webhooks costs a look at each: not for every minute that falls
// out of the span.
constexpr Seconds kRollupPassSpacing{3600};
constexpr std::int64_t kEveryMinute = std::numeric_limits<std::int64_t>::max();

void delete_delivery(Connection& connection, std::int64_t id) {
  connection.statement("DELETE FROM attempts WHERE key BETWEEN ?1 AND ?2")
      .run(attempt_key(id, 0), attempt_key(id, kAttemptsKept));
  connection.statement("DELETE FROM deliveries WHERE id = ?1").run(id);
}

std::vector<std::int64_t> ids(Statement& statement, std::int64_t parent) {
  std::vector<std::int64_t> found;
  for (Query row(statement, parent, kPurgeRows); row.next();) found.push_back(row.integer(0));
  return found;
}

// Accounts first, whose numbers are negative, then webhooks.
std::vector<std::int64_t> rollup_owners_after(Connection& connection, std::int64_t owner) {
  std::vector<std::int64_t> owners;
  const auto read = [&](std::string_view sql, std::int64_t after) {
    for (Query row(connection.statement(sql), after, kPurgeRows); row.next();) {
      owners.push_back(row.integer(0));
    }
  };
  if (owner < 0) read("SELECT -id FROM accounts WHERE id < ?1 ORDER BY id DESC LIMIT ?2", -owner);
  if (owners.empty()) {
    read("SELECT webhook_id FROM webhook_totals WHERE webhook_id > ?1 ORDER BY webhook_id LIMIT ?2",
         std::max<std::int64_t>(owner, 0));
  }
  return owners;
}

}  // namespace

bool Purger::step(WriteSession& session, Timestamp now, std::optional<Timestamp> keep_after) {
  if (purge_deleted(session)) return true;
  if (purge_idempotency_keys(session, now)) return true;
  return keep_after && purge_old(session, {.now = now, .keep_after = *keep_after});
}

// True where it did something, so that more may be left.
bool Purger::purge_deleted(WriteSession& session) {
  std::int64_t id = 0;
  std::int64_t webhook = 0;
  std::int64_t account = 0;
  {
    Query row(session.connection().statement(
        "SELECT id, webhook_id, account_id FROM purges ORDER BY id LIMIT 1"));
    if (!row.next()) return false;
    id = row.integer(0);
    webhook = row.integer(1);
    account = row.integer(2);
  }
  const bool more =
      webhook != 0 ? purge_webhook(session, webhook) : purge_account(session, account);
  if (!more) session.connection().statement("DELETE FROM purges WHERE id = ?1").run(id);
  return true;
}

bool Purger::purge_webhook(WriteSession& session, std::int64_t webhook) {
  Connection& connection = session.connection();
  // Pending ones first: they stand at the front of what queue_stats looks at.
  std::vector<std::int64_t> rows =
      ids(connection.statement("SELECT id FROM deliveries INDEXED BY deliveries_waiting "
                               "WHERE webhook_id = ?1 AND status = 0 LIMIT ?2"),
          webhook);
  if (rows.empty()) {
    rows = ids(connection.statement("SELECT id FROM deliveries INDEXED BY deliveries_by_webhook "
                                    "WHERE webhook_id = ?1 ORDER BY id LIMIT ?2"),
               webhook);
  }
  for (const std::int64_t id : rows) delete_delivery(connection, id);
  if (!rows.empty()) return true;
  return delete_rollups(connection, webhook, kEveryMinute, kPurgeRows) > 0;
}

// Its webhooks have purges of their own, which stand before this one.
bool Purger::purge_account(WriteSession& session, std::int64_t account) {
  Connection& connection = session.connection();
  const std::int64_t owner = rollup_owner(AccountId{account});
  if (delete_rollups(connection, owner, kEveryMinute, kPurgeRows) > 0) return true;
  if (connection
          .statement("DELETE FROM idempotency_keys WHERE account_id = ?1 AND key IN "
                     "(SELECT key FROM idempotency_keys WHERE account_id = ?1 LIMIT ?2)")
          .run(account, kPurgeRows) > 0) {
    return true;
  }
  std::vector<std::int64_t> doomed;
  std::int64_t last = 0;
  for (Query row(connection.statement(
                     "SELECT id, account_id FROM events WHERE id > ?1 ORDER BY id LIMIT ?2"),
                 account_cursor_, kPurgeScanRows);
       doomed.size() < kPurgeRows && row.next();) {
    last = row.integer(0);
    if (row.integer(1) == account) doomed.push_back(last);
  }
  for (const std::int64_t id : doomed)
    connection.statement("DELETE FROM events WHERE id = ?1").run(id);
  // Not behind what this step removes: it may yet fail.
  if (doomed.empty()) account_cursor_ = last;
  return last != 0;
}

bool Purger::purge_idempotency_keys(WriteSession& session, Timestamp now) {
  return session.connection()
             .statement(
                 "DELETE FROM idempotency_keys WHERE (account_id, key) IN "
                 "(SELECT account_id, key FROM idempotency_keys INDEXED BY "
                 "idempotency_keys_by_time "
                 "WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)")
             .run(now - kIdempotencyWindow, kPurgeRows) > 0;
}

bool Purger::purge_old(WriteSession& session, const Ages& ages) {
  switch (phase_) {
    case Phase::deliveries:
      if (purge_old_deliveries(session, ages)) return true;
      phase_ = Phase::events;
      cursor_ = 0;
      [[fallthrough]];
    case Phase::events:
      if (purge_old_events(session, ages)) return true;
      phase_ = Phase::rollups;
      cursor_ = -kEveryMinute;
      [[fallthrough]];
    case Phase::rollups:
      if (purge_old_rollups(session, ages.keep_after)) return true;
      phase_ = Phase::deliveries;
      cursor_ = 0;
  }
  return false;
}

bool Purger::purge_old_deliveries(WriteSession& session, const Ages& ages) {
  Connection& connection = session.connection();
  struct Doomed {
    std::int64_t id;
    WebhookId webhook;
    DeliveryStatus status;
  };
  std::vector<Doomed> doomed;
  bool more = false;
  for (Query row(connection.statement("SELECT id, webhook_id, status, created_at FROM deliveries "
                                      "WHERE id > ?1 ORDER BY id LIMIT ?2"),
                 cursor_, kPurgeScanRows);
       row.next() && !ages.is_young(row.time(3));) {
    more = true;
    cursor_ = row.integer(0);
    const auto status = static_cast<DeliveryStatus>(row.small(2));
    if (status != DeliveryStatus::pending && ages.is_old(row.time(3)))
      doomed.push_back({cursor_, WebhookId{row.integer(1)}, status});
    if (doomed.size() == kPurgeRows) break;
  }
  for (const Doomed& old : doomed) {
    delete_delivery(connection, old.id);
    DeliveryTotals& totals = session.totals_change(old.webhook);
    (old.status == DeliveryStatus::delivered ? totals.delivered : totals.failed) -= 1;
  }
  return more;
}

bool Purger::purge_old_events(WriteSession& session, const Ages& ages) {
  Connection& connection = session.connection();
  std::vector<std::int64_t> old;
  bool more = false;
  for (Query row(connection.statement(
                     "SELECT id, created_at FROM events WHERE id > ?1 ORDER BY id LIMIT ?2"),
                 cursor_, kPurgeRows);
       row.next() && !ages.is_young(row.time(1));) {
    more = true;
    cursor_ = row.integer(0);
    if (ages.is_old(row.time(1))) old.push_back(cursor_);
  }
  Statement& remove = connection.statement(
      "DELETE FROM events WHERE id = ?1 AND NOT EXISTS "
      "(SELECT 1 FROM deliveries INDEXED BY deliveries_pending WHERE status = 0 AND event_id = "
      "?1)");
  for (const std::int64_t id : old) remove.run(id);
  return more;
}

bool Purger::purge_old_rollups(WriteSession& session, Timestamp keep_after) {
  if (rollups_kept_ && keep_after - *rollups_kept_ < kRollupPassSpacing) return false;
  Connection& connection = session.connection();
  if (cursor_ == -kEveryMinute)
    session.fold();  // what is in the journal only would come back with its fold
  const std::int64_t minute = minute_of(keep_after);
  std::int64_t removed = 0;
  const std::vector<std::int64_t> owners = rollup_owners_after(connection, cursor_);
  for (const std::int64_t owner : owners) {
    removed += delete_rollups(connection, owner, minute, kPurgeRows);
    if (removed >= kPurgeRows) break;  // this one may have more: the next step begins with it
    cursor_ = owner;
  }
  if (!owners.empty()) return true;
  connection.statement("DELETE FROM id_marks WHERE minute < ?1").run(minute - 1);
  rollups_kept_ = keep_after;
  return false;
}

}  // namespace skyhook::store::sqlite
