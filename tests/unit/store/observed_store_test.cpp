#include "store/observed_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "store/sqlite/sqlite_store.h"
#include "store_contract.h"

namespace skyhook::store {
namespace {

using ::testing::ElementsAre;

class ObservedStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "skyhook-observed-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    auto opened = sqlite::open({.data_dir = directory_, .clock = clock_});
    ASSERT_TRUE(opened.ok());
    store_ = std::make_unique<ObservedStore>(std::move(*opened), feed_);
    NewAccount account{"Acme", {}, {}, clock_.time};
    account_ = store_->create_account(account)->id;
    webhook_ = store_
                   ->create_webhook({account_,
                                     "Hook",
                                     "https://example.com/",
                                     {"contact.created"},
                                     true,
                                     "whsec_sealed",
                                     clock_.time})
                   ->id;
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  DeliveryId publish(std::optional<IdempotencyKey> key = std::nullopt) {
    const std::int64_t id = store_->take_ids(2);
    auto event = std::make_shared<const Event>(
        Event{EventId{id}, account_, "contact.created", "{}", clock_.time});
    NewEvent added{event, {}, std::move(key)};
    added.deliveries.push_back(
        {DeliveryId{id + 1}, webhook_, event, clock_.time, clock_.time, 0, 0, false});
    std::vector<NewEvent> events;
    events.push_back(std::move(added));
    std::promise<bool> durable;
    store_->publish(std::move(events),
                    [&](Result<PublishOutcome> result) { durable.set_value(result.ok()); });
    EXPECT_TRUE(durable.get_future().get());
    return DeliveryId{id + 1};
  }

  void record(DeliveryId delivery, Verdict verdict) {
    Attempt attempt;
    attempt.started_at = clock_.time;
    std::promise<bool> durable;
    store_->record({{delivery, webhook_, attempt, std::move(verdict)}},
                   [&](Result<Done> result) { durable.set_value(result.ok()); });
    EXPECT_TRUE(durable.get_future().get());
  }

  contract::ManualClock clock_;
  std::string directory_;
  ChangeFeed feed_;
  std::unique_ptr<ObservedStore> store_;
  AccountId account_;
  WebhookId webhook_;
};

TEST_F(ObservedStoreTest, NotesWhatWasPublishedAndWhatBecameOfIt) {
  const DeliveryId delivery = publish();
  auto missed = feed_.since(0, webhook_);
  EXPECT_THAT(missed.deliveries, ElementsAre(delivery));
  record(delivery, GaveUp{FailureReason::timeout});
  missed = feed_.since(missed.position, webhook_);
  EXPECT_THAT(missed.deliveries, ElementsAre(delivery));
  ASSERT_TRUE(store_->reopen(webhook_, delivery, clock_.time).ok());
  missed = feed_.since(missed.position, webhook_);
  EXPECT_THAT(missed.deliveries, ElementsAre(delivery));
}

TEST_F(ObservedStoreTest, NotesNothingForAReplayedIdempotencyKey) {
  publish(IdempotencyKey{"key", {}});
  const auto position = feed_.position();
  publish(IdempotencyKey{"key", {}});
  EXPECT_EQ(feed_.position(), position);
}

TEST_F(ObservedStoreTest, NotesThatManyChangedAtOnce) {
  const DeliveryId delivery = publish();
  record(delivery, GaveUp{FailureReason::timeout});
  auto position = feed_.position();
  const auto reopened = store_->reopen_failed(webhook_, clock_.time, clock_.time + Seconds{1},
                                              clock_.time, Micros{1});
  ASSERT_TRUE(reopened.ok());
  EXPECT_EQ(*reopened, 1);
  EXPECT_TRUE(feed_.since(position, webhook_).everything);
  position = feed_.position();
  const EventPtr event = (*store_->delivery(webhook_, delivery))->event;
  ASSERT_EQ(*store_->replay({webhook_, clock_.time, clock_.time}, {event}), 1);
  EXPECT_TRUE(feed_.since(position, webhook_).everything);
  position = feed_.position();
  ASSERT_EQ(*store_->fail_waiting(webhook_, FailureReason::webhook_inactive, 10), 2);
  EXPECT_TRUE(feed_.since(position, webhook_).everything);
  position = feed_.position();
  ASSERT_EQ(*store_->fail_waiting(webhook_, FailureReason::webhook_inactive, 10), 0);
  EXPECT_EQ(feed_.position(), position);
}

}  // namespace
}  // namespace skyhook::store
