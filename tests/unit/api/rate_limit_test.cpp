#include "api/rate_limit.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

namespace skyhook::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using store::Shared;

constexpr std::int64_t kStartS = 1'700'000'041;  // a minute of account 1 begins
constexpr Timestamp kStart = from_unix_micros(kStartS * 1'000'000);

RateState count(RateLimiter& limiter, std::int64_t account, Timestamp now) {
  std::optional<RateState> counted;
  limiter.count(AccountId{account}, now, [&](RateState state) { counted = state; });
  EXPECT_TRUE(counted.has_value()) << "nobody to wait for";
  return counted.value_or(RateState{});
}

TEST(RateLimiter, CountsDownAndRefuses) {
  RateLimiter limiter(2);
  const auto first = count(limiter, 1, kStart);
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.limit, 2);
  EXPECT_EQ(first.remaining, 1);
  EXPECT_EQ(first.reset_at_s, kStartS + 60);
  EXPECT_EQ(count(limiter, 1, kStart + seconds{1}).remaining, 0);
  const auto refused = count(limiter, 1, kStart + seconds{26});
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.retry_after_s, 34);
  EXPECT_EQ(refused.reset_at_s, first.reset_at_s);
  EXPECT_EQ(count(limiter, 1, kStart + milliseconds{59'999}).retry_after_s, 1);
}

TEST(RateLimiter, BeginsAnewWithTheNextMinute) {
  RateLimiter limiter(1);
  EXPECT_TRUE(count(limiter, 1, kStart + seconds{5}).allowed);
  EXPECT_FALSE(count(limiter, 1, kStart + milliseconds{59'999}).allowed);
  const auto next = count(limiter, 1, kStart + seconds{60});
  EXPECT_TRUE(next.allowed);
  EXPECT_EQ(next.reset_at_s, kStartS + 120);
}

TEST(RateLimiter, KeepsAccountsApartAndTheirMinutesToo) {
  RateLimiter limiter(1);
  EXPECT_TRUE(count(limiter, 1, kStart).allowed);
  const auto other = count(limiter, 2, kStart);
  EXPECT_TRUE(other.allowed);
  EXPECT_EQ(other.reset_at_s, kStartS + 1);
  EXPECT_FALSE(count(limiter, 1, kStart).allowed);
}

TEST(RateLimiter, AClockThatStepsBackLocksNobodyOutAndAMomentOpensNothing) {
  RateLimiter limiter(1);
  EXPECT_TRUE(count(limiter, 1, kStart).allowed);
  EXPECT_FALSE(count(limiter, 1, kStart - milliseconds{200}).allowed);
  EXPECT_TRUE(count(limiter, 1, kStart - seconds{3600}).allowed);
}

TEST(RateLimiter, ForgetsOldWindowsWithoutForgettingPresentOnes) {
  RateLimiter limiter(1);
  for (std::int64_t id = 1; id <= 5000; ++id) EXPECT_TRUE(count(limiter, id, kStart).allowed);
  for (std::int64_t id = 5001; id <= 10'000; ++id) {
    EXPECT_TRUE(count(limiter, id, kStart + seconds{61}).allowed);
    EXPECT_FALSE(count(limiter, id, kStart + seconds{61}).allowed);
  }
}

TEST(RateLimiter, TellsTheWholeLimitToNobodyInParticular) {
  const auto state = RateLimiter(120).untouched(kStart);
  EXPECT_EQ(state.limit, 120);
  EXPECT_EQ(state.remaining, 120);
  EXPECT_FALSE(RateLimiter(0).enabled());
}

// What the database does: adds up in the order in which exchanges come.
class Table {
 public:
  Shared::RequestTotals count(const std::vector<Shared::RequestCount>& here, int limit, int nodes) {
    Shared::RequestTotals answer{.totals = {}, .nodes = nodes};
    for (const Shared::RequestCount& row : here) {
      int& total = totals_[{row.account, row.window_end_s}];
      total += row.spent;
      const int granted = std::min(row.wanted, std::max(0, limit - total));
      total += granted;
      answer.totals.push_back({row.account, row.window_end_s, total, granted});
    }
    return answer;
  }
  // As every second: what the others told too.
  void tell_all(Shared::RequestTotals& answer) const {
    for (const auto& [key, total] : totals_) {
      answer.totals.push_back({key.first, key.second, total, 0});
    }
  }

 private:
  std::map<std::pair<AccountId, std::int64_t>, int> totals_;
};

class Nodes {
 public:
  Nodes(int count, int limit) : limit_(limit) {
    for (int i = 0; i < count; ++i) {
      limiters.push_back(std::make_unique<RateLimiter>(limit));
      limiters.back()->share([this, i] { wanted.insert(i); });
    }
    for (int i = 0; i < count; ++i) exchange(i, kStart);
  }
  // In two halves: requests may come in between.
  void begin_exchange(int node, Timestamp now, bool all = false) {
    wanted.erase(node);
    auto here = limiters[static_cast<std::size_t>(node)]->begin_exchange(now);
    auto answer = table.count(here, limit_, static_cast<int>(limiters.size()));
    if (all) table.tell_all(answer);
    under_way[node] = std::move(answer);
  }
  void end_exchange(int node, Timestamp now) {
    limiters[static_cast<std::size_t>(node)]->end_exchange(under_way.at(node), now);
    under_way.erase(node);
  }
  void exchange(int node, Timestamp now, bool all = false) {
    if (!under_way.contains(node)) begin_exchange(node, now, all);
    end_exchange(node, now);
  }
  void ask(int node, Timestamp now) {
    limiters[static_cast<std::size_t>(node)]->count(AccountId{1}, now, [this](RateState state) {
      ++answered;
      allowed += state.allowed ? 1 : 0;
      last = state;
    });
  }

  Table table;
  std::vector<std::unique_ptr<RateLimiter>> limiters;
  std::set<int> wanted;  // nodes whose requests wait for an exchange
  std::map<int, Shared::RequestTotals> under_way;
  int answered = 0;
  int allowed = 0;
  RateState last;

 private:
  const int limit_;
};

// However requests and exchanges fall: never a tenth over the limit, and never refused below it.
TEST(SharedRateLimiter, CountsOverAllNodesToWithinATenth) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const int nodes = 1 + static_cast<int>(random() % 8);
    const int limit = 1 + static_cast<int>(random() % 300);
    Nodes cluster(nodes, limit);
    const int asked = 2 * limit + 50;
    for (int i = 0; i < asked; ++i) {
      const int node = static_cast<int>(random() % static_cast<unsigned>(nodes));
      cluster.ask(node, kStart + milliseconds{i});
      // Sooner or later a wanted exchange takes place; others take place now and then.
      if (random() % 20 == 0) cluster.exchange(node, kStart, random() % 2 == 0);
      if (!cluster.under_way.empty() && random() % 5 == 0) {
        cluster.end_exchange(cluster.under_way.begin()->first, kStart);
      }
      if (!cluster.wanted.empty() && random() % 5 == 0) {
        const int wanting = *cluster.wanted.begin();
        if (!cluster.under_way.contains(wanting)) cluster.begin_exchange(wanting, kStart);
      }
    }
    for (int i = 0; i < 2 * nodes; ++i) cluster.exchange(i % nodes, kStart, true);
    ASSERT_EQ(cluster.answered, asked) << seed;
    ASSERT_GE(cluster.allowed, limit) << seed;
    ASSERT_LE(cluster.allowed, limit + limit / 10) << seed;
  }
}

TEST(SharedRateLimiter, TellsOnEveryNodeWhatIsLeft) {
  Nodes cluster(2, 100);
  for (int i = 0; i < 4; ++i) cluster.ask(0, kStart);
  cluster.exchange(0, kStart);
  cluster.exchange(1, kStart, true);
  cluster.ask(1, kStart);
  EXPECT_EQ(cluster.last.remaining, 95);
}

TEST(SharedRateLimiter, TellsThoseWhoWaitedTheirPlaceInTheRow) {
  Nodes cluster(2, 8);  // a tenth of it is less than one a node: every request waits
  for (int i = 0; i < 3; ++i) cluster.ask(0, kStart);
  EXPECT_EQ(cluster.answered, 0);
  EXPECT_EQ(cluster.wanted, std::set<int>{0});
  cluster.exchange(0, kStart);
  EXPECT_EQ(cluster.allowed, 3);
  EXPECT_EQ(cluster.last.remaining, 5);
  for (int i = 0; i < 9; ++i) cluster.ask(1, kStart);
  cluster.exchange(1, kStart);
  EXPECT_EQ(cluster.allowed, 8);
  EXPECT_EQ(cluster.answered, 12);
  EXPECT_EQ(cluster.last.remaining, 0);
}

TEST(SharedRateLimiter, CountsAloneWhileTheOthersCannotBeReached) {
  Nodes cluster(2, 20);
  RateLimiter& limiter = *cluster.limiters[0];
  cluster.ask(0, kStart);
  cluster.ask(0, kStart);
  EXPECT_EQ(cluster.answered, 1) << "one a node is a tenth";
  limiter.begin_exchange(kStart);
  cluster.ask(0, kStart);
  limiter.count_alone(kStart);
  EXPECT_EQ(cluster.answered, 3) << "nobody is left waiting";
  for (int i = 0; i < 20; ++i) cluster.ask(0, kStart);
  EXPECT_EQ(cluster.allowed, 20);
  // They are back, and are told all of it.
  cluster.exchange(0, kStart);
  cluster.exchange(1, kStart, true);
  cluster.ask(1, kStart);
  EXPECT_FALSE(cluster.last.allowed);
}

TEST(SharedRateLimiter, AWaitOverTheEndOfTheMinuteCountsInTheNext) {
  Nodes cluster(2, 5);
  const Timestamp end = kStart + seconds{60};
  cluster.ask(0, end - milliseconds{1});
  cluster.exchange(0, end);
  EXPECT_EQ(cluster.allowed, 1);
  EXPECT_EQ(cluster.last.reset_at_s, kStartS + 120);
}

TEST(SharedRateLimiter, ANodeWhoseClockIsFarAheadDisturbsNobody) {
  Nodes cluster(2, 10);
  for (int i = 0; i < 10; ++i) {
    cluster.ask(0, kStart);
    cluster.exchange(0, kStart);
  }
  cluster.ask(1, kStart + seconds{3600});
  cluster.exchange(1, kStart + seconds{3600});
  cluster.exchange(0, kStart, true);
  cluster.ask(0, kStart);
  EXPECT_EQ(cluster.allowed, 11);
  EXPECT_FALSE(cluster.last.allowed);
}

}  // namespace
}  // namespace skyhook::api
