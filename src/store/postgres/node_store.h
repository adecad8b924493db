// The store as one object; its methods by subject: accounts.cpp, work.cpp, log.cpp, outbox.cpp,
// shared.cpp, inquiries.cpp, live.cpp.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "store/postgres/membership.h"
#include "store/postgres/moved_ids.h"
#include "store/postgres/pool.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/registry.h"
#include "store/postgres/writers.h"
#include "store/shared.h"

namespace skyhook::store::postgres {

// What `Work(Connection&)` answers, where it answers.
template <class Work>
using ValueOf = std::decay_t<decltype(std::declval<Work&>()(std::declval<Connection&>()).value())>;

class NodeStore final : public Store, public Shared {
 public:
  explicit NodeStore(Options options);
  ~NodeStore() override;
  Result<Done> start();

  std::int64_t take_ids(std::int64_t count) override { return membership_.take_ids(count); }
  void publish(std::vector<NewEvent> events, PublishCallback done) override;
  void record(std::vector<AttemptOutcome> outcomes, RecordCallback done) override;

  Result<std::vector<WebhookId>> webhooks_with_waiting() override;
  Result<WaitingPage> waiting(WebhookId webhook, Timestamp now,
                              const std::vector<DeliveryId>& except, int limit) override;
  Result<WaitingPage> waiting_in_order(WebhookId webhook, Timestamp now,
                                       const std::vector<DeliveryId>& except, int limit) override;
  Result<int> fail_waiting(WebhookId webhook, FailureReason reason, int limit) override;

  Result<std::vector<Account>> load_accounts() override;
  Result<std::vector<Webhook>> load_webhooks() override;
  Result<std::optional<Account>> account(AccountId id) override;
  Result<std::optional<Webhook>> webhook(WebhookId id) override;
  Result<Account> create_account(const NewAccount& account) override;
  Result<bool> update_account(const Account& account, Timestamp seen) override;
  Result<bool> delete_account(AccountId id) override;
  Result<Webhook> create_webhook(const NewWebhook& webhook) override;
  Result<bool> update_webhook(const Webhook& webhook, Timestamp seen) override;
  Result<bool> delete_webhook(WebhookId id) override;

  Result<std::vector<DeliveryTotals>> totals(const std::vector<WebhookId>& webhooks) override;

  Result<DeliveryPage> deliveries(WebhookId webhook, const DeliveryFilter& filter,
                                  std::int64_t page, int per_page) override;
  Result<DeliveryPage> deliveries_before(WebhookId webhook, const DeliveryFilter& filter,
                                         DeliveryId before, int limit) override;
  Result<std::optional<DeliveryDetail>> delivery(WebhookId webhook, DeliveryId id) override;
  Result<std::optional<DeliveryEntry>> reopen(WebhookId webhook, DeliveryId id,
                                              Timestamp due_at) override;
  Result<std::int64_t> reopen_failed(WebhookId webhook, Timestamp from, Timestamp until,
                                     Timestamp first_due, Micros spacing) override;
  Result<std::int64_t> count_failed(WebhookId webhook, Timestamp from, Timestamp until) override;
  Result<EventPage> events(const EventSearch& search, int limit) override;
  Result<std::int64_t> replay(const Replay& replay, const std::vector<EventPtr>& events) override;
  Result<std::vector<StatsStep>> stats(const std::vector<WebhookId>& webhooks, Timestamp from,
                                       Timestamp until, Seconds step) override;
  Result<std::vector<AccountStep>> account_stats(const std::vector<AccountId>& accounts,
                                                 Timestamp from, Timestamp until,
                                                 Seconds step) override;
  Result<QueueStats> queue_stats() override;
  Result<std::vector<NodeLease>> nodes() override;

  Result<Done> check_writable() override;
  Result<bool> purge_step(Timestamp now, std::optional<Timestamp> keep_after) override;

  Shared* shared() override { return this; }
  bool may_deliver() const override { return membership_.holds_lease(); }
  Micros lease_left() const override { return membership_.lease_left(); }
  std::uint64_t epoch() const override { return membership_.epoch(); }
  int live_nodes() const override { return membership_.live_nodes(); }
  Result<SharedChanges> changes() override;
  Result<LiveExchange> exchange_live(const std::vector<WebhookId>& watched_here,
                                     const std::vector<Change>& changed_here) override;
  Result<bool> in_flight_elsewhere(WebhookId webhook, DeliveryId delivery) override;
  Result<Done> answer(const Inquiry& inquiry, bool in_flight) override;
  Result<std::vector<WebhookId>> take_over() override;
  Result<std::vector<NewEvent>> adopt_published(const Plan& plan, bool in_turn) override;
  Result<RequestTotals> count_requests(std::vector<RequestCount> here, int limit,
                                       Which answer) override;

