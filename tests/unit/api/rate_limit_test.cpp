#include "api/rate_limit.h"

#include <gtest/gtest.h>

namespace skyhook::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kStart = from_unix_micros(1'700'000'000'500'000);

TEST(RateLimiter, CountsDownAndRefuses) {
  RateLimiter limiter(2);
  const auto first = limiter.count(AccountId{1}, kStart);
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.limit, 2);
  EXPECT_EQ(first.remaining, 1);
  EXPECT_EQ(first.reset_at_s, 1'700'000'061);
  EXPECT_EQ(limiter.count(AccountId{1}, kStart + seconds{1}).remaining, 0);
  const auto refused = limiter.count(AccountId{1}, kStart + seconds{26});
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after_s, 34);
  EXPECT_EQ(refused.reset_at_s, first.reset_at_s);
  EXPECT_EQ(limiter.count(AccountId{1}, kStart + milliseconds{59'999}).retry_after_s, 1);
}

TEST(RateLimiter, StartsAWindowWithTheFirstRequestAfterTheLast) {
  RateLimiter limiter(1);
  EXPECT_TRUE(limiter.count(AccountId{1}, kStart).allowed);
  EXPECT_FALSE(limiter.count(AccountId{1}, kStart + seconds{59}).allowed);
  const auto next = limiter.count(AccountId{1}, kStart + seconds{75});
  EXPECT_TRUE(next.allowed);
  EXPECT_EQ(next.reset_at_s, 1'700'000'136);
}

TEST(RateLimiter, KeepsAccountsApart) {
  RateLimiter limiter(1);
  EXPECT_TRUE(limiter.count(AccountId{1}, kStart).allowed);
  EXPECT_TRUE(limiter.count(AccountId{2}, kStart).allowed);
  EXPECT_FALSE(limiter.count(AccountId{1}, kStart).allowed);
}

TEST(RateLimiter, AClockThatStepsBackLocksNobodyOut) {
  RateLimiter limiter(1);
  EXPECT_TRUE(limiter.count(AccountId{1}, kStart).allowed);
  EXPECT_TRUE(limiter.count(AccountId{1}, kStart - seconds{3600}).allowed);
}

TEST(RateLimiter, ForgetsOldWindowsWithoutForgettingPresentOnes) {
  RateLimiter limiter(1);
  for (std::int64_t id = 1; id <= 5000; ++id) {
    EXPECT_TRUE(limiter.count(AccountId{id}, kStart).allowed);
  }
  for (std::int64_t id = 5001; id <= 10'000; ++id) {
    EXPECT_TRUE(limiter.count(AccountId{id}, kStart + seconds{61}).allowed);
    EXPECT_FALSE(limiter.count(AccountId{id}, kStart + seconds{61}).allowed);
  }
}

TEST(RateLimiter, TellsTheWholeLimitToNobodyInParticular) {
  const auto state = RateLimiter(120).untouched(kStart);
  EXPECT_EQ(state.limit, 120);
  EXPECT_EQ(state.remaining, 120);
  EXPECT_FALSE(RateLimiter(0).enabled());
}

}  // namespace
}  // namespace skyhook::api
