#include "store/change_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skyhook::store {
namespace {

using ::testing::ElementsAre;

constexpr WebhookId kOne{1};
constexpr WebhookId kOther{2};

TEST(ChangeFeed, TellsWhatChangedOfAWebhookEachOnce) {
  ChangeFeed feed;
  const auto start = feed.position();
  feed.note({{kOne, DeliveryId{10}}, {kOther, DeliveryId{11}}, {kOne, DeliveryId{12}}});
  feed.note({{kOne, DeliveryId{10}}});
  const auto missed = feed.since(start, kOne);
  EXPECT_FALSE(missed.everything);
  EXPECT_THAT(missed.deliveries, ElementsAre(DeliveryId{10}, DeliveryId{12}));
  EXPECT_TRUE(feed.since(missed.position, kOne).deliveries.empty());
}

TEST(ChangeFeed, SaysThatManyChangedAtOnce) {
  ChangeFeed feed;
  feed.note({{kOne, DeliveryId{}}});
  EXPECT_TRUE(feed.since(0, kOne).everything);
  EXPECT_FALSE(feed.since(0, kOther).everything);
}

TEST(ChangeFeed, TellsThoseWhoFellBehindTheRing) {
  ChangeFeed feed;
  for (std::size_t i = 0; i < ChangeFeed::kRemembered; ++i) {
    feed.note({{kOther, DeliveryId{static_cast<std::int64_t>(i) + 1}}});
  }
  EXPECT_FALSE(feed.since(0, kOne).everything);
  feed.note({{kOne, DeliveryId{7}}});
  EXPECT_TRUE(feed.since(0, kOne).everything);
  EXPECT_THAT(feed.since(1, kOne).deliveries, ElementsAre(DeliveryId{7}));
}

TEST(ChangeFeed, DoesNotBelieveAPositionAheadOfItself) {
  ChangeFeed feed;
  EXPECT_TRUE(feed.since(5, kOne).everything);
}

TEST(ChangeFeed, CallsItsObserverAfterChanges) {
  ChangeFeed feed;
  int calls = 0;
  feed.observe([&] { ++calls; });
  feed.note({{kOne, DeliveryId{1}}, {kOne, DeliveryId{2}}});
  feed.note({});
  EXPECT_EQ(calls, 1);
  feed.observe(nullptr);
  feed.note({{kOne, DeliveryId{3}}});
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace skyhook::store
