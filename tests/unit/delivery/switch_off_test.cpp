#include "delivery/switch_off.h"

#include <gtest/gtest.h>

namespace skyhook::delivery {
namespace {

constexpr Seconds kStep{60};
const Timestamp kStart = from_unix_micros(1'700'000'040'000'000);

// One letter a step: `.` nothing, `f` a failed attempt, `d` a delivered one, `b` both.
std::vector<store::StatsStep> steps_of(std::string_view letters) {
  std::vector<store::StatsStep> steps;
  for (const char letter : letters) {
    store::StatsStep step{.start = kStart + kStep * steps.size()};
    if (letter == 'd' || letter == 'b') step.delivered = 2;
    if (letter == 'f' || letter == 'b') step.failed_attempts = 3;
    steps.push_back(step);
  }
  return steps;
}

// As the number of the step that ends then; -1: not failing.
std::int64_t since(std::string_view letters, Timestamp not_before = {}) {
  const auto found = failing_since(steps_of(letters), kStep, not_before);
  return found ? (*found - kStart) / Micros{kStep} - 1 : -1;
}

TEST(FailingSince, is_the_end_of_the_first_step_that_failed) {
  EXPECT_EQ(since("f"), 0);
  EXPECT_EQ(since("..f.f..f"), 2);
  EXPECT_EQ(since("fffff"), 0);
}

TEST(FailingSince, begins_anew_after_a_success) {
  EXPECT_EQ(since("ff.d..f.f"), 6);
  EXPECT_EQ(since("ffd"), -1);
  // What came first within a step is not known: it counts as a success.
  EXPECT_EQ(since("ffb"), -1);
  EXPECT_EQ(since("ffbf"), 3);
}

TEST(FailingSince, is_nothing_without_a_failure) {
  EXPECT_EQ(since(""), -1);
  EXPECT_EQ(since("...."), -1);
  EXPECT_EQ(since("d..d"), -1);
}

TEST(FailingSince, begins_anew_after_a_change_of_the_webhook) {
  EXPECT_EQ(since("ffff", kStart + kStep), 1);
  // A step that had begun before may hold failures from before.
  EXPECT_EQ(since("ffff", kStart + kStep + Micros{1}), 2);
  EXPECT_EQ(since("ffff", kStart + 4 * kStep), -1);
}

}  // namespace
}  // namespace skyhook::delivery
