#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace skyhook::net {
namespace {

using std::chrono::milliseconds;

const MonoTime kStart{std::chrono::seconds{1000}};

TEST(TimerWheel, NothingArmedMeansNoWait) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.wait_limit(kStart), std::nullopt);
  Timer timer([] {});
  wheel.arm(timer, kStart, Millis{100});
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.wait_limit(kStart), Millis{104});
  timer.cancel();
  EXPECT_EQ(wheel.wait_limit(kStart), std::nullopt);
}

TEST(TimerWheel, RunsOnceNeverEarlyAndAtMostOneTickLate) {
  for (int delay = 0; delay < 40; ++delay) {
    TimerWheel wheel(kStart);
    int runs = 0;
    Timer timer([&] { ++runs; });
    const MonoTime armed_at = kStart + milliseconds{3};
    wheel.arm(timer, armed_at, Millis{delay});
    MonoTime now = armed_at;
    while (runs == 0) {
      now += milliseconds{1};
      wheel.advance(now);
    }
    EXPECT_GE(now - armed_at, milliseconds{delay});
    EXPECT_LE(now - armed_at, milliseconds{delay} + TimerWheel::kTick);
    wheel.advance(now + milliseconds{20000});
    EXPECT_EQ(runs, 1);
  }
}

TEST(TimerWheel, LongDelaysWaitForTheirTurn) {
  TimerWheel wheel(kStart);
  int runs = 0;
  Timer timer([&] { ++runs; });
  wheel.arm(timer, kStart, Millis{30000});
  for (int ms = 0; ms < 30000; ms += 100) wheel.advance(kStart + milliseconds{ms});
  EXPECT_EQ(runs, 0);
  wheel.advance(kStart + milliseconds{30000});
  EXPECT_EQ(runs, 1);
}

TEST(TimerWheel, AStallRunsEverythingThatExpired) {
  TimerWheel wheel(kStart);
  int runs = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 100; ++i) {
    timers.push_back(std::make_unique<Timer>([&] { ++runs; }));
    wheel.arm(*timers.back(), kStart, Millis{i * 1000});
  }
  wheel.advance(kStart + milliseconds{60000});
  EXPECT_EQ(runs, 61);
  wheel.advance(kStart + milliseconds{99000});
  EXPECT_EQ(runs, 100);
}

TEST(TimerWheel, ACallbackMayRearmCancelAndDestroy) {
  TimerWheel wheel(kStart);
  int runs = 0;
  int destroyed_runs = 0;
  auto destroyed = std::make_unique<Timer>();
  Timer cancelled([&] { runs += 100; });
  Timer again;
  again.on_expiry = [&] {
    cancelled.cancel();
    if (++runs < 3) wheel.arm(again, kStart, Millis{0});
  };
  destroyed->on_expiry = [&] {
    destroyed.reset();
    ++destroyed_runs;
  };
  wheel.arm(again, kStart, Millis{8});
  wheel.arm(cancelled, kStart, Millis{8});
  wheel.arm(*destroyed, kStart, Millis{16});
  for (int ms = 0; ms < 200; ms += 8) wheel.advance(kStart + milliseconds{ms});
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(destroyed_runs, 1);
  EXPECT_EQ(destroyed, nullptr);
  EXPECT_FALSE(cancelled.armed());
}

TEST(TimerWheel, ATimerMayOutliveItsWheel) {
  Timer timer([] {});
  {
    TimerWheel wheel(kStart);
    wheel.arm(timer, kStart, Millis{8});
  }
  EXPECT_FALSE(timer.armed());
}

// Against a plain ordered map: random arming, cancelling and time steps, stalls among them.
TEST(TimerWheel, AgreesWithAMap) {
  std::mt19937 random(7);
  TimerWheel wheel(kStart);
  MonoTime now = kStart;
  std::vector<std::unique_ptr<Timer>> timers;
  std::map<std::size_t, MonoTime> deadlines;
  for (std::size_t i = 0; i < 200; ++i) {
    timers.push_back(std::make_unique<Timer>());
    timers[i]->on_expiry = [&, i] {
      ASSERT_TRUE(deadlines.count(i));
      EXPECT_GE(now, deadlines[i]);
      deadlines.erase(i);
    };
  }
  for (int step = 0; step < 20000; ++step) {
    const std::size_t i = random() % timers.size();
    if (random() % 4 == 0) {
      timers[i]->cancel();
      deadlines.erase(i);
    } else {
      const Millis delay{random() % (random() % 10 == 0 ? 40000 : 300)};
      wheel.arm(*timers[i], now, delay);
      deadlines[i] = now + delay;
    }
    const auto limit = wheel.wait_limit(now);
    ASSERT_EQ(limit.has_value(), !deadlines.empty());
    for (const auto& [index, deadline] : deadlines) {
      ASSERT_LE(*limit, std::chrono::ceil<Millis>(deadline - now) + TimerWheel::kTick);
    }
    now += milliseconds{random() % (random() % 100 == 0 ? 15000 : 20)};
    wheel.advance(now);
    for (const auto& [index, deadline] : deadlines) ASSERT_GT(deadline + TimerWheel::kTick, now);
  }
}

}  // namespace
}  // namespace skyhook::net