 private:
  // Where looks into the outbox stand: behind (writer, event).
  struct OutboxPass {
    int batches = 0;  // taken in this pass; 0: a new one begins
    std::int64_t writer = 0;
    std::int64_t event = 0;
    std::int64_t next_from = 0;  // where the next pass begins
    std::int64_t seen_to = 0;    // in turn: where it may begin once nothing is left of this one
    MonoTime whole_at{};         // then one begins at the beginning
  };

  // Runs `work(connection)` on a pooled connection; a connection that turns out to be dead (the
  // server was restarted) is replaced once.
  template <class Work>
  Result<ValueOf<Work>> read(Work work);
  // The same, but never twice: what it did on a connection that was lost is not known.
  template <class Work>
  Result<ValueOf<Work>> write(Work work);

  Answer<std::optional<DeliveryDetail>> read_detail(Connection& connection, WebhookId webhook,
                                                    DeliveryId id);
  Answer<std::optional<AccountId>> account_of(Connection& connection, WebhookId webhook);
  Answer<Done> park(Connection& connection, const std::vector<Registry::Fresh>& taken,
                    std::vector<WebhookId>* found);
  Answer<std::vector<WebhookId>> take_over_batch(Connection& connection);
  Answer<std::unordered_set<DeliveryId>> take_out_of_order(Connection& connection,
                                                           AccountId account, WebhookId webhook,
                                                           const std::vector<std::int64_t>& placed);
  Answer<bool> take_order(Connection& connection, AccountId account, WebhookId webhook,
                          std::int64_t limit);
  // Webhooks whose order is this node's to keep, and that have work in it.
  Answer<std::vector<WebhookId>> ordered_with_waiting(Connection& connection);
  Answer<std::vector<DeliveryTotals>> read_totals(Connection& connection,
                                                  const std::vector<WebhookId>& webhooks);
  Result<bool> ask(WebhookId webhook, DeliveryId delivery);
  Result<std::optional<Inquiry>> inquire(WebhookId webhook, DeliveryId delivery);
  Result<bool> wait_for_answer(const Inquiry& inquiry);
  Answer<std::vector<Inquiry>> read_inquiries(Connection& connection);
  Answer<bool> look_into_outbox(Connection& connection, bool in_turn);
  Answer<Done> take_from_outbox(Connection& connection, const Plan& plan, bool in_turn,
                                std::vector<NewEvent>& events);
  Answer<Done> store_published(Connection& connection, const Rows& rows, const Plan& plan,
                               std::vector<NewEvent>& events);
  void note_adopted(const std::vector<NewEvent>& events);
  Answer<RequestTotals> count_on(Connection& connection, const std::vector<RequestCount>& here,
                                 int limit, Which answer);
  Answer<bool> drop_old_days(Connection& connection, Timestamp keep_after);
  // The values behind ids that changed.
  Answer<Done> read_changed(Connection& connection, const std::set<std::int64_t>& accounts,
                            const std::set<std::int64_t>& webhooks, SharedChanges& changes);
  void keep_house();
  Answer<Done> house_step(Connection& connection);
  void lease_lost();

  const Options options_;
  const Connection::Settings settings_;
  Registry registry_;
  DeletedWebhooks deleted_;
  AccountsOfWebhooks accounts_;
  std::mutex detours_;  // held while this node changes rows of `detours`
  Membership membership_;
  Pool pool_;
  std::unique_ptr<Writers> writers_;
  CreationIds creation_ids_;  // as of start()

  std::mutex feed_mutex_;                // held over changes()
  std::int64_t feed_from_ = 0;           // no earlier transaction is open; guarded by feed_mutex_
  std::set<std::int64_t> feed_seen_;     // changes told and not yet below feed_from_; likewise
  MonoTime feed_read_at_{};              // guarded by feed_mutex_
  std::atomic<int> inquiring_{0};        // callers of in_flight_elsewhere()
  std::mutex outbox_mutex_;              // held over adopt_published()
  OutboxPass outbox_pass_;               // guarded by outbox_mutex_
  std::mutex count_mutex_;               // held over count_requests()
  std::unique_ptr<Connection> counter_;  // guarded by count_mutex_
  std::mutex found_mutex_;
  std::vector<WebhookId> found_;  // with work that nobody was told of; guarded by found_mutex_

  std::mutex house_mutex_;
  std::condition_variable house_wake_;
  bool stopping_ = false;  // guarded by house_mutex_
  std::thread house_thread_;
};

template <class Work>
Result<ValueOf<Work>> NodeStore::read(Work work) {
  for (bool again = true;; again = false) {
    auto lease = pool_.take();
    if (!lease) return Err{to_store_error(lease.error())};
    auto answer = work(**lease);
    if (answer) return std::move(*answer);
    if (!answer.error().lost || !again) return Err{to_store_error(answer.error())};
  }
}

template <class Work>
Result<ValueOf<Work>> NodeStore::write(Work work) {
  auto lease = pool_.take();
  if (!lease) return Err{to_store_error(lease.error())};
  auto answer = work(**lease);
  if (answer) return std::move(*answer);
  return Err{to_store_error(answer.error())};
}

}  // namespace skyhook::store::postgres
