// The hot path: a queue of what callers want written, and a few threads that write it, each batch
// in one transaction and one round trip. What arrives during a commit is the next batch.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/membership.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/registry.h"

namespace skyhook::store::postgres {

// Webhooks that this process knows to be deleted: their ids are never used again.
class DeletedWebhooks {
 public:
  void add(WebhookId id) {
    std::lock_guard lock(mutex_);
    ids_.insert(id);
  }
  bool contains(WebhookId id) const {
    std::lock_guard lock(mutex_);
    return ids_.contains(id);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<WebhookId> ids_;  // guarded by mutex_
};

// Which account a webhook belongs to: outcomes name the webhook only.
class AccountsOfWebhooks {
 public:
  void put(WebhookId webhook, AccountId account) {
    std::lock_guard lock(mutex_);
    accounts_[webhook] = account;
  }
  std::optional<AccountId> get(WebhookId webhook) const {
    std::lock_guard lock(mutex_);
    const auto found = accounts_.find(webhook);
    if (found == accounts_.end()) return std::nullopt;
    return found->second;
  }
  void erase(WebhookId webhook) {
    std::lock_guard lock(mutex_);
    accounts_.erase(webhook);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<WebhookId, AccountId> accounts_;  // guarded by mutex_
};

// The rows of a publish, as skyhook.accept() takes them. Refers to the events, which outlive it.
struct AcceptRows {
  std::vector<std::int64_t> event_account, event_id, event_created;
  std::vector<std::string_view> event_type, event_data, event_trace;
  std::vector<std::int64_t> account, webhook, id, event, created, due;
  std::vector<bool> test;
  std::vector<std::string_view> type;
  // Deliveries by account and webhook; under webhook 0 the events of the account, tests aside.
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> tallies;
  std::vector<std::int64_t> ordered_account, ordered_webhook, ordered_id, ordered_due;

  void add(const NewEvent& event, const DeletedWebhooks& deleted);
  Params params(int node, Timestamp now) const;
  bool any_ordered() const { return !ordered_id.empty(); }
  Params order_params(int node) const;
};
extern const std::string_view kAccept;
// After kAccept and within its transaction, where any is ordered; the last of what takes locks.
extern const std::string_view kAcceptInOrder;

class Writers {
 public:
  // All outlive the writers. `detours`: held while rows of deliveries off the happy path change.
  Writers(const Options& options, Connection::Settings settings, Membership& membership,
          Registry& registry, DeletedWebhooks& deleted, AccountsOfWebhooks& accounts,
          std::mutex& detours);
  ~Writers();  // writes what was accepted

  // As Store::publish and Store::record.
  void publish(std::vector<NewEvent> events, PublishCallback done);
  void record(std::vector<AttemptOutcome> outcomes, RecordCallback done);

 private:
  struct Publish {
    std::vector<NewEvent> events;
    PublishCallback done;
    std::size_t rows = 0, bytes = 0;
    bool keyed = false;
  };
  struct Record {
    std::vector<AttemptOutcome> outcomes;
    RecordCallback done;
  };
  struct Batch {
    std::vector<Publish> publishes;  // all keyed, or none
    std::vector<Record> records;
    std::size_t items() const { return publishes.size() + records.size(); }
  };
  // A writer thread's own.
  struct Worker {
    std::unique_ptr<Connection> connection;
    int node = 0;         // that the connection is named after
    int left_behind = 0;  // the server's process of a connection that was lost; 0: none
    MonoTime not_before{};
    bool failing = false;  // the last batch failed, and the log says so
  };
  using KnownKeys = std::map<std::pair<std::int64_t, std::string>, struct KnownKey>;
  struct Plan;

  void run();
  bool next_batch(Batch& batch);
  std::optional<DatabaseError> connect(Worker& worker);
  void write(Worker& worker, Batch batch);
  void write_one_by_one(Worker& worker, Batch batch);
  Answer<Done> write_publishes_and_fast(Worker& worker, const Batch& batch,
                                        const std::vector<const AttemptOutcome*>& fast);
  Answer<Done> write_slow(Worker& worker, const std::vector<const AttemptOutcome*>& slow);
  Answer<Done> write_keyed(Worker& worker, std::vector<Publish>& publishes,
                           std::vector<PublishOutcome>& outcomes);
  Answer<Done> ensure_days(Worker& worker, const Batch& batch);
  void finish(std::vector<Publish>& publishes, std::vector<PublishOutcome> outcomes);
  void fail(std::vector<Publish>& publishes, const DatabaseError& error);
  EventReceipt receipt_of(const NewEvent& event) const;

  const Options& options_;
  const Connection::Settings settings_;
  Membership& membership_;
  Registry& registry_;
  DeletedWebhooks& deleted_;
  AccountsOfWebhooks& accounts_;
  std::mutex& detours_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Publish> publishes_;  // guarded by mutex_
  std::deque<Record> records_;     // guarded by mutex_
  std::size_t queued_rows_ = 0;    // of publishes; guarded by mutex_
  std::size_t queued_bytes_ = 0;   // of publishes; guarded by mutex_
  bool stopping_ = false;          // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace skyhook::store::postgres
