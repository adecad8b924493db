// What the writer does inside a transaction. The hot path lives here; changes of accounts, webhooks
// and the log use the connection and keep the counts through the calls below.
//
// A transaction: begin(), any number of operations, commit(); or rollback(), after which the
// session is as after the last commit. Operations throw SqliteError. Writer thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/sqlite/bulk_insert.h"
#include "store/sqlite/counts.h"
#include "store/sqlite/database.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

inline constexpr std::int64_t kNoResponse = 1000;  // in a response_status column
inline constexpr std::int64_t kAttemptsKept =
    1023;  // of a delivery; a later one takes the place of the last
inline constexpr std::int64_t kIdsReserved = 1 << 17;  // how far id_ceiling is moved at a time

constexpr std::int64_t attempt_key(std::int64_t delivery, std::int64_t number) {
  return delivery * (kAttemptsKept + 1) + std::min(number, kAttemptsKept);
}

class WriteSession {
 public:
  // `connection` outlives the session. From now on SQLite does not fold its log into the database
  // by itself.
  WriteSession(Connection& connection, int checkpoint_pages, std::int64_t journal_rows);
  ~WriteSession();
  WriteSession(const WriteSession&) = delete;
  WriteSession& operator=(const WriteSession&) = delete;

  void begin();
  void commit();
  void rollback() noexcept;
  // Folds the journal of counts into its tables once it is long enough, in a transaction of its
  // own. nullopt where it went well or was not due; otherwise nothing has changed and the next call
  // tries again.
  std::optional<Error> fold_if_due() noexcept;
  // Folds the log into the database once it has `checkpoint_pages` pages. Outside of a transaction,
  // after the callers were told: within the commit, as SQLite would do it, they would wait for it.
  void checkpoint_if_due();

  PublishOutcome publish(const std::vector<NewEvent>& events);
  void record(const AttemptOutcome& outcome);
  // A new delivery of an event that is stored, or is about to be by this transaction, to a webhook
  // that exists. `delivery.event` must live until the transaction ends.
  void insert_delivery(const WaitingDelivery& delivery);

  // Added to the webhook's totals and roll-up at commit.
  DeliveryTotals& totals_change(WebhookId webhook) { return changes_.totals[webhook]; }
  Rollup& rollup(WebhookId webhook, Timestamp when) {
    return changes_.rollups[{webhook.value, minute_of(when)}];
  }

  // Webhooks that exist, this transaction's changes included. Whoever makes or deletes one says so
  // here; a deletion before its counts are removed.
  bool webhook_exists(WebhookId id) const { return webhooks_.contains(id); }
  void webhook_created(WebhookId id);
  void webhook_deleted(WebhookId id);
  void account_deleted(AccountId id);  // after its webhooks

  // Rows that this transaction wrote on the hot path.
  std::int64_t rows() const { return rows_; }
  // The id from which a new process may count, as of the last commit.
  std::int64_t id_ceiling() const { return committed_id_ceiling_; }
  // Moves the ceiling to `next`, or leaves it where it must stay above ids in use. For a clean end,
  // so that no ids are skipped.
  void close_ids(std::int64_t next);

  // With every row of the hot path in its table.
  Connection& connection();
  // Moves the journal of counts into its tables.
  void fold();

 private:
  struct JournalSize {
    std::int64_t rows = 0;
    std::int64_t changes = 0;  // totals and roll-ups in its rows
  };
  struct IdSpan {
    std::int64_t first;
    std::int64_t last;
  };
  // What is known of each event's key before anything is written.
  struct KeyPlan {
    std::optional<std::size_t> conflict;
    std::vector<std::optional<EventReceipt>> stored;  // first results from earlier publishes
    std::vector<std::optional<std::size_t>>
        same_as;  // an earlier event of this publish with the same key
  };

  KeyPlan plan_keys(const std::vector<NewEvent>& events);
  EventReceipt insert_event(const NewEvent& added);
  void mark_id(std::int64_t id, Timestamp created_at);
  void insert_attempt(const AttemptOutcome& outcome);
  void count_first(const FirstAttempt& first, Timestamp began_at);
  void write_rows();
  bool settle(const AttemptOutcome& outcome, const Delivered& delivered, Rollup& rollup);
  bool settle(const AttemptOutcome& outcome, const RetryAt& retry, Rollup& rollup);
  bool settle(const AttemptOutcome& outcome, const GaveUp& gave_up, Rollup& rollup);
  // A failed attempt of what failed while it was under way.
  bool settle_late(const AttemptOutcome& outcome, Rollup& rollup);
  void load_webhooks();
  void flush();
  void forget_rollups(std::int64_t owner);
  void forget_changes();

  Connection& connection_;
  const int checkpoint_pages_;
  const std::int64_t journal_rows_;
  int log_pages_ = 0;  // after the last commit
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  // Rows of commands that are under way or done in this transaction: what they point to is theirs.
  BulkInsert<std::int64_t, std::int64_t, Timestamp, std::string_view, std::string_view,
             std::string_view>
      events_;
  BulkInsert<std::int64_t, std::int64_t, std::int64_t, std::string_view, Timestamp, bool, Timestamp>
      deliveries_;
  BulkInsert<std::int64_t, int, Timestamp, std::int64_t, int, int, bool, std::string_view, Blob,
             Blob>
      attempts_;
  Statement deliver_;
  Statement deliver_failed_;
  Statement retry_;
  Statement give_up_;
  Statement log_late_;
  Statement mark_ids_;
  Statement move_ceiling_;

  std::int64_t lowest_unwritten_ = 0;  // of the ids in deliveries_, where it is not empty

  std::unordered_set<WebhookId> webhooks_;
  bool webhooks_changed_ = false;  // by this transaction
  bool webhooks_stale_ = false;    // a transaction that changed it was rolled back: read it anew
  CountChanges changes_;           // of this transaction
  JournalSize journal_;            // of the journal of counts, this transaction included
  JournalSize committed_journal_;
  std::unordered_map<std::int64_t, IdSpan> id_marks_;  // by minute
  std::int64_t highest_id_ = 0;                        // of this transaction
  std::int64_t id_ceiling_ = 0;
  std::int64_t committed_id_ceiling_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace skyhook::store::sqlite
