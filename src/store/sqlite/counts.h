// The counts that are kept and not counted: totals per webhook and status, roll-ups per webhook and
// minute, and once more per span of them (store/rollup_ranges.h). A transaction writes what it
// changes in them as one row of a journal; now and then the journal is folded into the tables. So a
// batch touches one page at the end of a table and not two pages for each of its webhooks.
//
// The journal is part of the database: what a reader sees in one transaction is always the tables
// plus the journal, exactly, whenever the process or the machine stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/sqlite/database.h"
#include "store/sqlite/histogram.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

// The journal is folded once it speaks of this many totals and roll-ups, or has as many rows as the
// options say: bounds what each read of a count goes through, and how long a fold holds up the
// writer.
inline constexpr std::int64_t kJournalChanges = 4'096;

constexpr std::int64_t minute_of(Timestamp time) {
  return std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count();
}

// What happened in one minute to one webhook.
struct Rollup {
  std::int64_t delivered = 0;
  std::int64_t failed_attempts = 0;
  std::int64_t failed = 0;
  Histogram durations;

  bool empty() const { return delivered == 0 && failed_attempts == 0 && failed == 0; }
  void add(const Rollup& other);
};

// Roll-ups belong to a webhook; or to an account: then `delivered` is how many events it published,
// `failed_attempts` how many first attempts were held against a target, `failed` how many of them
// were late, and the durations are their latencies.
constexpr std::int64_t rollup_owner(WebhookId webhook) {
  return webhook.value;
}
constexpr std::int64_t rollup_owner(AccountId account) {
  return -account.value;
}

struct RollupKey {
  std::int64_t owner;
  std::int64_t minute;
  bool operator==(const RollupKey&) const = default;
  auto operator<=>(const RollupKey&) const = default;
};
struct RollupKeyHash {
  std::size_t operator()(const RollupKey& key) const {
    return static_cast<std::size_t>(key.owner) * 0x9e3779b97f4a7c15ULL +
           static_cast<std::size_t>(key.minute);
  }
};

// Differences to what the tables say.
struct CountChanges {
  std::unordered_map<WebhookId, DeliveryTotals> totals;
  std::unordered_map<RollupKey, Rollup, RollupKeyHash> rollups;

  void clear() {
    totals.clear();
    rollups.clear();
  }
};

// Writes, within the writer's transaction. All throw SqliteError.

// Appends one row. Returns how many totals and roll-ups it speaks of; 0 where there was nothing to
// write.
std::int64_t append_to_journal(Connection& connection, const CountChanges& changes);
// Moves the whole journal into the tables. Every webhook in it must exist: fold before a webhook is
// deleted.
void fold_journal(Connection& connection);
std::int64_t journal_rows(Connection& connection);
// Removes up to `limit` roll-ups of one owner: of minutes before `before`, and of spans that end
// there or before. Returns how many.
std::int64_t delete_rollups(Connection& connection, std::int64_t owner, std::int64_t before,
                            std::int64_t limit);

// Reads; the connection in a transaction, since they look at tables and journal.

// In the order of `webhooks`; zeros where one does not exist.
std::vector<DeliveryTotals> read_totals(Connection& connection,
                                        const std::vector<WebhookId>& webhooks);
DeliveryTotals read_totals(Connection& connection, WebhookId webhook);
DeliveryTotals read_totals_of_all(Connection& connection);
std::vector<WebhookId> read_webhooks_with_pending(Connection& connection);
std::vector<StatsStep> read_stats(Connection& connection, const std::vector<WebhookId>& webhooks,
                                  Timestamp from, Timestamp until, Seconds step);
std::vector<AccountStep> read_account_stats(Connection& connection,
                                            const std::vector<AccountId>& accounts, Timestamp from,
                                            Timestamp until, Seconds step);

}  // namespace skyhook::store::sqlite
