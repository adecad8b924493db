#include "store_contract.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "domain/webhook_options.h"

namespace skyhook::store::contract {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

void StoreContract::SetUp() {
  backend = GetParam()();
  ASSERT_NE(backend, nullptr);
  store = backend->open(clock);
  ASSERT_NE(store, nullptr);
}

void StoreContract::reopen_store() {
  store.reset();
  store = backend->open(clock);
  ASSERT_NE(store, nullptr);
}

Account StoreContract::make_account(std::string_view name) {
  NewAccount added{std::string(name), {}, {}, clock.time};
  static std::atomic<std::uint8_t> serial{0};
  added.api_key_hash[0] = ++serial;
  Result<Account> made = store->create_account(added);
  EXPECT_TRUE(made.ok());
  return *made;
}

Webhook StoreContract::make_webhook(AccountId account, std::vector<std::string> events) {
  Result<Webhook> made =
      store->create_webhook({account, "Hook", "https://example.com/hook", std::move(events), true,
                             "whsec_sealed", clock.time});
  EXPECT_TRUE(made.ok());
  return *made;
}

NewEvent StoreContract::make_event(AccountId account, const std::vector<WebhookId>& webhooks,
                                   std::string_view type, std::string_view data) {
  std::int64_t id = store->take_ids(1 + static_cast<std::int64_t>(webhooks.size()));
  auto event = std::make_shared<const Event>(
      Event{EventId{id}, account, std::string(type), std::string(data), clock.time,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"});
  NewEvent added{event, {}, std::nullopt};
  for (const WebhookId webhook : webhooks) {
    added.deliveries.push_back(
        {DeliveryId{++id}, webhook, event, clock.time, clock.time, 0, 0, false});
  }
  return added;
}

NewEvent StoreContract::with_key(NewEvent event, std::string key, std::uint8_t hash_byte) {
  event.idempotency_key = IdempotencyKey{std::move(key), {}};
  event.idempotency_key->request_hash[0] = hash_byte;
  return event;
}

Result<PublishOutcome> StoreContract::publish(std::vector<NewEvent> events) {
  std::promise<Result<PublishOutcome>> outcome;
  store->publish(std::move(events),
                 [&](Result<PublishOutcome> result) { outcome.set_value(std::move(result)); });
  return outcome.get_future().get();
}

WaitingDelivery StoreContract::publish_one(const Webhook& webhook, std::string_view type) {
  NewEvent event = make_event(webhook.account_id, {webhook.id}, type);
  WaitingDelivery delivery = event.deliveries.front();
  EXPECT_TRUE(publish({std::move(event)}).ok());
  return delivery;
}

std::vector<WaitingDelivery> StoreContract::publish_many(const Webhook& webhook, int count) {
  std::vector<NewEvent> events;
  std::vector<WaitingDelivery> deliveries;
  for (int i = 0; i < count; ++i) {
    events.push_back(make_event(webhook.account_id, {webhook.id}));
    deliveries.push_back(events.back().deliveries.front());
  }
  EXPECT_TRUE(publish(std::move(events)).ok());
  return deliveries;
}

Result<Done> StoreContract::record(std::vector<AttemptOutcome> outcomes) {
  std::promise<Result<Done>> outcome;
  store->record(std::move(outcomes),
                [&](Result<Done> result) { outcome.set_value(std::move(result)); });
  return outcome.get_future().get();
}

AttemptOutcome StoreContract::delivered(const WaitingDelivery& delivery, int number) {
  Attempt attempt;
  attempt.number = number;
  attempt.started_at = clock.time - Millis{10};
  attempt.duration = Millis{10};
  attempt.response_status = 200;
  attempt.response_headers = "Content-Type: text/plain\r\n";
  attempt.response_body = "ok";
  return {delivery.id, delivery.webhook_id, attempt, Delivered{clock.time}};
}

AttemptOutcome StoreContract::failed(const WaitingDelivery& delivery, Verdict verdict, int number) {
  AttemptOutcome outcome = delivered(delivery, number);
  outcome.attempt.response_status = 500;
  outcome.attempt.failure = FailureReason::http_status;
  outcome.attempt.response_body = "no";
  outcome.verdict = verdict;
  return outcome;
}

DeliveryTotals StoreContract::totals(WebhookId webhook) {
  Result<std::vector<DeliveryTotals>> found = store->totals({webhook});
  EXPECT_TRUE(found.ok());
  return found->at(0);
}

DeliveryEntry StoreContract::entry(const WaitingDelivery& delivery) {
  Result<std::optional<DeliveryDetail>> found = store->delivery(delivery.webhook_id, delivery.id);
  EXPECT_TRUE(found.ok() && found->has_value());
  return (*found)->entry;
}

std::vector<DeliveryId> StoreContract::ids_waiting(WebhookId webhook, Timestamp now, int limit,
                                                   const std::vector<DeliveryId>& except) {
  Result<WaitingPage> page = store->waiting(webhook, now, except, limit);
  EXPECT_TRUE(page.ok());
  std::vector<DeliveryId> ids;
  for (const WaitingDelivery& delivery : page->deliveries) ids.push_back(delivery.id);
  return ids;
}

void StoreContract::purge_all(Timestamp now, std::optional<Timestamp> keep_after) {
  for (int steps = 0; steps < 10'000; ++steps) {
    const Result<bool> more = store->purge_step(now, keep_after);
    ASSERT_TRUE(more.ok());
    if (!*more) return;
  }
  FAIL() << "purge_step never ends";
}

namespace {

std::vector<DeliveryId> ids_of(const std::vector<DeliveryEntry>& entries) {
  std::vector<DeliveryId> ids;
  for (const DeliveryEntry& entry : entries) ids.push_back(entry.id);
  return ids;
}

void expect_totals(const DeliveryTotals& totals, std::int64_t pending, std::int64_t delivered,
                   std::int64_t failed) {
  EXPECT_EQ(totals.pending, pending);
  EXPECT_EQ(totals.delivered, delivered);
  EXPECT_EQ(totals.failed, failed);
}

const std::vector<EventReceipt>& receipts_of(const Result<PublishOutcome>& outcome) {
  return std::get<std::vector<EventReceipt>>(*outcome);
}

}  // namespace

// --- ids
// -------------------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, TakesBlocksOfIdsThatDoNotOverlap) {
  const std::int64_t first = store->take_ids(3);
  EXPECT_GT(first, 0);
  EXPECT_GE(store->take_ids(1), first + 3);
}

TEST_P(StoreContract, TakesIdsOnManyThreads) {
  std::vector<std::vector<std::int64_t>> taken(4);
  std::vector<std::thread> threads;
  for (auto& mine : taken) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) mine.push_back(store->take_ids(2));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& mine : taken) {
    for (const std::int64_t id : mine) {
      EXPECT_TRUE(all.insert(id).second);
      EXPECT_TRUE(all.insert(id + 1).second);
    }
  }
}

TEST_P(StoreContract, NeverTakesAnIdAgainAfterAReopen) {
  const Webhook webhook = make_webhook(make_account().id);
  const WaitingDelivery last = publish_one(webhook);
  reopen_store();
  EXPECT_GT(store->take_ids(1), last.id.value);
  ASSERT_TRUE(store->delete_webhook(webhook.id).ok());
  purge_all(clock.time, std::nullopt);
  reopen_store();
  EXPECT_GT(store->take_ids(1), last.id.value);
}

// --- publish
// ---------------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, PublishesAnEventWithItsDeliveries) {
  const Account account = make_account();
  const Webhook one = make_webhook(account.id);
  const Webhook two = make_webhook(account.id);
  const NewEvent event =
      make_event(account.id, {one.id, two.id}, "contact.created", R"({"n": 1.50, "s":"é\u0000"})");
  const Result<PublishOutcome> outcome = publish({event});
  ASSERT_TRUE(outcome.ok());
  ASSERT_THAT(receipts_of(outcome), SizeIs(1));
  const EventReceipt& receipt = receipts_of(outcome)[0];
  EXPECT_EQ(receipt.id, event.event->id);
  EXPECT_EQ(receipt.created_at, clock.time);
  EXPECT_EQ(receipt.deliveries, 2);
  EXPECT_FALSE(receipt.replayed);
  expect_totals(totals(one.id), 1, 0, 0);
  expect_totals(totals(two.id), 1, 0, 0);

  const Result<std::optional<DeliveryDetail>> detail =
      store->delivery(two.id, event.deliveries[1].id);
  ASSERT_TRUE(detail.ok() && detail->has_value());
  EXPECT_EQ((*detail)->event->data, event.event->data);
  EXPECT_EQ((*detail)->event->type, "contact.created");
  EXPECT_EQ((*detail)->event->traceparent, event.event->traceparent);
  EXPECT_EQ((*detail)->event->account_id, account.id);
  EXPECT_EQ((*detail)->event->created_at, clock.time);
  EXPECT_THAT((*detail)->attempts, IsEmpty());
  const DeliveryEntry& entry = (*detail)->entry;
  EXPECT_EQ(entry.id, event.deliveries[1].id);
  EXPECT_EQ(entry.webhook_id, two.id);
  EXPECT_EQ(entry.event_id, event.event->id);
  EXPECT_EQ(entry.event_type, "contact.created");
  EXPECT_EQ(entry.attempt_number, 0);
  EXPECT_EQ(entry.response_status, std::nullopt);
  EXPECT_EQ(entry.status, DeliveryStatus::pending);
  EXPECT_EQ(entry.delivered_at, std::nullopt);
  EXPECT_EQ(entry.next_attempt_at, clock.time);
  EXPECT_EQ(entry.created_at, clock.time);
}

TEST_P(StoreContract, PublishesAnEventThatNobodySubscribesTo) {
  const Result<PublishOutcome> outcome = publish({make_event(make_account().id, {})});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(receipts_of(outcome).at(0).deliveries, 0);
}

TEST_P(StoreContract, PublishesNothingToADeletedWebhook) {
  const Account account = make_account();
  const Webhook gone = make_webhook(account.id);
  const Webhook stays = make_webhook(account.id);
  const NewEvent event = make_event(account.id, {gone.id, stays.id});
  ASSERT_TRUE(store->delete_webhook(gone.id).ok());
  const Result<PublishOutcome> outcome = publish({event});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(receipts_of(outcome).at(0).deliveries, 1);
  EXPECT_THAT(ids_waiting(gone.id, clock.time), IsEmpty());
  EXPECT_THAT(ids_waiting(stays.id, clock.time), ElementsAre(event.deliveries[1].id));
  EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(stays.id));
}

