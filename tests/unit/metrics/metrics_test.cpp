#include "metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

#include "metrics/quantile.h"

namespace skyhook::metrics {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// The value of a series of skyhook_attempts_total; labels have no order.
std::string attempts(const std::string& text, const std::string& result,
                     const std::string& reason) {
  const std::string by_result = "result=\"" + result + '"';
  const std::string by_reason = "reason=\"" + reason + '"';
  for (const std::string& labels : {by_result + ',' + by_reason, by_reason + ',' + by_result}) {
    const std::string series = "skyhook_attempts_total{" + labels + "} ";
    const std::size_t at = text.find(series);
    if (at == std::string::npos) continue;
    const std::size_t value = at + series.size();
    return text.substr(value, text.find('\n', value) - value);
  }
  return "no such series";
}

TEST(Quantile, InterpolatesWithinABucket) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<BucketCount> buckets{{1, 0}, {2, 10}, {4, 20}, {infinity, 20}};
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.25), 1.5);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.5), 2);
  EXPECT_DOUBLE_EQ(quantile(buckets, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({{1, 0}, {infinity, 5}}, 0.5), 1);
  EXPECT_DOUBLE_EQ(quantile({{1, 0}, {infinity, 0}}, 0.5), 0);
  EXPECT_DOUBLE_EQ(quantile({}, 0.5), 0);
}

TEST(Metrics, CountsAndRenders) {
  Metrics metrics;
  metrics.accepted(2, 5);
  metrics.publish_refused();
  metrics.attempt(FailureReason::none, milliseconds{3});
  metrics.attempt(FailureReason::timeout, milliseconds{30'000});
  metrics.settled(DeliveryStatus::delivered);
  metrics.settled(DeliveryStatus::failed);
  metrics.first_attempt_latency(milliseconds{2});
  metrics.first_attempt_latency(milliseconds{-2});  // the clock stepped back
  metrics.store_commit(7, milliseconds{1});
  metrics.store_failed();
  metrics.api_request(202);
  metrics.api_request(299);
  metrics.gauge("skyhook_lanes", "Lanes", [] { return 4.0; });

  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("skyhook_events_accepted_total 2\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_deliveries_accepted_total 5\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_publishes_refused_total 1\n"));
  EXPECT_EQ(attempts(text, "success", "none"), "1");
  EXPECT_EQ(attempts(text, "failure", "timeout"), "1");
  EXPECT_EQ(attempts(text, "failure", "tls"), "0");
  EXPECT_THAT(text, HasSubstr("skyhook_store_rows_total 7\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_store_failures_total 1\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_api_requests_total{status=\"202\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_api_requests_total{status=\"other\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("skyhook_lanes 4\n"));
  EXPECT_THAT(text, ContainsRegex("\nskyhook_build_info.version=\"[0-9.]+\". 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE skyhook_attempt_duration_seconds histogram\n"));

  const Metrics::Snapshot snapshot = metrics.snapshot();
  EXPECT_EQ(snapshot.events_accepted, 2);
  EXPECT_EQ(snapshot.deliveries_accepted, 5);
  EXPECT_EQ(snapshot.attempts, 2);
  EXPECT_EQ(snapshot.attempts_succeeded, 1);
  EXPECT_EQ(snapshot.deliveries_delivered, 1);
  EXPECT_EQ(snapshot.deliveries_failed, 1);
  EXPECT_GT(snapshot.attempt_p50_ms, 2.5);
  EXPECT_LE(snapshot.attempt_p50_ms, 5);
  EXPECT_GT(snapshot.attempt_p99_ms, 20'000);
}

TEST(Metrics, BoundsTheSeriesOfAccounts) {
  Metrics metrics;
  EXPECT_THAT(metrics.render(), Not(HasSubstr("account=")));
  const auto count_of = [&](const std::string& account) {
    const std::string text = metrics.render();
    const std::string series =
        "skyhook_account_first_attempt_latency_seconds_count{account=\"" + account + "\"} ";
    const std::size_t place = text.find(series);
    return place == std::string::npos ? -1 : std::stoi(text.substr(place + series.size()));
  };
  metrics.held_to_target(AccountId{7}, false, milliseconds{2}, false);
  EXPECT_EQ(count_of("7"), -1) << "has no target of its own";
  EXPECT_EQ(count_of("other"), 1);
  const auto limit = static_cast<std::int64_t>(Metrics::kAccountSeries);
  for (std::int64_t id = 1; id <= limit + 2; ++id) {
    metrics.held_to_target(AccountId{id}, true, milliseconds{2}, id == 1 || id > limit);
  }
  metrics.held_to_target(AccountId{1}, true, milliseconds{2}, true);
  EXPECT_EQ(count_of("1"), 2);
  EXPECT_EQ(count_of(std::to_string(limit)), 1);
  EXPECT_EQ(count_of(std::to_string(limit + 1)), -1);
  EXPECT_EQ(count_of("other"), 3);
  EXPECT_THAT(metrics.render(),
              AllOf(HasSubstr("skyhook_account_first_attempts_late_total{account=\"1\"} 2\n"),
                    HasSubstr("skyhook_account_first_attempts_late_total{account=\"other\"} 2\n")));
}

TEST(Metrics, IsUsedFromManyThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) metrics.attempt(FailureReason::none, milliseconds{1});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(metrics.snapshot().attempts, 4000);
}

}  // namespace
}  // namespace skyhook::metrics
