#include "delivery/concurrency.h"

#include <gtest/gtest.h>

namespace skyhook::delivery {
namespace {

constexpr Micros kSoon = Millis{5};

void succeed(Concurrency& lane, int times, Micros duration = kSoon) {
  for (int i = 0; i < times; ++i) lane.on_outcome(FailureReason::none, 200, duration);
}
void fail(Concurrency& lane, int times) {
  for (int i = 0; i < times; ++i) lane.on_outcome(FailureReason::timeout, 0, Seconds{30});
}

TEST(Concurrency, GrowsWithQuickAnswersUpToItsCeiling) {
  Concurrency lane(64);
  EXPECT_EQ(lane.limit(), 8);
  succeed(lane, 8);
  EXPECT_EQ(lane.limit(), 16) << "doubled in one round trip";
  succeed(lane, 1000);
  EXPECT_EQ(lane.limit(), 64);
}

TEST(Concurrency, NeverExceedsASmallCeiling) {
  Concurrency lane(3);
  EXPECT_EQ(lane.limit(), 3);
  succeed(lane, 100);
  EXPECT_EQ(lane.limit(), 3);
}

TEST(Concurrency, HalvesWithEachFailureDownToOne) {
  Concurrency lane(64);
  fail(lane, 1);
  EXPECT_EQ(lane.limit(), 4);
  fail(lane, 1);
  EXPECT_EQ(lane.limit(), 2);
  fail(lane, 100);
  EXPECT_EQ(lane.limit(), 1);
  EXPECT_TRUE(lane.suspect());
}

TEST(Concurrency, GrowsByOneARoundTripAfterAFailure) {
  Concurrency lane(64);
  fail(lane, 10);
  succeed(lane, 1);
  EXPECT_EQ(lane.limit(), 2);
  EXPECT_FALSE(lane.suspect());
  succeed(lane, 2);
  EXPECT_LE(lane.limit(), 3);
  succeed(lane, 3);
  EXPECT_LE(lane.limit(), 4);
}

TEST(Concurrency, DoesNotGrowOnSlowAnswers) {
  Concurrency lane(64);
  succeed(lane, 100, Concurrency::kQuick + Micros{1});
  EXPECT_EQ(lane.limit(), 8);
}

TEST(Concurrency, TakesARefusalOfTheDeliveryForNoSignOfOverload) {
  Concurrency lane(64);
  for (int i = 0; i < 100; ++i) lane.on_outcome(FailureReason::http_status, 404, kSoon);
  EXPECT_EQ(lane.limit(), 8);
  lane.on_outcome(FailureReason::http_status, 429, kSoon);
  EXPECT_EQ(lane.limit(), 4);
}

}  // namespace
}  // namespace skyhook::delivery
