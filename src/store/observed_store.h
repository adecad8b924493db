// A store that tells a ChangeFeed what changed in the delivery logs, once it is durable, and leaves
// everything else to the store behind it.
#pragma once

#include <memory>
#include <utility>

#include "store/change_feed.h"
#include "store/store.h"

namespace skyhook::store {

class ObservedStore final : public Store {
 public:
  // `feed` outlives the store.
  ObservedStore(std::unique_ptr<Store> behind, ChangeFeed& feed)
      : behind_(std::move(behind)), feed_(feed) {}

  void publish(std::vector<NewEvent> events, PublishCallback done) override;
  void record(std::vector<AttemptOutcome> outcomes, RecordCallback done) override;
  Result<int> fail_waiting(WebhookId webhook, FailureReason reason, int limit) override;
  Result<std::optional<DeliveryEntry>> reopen(WebhookId webhook, DeliveryId id,
                                              Timestamp due_at) override;
  Result<std::int64_t> reopen_failed(WebhookId webhook, Timestamp from, Timestamp until,
                                     Timestamp first_due, Micros spacing) override;
  Result<std::int64_t> replay(const Replay& replay, const std::vector<EventPtr>& events) override;

  std::int64_t take_ids(std::int64_t count) override { return behind_->take_ids(count); }
  Result<std::vector<WebhookId>> webhooks_with_waiting() override {
    return behind_->webhooks_with_waiting();
  }
  Result<WaitingPage> waiting(WebhookId webhook, Timestamp now,
                              const std::vector<DeliveryId>& except, int limit) override {
    return behind_->waiting(webhook, now, except, limit);
  }
  Result<WaitingPage> waiting_in_order(WebhookId webhook, Timestamp now,
                                       const std::vector<DeliveryId>& except, int limit) override {
    return behind_->waiting_in_order(webhook, now, except, limit);
  }
  Result<std::vector<Account>> load_accounts() override { return behind_->load_accounts(); }
  Result<std::vector<Webhook>> load_webhooks() override { return behind_->load_webhooks(); }
  Result<std::optional<Account>> account(AccountId id) override { return behind_->account(id); }
  Result<std::optional<Webhook>> webhook(WebhookId id) override { return behind_->webhook(id); }
  Result<Account> create_account(const NewAccount& account) override {
    return behind_->create_account(account);
  }
  Result<bool> update_account(const Account& account, Timestamp seen) override {
    return behind_->update_account(account, seen);
  }
  Result<bool> delete_account(AccountId id) override { return behind_->delete_account(id); }
  Result<Webhook> create_webhook(const NewWebhook& webhook) override {
    return behind_->create_webhook(webhook);
  }
  Result<bool> update_webhook(const Webhook& webhook, Timestamp seen) override {
    return behind_->update_webhook(webhook, seen);
  }
  Result<bool> delete_webhook(WebhookId id) override { return behind_->delete_webhook(id); }
  Result<std::vector<DeliveryTotals>> totals(const std::vector<WebhookId>& webhooks) override {
    return behind_->totals(webhooks);
  }
  Result<DeliveryPage> deliveries(WebhookId webhook, const DeliveryFilter& filter,
                                  std::int64_t page, int per_page) override {
    return behind_->deliveries(webhook, filter, page, per_page);
  }
  Result<DeliveryPage> deliveries_before(WebhookId webhook, const DeliveryFilter& filter,
                                         DeliveryId before, int limit) override {
    return behind_->deliveries_before(webhook, filter, before, limit);
  }
  Result<std::optional<DeliveryDetail>> delivery(WebhookId webhook, DeliveryId id) override {
    return behind_->delivery(webhook, id);
  }
  Result<std::int64_t> count_failed(WebhookId webhook, Timestamp from, Timestamp until) override {
    return behind_->count_failed(webhook, from, until);
  }
  Result<EventPage> events(const EventSearch& search, int limit) override {
    return behind_->events(search, limit);
  }
  Result<std::vector<StatsStep>> stats(const std::vector<WebhookId>& webhooks, Timestamp from,
                                       Timestamp until, Seconds step) override {
    return behind_->stats(webhooks, from, until, step);
  }
  Result<std::vector<AccountStep>> account_stats(const std::vector<AccountId>& accounts,
                                                 Timestamp from, Timestamp until,
                                                 Seconds step) override {
    return behind_->account_stats(accounts, from, until, step);
  }
  Result<QueueStats> queue_stats() override { return behind_->queue_stats(); }
  Result<std::vector<NodeLease>> nodes() override { return behind_->nodes(); }
  Shared* shared() override { return behind_->shared(); }
  Result<Done> check_writable() override { return behind_->check_writable(); }
  Result<bool> purge_step(Timestamp now, std::optional<Timestamp> keep_after) override {
    return behind_->purge_step(now, keep_after);
  }

 private:
  void note_many(WebhookId webhook) { feed_.note({{webhook, DeliveryId{}}}); }

  const std::unique_ptr<Store> behind_;
  ChangeFeed& feed_;
};

}  // namespace skyhook::store