TEST_P(StoreContract, ReplaysAKnownIdempotencyKey) {
  const Webhook webhook = make_webhook(make_account().id);
  const Result<PublishOutcome> first =
      publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)});
  ASSERT_TRUE(first.ok());
  clock.time += Seconds{60};
  const Result<PublishOutcome> second =
      publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)});
  ASSERT_TRUE(second.ok());
  const EventReceipt& replayed = receipts_of(second).at(0);
  EXPECT_TRUE(replayed.replayed);
  EXPECT_EQ(replayed.id, receipts_of(first)[0].id);
  EXPECT_EQ(replayed.created_at, receipts_of(first)[0].created_at);
  EXPECT_EQ(replayed.deliveries, 1);
  expect_totals(totals(webhook.id), 1, 0, 0);
  reopen_store();
  const Result<PublishOutcome> third =
      publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)});
  EXPECT_TRUE(receipts_of(third).at(0).replayed);
}

TEST_P(StoreContract, RefusesAnIdempotencyKeyWithAnotherRequest) {
  const Webhook webhook = make_webhook(make_account().id);
  ASSERT_TRUE(publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)}).ok());
  const NewEvent plain = make_event(webhook.account_id, {webhook.id});
  const NewEvent fresh = with_key(make_event(webhook.account_id, {webhook.id}), "fresh", 1);
  const NewEvent other = with_key(make_event(webhook.account_id, {webhook.id}), "k", 2);
  const Result<PublishOutcome> outcome = publish({plain, fresh, other});
  ASSERT_TRUE(outcome.ok());
  ASSERT_TRUE(std::holds_alternative<IdempotencyConflict>(*outcome));
  EXPECT_EQ(std::get<IdempotencyConflict>(*outcome).index, 2u);
  expect_totals(totals(webhook.id), 1, 0, 0);  // all or nothing
  EXPECT_FALSE(receipts_of(publish({fresh})).at(0).replayed);
}

TEST_P(StoreContract, SeesAnIdempotencyKeyTwiceInOnePublish) {
  const Webhook webhook = make_webhook(make_account().id);
  const Result<PublishOutcome> same =
      publish({with_key(make_event(webhook.account_id, {webhook.id}), "a", 1),
               with_key(make_event(webhook.account_id, {webhook.id}), "a", 1)});
  ASSERT_TRUE(same.ok());
  EXPECT_FALSE(receipts_of(same).at(0).replayed);
  EXPECT_TRUE(receipts_of(same).at(1).replayed);
  EXPECT_EQ(receipts_of(same)[1].id, receipts_of(same)[0].id);
  expect_totals(totals(webhook.id), 1, 0, 0);
  const Result<PublishOutcome> other =
      publish({with_key(make_event(webhook.account_id, {webhook.id}), "b", 1),
               with_key(make_event(webhook.account_id, {webhook.id}), "b", 2)});
  ASSERT_TRUE(std::holds_alternative<IdempotencyConflict>(*other));
  EXPECT_EQ(std::get<IdempotencyConflict>(*other).index, 1u);
}

TEST_P(StoreContract, KeepsIdempotencyKeysOfAccountsApart) {
  const Webhook one = make_webhook(make_account().id);
  const Webhook two = make_webhook(make_account().id);
  ASSERT_TRUE(publish({with_key(make_event(one.account_id, {one.id}), "k", 1)}).ok());
  const Result<PublishOutcome> other =
      publish({with_key(make_event(two.account_id, {two.id}), "k", 2)});
  EXPECT_FALSE(receipts_of(other).at(0).replayed);
}

TEST_P(StoreContract, ForgetsAnIdempotencyKeyAfterItsWindow) {
  const Webhook webhook = make_webhook(make_account().id);
  ASSERT_TRUE(publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)}).ok());
  clock.time += kIdempotencyWindow - Micros{1};
  EXPECT_TRUE(receipts_of(publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)}))
                  .at(0)
                  .replayed);
  clock.time += Micros{1};
  EXPECT_FALSE(
      receipts_of(publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 2)}))
          .at(0)
          .replayed);
  EXPECT_TRUE(receipts_of(publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 2)}))
                  .at(0)
                  .replayed);
}

TEST_P(StoreContract, MakesOneEventOfConcurrentPublishesWithOneKey) {
  const Webhook webhook = make_webhook(make_account().id);
  std::vector<std::promise<bool>> replayed(32);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t i = thread; i < replayed.size(); i += 4) {
        store->publish({with_key(make_event(webhook.account_id, {webhook.id}), "k", 1)},
                       [&, i](Result<PublishOutcome> outcome) {
                         EXPECT_TRUE(outcome.ok());
                         replayed[i].set_value(outcome.ok() && receipts_of(outcome).at(0).replayed);
                       });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int fresh = 0;
  for (auto& answer : replayed) fresh += answer.get_future().get() ? 0 : 1;
  EXPECT_EQ(fresh, 1);
  expect_totals(totals(webhook.id), 1, 0, 0);
}

TEST_P(StoreContract, CommitsManyConcurrentPublishes) {
  const Webhook webhook = make_webhook(make_account().id);
  std::atomic<int> stored{0};
  std::atomic<int> answered{0};
  std::promise<void> all;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) {
        store->publish({make_event(webhook.account_id, {webhook.id})},
                       [&](Result<PublishOutcome> outcome) {
                         stored += outcome.ok() ? 1 : 0;
                         if (++answered == 1000) all.set_value();
                       });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all.get_future().get();
  EXPECT_EQ(stored, 1000);
  expect_totals(totals(webhook.id), 1000, 0, 0);
}

// --- record
// ----------------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, RecordsADelivery) {
  const Webhook webhook = make_webhook(make_account().id);
  const WaitingDelivery delivery = publish_one(webhook);
  clock.time += Seconds{1};
  AttemptOutcome outcome = delivered(delivery);
  outcome.attempt.response_body = std::string("a\0b", 3);
  outcome.attempt.response_truncated = true;
  outcome.attempt.error_detail = "detail";
  ASSERT_TRUE(record({outcome}).ok());
  const Result<std::optional<DeliveryDetail>> found = store->delivery(webhook.id, delivery.id);
  ASSERT_TRUE(found.ok() && found->has_value());
  const DeliveryDetail& detail = **found;
  EXPECT_EQ(detail.entry.status, DeliveryStatus::delivered);
  EXPECT_EQ(detail.entry.attempt_number, 1);
  EXPECT_EQ(detail.entry.response_status, 200);
  EXPECT_EQ(detail.entry.failure, FailureReason::none);
  EXPECT_EQ(detail.entry.delivered_at, clock.time);
  EXPECT_EQ(detail.entry.next_attempt_at, std::nullopt);
  ASSERT_THAT(detail.attempts, SizeIs(1));
  EXPECT_EQ(detail.attempts[0].number, 1);
  EXPECT_EQ(detail.attempts[0].started_at, outcome.attempt.started_at);
  EXPECT_EQ(detail.attempts[0].duration, outcome.attempt.duration);
  EXPECT_EQ(detail.attempts[0].response_status, 200);
  EXPECT_EQ(detail.attempts[0].failure, FailureReason::none);
  EXPECT_EQ(detail.attempts[0].error_detail, "detail");
  EXPECT_EQ(detail.attempts[0].response_headers, outcome.attempt.response_headers);
  EXPECT_EQ(detail.attempts[0].response_body, outcome.attempt.response_body);
  EXPECT_TRUE(detail.attempts[0].response_truncated);
  expect_totals(totals(webhook.id), 0, 1, 0);
  EXPECT_THAT(ids_waiting(webhook.id, clock.time), IsEmpty());
}

TEST_P(StoreContract, RecordsARetryAndThenTheEnd) {
  const Webhook webhook = make_webhook(make_account().id);
  const WaitingDelivery delivery = publish_one(webhook);
  const Timestamp retry_at = at(Seconds{120});
  AttemptOutcome timed_out = failed(delivery, RetryAt{retry_at});
  timed_out.attempt.response_status.reset();
  timed_out.attempt.failure = FailureReason::timeout;
  ASSERT_TRUE(record({timed_out}).ok());
  DeliveryEntry now = entry(delivery);
  EXPECT_EQ(now.status, DeliveryStatus::pending);
  EXPECT_EQ(now.attempt_number, 1);
  EXPECT_EQ(now.response_status, std::nullopt);
  EXPECT_EQ(now.failure, FailureReason::timeout);
  EXPECT_EQ(now.next_attempt_at, retry_at);
  expect_totals(totals(webhook.id), 1, 0, 0);
  const Result<WaitingPage> page = store->waiting(webhook.id, retry_at, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(1));
  EXPECT_EQ(page->deliveries[0].attempts_made, 1);
  EXPECT_EQ(page->deliveries[0].schedule_position, 1);
  EXPECT_EQ(page->deliveries[0].due_at, retry_at);
  EXPECT_EQ(page->deliveries[0].created_at, delivery.created_at);
  EXPECT_EQ(page->deliveries[0].event->data, delivery.event->data);

  clock.time = retry_at;
  ASSERT_TRUE(record({failed(delivery, GaveUp{FailureReason::http_status}, 2)}).ok());
  now = entry(delivery);
  EXPECT_EQ(now.status, DeliveryStatus::failed);
  EXPECT_EQ(now.attempt_number, 2);
  EXPECT_EQ(now.response_status, 500);
  EXPECT_EQ(now.failure, FailureReason::http_status);
  EXPECT_EQ(now.next_attempt_at, std::nullopt);
  EXPECT_EQ(now.delivered_at, std::nullopt);
  expect_totals(totals(webhook.id), 0, 0, 1);
  EXPECT_THAT((*store->delivery(webhook.id, delivery.id))->attempts, SizeIs(2));
}

TEST_P(StoreContract, RecordsManyOutcomesInOneCall) {
  const Webhook webhook = make_webhook(make_account().id);
  std::vector<AttemptOutcome> outcomes;
  for (const WaitingDelivery& delivery : publish_many(webhook, 500))
    outcomes.push_back(delivered(delivery));
  ASSERT_TRUE(record(outcomes).ok());
  expect_totals(totals(webhook.id), 0, 500, 0);
}

