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

TEST(ChangeFeed, KnowsWhatIsWatched) {
  ChangeFeed feed;
  feed.watch(kOne);
  feed.watch(kOne);
  feed.watch(kOther);
  feed.unwatch(kOne);
  EXPECT_THAT(feed.watched(), ElementsAre(kOne, kOther));
  feed.unwatch(kOne);
  feed.unwatch(kOne);
  EXPECT_THAT(feed.watched(), ElementsAre(kOther));
}

TEST(ChangeFeed, KeepsForOthersWhatTheyWatchEachChangeOnce) {
  ChangeFeed feed;
  feed.note({{kOne, DeliveryId{1}}});
  EXPECT_TRUE(feed.take_kept().empty());
  feed.keep_for_others({kOne});
  feed.note({{kOne, DeliveryId{2}}, {kOther, DeliveryId{3}}, {kOne, DeliveryId{2}}});
  const auto kept = feed.take_kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].webhook, kOne);
  EXPECT_EQ(kept[0].delivery, DeliveryId{2});
  EXPECT_TRUE(feed.take_kept().empty());
}

TEST(ChangeFeed, KeepsManyChangesOfAWebhookAsOne) {
  ChangeFeed feed;
  feed.keep_for_others({kOne});
  for (std::size_t i = 0; i <= ChangeFeed::kKeptOfWebhook; ++i) {
    feed.note({{kOne, DeliveryId{static_cast<std::int64_t>(i) + 1}}});
  }
  const auto kept = feed.take_kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].delivery, DeliveryId{});
}

TEST(ChangeFeed, DoesNotTellOthersWhatTheyTold) {
  ChangeFeed feed;
  feed.keep_for_others({kOne});
  feed.note_from_others({{kOne, DeliveryId{5}}});
  EXPECT_TRUE(feed.take_kept().empty());
  EXPECT_THAT(feed.since(0, kOne).deliveries, ElementsAre(DeliveryId{5}));
}

}  // namespace
}  // namespace skyhook::store
