// What docs/scale.md says of many nodes, checked in the small: bench/cluster_simulation plays the
// same claims with larger numbers.
#include "cluster_simulation.h"

#include <gmock/gmock.h>

namespace skyhook::delivery::cluster_simulation {
namespace {

Options small(std::uint64_t seed = 1) {
  Options options;
  options.seed = seed;
  options.nodes = 4;
  options.accounts = 20;
  options.events_a_second = 400;
  options.publishing_for = Seconds{20};
  return options;
}

void expect_none_lost(const Report& report) {
  EXPECT_EQ(report.accepted, report.delivered + report.waiting);
}

TEST(ClusterSimulation, WithoutTroubleEverythingIsDeliveredOnceAndAtOnce) {
  const Report report = run(small());
  EXPECT_GT(report.accepted, 7'000);
  EXPECT_EQ(report.waiting, 0);
  EXPECT_EQ(report.twice, 0);
  EXPECT_LT(report.others.p99_ms, 1);
  expect_none_lost(report);
}

TEST(ClusterSimulation, TheSameSeedPlaysTheSameHistory) {
  const Report one = run(small(7)), two = run(small(7)), other = run(small(8));
  EXPECT_EQ(one.accepted, two.accepted);
  EXPECT_EQ(one.others.p99_ms, two.others.p99_ms);
  EXPECT_NE(one.accepted, other.accepted);
}

// Whether the account bursts to few of its webhooks or to many: others do not wait for it.
TEST(ClusterSimulation, ABurstOfOneAccountDoesNotDelayOthers) {
  for (const int webhooks : {5, 200}) {
    Options options = small();
    options.burst = Options::Burst{.at = Seconds{5}, .events = 40'000, .webhooks = webhooks};
    const Report report = run(options);
    EXPECT_EQ(report.waiting, 0);
    EXPECT_EQ(report.twice, 0);
    EXPECT_LT(report.others.p99_ms, 2 * 50) << webhooks << " webhooks";
    expect_none_lost(report);
  }
}

TEST(ClusterSimulation, SlotsAreDealtEquallyOverLanes) {
  Options options = small();
  options.burst = Options::Burst{.at = Seconds{5}, .events = 40'000, .webhooks = 100};
  const Report report = run(options);
  EXPECT_EQ(report.most_of_burst, 400);
  EXPECT_GT(report.least_of_burst, 300);
}

TEST(ClusterSimulation, HangingReceiversDoNotDelayOthers) {
  Options options = small();
  options.hanging_share = 0.2;
  const Report report = run(options);
  EXPECT_EQ(report.twice, 0);
  EXPECT_LT(report.others.p99_ms, 50);
  expect_none_lost(report);
}

Options with_an_end(std::uint64_t seed, int burst) {
  Options options = small(seed);
  options.receiver = Millis{500};
  options.burst = Options::Burst{.at = Seconds{5}, .events = burst, .webhooks = 40};
  options.end_of_node_at = Seconds{11};
  return options;
}

TEST(ClusterSimulation, WhatAnEndedNodeOwnedGoesOnElsewhereWithin15Seconds) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Report report = run(with_an_end(seed, 80'000));
    EXPECT_GT(report.owned, 50);
    EXPECT_GT(report.first_after_s, 7) << "a lease is not broken";
    EXPECT_LT(report.first_after_s, 15);
    EXPECT_LT(report.last_after_s, 40);
    EXPECT_EQ(report.waiting, 0);
    expect_none_lost(report);
    EXPECT_GT(report.uncertain, 0);
    EXPECT_LE(report.twice, report.uncertain) << "seed " << seed;
  }
}

// One that takes long: the others come while the first is still taking.
TEST(ClusterSimulation, MuchThatAnEndedNodeOwnedIsSpreadOverTheSurvivors) {
  Options options = with_an_end(1, 200'000);
  options.take_over_batch = 500;
  const Report report = run(options);
  EXPECT_GT(report.owned, 20'000);
  EXPECT_EQ(report.taken.size(), 3U);
  for (const auto& [node, rows] : report.taken) EXPECT_LT(rows, report.owned * 7 / 10) << node;
  expect_none_lost(report);
}

}  // namespace
}  // namespace skyhook::delivery::cluster_simulation