TEST_P(StoreContract, LogsWhatWasUnderWayAndChangesAFailedDeliveryOnlyIfItWasDelivered) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> deliveries = publish_many(webhook, 3);
  ASSERT_EQ(*store->fail_waiting(webhook.id, FailureReason::webhook_inactive, 10), 3);
  ASSERT_TRUE(record({delivered(deliveries[0]), failed(deliveries[1], RetryAt{at(Seconds{9})}),
                      failed(deliveries[2], GaveUp{FailureReason::http_status})})
                  .ok());
  EXPECT_EQ(entry(deliveries[0]).status, DeliveryStatus::delivered);
  for (int i = 1; i < 3; ++i) {
    EXPECT_EQ(entry(deliveries[i]).status, DeliveryStatus::failed);
    EXPECT_EQ(entry(deliveries[i]).failure, FailureReason::webhook_inactive);
    EXPECT_EQ(entry(deliveries[i]).attempt_number, 1);
    const auto detail = *store->delivery(webhook.id, deliveries[i].id);
    EXPECT_THAT(detail->attempts, SizeIs(1));
  }
  expect_totals(totals(webhook.id), 0, 1, 2);
  const auto counts =
      *store->stats({webhook.id}, at(-Seconds{3'600}), at(Seconds{3'600}), Seconds{7'200});
  std::int64_t failed_attempts = 0, ended_failed = 0;
  for (const StatsStep& step : counts) {
    failed_attempts += step.failed_attempts;
    ended_failed += step.failed;
  }
  EXPECT_EQ(failed_attempts, 2);
  EXPECT_EQ(ended_failed, 3);
  // Once more, as after an answer of the store that was lost.
  ASSERT_TRUE(record({failed(deliveries[1], RetryAt{at(Seconds{9})})}).ok());
  EXPECT_THAT((*store->delivery(webhook.id, deliveries[1].id))->attempts, SizeIs(1));
  // What is delivered stays so.
  ASSERT_TRUE(record({failed(deliveries[0], GaveUp{FailureReason::http_status}, 2),
                      delivered(deliveries[0], 2)})
                  .ok());
  EXPECT_EQ(entry(deliveries[0]).attempt_number, 1);
  expect_totals(totals(webhook.id), 0, 1, 2);
}

TEST_P(StoreContract, IgnoresOutcomesOfWhatDoesNotExist) {
  const Webhook webhook = make_webhook(make_account().id);
  const WaitingDelivery delivery = publish_one(webhook);
  WaitingDelivery unknown = delivery;
  unknown.id = DeliveryId{store->take_ids(1)};
  ASSERT_TRUE(record({delivered(unknown)}).ok());
  expect_totals(totals(webhook.id), 1, 0, 0);
  ASSERT_TRUE(store->delete_webhook(webhook.id).ok());
  ASSERT_TRUE(record({delivered(delivery)}).ok());
  expect_totals(totals(webhook.id), 0, 0, 0);
}

TEST_P(StoreContract, TakesAnOutcomeTwice) {
  const Webhook webhook = make_webhook(make_account().id);
  const WaitingDelivery delivery = publish_one(webhook);
  ASSERT_TRUE(record({delivered(delivery)}).ok());
  ASSERT_TRUE(record({delivered(delivery)}).ok());
  expect_totals(totals(webhook.id), 0, 1, 0);
  EXPECT_THAT((*store->delivery(webhook.id, delivery.id))->attempts, SizeIs(1));
}

// --- work that waits
// -------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, FindsWhoHasWaitingDeliveries) {
  const Account account = make_account();
  const Webhook idle = make_webhook(account.id);
  const Webhook busy = make_webhook(account.id);
  const Webhook settled = make_webhook(account.id);
  publish_one(busy);
  ASSERT_TRUE(record({delivered(publish_one(settled))}).ok());
  EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(busy.id));
  reopen_store();
  EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(busy.id));
}

TEST_P(StoreContract, PagesWhatIsDueInOrder) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  const Webhook other = make_webhook(account.id);
  const std::vector<WaitingDelivery> deliveries = publish_many(webhook, 5);
  publish_one(other);
  // 0 and 1 are retried, 1 before 0; 2, 3, 4 are due since they were made.
  ASSERT_TRUE(record({failed(deliveries[0], RetryAt{at(Seconds{20})}),
                      failed(deliveries[1], RetryAt{at(Seconds{10})})})
                  .ok());
  Result<WaitingPage> page = store->waiting(webhook.id, clock.time, {}, 10);
  EXPECT_THAT(ids_waiting(webhook.id, clock.time),
              ElementsAre(deliveries[2].id, deliveries[3].id, deliveries[4].id));
  EXPECT_FALSE(page->more);
  EXPECT_EQ(page->next_due_at, at(Seconds{10}));
  page = store->waiting(webhook.id, clock.time, {}, 2);
  EXPECT_THAT(page->deliveries, SizeIs(2));
  EXPECT_TRUE(page->more);
  page = store->waiting(webhook.id, clock.time, {}, 3);
  EXPECT_FALSE(page->more);
  EXPECT_THAT(ids_waiting(webhook.id, clock.time, 2, {deliveries[2].id, deliveries[3].id}),
              ElementsAre(deliveries[4].id));
  EXPECT_THAT(ids_waiting(webhook.id, at(Seconds{20})),
              ElementsAre(deliveries[2].id, deliveries[3].id, deliveries[4].id, deliveries[1].id,
                          deliveries[0].id));
  EXPECT_EQ(store->waiting(webhook.id, at(Seconds{20}), {}, 10)->next_due_at, std::nullopt);
}

TEST_P(StoreContract, ReadsInTheOrderOfAcceptance) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  std::vector<NewEvent> events;
  std::vector<WaitingDelivery> deliveries;
  for (int i = 0; i < 5; ++i) {
    events.push_back(make_event(account.id, {webhook.id}));
    events.back().deliveries.front().is_ordered = true;
    deliveries.push_back(events.back().deliveries.front());
  }
  ASSERT_TRUE(publish(std::move(events)).ok());
  const auto read = [&](Timestamp now, int limit = 10, const std::vector<DeliveryId>& except = {}) {
    const auto page = store->waiting_in_order(webhook.id, now, except, limit);
    EXPECT_TRUE(page.ok());
    return page.ok() ? *page : WaitingPage{};
  };
  const auto ids = [](const WaitingPage& page) {
    std::vector<DeliveryId> all;
    for (const WaitingDelivery& one : page.deliveries) all.push_back(one.id);
    return all;
  };
  const auto id = [&](int i) { return deliveries[static_cast<std::size_t>(i)].id; };
  EXPECT_THAT(ids(read(clock.time)), ElementsAre(id(0), id(1), id(2), id(3), id(4)));
  WaitingPage page = read(clock.time, 2);
  EXPECT_THAT(ids(page), ElementsAre(id(0), id(1)));
  EXPECT_TRUE(page.more);
  EXPECT_FALSE(page.next_due_at);
  EXPECT_THAT(ids(read(clock.time, 10, {id(0), id(2)})), ElementsAre(id(1), id(3), id(4)));
  // The first waits for its retry, and everything behind it.
  ASSERT_TRUE(record({failed(deliveries[0], RetryAt{at(Seconds{20})})}).ok());
  page = read(clock.time);
  EXPECT_THAT(page.deliveries, SizeIs(0));
  EXPECT_EQ(page.next_due_at, at(Seconds{20}));
  EXPECT_FALSE(page.more);
  EXPECT_THAT(ids(read(clock.time, 10, {id(0)})), ElementsAre(id(1), id(2), id(3), id(4)));
  page = read(at(Seconds{20}));
  EXPECT_THAT(ids(page), ElementsAre(id(0), id(1), id(2), id(3), id(4)));
  EXPECT_EQ(page.deliveries.front().attempts_made, 1);
  // It fails for good; the next is delivered. Somebody asks for both again: they come first.
  const GaveUp gave_up{FailureReason::http_status};
  ASSERT_TRUE(record({failed(deliveries[0], gave_up, 2), delivered(deliveries[1])}).ok());
  EXPECT_THAT(ids(read(clock.time)), ElementsAre(id(2), id(3), id(4)));
  ASSERT_TRUE(store->reopen(webhook.id, id(0), clock.time)->has_value());
  ASSERT_TRUE(store->reopen(webhook.id, id(1), clock.time)->has_value());
  EXPECT_THAT(ids(read(clock.time)), ElementsAre(id(0), id(1), id(2), id(3), id(4)));
  reopen_store();
  EXPECT_THAT(ids(read(clock.time)), ElementsAre(id(0), id(1), id(2), id(3), id(4)));
  // Order is not wanted any more: all of them, as they fall due.
  EXPECT_THAT(ids_waiting(webhook.id, clock.time), SizeIs(5));
}

TEST_P(StoreContract, EndsAPageOfWaitingOnesByItsBytes) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::string data = "{\"fill\":\"" + std::string(kWaitingPageBytes / 4, 'x') + "\"}";
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(
        publish({make_event(webhook.account_id, {webhook.id}, "contact.created", data)}).ok());
  }
  const Result<WaitingPage> page = store->waiting(webhook.id, clock.time, {}, 100);
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(page->deliveries, SizeIs(4));
  EXPECT_TRUE(page->more);
}

TEST_P(StoreContract, KeepsTheMarkOfATest) {
  const Webhook webhook = make_webhook(make_account().id);
  NewEvent test = make_event(webhook.account_id, {webhook.id}, "webhook.test");
  test.deliveries[0].is_test = true;
  ASSERT_TRUE(publish({test}).ok());
  publish_one(webhook);
  const Result<WaitingPage> page = store->waiting(webhook.id, clock.time, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(2));
  EXPECT_TRUE(page->deliveries[0].is_test);
  EXPECT_FALSE(page->deliveries[1].is_test);
}

TEST_P(StoreContract, EndsWaitingDeliveriesInParts) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  const Webhook other = make_webhook(account.id);
  const std::vector<WaitingDelivery> deliveries = publish_many(webhook, 5);
  publish_one(other);
  ASSERT_TRUE(record({failed(deliveries[4], RetryAt{at(Seconds{99})})}).ok());
  EXPECT_EQ(*store->fail_waiting(webhook.id, FailureReason::webhook_inactive, 3), 3);
  expect_totals(totals(webhook.id), 2, 0, 3);
  EXPECT_EQ(*store->fail_waiting(webhook.id, FailureReason::webhook_inactive, 3), 2);
  EXPECT_EQ(*store->fail_waiting(webhook.id, FailureReason::webhook_inactive, 3), 0);
  expect_totals(totals(webhook.id), 0, 0, 5);
  expect_totals(totals(other.id), 1, 0, 0);
  const DeliveryEntry ended = entry(deliveries[4]);
  EXPECT_EQ(ended.status, DeliveryStatus::failed);
  EXPECT_EQ(ended.failure, FailureReason::webhook_inactive);
  EXPECT_EQ(ended.attempt_number, 1);
  EXPECT_EQ(ended.response_status, 500);
  EXPECT_EQ(ended.next_attempt_at, std::nullopt);
}

