// Thousands of invented histories of the lanes, each checked against what contract §4 promises. A
// failing one names its seed: SKYHOOK_SIMULATION_SEED=<seed> plays only that,
// SKYHOOK_SIMULATION_COUNT=<n> plays more.
#include <gtest/gtest.h>

#include <cstdlib>

#include "simulation.h"

namespace skyhook::delivery::simulation {
namespace {

Options small_world(std::uint64_t seed) {
  Options options;
  options.seed = seed;
  options.rate_limits = seed % 2 == 0;
  options.orders = seed % 3 == 0;
  options.lanes = {.in_flight_limit = 12,
                   .in_flight_limit_per_lane = 5,
                   .lane_memory = 8,
                   .memory_budget = 8 * 1024,
                   .unrecorded_limit = 20,
                   .schedule = {{Millis{500}, Millis{2000}, Millis{6000}}}};
  return options;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(LanesSimulation, KeepsEveryPromiseInEveryHistory) {
  const std::uint64_t only = from_environment("SKYHOOK_SIMULATION_SEED", 0);
  const std::uint64_t count = only ? 1 : from_environment("SKYHOOK_SIMULATION_COUNT", 2000);
  Report sum;
  for (std::uint64_t i = 0; i < count; ++i) {
    try {
      sum += Simulation(small_world(only ? only : i + 1)).run();
    } catch (const Violation& violation) {
      FAIL() << violation.what();
    }
  }
  if (only) return;
  // The histories are worth playing only where all of this happens in them.
  EXPECT_GT(sum.delivered, 0);
  EXPECT_GT(sum.failed, 0);
  EXPECT_GT(sum.duplicates, 0);
  EXPECT_GT(sum.tests_answered, 0);
  EXPECT_GT(sum.reopened, 0);
  EXPECT_GT(sum.retry_after_heeded, 0);
  EXPECT_GT(sum.gone, 0);
  EXPECT_GT(sum.crashes, 0);
  EXPECT_GT(sum.orderly_ends, 0);
  EXPECT_GT(sum.abandoned_ends, 0);
  EXPECT_GT(sum.taken_over, 0);
  EXPECT_GT(sum.sending_stopped, 0);
  EXPECT_GT(sum.held_back, 0);
  EXPECT_GT(sum.in_order, 0);
}

// An orderly end may abandon what hangs, which is a crash to those deliveries: none of these
// either.
TEST(LanesSimulation, DuplicatesNothingWithoutACrash) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Options options = small_world(seed);
    options.crashes = options.orderly_ends = 0;
    Report report;
    ASSERT_NO_THROW(report = Simulation(options).run()) << "seed " << seed;
    EXPECT_EQ(report.duplicates, 0) << "seed " << seed;
  }
}

TEST(LanesSimulation, PlaysTheSameHistoryForTheSameSeed) {
  const Report first = Simulation(small_world(7)).run();
  const Report second = Simulation(small_world(7)).run();
  EXPECT_EQ(first.attempts, second.attempts);
  EXPECT_EQ(first.delivered, second.delivered);
  EXPECT_EQ(first.failed, second.failed);
}

}  // namespace
}  // namespace skyhook::delivery::simulation
