#include "delivery/pace.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace skyhook::delivery {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kStart{std::chrono::seconds{1'700'000'000}};

// Begins as many as it may until `end`, looking every `tick`.
std::vector<Timestamp> play(Pace& pace, Micros interval, Timestamp end, Micros tick) {
  std::vector<Timestamp> begun;
  for (Timestamp now = kStart; now < end; now += tick) {
    while (pace.next(now, interval) <= now) {
      pace.begin(now, interval);
      begun.push_back(now);
    }
  }
  return begun;
}

TEST(Pace, never_exceeds_its_bound_and_loses_nothing_to_late_timers) {
  for (const double rate : {0.5, 1.0, 7.0, 20.0, 333.0, 1000.0}) {
    for (const Micros tick : {Micros{500}, Micros{10ms}, Micros{30ms}}) {
      Pace pace;
      const auto begun = play(pace, Pace::interval_of(rate), kStart + 20s, tick);
      EXPECT_NEAR(static_cast<double>(begun.size()), rate * 20, rate * 0.1 + 1) << rate;
      for (std::size_t i = 0; i < begun.size(); ++i) {
        for (std::size_t j = i; j < begun.size(); j += 1 + (j - i) / 8) {
          const double span =
              std::chrono::duration<double>(begun[j] - begun[i] + Pace::kSlack).count();
          ASSERT_LE(static_cast<double>(j - i + 1), rate * span + 1.001) << rate;
        }
      }
    }
  }
}

TEST(Pace, does_not_save_up) {
  Pace pace;
  const Micros interval = Pace::interval_of(10);
  pace.begin(kStart, interval);
  const auto begun = play(pace, interval, kStart + 10ms, 1ms);
  EXPECT_TRUE(begun.empty());
  Pace rested;
  rested.begin(kStart - 1h, interval);
  EXPECT_EQ(play(rested, interval, kStart + 40ms, 1ms).size(), 1u) << "an hour of rest is one";
}

TEST(Pace, recovers_from_a_clock_that_was_set_back) {
  Pace pace;
  const Micros interval = Pace::interval_of(1);
  pace.begin(kStart + 1h, interval);
  EXPECT_LE(pace.next(kStart, interval), kStart + 1s);
  EXPECT_LE(pace.next(kStart + 1s, interval), kStart + 1s) << "asking does not put it off";
}

TEST(Pace, takes_up_a_raised_limit_at_once) {
  Pace pace;
  pace.begin(kStart, Pace::interval_of(0.01));
  EXPECT_GT(pace.next(kStart, Pace::interval_of(0.01)), kStart + 99s);
  EXPECT_LE(pace.next(kStart, Pace::interval_of(100)), kStart + 10ms);
}

TEST(Pace, has_nothing_to_remember_after_a_while) {
  Pace pace;
  EXPECT_LE(pace.rested_at(), kStart);
  pace.begin(kStart, 100ms);
  EXPECT_EQ(pace.rested_at(), kStart + 100ms);
}

}  // namespace
}  // namespace skyhook::delivery