// --- accounts and webhooks
// -------------------------------------------------------------------------------------------------

TEST_P(StoreContract, KeepsAccounts) {
  NewAccount added{"Åcme \"Ltd\"", {}, {"https://a.example", "*"}, clock.time, Millis{1'500}};
  added.api_key_hash.fill(0xab);
  const Result<Account> made = store->create_account(added);
  ASSERT_TRUE(made.ok());
  const Account second = make_account("Second");
  EXPECT_GT(second.id, made->id);
  reopen_store();
  Result<std::vector<Account>> all = store->load_accounts();
  ASSERT_TRUE(all.ok());
  ASSERT_THAT(*all, SizeIs(2));
  Account account = (*all)[0];
  EXPECT_EQ(account.id, made->id);
  EXPECT_EQ(account.name, added.name);
  EXPECT_TRUE(account.is_active);
  EXPECT_EQ(account.allowed_origins, added.allowed_origins);
  EXPECT_EQ(account.api_key_hash, added.api_key_hash);
  EXPECT_EQ(account.created_at, clock.time);
  EXPECT_EQ(account.updated_at, clock.time);
  EXPECT_EQ(account.first_attempt_target, Millis{1'500});
  EXPECT_EQ((*all)[1].first_attempt_target, std::nullopt);

  account.name = "New";
  account.first_attempt_target = std::nullopt;
  account.is_active = false;
  account.allowed_origins.clear();
  account.api_key_hash.fill(0xcd);
  account.updated_at = at(Seconds{5});
  EXPECT_TRUE(*store->update_account(account, clock.time));
  const Account stored = **store->account(account.id);
  EXPECT_EQ(stored.name, "New");
  EXPECT_EQ(stored.first_attempt_target, std::nullopt);
  EXPECT_FALSE(stored.is_active);
  EXPECT_THAT(stored.allowed_origins, IsEmpty());
  EXPECT_EQ(stored.api_key_hash, account.api_key_hash);
  EXPECT_EQ(stored.created_at, clock.time);
  EXPECT_EQ(stored.updated_at, at(Seconds{5}));
  EXPECT_EQ((*store->account(second.id))->name, "Second");
  account.id = AccountId{999};
  EXPECT_FALSE(*store->update_account(account, at(Seconds{5})));
  EXPECT_FALSE(store->account(account.id)->has_value());
}

TEST_P(StoreContract, ChangesAnAccountOnlyFromWhatWasSeen) {
  const Account seen = make_account("Seen");
  Account first = seen;
  first.name = "First";
  first.updated_at = stamp_after(seen.updated_at, clock.time);
  Account second = seen;
  second.api_key_hash = {7};
  second.updated_at = first.updated_at;
  EXPECT_TRUE(*store->update_account(first, seen.updated_at));
  EXPECT_FALSE(*store->update_account(second, seen.updated_at)) << "would undo the first";
  Account stored = **store->account(seen.id);
  EXPECT_EQ(stored.name, "First");
  EXPECT_EQ(stored.api_key_hash, seen.api_key_hash);
  stored.api_key_hash = second.api_key_hash;
  EXPECT_TRUE(*store->update_account(stored, first.updated_at));
}

TEST_P(StoreContract, KeepsWebhooks) {
  const Account account = make_account();
  const NewWebhook added{account.id,     "Hööks", "https://example.com/?a=1",
                         {"b.c", "a.b"}, false,   "enc1:sealed",
                         clock.time};
  const Result<Webhook> made = store->create_webhook(added);
  ASSERT_TRUE(made.ok());
  reopen_store();
  const Result<std::vector<Webhook>> all = store->load_webhooks();
  ASSERT_TRUE(all.ok());
  ASSERT_THAT(*all, SizeIs(1));
  Webhook webhook = (*all)[0];
  EXPECT_EQ(webhook.id, made->id);
  EXPECT_EQ(webhook.account_id, account.id);
  EXPECT_EQ(webhook.name, added.name);
  EXPECT_EQ(webhook.url, added.url);
  EXPECT_THAT(webhook.events, ElementsAre("b.c", "a.b"));
  EXPECT_FALSE(webhook.is_active);
  EXPECT_EQ(webhook.secret, "enc1:sealed");
  EXPECT_EQ(webhook.created_at, clock.time);
  EXPECT_EQ(webhook.updated_at, clock.time);
  EXPECT_EQ(webhook.options, nullptr);

  webhook.name = "New";
  webhook.url = "https://new.example";
  webhook.events = {"x.y"};
  webhook.is_active = true;
  webhook.secret = "enc1:other";
  webhook.updated_at = at(Seconds{7});
  EXPECT_TRUE(*store->update_webhook(webhook, clock.time));
  const Webhook stored = **store->webhook(webhook.id);
  EXPECT_EQ(stored.id, webhook.id);
  EXPECT_EQ(stored.account_id, account.id);
  EXPECT_EQ(stored.name, "New");
  EXPECT_EQ(stored.url, "https://new.example");
  EXPECT_THAT(stored.events, ElementsAre("x.y"));
  EXPECT_TRUE(stored.is_active);
  EXPECT_EQ(stored.secret, "enc1:other");
  EXPECT_EQ(stored.created_at, clock.time);
  EXPECT_EQ(stored.updated_at, at(Seconds{7}));
  webhook.id = WebhookId{999};
  EXPECT_FALSE(*store->update_webhook(webhook, at(Seconds{7})));
  EXPECT_FALSE(store->webhook(webhook.id)->has_value());
}

TEST_P(StoreContract, ChangesAWebhookOnlyFromWhatWasSeen) {
  const Webhook seen = make_webhook(make_account().id);
  Webhook first = seen;
  first.secret = "enc1:new";
  first.is_active = false;
  first.updated_at = stamp_after(seen.updated_at, clock.time);
  Webhook second = seen;
  second.name = "Second";
  second.updated_at = first.updated_at;
  EXPECT_TRUE(*store->update_webhook(first, seen.updated_at));
  EXPECT_FALSE(*store->update_webhook(second, seen.updated_at)) << "would undo the first";
  Webhook stored = **store->webhook(seen.id);
  EXPECT_EQ(stored.name, seen.name);
  EXPECT_EQ(stored.secret, "enc1:new");
  EXPECT_FALSE(stored.is_active);
  stored.name = "Second";
  EXPECT_TRUE(*store->update_webhook(stored, first.updated_at));
  EXPECT_TRUE(*store->delete_webhook(seen.id));
  EXPECT_FALSE(*store->update_webhook(stored, first.updated_at));
}

TEST_P(StoreContract, KeepsTheOptionsOfAWebhook) {
  const Account account = make_account();
  const auto headers = with_change(nullptr, [](WebhookOptions& options) {
    options.headers = {{"X-Key", "enc1:sealed"}};
  });
  const Result<Webhook> made = store->create_webhook(
      {account.id, "Hook", "https://example.com", {"a.b"}, true, "s", clock.time, headers});
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(same_options(made->options, headers));
  reopen_store();
  Webhook webhook = store->load_webhooks()->at(0);
  EXPECT_TRUE(same_options(webhook.options, headers));
  webhook.options =
      with_change(webhook.options, [](WebhookOptions& options) { options.timeout = Seconds{5}; });
  EXPECT_TRUE(*store->update_webhook(webhook, webhook.updated_at));
  EXPECT_TRUE(same_options(store->load_webhooks()->at(0).options, webhook.options));
  webhook.options = nullptr;
  EXPECT_TRUE(*store->update_webhook(webhook, webhook.updated_at));
  EXPECT_EQ(store->load_webhooks()->at(0).options, nullptr);
}

TEST_P(StoreContract, DeletesAWebhookWithAllThatIsUnderIt) {
  const Account account = make_account();
  const Webhook gone = make_webhook(account.id);
  const Webhook stays = make_webhook(account.id);
  const WaitingDelivery waiting = publish_one(gone);
  const WaitingDelivery logged = publish_one(gone);
  ASSERT_TRUE(record({delivered(logged)}).ok());
  publish_one(stays);
  EXPECT_TRUE(*store->delete_webhook(gone.id));
  EXPECT_FALSE(*store->delete_webhook(gone.id));
  const auto expect_gone = [&] {
    EXPECT_THAT(*store->load_webhooks(), SizeIs(1));
    EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(stays.id));
    EXPECT_THAT(ids_waiting(gone.id, at(Seconds{999})), IsEmpty());
    EXPECT_EQ(*store->fail_waiting(gone.id, FailureReason::gone, 10), 0);
    expect_totals(totals(gone.id), 0, 0, 0);
    EXPECT_THAT(store->deliveries(gone.id, {}, 1, 25)->entries, IsEmpty());
    EXPECT_FALSE(store->delivery(gone.id, logged.id)->has_value());
    EXPECT_FALSE(store->reopen(gone.id, waiting.id, clock.time)->has_value());
    const Result<QueueStats> stats = store->queue_stats();
    expect_totals(stats->totals, 1, 0, 0);
    expect_totals(totals(stays.id), 1, 0, 0);
  };
  expect_gone();
  purge_all(clock.time, std::nullopt);
  expect_gone();
  EXPECT_GT(make_webhook(account.id).id, stays.id);
}

TEST_P(StoreContract, NeverUsesTheIdOfADeletedWebhookAgain) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  ASSERT_TRUE(*store->delete_webhook(webhook.id));
  EXPECT_GT(make_webhook(account.id).id, webhook.id);
  ASSERT_TRUE(*store->delete_account(account.id));
  EXPECT_GT(make_account().id, account.id);
}

TEST_P(StoreContract, DeletesAnAccountWithAllThatIsUnderIt) {
  const Account gone = make_account();
  const Account stays = make_account();
  const Webhook webhook = make_webhook(gone.id);
  const Webhook other = make_webhook(stays.id);
  publish_one(webhook);
  const WaitingDelivery kept = publish_one(other);
  ASSERT_TRUE(publish({with_key(make_event(gone.id, {webhook.id}), "k", 1)}).ok());
  EXPECT_TRUE(*store->delete_account(gone.id));
  EXPECT_FALSE(*store->delete_account(gone.id));
  EXPECT_THAT(*store->load_accounts(), SizeIs(1));
  EXPECT_THAT(*store->load_webhooks(), SizeIs(1));
  EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(other.id));
  purge_all(clock.time, std::nullopt);
  EXPECT_TRUE(store->delivery(other.id, kept.id)->has_value());
  EXPECT_FALSE(
      store->create_webhook({gone.id, "n", "https://e.example", {"a.b"}, true, "s", clock.time})
          .ok());
}

TEST_P(StoreContract, AnswersTotalsInTheOrderAsked) {
  const Account account = make_account();
  const Webhook one = make_webhook(account.id);
  const Webhook two = make_webhook(account.id);
  publish_many(two, 2);
  const Result<std::vector<DeliveryTotals>> found = store->totals({two.id, WebhookId{999}, one.id});
  ASSERT_THAT(*found, SizeIs(3));
  expect_totals((*found)[0], 2, 0, 0);
  expect_totals((*found)[1], 0, 0, 0);
  expect_totals((*found)[2], 0, 0, 0);
  EXPECT_THAT(*store->totals({}), IsEmpty());
}

// --- the log
// ---------------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, PagesTheLogNewestFirst) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  publish_one(make_webhook(account.id));
  const std::vector<WaitingDelivery> d = publish_many(webhook, 5);
  Result<DeliveryPage> page = store->deliveries(webhook.id, {}, 1, 2);
  EXPECT_THAT(ids_of(page->entries), ElementsAre(d[4].id, d[3].id));
  EXPECT_EQ(page->total, 5);
  page = store->deliveries(webhook.id, {}, 3, 2);
  EXPECT_THAT(ids_of(page->entries), ElementsAre(d[0].id));
  page = store->deliveries(webhook.id, {}, 4, 2);
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_EQ(page->total, 5);
  page = store->deliveries(webhook.id, {}, std::numeric_limits<std::int64_t>::max(), 100);
  EXPECT_THAT(page->entries, IsEmpty());
  EXPECT_EQ(page->total, 5);
}

TEST_P(StoreContract, FiltersTheLogByStatus) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> d = publish_many(webhook, 6);
  ASSERT_TRUE(
      record({delivered(d[0]), delivered(d[3]), failed(d[1], GaveUp{FailureReason::http_status}),
              failed(d[2], RetryAt{at(Seconds{500})})})
          .ok());
  const auto page = [&](DeliveryStatus status, std::int64_t number) {
    return *store->deliveries(
        webhook.id, {.status = status, .event_type = {}, .from = {}, .until = {}}, number, 2);
  };
  EXPECT_THAT(ids_of(page(DeliveryStatus::delivered, 1).entries), ElementsAre(d[3].id, d[0].id));
  EXPECT_EQ(page(DeliveryStatus::delivered, 1).total, 2);
  EXPECT_THAT(ids_of(page(DeliveryStatus::failed, 1).entries), ElementsAre(d[1].id));
  EXPECT_EQ(page(DeliveryStatus::failed, 1).total, 1);
  EXPECT_THAT(ids_of(page(DeliveryStatus::pending, 1).entries), ElementsAre(d[5].id, d[4].id));
  EXPECT_THAT(ids_of(page(DeliveryStatus::pending, 2).entries), ElementsAre(d[2].id));
  EXPECT_EQ(page(DeliveryStatus::pending, 2).total, 3);
  EXPECT_THAT(page(DeliveryStatus::failed, 2).entries, IsEmpty());
}

TEST_P(StoreContract, FiltersTheLogByTypeAndTime) {
  const Webhook webhook = make_webhook(make_account().id);
  const Timestamp start = clock.time;
  std::vector<WaitingDelivery> d;
  for (int i = 0; i < 6; ++i) {
    clock.time = start + Seconds{40 * i};
    d.push_back(publish_one(webhook, i % 2 == 0 ? "contact.created" : "contact.updated"));
  }
  ASSERT_TRUE(record({delivered(d[1]), delivered(d[2])}).ok());
  DeliveryFilter filter;
  filter.event_type = "contact.updated";
  Result<DeliveryPage> page = store->deliveries(webhook.id, filter, 1, 2);
  EXPECT_THAT(ids_of(page->entries), ElementsAre(d[5].id, d[3].id));
  EXPECT_EQ(page->total, 3);
  EXPECT_EQ(page->searched_to, std::nullopt);
  EXPECT_THAT(ids_of(store->deliveries(webhook.id, filter, 2, 2)->entries), ElementsAre(d[1].id));
  filter.status = DeliveryStatus::delivered;
  EXPECT_THAT(ids_of(store->deliveries(webhook.id, filter, 1, 25)->entries), ElementsAre(d[1].id));
  filter = {};
  filter.from = d[1].created_at;
  filter.until = d[4].created_at;
  page = store->deliveries(webhook.id, filter, 1, 25);
  EXPECT_THAT(ids_of(page->entries), ElementsAre(d[3].id, d[2].id, d[1].id));
  EXPECT_EQ(page->total, 3);
  filter.status = DeliveryStatus::pending;
  page = store->deliveries(webhook.id, filter, 1, 25);
  EXPECT_THAT(ids_of(page->entries), ElementsAre(d[3].id));
  EXPECT_EQ(page->total, 1);
  filter = {};
  filter.until = start;
  EXPECT_EQ(store->deliveries(webhook.id, filter, 1, 25)->total, 0);
  filter.until.reset();
  filter.from = at(Seconds{3600});
  EXPECT_EQ(store->deliveries(webhook.id, filter, 1, 25)->total, 0);
}

TEST_P(StoreContract, WalksTheLogBackwards) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> d = publish_many(webhook, 5);
  ASSERT_TRUE(
      record({delivered(d[0]), delivered(d[2]), failed(d[1], GaveUp{FailureReason::http_status})})
          .ok());
  EXPECT_THAT(ids_of(store->deliveries_before(webhook.id, {}, d[3].id, 2)->entries),
              ElementsAre(d[2].id, d[1].id));
  EXPECT_THAT(ids_of(store->deliveries_before(webhook.id, {}, d[1].id, 2)->entries),
              ElementsAre(d[0].id));
  EXPECT_THAT(store->deliveries_before(webhook.id, {}, d[0].id, 2)->entries, IsEmpty());
  const auto walk = [&](DeliveryStatus status, DeliveryId before) {
    return ids_of(store
                      ->deliveries_before(
                          webhook.id, {.status = status, .event_type = {}, .from = {}, .until = {}},
                          before, 9)
                      ->entries);
  };
  EXPECT_THAT(walk(DeliveryStatus::delivered, d[2].id), ElementsAre(d[0].id));
  EXPECT_THAT(walk(DeliveryStatus::failed, d[4].id), ElementsAre(d[1].id));
  EXPECT_THAT(walk(DeliveryStatus::pending, d[4].id), ElementsAre(d[3].id));
}

TEST_P(StoreContract, HidesDeliveriesOfAnotherWebhook) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  const Webhook other = make_webhook(account.id);
  const WaitingDelivery delivery = publish_one(webhook);
  EXPECT_FALSE(store->delivery(other.id, delivery.id)->has_value());
  EXPECT_FALSE(store->reopen(other.id, delivery.id, clock.time)->has_value());
  EXPECT_FALSE(store->delivery(webhook.id, DeliveryId{delivery.event->id.value})->has_value());
}

TEST_P(StoreContract, ReopensADelivery) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> d = publish_many(webhook, 3);
  ASSERT_TRUE(record({delivered(d[0]), failed(d[1], RetryAt{at(Seconds{5})})}).ok());
  ASSERT_TRUE(record({failed(d[1], GaveUp{FailureReason::http_status}, 2)}).ok());
  const Timestamp due = at(Seconds{30});
  for (const WaitingDelivery& delivery : d) {
    const Result<std::optional<DeliveryEntry>> reopened =
        store->reopen(webhook.id, delivery.id, due);
    ASSERT_TRUE(reopened.ok() && reopened->has_value());
    EXPECT_EQ((*reopened)->status, DeliveryStatus::pending);
    EXPECT_EQ((*reopened)->next_attempt_at, due);
    EXPECT_EQ((*reopened)->delivered_at, std::nullopt);
  }
  expect_totals(totals(webhook.id), 3, 0, 0);
  const Result<WaitingPage> page = store->waiting(webhook.id, due, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(3));
  EXPECT_EQ(page->deliveries[1].attempts_made, 2);
  EXPECT_EQ(page->deliveries[1].schedule_position, 0);
  clock.time = due;
  ASSERT_TRUE(record({delivered(d[1], 3)}).ok());
  EXPECT_EQ(entry(d[1]).attempt_number, 3);
  EXPECT_THAT((*store->delivery(webhook.id, d[1].id))->attempts, SizeIs(3));
  expect_totals(totals(webhook.id), 2, 1, 0);
}

TEST_P(StoreContract, ReopensWhatFailedInASpan) {
  const Webhook webhook = make_webhook(make_account().id);
  const Timestamp start = clock.time;
  std::vector<WaitingDelivery> d;
  for (int i = 0; i < 5; ++i) {
    clock.time = start + Seconds{i};
    d.push_back(publish_one(webhook));
  }
  std::vector<AttemptOutcome> outcomes;
  for (const int i : {0, 1, 3, 4})
    outcomes.push_back(failed(d[i], GaveUp{FailureReason::http_status}));
  outcomes.push_back(delivered(d[2]));
  ASSERT_TRUE(record(outcomes).ok());
  const Timestamp from = start + Seconds{1};
  const Timestamp until = start + Seconds{4};
  EXPECT_EQ(*store->count_failed(webhook.id, from, until), 2);
  const Timestamp due = at(Seconds{60});
  EXPECT_EQ(*store->reopen_failed(webhook.id, from, until, due, Millis{500}), 2);
  EXPECT_EQ(entry(d[1]).next_attempt_at, due);
  EXPECT_EQ(entry(d[3]).next_attempt_at, due + Millis{500});
  EXPECT_EQ(entry(d[0]).status, DeliveryStatus::failed);
  EXPECT_EQ(entry(d[2]).status, DeliveryStatus::delivered);
  EXPECT_EQ(entry(d[4]).status, DeliveryStatus::failed);
  expect_totals(totals(webhook.id), 2, 1, 2);
  EXPECT_EQ(*store->count_failed(webhook.id, from, until), 0);
}

TEST_P(StoreContract, ReopensThousandsEachAtItsOwnTime) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> d = publish_many(webhook, 1'700);
  while (*store->fail_waiting(webhook.id, FailureReason::webhook_inactive, 1'000) > 0) {
  }
  EXPECT_EQ(*store->count_failed(webhook.id, clock.time, at(Seconds{1})), 1'700);
  EXPECT_EQ(*store->reopen_failed(webhook.id, clock.time, at(Seconds{1}), clock.time, Millis{1}),
            1'700);
  EXPECT_EQ(entry(d[1'699]).next_attempt_at, clock.time + Millis{1'699});
  expect_totals(totals(webhook.id), 1'700, 0, 0);
}

// --- replay
// ----------------------------------------------------------------------------------------------------------------

std::vector<std::int64_t> ids_found(const Result<EventPage>& page) {
  EXPECT_TRUE(page.ok());
  std::vector<std::int64_t> ids;
  for (const EventPtr& event : page->events) ids.push_back(event->id.value);
  return ids;
}

TEST_P(StoreContract, FindsTheEventsOfAnAccountInASpan) {
  const Account account = make_account();
  const Account other = make_account("Other");
  const Webhook webhook = make_webhook(account.id);
  const Timestamp start = clock.time;
  std::vector<NewEvent> events;
  for (int minute = 0; minute < 6; ++minute) {
    clock.time = start + Seconds{60 * minute};
    // Nobody subscribes to most of them.
    events.push_back(
        make_event(account.id, minute == 3 ? std::vector{webhook.id} : std::vector<WebhookId>{}));
    ASSERT_TRUE(publish({events.back(), make_event(other.id, {})}).ok());
  }
  const auto id = [&](int minute) { return events[minute].event->id.value; };
  EventSearch search{account.id, start + Seconds{60}, start + Seconds{300}, {}, false};
  Result<EventPage> page = store->events(search, 100);
  EXPECT_THAT(ids_found(page), ElementsAre(id(1), id(2), id(3), id(4)));
  EXPECT_EQ(page->searched_to, std::nullopt);
  EXPECT_EQ(page->events[0]->type, "contact.created");
  EXPECT_EQ(page->events[0]->account_id, account.id);
  EXPECT_EQ(page->events[0]->created_at, start + Seconds{60});
  EXPECT_EQ(page->events[0]->data, "");
  search.with_data = true;
  EXPECT_EQ(store->events(search, 100)->events[3]->data, events[4].event->data);

  page = store->events(search, 3);
  EXPECT_THAT(ids_found(page), ElementsAre(id(1), id(2), id(3)));
  ASSERT_EQ(page->searched_to, EventId{id(3)});
  search.after = *page->searched_to;
  EXPECT_THAT(ids_found(store->events(search, 3)), ElementsAre(id(4)));
  search.after = EventId{INT64_MAX};
  EXPECT_THAT(ids_found(store->events(search, 3)), IsEmpty());
  search.after = {};
  search.until = search.from;
  EXPECT_THAT(ids_found(store->events(search, 3)), IsEmpty());
}

TEST_P(StoreContract, LooksAtNoMoreThanSoManyRowsAndBytesForEvents) {
  const Account account = make_account();
  const Account other = make_account("Other");
  const Timestamp start = clock.time;
  std::vector<NewEvent> events;
  for (std::int64_t i = 0; i < kEventSearchRows; ++i) events.push_back(make_event(account.id, {}));
  ASSERT_TRUE(publish(std::move(events)).ok());
  clock.time += Seconds{3600};
  const NewEvent last = make_event(account.id, {});
  ASSERT_TRUE(publish({make_event(other.id, {}), last}).ok());
  EventSearch search{account.id, start + Seconds{1}, at(Seconds{1}), {}, false};
  // Those before the span may have to be passed over: then it says where it stopped.
  const auto first_found = [&] {
    for (;;) {
      Result<EventPage> page = store->events(search, 100);
      if (!page.ok() || !page->searched_to || !page->events.empty()) return page;
      search.after = *page->searched_to;
    }
  };
  EXPECT_THAT(ids_found(first_found()), ElementsAre(last.event->id.value));

  const std::string long_data = R"({"text":")" + std::string(200'000, 'x') + R"("})";
  clock.time += Seconds{3600};
  const Timestamp long_ones = clock.time;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(publish({make_event(account.id, {}, "contact.created", long_data)}).ok());
  }
  search = {account.id, long_ones, at(Seconds{1}), {}, true};
  Result<EventPage> page = first_found();
  ASSERT_THAT(page->events, SizeIs(6));  // of 200 kB: beyond a MiB with the sixth
  ASSERT_TRUE(page->searched_to);
  search.after = *page->searched_to;
  page = first_found();
  ASSERT_THAT(page->events, SizeIs(2));
  EXPECT_EQ(page->events[1]->data, long_data);
}

TEST_P(StoreContract, ReplaysEventsToAWebhookThatWasNotThere) {
  const Account account = make_account();
  std::vector<NewEvent> published;
  for (int i = 0; i < 3; ++i) {
    published.push_back(
        make_event(account.id, {}, "contact.created", R"({"n":)" + std::to_string(i) + "}"));
    ASSERT_TRUE(publish({published.back()}).ok());
  }
  clock.time += Seconds{3600};
  const Webhook webhook = make_webhook(account.id);
  const EventSearch everything{account.id, Timestamp{}, clock.time, {}, false};
  const auto found = store->events(everything, 100);
  const Timestamp due = at(Seconds{60});
  EXPECT_EQ(*store->replay({webhook.id, clock.time, due, Seconds{1}}, found->events), 3);
  expect_totals(totals(webhook.id), 3, 0, 0);
  EXPECT_THAT(ids_waiting(webhook.id, due - Micros{1}), IsEmpty());
  EXPECT_EQ(store->waiting(webhook.id, clock.time, {}, 10)->next_due_at, due);
  const auto page = store->waiting(webhook.id, due + Seconds{2}, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    const WaitingDelivery& delivery = page->deliveries[i];
    EXPECT_EQ(delivery.event->id, published[i].event->id);
    EXPECT_EQ(delivery.event->data, published[i].event->data);
    EXPECT_EQ(delivery.event->traceparent, published[i].event->traceparent);
    EXPECT_EQ(delivery.created_at, clock.time);
    EXPECT_EQ(delivery.due_at, due + Seconds{i});
    EXPECT_EQ(entry(delivery).status, DeliveryStatus::pending);
    EXPECT_EQ(entry(delivery).event_type, "contact.created");
  }
  clock.time = due;
  ASSERT_TRUE(record({delivered(page->deliveries[0]),
                      failed(page->deliveries[1], GaveUp{FailureReason::http_status})})
                  .ok());
  expect_totals(totals(webhook.id), 1, 1, 1);
  EXPECT_EQ(store->deliveries(webhook.id, {}, 1, 10)->total, 3);

  // Once more makes new ones: nothing remembers which were replayed.
  EXPECT_EQ(*store->replay({webhook.id, clock.time, due, Seconds{1}}, found->events), 3);
  expect_totals(totals(webhook.id), 4, 1, 1);
  reopen_store();
  expect_totals(totals(webhook.id), 4, 1, 1);
  EXPECT_EQ(store->deliveries(webhook.id, {}, 1, 10)->total, 6);
}

TEST_P(StoreContract, ReplaysBehindWhatWaitsInOrder) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  const auto publish_in_order = [&] {
    NewEvent added = make_event(account.id, {webhook.id});
    added.deliveries.front().is_ordered = true;
    EXPECT_TRUE(publish({added}).ok());
    return added.event;
  };
  const EventPtr first = publish_in_order();
  const EventPtr second = publish_in_order();
  const Replay again{.webhook = webhook.id,
                     .now = clock.time,
                     .first_due = at(Seconds{60}),
                     .spacing = Seconds{1},
                     .is_ordered = true};
  EXPECT_EQ(*store->replay(again, {second, first}), 2);
  const EventPtr last = publish_in_order();
  const auto read = [&](Timestamp now) {
    const auto page = store->waiting_in_order(webhook.id, now, {}, 10);
    EXPECT_TRUE(page.ok());
    std::vector<EventId> events;
    for (const WaitingDelivery& one : page->deliveries) events.push_back(one.event->id);
    return std::pair(events, page->next_due_at);
  };
  const auto due = [](const auto& page) { return page.first; };
  // What was published after the replay waits behind it, as the order wants it.
  EXPECT_THAT(due(read(clock.time)), ElementsAre(first->id, second->id));
  EXPECT_EQ(read(clock.time).second, again.first_due);
  EXPECT_THAT(due(read(again.first_due)), ElementsAre(first->id, second->id, second->id));
  reopen_store();
  EXPECT_THAT(due(read(again.first_due + Seconds{1})),
              ElementsAre(first->id, second->id, second->id, first->id, last->id));
}

TEST_P(StoreContract, ReplaysNothingOfWhatIsGone) {
  const Webhook webhook = make_webhook(make_account().id);
  const NewEvent stored = make_event(webhook.account_id, {});
  ASSERT_TRUE(publish({stored}).ok());
  const EventPtr gone = make_event(webhook.account_id, {}).event;
  EXPECT_EQ(*store->replay({webhook.id, clock.time, clock.time}, {gone, stored.event}), 1);
  const auto page = store->waiting(webhook.id, clock.time, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(1));
  EXPECT_EQ(page->deliveries[0].event->id, stored.event->id);
  ASSERT_TRUE(*store->delete_webhook(webhook.id));
  EXPECT_EQ(*store->replay({webhook.id, clock.time, clock.time}, {stored.event}), 0);
}

TEST_P(StoreContract, KeepsAnOldEventWhileItsReplayWaits) {
  const Webhook webhook = make_webhook(make_account().id);
  const NewEvent old = make_event(webhook.account_id, {});
  ASSERT_TRUE(publish({old}).ok());
  for (int day = 0; day < 5; ++day) {
    clock.time += Seconds{86'400};
    publish_one(make_webhook(webhook.account_id));
  }
  ASSERT_EQ(*store->replay({webhook.id, clock.time, clock.time}, {old.event}), 1);
  purge_all(clock.time, at(Seconds{-2 * 86'400}));
  auto page = store->waiting(webhook.id, clock.time, {}, 10);
  ASSERT_THAT(page->deliveries, SizeIs(1));
  EXPECT_EQ(page->deliveries[0].event->data, old.event->data);
  EXPECT_TRUE(store->delivery(webhook.id, page->deliveries[0].id)->has_value());
  ASSERT_TRUE(record({failed(page->deliveries[0], GaveUp{FailureReason::http_status})}).ok());
  EXPECT_EQ(*store->count_failed(webhook.id, Timestamp{}, at(Seconds{1})), 1);

  // Then it goes; the entry stays for its own time.
  purge_all(clock.time, at(Seconds{-2 * 86'400}));
  EXPECT_EQ(store->deliveries(webhook.id, {}, 1, 10)->total, 1);
  EXPECT_EQ(*store->count_failed(webhook.id, Timestamp{}, at(Seconds{1})), 0);
  EXPECT_EQ(*store->reopen_failed(webhook.id, Timestamp{}, at(Seconds{1}), clock.time, Micros{1}),
            0);
  EXPECT_FALSE(store->delivery(webhook.id, page->deliveries[0].id)->has_value());
  EXPECT_FALSE(store->reopen(webhook.id, page->deliveries[0].id, clock.time)->has_value());
}

// --- statistics
// ------------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, RollsUpAttemptsByTheMinuteTheyEndedIn) {
  const Account account = make_account();
  const Webhook one = make_webhook(account.id);
  const Webhook two = make_webhook(account.id);
  const Timestamp start = clock.time;  // a whole minute
  const std::vector<WaitingDelivery> d = publish_many(one, 3);
  const WaitingDelivery other = publish_one(two);
  clock.time = start + Seconds{30};
  ASSERT_TRUE(record({delivered(d[0]), failed(d[1], RetryAt{at(Seconds{1})})}).ok());
  ASSERT_TRUE(record({failed(d[1], GaveUp{FailureReason::http_status}, 2)}).ok());
  clock.time = start + Seconds{90};
  ASSERT_TRUE(record({delivered(d[2]), delivered(other)}).ok());
  const Result<std::vector<StatsStep>> found =
      store->stats({one.id, two.id}, start, start + Seconds{240}, Seconds{60});
  ASSERT_TRUE(found.ok());
  const std::vector<StatsStep>& steps = *found;
  ASSERT_THAT(steps, SizeIs(4));
  EXPECT_EQ(steps[0].start, start);
  EXPECT_EQ(steps[0].delivered, 1);
  EXPECT_EQ(steps[0].failed_attempts, 2);
  EXPECT_EQ(steps[0].failed, 1);
  ASSERT_TRUE(steps[0].duration_p50_ms.has_value());
  EXPECT_NEAR(*steps[0].duration_p50_ms, 10, 1);
  EXPECT_EQ(steps[1].start, start + Seconds{60});
  EXPECT_EQ(steps[1].delivered, 2);
  EXPECT_EQ(steps[1].failed_attempts, 0);
  EXPECT_EQ(steps[2].delivered, 0);
  EXPECT_EQ(steps[2].duration_p50_ms, std::nullopt);
  const Result<std::vector<StatsStep>> wide =
      store->stats({one.id}, start, start + Seconds{240}, Seconds{120});
  ASSERT_THAT(*wide, SizeIs(2));
  EXPECT_EQ((*wide)[0].delivered, 2);
}

// Long steps are read from spans of minutes (store/rollup_ranges.h): the same figures.
TEST_P(StoreContract, AddsUpToTheSameInStepsOfAnyLength) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  const Webhook other = make_webhook(account.id);
  const Timestamp day = std::chrono::floor<std::chrono::days>(clock.now());
  const Timestamp end = day + std::chrono::hours{24};
  // Attempts at odd minutes all over the day, in several batches for each span.
  std::vector<WaitingDelivery> d = publish_many(webhook, 120);
  for (int round = 0; round < 4; ++round) {
    std::vector<AttemptOutcome> outcomes;
    for (std::size_t i = static_cast<std::size_t>(round); i < d.size(); i += 4) {
      clock.time = day + Seconds{static_cast<std::int64_t>(i * 719)};
      outcomes.push_back(i % 5 == 0 ? failed(d[i], RetryAt{end}) : delivered(d[i]));
      outcomes.back().attempt.started_at = clock.time;
      outcomes.back().attempt.duration = Millis{5 + 40 * static_cast<std::int64_t>(i % 9)};
    }
    ASSERT_TRUE(record(outcomes).ok());
    backend->fold_counts(store, clock);
  }
  const auto sums = [&](Timestamp from, Timestamp until, Seconds step) {
    std::int64_t delivered = 0, failed_attempts = 0;
    const auto steps = store->stats({webhook.id}, from, until, step);
    for (const StatsStep& one : *steps) {
      delivered += one.delivered;
      failed_attempts += one.failed_attempts;
    }
    return std::pair(delivered, failed_attempts);
  };
  for (const Seconds step :
       {Seconds{60}, Seconds{4 * 3'600}, Seconds{1'800}, Seconds{7 * 3'600}, Seconds{86'400}}) {
    EXPECT_EQ(sums(day, end, step), std::pair(std::int64_t{96}, std::int64_t{24})) << step.count();
    // Neither end at a span's.
    const Timestamp from = day + Seconds{5'000}, until = end - Seconds{10'000};
    EXPECT_EQ(sums(from, until, step), sums(from, until, Seconds{120})) << step.count();
  }
  const StatsStep whole = store->stats({webhook.id}, day, end, Seconds{86'400})->at(0);
  EXPECT_NEAR(whole.duration_p50_ms.value_or(0), 165, 17);
  EXPECT_NEAR(whole.duration_p95_ms.value_or(0), 325, 33);
  // They go with the webhook, and with the log.
  ASSERT_TRUE(record({delivered(publish_one(other))}).ok());
  backend->fold_counts(store, clock);
  const auto of_other = [&] {
    return store->stats({other.id}, day, end, Seconds{86'400})->at(0).delivered;
  };
  ASSERT_TRUE(*store->delete_webhook(webhook.id));
  purge_all(clock.time, std::nullopt);
  EXPECT_EQ(sums(day, end, Seconds{86'400}), std::pair(std::int64_t{0}, std::int64_t{0}));
  EXPECT_EQ(of_other(), 1);
  purge_all(end + std::chrono::hours{1}, end);
  EXPECT_EQ(of_other(), 0);
}

TEST_P(StoreContract, CountsThePublishedEventsOfAccounts) {
  const Account one = make_account();
  const Account two = make_account("Other");
  const Webhook first = make_webhook(one.id);
  const Webhook second = make_webhook(one.id);
  const Timestamp start = clock.time;  // a whole minute
  const auto events = [&](const std::vector<AccountId>& accounts, Seconds step = Seconds{60}) {
    std::vector<std::int64_t> counts;
    const auto steps = store->account_stats(accounts, start, start + Seconds{180}, step);
    for (const AccountStep& found : *steps) counts.push_back(found.events);
    return counts;
  };
  // To two webhooks, to none, and a test, which is not published by anybody.
  ASSERT_TRUE(publish({make_event(one.id, {first.id, second.id}), make_event(one.id, {})}).ok());
  NewEvent test = make_event(one.id, {first.id});
  test.deliveries[0].is_test = true;
  ASSERT_TRUE(publish({test}).ok());
  clock.time += Seconds{60};
  ASSERT_TRUE(publish({make_event(two.id, {})}).ok());
  const NewEvent keyed = with_key(make_event(one.id, {}), "k", 1);
  ASSERT_TRUE(publish({keyed}).ok());
  ASSERT_TRUE(publish({with_key(make_event(one.id, {}), "k", 1)}).ok());  // the same again
  for (const bool folded : {false, true}) {
    if (folded) backend->fold_counts(store, clock);
    EXPECT_THAT(events({one.id}), ElementsAre(2, 1, 0));
    EXPECT_THAT(events({two.id}), ElementsAre(0, 1, 0));
    EXPECT_THAT(events({one.id, two.id}, Seconds{180}), ElementsAre(4));
    EXPECT_THAT(events({}), ElementsAre(0, 0, 0));
    const StatsStep step = store->stats({first.id}, start, start + Seconds{60}, Seconds{60})->at(0);
    EXPECT_EQ(step.delivered, 0) << "an account's events are no webhook's deliveries";
    expect_totals(totals(first.id), 2, 0, 0);
    EXPECT_EQ(store->queue_stats()->totals.all(), 3);
  }
  ASSERT_TRUE(*store->delete_account(one.id));
  purge_all(clock.time, std::nullopt);
  EXPECT_THAT(events({two.id, one.id}), ElementsAre(0, 1, 0));
}

TEST_P(StoreContract, CountsFirstAttemptsOfAccounts) {
  const Account account = make_account();
  const Account other = make_account("Other");
  const Webhook webhook = make_webhook(account.id);
  const Timestamp start = clock.time;  // a whole minute
  const auto whole = [&](const std::vector<AccountId>& accounts) {
    const auto steps = store->account_stats(accounts, start, start + Seconds{120}, Seconds{120});
    EXPECT_TRUE(steps.ok());
    return steps.ok() ? steps->at(0) : AccountStep{};
  };
  const auto counts = [&](const std::vector<AccountId>& accounts) {
    const AccountStep step = whole(accounts);
    return std::tuple(step.events, step.first_attempts, step.late);
  };
  using Counts = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  const auto with_first = [&](AttemptOutcome outcome, Millis latency, bool is_late) {
    outcome.first = FirstAttempt{account.id, latency, is_late};
    return outcome;
  };
  const auto deliveries = publish_many(webhook, 22);
  clock.time += Seconds{1};
  std::vector<AttemptOutcome> outcomes;
  for (std::size_t i = 0; i < 19; ++i) {
    outcomes.push_back(with_first(delivered(deliveries[i]), Millis{20}, false));
  }
  // One whose attempt fails, and one of an account without a target.
  outcomes.push_back(
      with_first(failed(deliveries[19], RetryAt{at(Seconds{60})}), Millis{3'000}, true));
  outcomes.push_back(delivered(deliveries[20]));
  ASSERT_TRUE(record(outcomes).ok());
  // The same again, as after an answer that was lost: it counts once.
  ASSERT_TRUE(record({outcomes[0], outcomes[19]}).ok());
  // Retries are no first attempts.
  ASSERT_TRUE(record({delivered(deliveries[19], 2)}).ok());
  for (const bool folded : {false, true}) {
    if (folded) backend->fold_counts(store, clock);
    EXPECT_EQ(counts({account.id}), Counts(22, 20, 1));
    EXPECT_EQ(counts({other.id}), Counts(0, 0, 0));
    EXPECT_EQ(counts({account.id, other.id}), Counts(22, 20, 1));
    const AccountStep step = whole({account.id});
    EXPECT_NEAR(step.latency_p50_ms.value_or(0), 20, 2);
    EXPECT_NEAR(step.latency_p95_ms.value_or(0), 20, 2);
    EXPECT_EQ(whole({other.id}).latency_p50_ms, std::nullopt);
    const StatsStep of_webhook =
        store->stats({webhook.id}, start, start + Seconds{120}, Seconds{120})->at(0);
    EXPECT_EQ(of_webhook.failed_attempts, 1) << "an account's counts are no webhook's";
    EXPECT_EQ(of_webhook.failed, 0);
  }
  // In the minute in which it began, and after what was folded.
  AttemptOutcome last = with_first(delivered(deliveries[21]), Millis{60'000}, true);
  last.attempt.started_at = start + Seconds{60};
  ASSERT_TRUE(record({last}).ok());
  const auto steps = store->account_stats({account.id}, start, start + Seconds{120}, Seconds{60});
  EXPECT_EQ(steps->at(0).first_attempts, 20);
  EXPECT_EQ(steps->at(1).first_attempts, 1);
  EXPECT_EQ(steps->at(1).late, 1);
  reopen_store();
  EXPECT_EQ(counts({account.id}), Counts(22, 21, 2));
  ASSERT_TRUE(*store->delete_account(account.id));
  purge_all(clock.time, std::nullopt);
  EXPECT_EQ(counts({account.id}), Counts(0, 0, 0));
}

TEST_P(StoreContract, TellsQuantilesOfDurations) {
  const Webhook webhook = make_webhook(make_account().id);
  const Timestamp start = clock.time;
  clock.time += Seconds{30};
  int i = 0;
  std::vector<AttemptOutcome> outcomes;
  for (const WaitingDelivery& delivery : publish_many(webhook, 100)) {
    outcomes.push_back(delivered(delivery));
    outcomes.back().attempt.duration = i++ < 90 ? Millis{20} : Millis{3'000};
  }
  ASSERT_TRUE(record(outcomes).ok());
  const StatsStep step = store->stats({webhook.id}, start, start + Seconds{60}, Seconds{60})->at(0);
  EXPECT_NEAR(step.duration_p50_ms.value_or(0), 20, 2);
  EXPECT_NEAR(step.duration_p95_ms.value_or(0), 3'000, 300);
}

TEST_P(StoreContract, TellsTheQueue) {
  const Account account = make_account();
  const Webhook webhook = make_webhook(account.id);
  EXPECT_EQ(store->queue_stats()->oldest_waiting_created_at, std::nullopt);
  const WaitingDelivery first = publish_one(webhook);
  clock.time += Seconds{5};
  const WaitingDelivery second = publish_one(make_webhook(account.id));
  Result<QueueStats> stats = store->queue_stats();
  ASSERT_TRUE(stats.ok());
  expect_totals(stats->totals, 2, 0, 0);
  EXPECT_EQ(stats->oldest_waiting_created_at, first.created_at);
  ASSERT_TRUE(record({delivered(first)}).ok());
  stats = store->queue_stats();
  expect_totals(stats->totals, 1, 1, 0);
  EXPECT_EQ(stats->oldest_waiting_created_at, second.created_at);
  ASSERT_TRUE(store->reopen(webhook.id, first.id, clock.time).ok());
  EXPECT_EQ(store->queue_stats()->oldest_waiting_created_at, first.created_at);
}

// --- housekeeping
// ----------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, SaysThatItCanTakeWrites) {
  EXPECT_TRUE(store->check_writable().ok());
}

TEST_P(StoreContract, PurgesSettledDeliveriesThatAreOld) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> old = publish_many(webhook, 1'200);
  std::vector<AttemptOutcome> outcomes;
  for (std::size_t i = 1; i < old.size(); ++i) {
    outcomes.push_back(i % 3 == 0 ? failed(old[i], GaveUp{FailureReason::http_status})
                                  : delivered(old[i]));
  }
  ASSERT_TRUE(record(outcomes).ok());
  clock.time += Seconds{2 * 86'400};  // a backend may drop whole days only
  const WaitingDelivery young = publish_one(webhook);
  ASSERT_TRUE(record({delivered(young)}).ok());
  purge_all(clock.time, clock.time);
  expect_totals(totals(webhook.id), 1, 1, 0);  // the old one that still waits, and the young one
  EXPECT_THAT(ids_of(store->deliveries(webhook.id, {}, 1, 25)->entries),
              ElementsAre(young.id, old[0].id));
  EXPECT_FALSE(store->delivery(webhook.id, old[5].id)->has_value());
  ASSERT_THAT(ids_waiting(webhook.id, clock.time), ElementsAre(old[0].id));
  // Once settled, it goes too.
  ASSERT_TRUE(record({delivered(old[0])}).ok());
  purge_all(clock.time, clock.time);
  expect_totals(totals(webhook.id), 0, 1, 0);
}

TEST_P(StoreContract, GoesOnAfterOldDaysAreGone) {
  const Webhook webhook = make_webhook(make_account().id);
  std::vector<std::vector<WaitingDelivery>> days;
  for (int day = 0; day < 3; ++day) {
    days.push_back(publish_many(webhook, 12));
    std::vector<AttemptOutcome> outcomes{
        failed(days[day][0], RetryAt{clock.time + Seconds{9 * 86'400}})};
    for (std::size_t i = 2; i < days[day].size(); ++i) {
      outcomes.push_back(i % 5 == 0 ? failed(days[day][i], GaveUp{FailureReason::http_status})
                                    : delivered(days[day][i]));
    }
    ASSERT_TRUE(record(outcomes).ok());
    clock.time += Seconds{86'400};
  }
  const Timestamp kept_from = std::chrono::floor<std::chrono::days>(at(Seconds{-2 * 86'400}));
  purge_all(clock.time, kept_from);

  // Of the first day stays what waits: for its retry, and for its first attempt.
  expect_totals(totals(webhook.id), 6, 16, 4);
  std::vector<DeliveryId> left;
  for (int day = 2; day > 0; --day) {
    for (auto one = days[day].rbegin(); one != days[day].rend(); ++one) left.push_back(one->id);
  }
  left.push_back(days[0][1].id);
  left.push_back(days[0][0].id);
  std::vector<DeliveryId> paged;
  for (int page = 1; page <= 4; ++page) {
    const auto found = store->deliveries(webhook.id, {}, page, 8);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->total, 26);
    for (const DeliveryId id : ids_of(found->entries)) paged.push_back(id);
  }
  EXPECT_EQ(paged, left);
  const auto rest = store->deliveries_before(webhook.id, {}, days[1][1].id, 100);
  EXPECT_THAT(ids_of(rest->entries), ElementsAre(days[1][0].id, days[0][1].id, days[0][0].id));
  EXPECT_EQ(store->deliveries(webhook.id, {DeliveryStatus::failed}, 1, 25)->total, 4);

  // Statistics: of the days that are kept.
  const auto steps =
      store->stats({webhook.id}, kept_from - Seconds{86'400}, clock.time, Seconds{86'400});
  ASSERT_TRUE(steps.ok());
  ASSERT_THAT(*steps, SizeIs(4));
  EXPECT_EQ((*steps)[0].delivered, 0);
  EXPECT_EQ((*steps)[0].duration_p50_ms, std::nullopt);
  for (const std::size_t day : {1u, 2u}) {
    EXPECT_EQ((*steps)[day].delivered, 8);
    EXPECT_EQ((*steps)[day].failed, 2);
    EXPECT_EQ((*steps)[day].failed_attempts, 3);
    EXPECT_NEAR((*steps)[day].duration_p50_ms.value_or(0), 10, 1);
  }

  // What is gone is gone for everybody; what waits still does all that it did.
  EXPECT_FALSE(store->delivery(webhook.id, days[0][5].id)->has_value());
  EXPECT_FALSE(store->reopen(webhook.id, days[0][5].id, clock.time)->has_value());
  EXPECT_EQ(*store->count_failed(webhook.id, Timestamp{}, clock.time), 4);
  EXPECT_EQ(*store->reopen_failed(webhook.id, Timestamp{}, clock.time, clock.time, Micros{0}), 4);
  EXPECT_EQ(store->queue_stats()->oldest_waiting_created_at, days[0][0].created_at);
  const auto waits = store->delivery(webhook.id, days[0][0].id);
  ASSERT_TRUE(waits.ok() && waits->has_value());
  EXPECT_EQ((*waits)->event->data, days[0][0].event->data);
  EXPECT_THAT((*waits)->attempts, SizeIs(1));
  ASSERT_TRUE(record({delivered(days[0][0], 2), delivered(days[0][1])}).ok());
  expect_totals(totals(webhook.id), 8, 18, 0);
}

TEST_P(StoreContract, PurgesNothingWhereEverythingIsKept) {
  const Webhook webhook = make_webhook(make_account().id);
  ASSERT_TRUE(record({delivered(publish_one(webhook))}).ok());
  clock.time += Seconds{365 * 86'400};
  purge_all(clock.time, std::nullopt);
  expect_totals(totals(webhook.id), 0, 1, 0);
}

TEST_P(StoreContract, PurgesExpiredIdempotencyKeysOnly) {
  const Webhook webhook = make_webhook(make_account().id);
  ASSERT_TRUE(publish({with_key(make_event(webhook.account_id, {webhook.id}), "old", 1)}).ok());
  clock.time += Seconds{3600};
  ASSERT_TRUE(publish({with_key(make_event(webhook.account_id, {webhook.id}), "young", 1)}).ok());
  clock.time += kIdempotencyWindow - Seconds{1800};
  purge_all(clock.time, std::nullopt);
  EXPECT_TRUE(
      receipts_of(publish({with_key(make_event(webhook.account_id, {webhook.id}), "young", 1)}))
          .at(0)
          .replayed);
  EXPECT_FALSE(
      receipts_of(publish({with_key(make_event(webhook.account_id, {webhook.id}), "old", 1)}))
          .at(0)
          .replayed);
}

TEST_P(StoreContract, KeepsEverythingOverAReopen) {
  const Webhook webhook = make_webhook(make_account().id);
  const std::vector<WaitingDelivery> d = publish_many(webhook, 3);
  const Timestamp retry_at = at(Seconds{120});
  ASSERT_TRUE(record({delivered(d[0]), failed(d[1], RetryAt{retry_at})}).ok());
  reopen_store();
  expect_totals(totals(webhook.id), 2, 1, 0);
  EXPECT_EQ(entry(d[0]).status, DeliveryStatus::delivered);
  EXPECT_EQ(entry(d[1]).next_attempt_at, retry_at);
  EXPECT_THAT(ids_waiting(webhook.id, clock.time), ElementsAre(d[2].id));
  EXPECT_THAT(*store->webhooks_with_waiting(), ElementsAre(webhook.id));
}

TEST_P(StoreContract, ClosingWaitsForWhatWasAccepted) {
  const Webhook webhook = make_webhook(make_account().id);
  std::atomic<int> stored{0};
  for (int i = 0; i < 500; ++i) {
    store->publish({make_event(webhook.account_id, {webhook.id})},
                   [&](Result<PublishOutcome> outcome) { stored += outcome.ok() ? 1 : 0; });
  }
  reopen_store();
  EXPECT_EQ(stored, 500);
  expect_totals(totals(webhook.id), 500, 0, 0);
}

}  // namespace skyhook::store::contract
