#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/version.h"
#include "metrics/quantile.h"

namespace skyhook::metrics {

namespace {

constexpr std::size_t kReasons = static_cast<std::size_t>(FailureReason::internal) + 1;
// Statuses that the API answers; any other one counts as "other", so that the label stays bounded.
constexpr std::array<int, 19> kStatuses{200, 201, 202, 204, 304, 400, 401, 403, 404, 405,
                                        408, 409, 413, 415, 422, 429, 431, 500, 503};

const prometheus::Histogram::BucketBoundaries kAttemptBuckets{
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60};
const prometheus::Histogram::BucketBoundaries kFirstAttemptBuckets{
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.25, 0.5,
    1,     2.5,   5,     10,    30,    60,    300,   900,   3600};
// Fewer: there is a series a bucket and account.
const prometheus::Histogram::BucketBoundaries kAccountLatencyBuckets{
    0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const prometheus::Histogram::BucketBoundaries kCommitBuckets{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
const prometheus::Histogram::BucketBoundaries kRowBuckets{1,   2,   5,   10,   20,   50,
                                                          100, 200, 500, 1000, 2000, 5000};

double seconds(Micros duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

double milliseconds_quantile(const prometheus::Histogram& histogram, double share) {
  std::vector<BucketCount> buckets;
  for (const auto& bucket : histogram.Collect().histogram.bucket) {
    buckets.push_back({bucket.upper_bound, static_cast<double>(bucket.cumulative_count)});
  }
  return quantile(buckets, share) * 1000;
}

}  // namespace

double quantile(const std::vector<BucketCount>& buckets, double share) {
  if (buckets.empty() || buckets.back().cumulative == 0) return 0;
  const double rank = share * buckets.back().cumulative;
  double lower_bound = 0;
  double below = 0;
  for (const BucketCount& bucket : buckets) {
    if (bucket.cumulative >= rank && bucket.cumulative > below) {
      if (std::isinf(bucket.upper_bound)) return lower_bound;
      return lower_bound +
             (bucket.upper_bound - lower_bound) * (rank - below) / (bucket.cumulative - below);
    }
    lower_bound = bucket.upper_bound;
    below = bucket.cumulative;
  }
  return lower_bound;
}

struct Metrics::Impl {
  using Counter = prometheus::Counter;

  Counter& counter(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }
  prometheus::Histogram& histogram(const std::string& name, const std::string& help,
                                   const prometheus::Histogram::BucketBoundaries& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
  }

  Impl() {
    auto& attempt_family = prometheus::BuildCounter()
                               .Name("skyhook_attempts_total")
                               .Help("Delivery attempts by result and by reason of failure")
                               .Register(registry);
    for (std::size_t i = 0; i < kReasons; ++i) {
      const auto reason = static_cast<FailureReason>(i);
      const char* const result = reason == FailureReason::none ? "success" : "failure";
      attempts[i] =
          &attempt_family.Add({{"result", result}, {"reason", std::string(to_string(reason))}});
    }
    auto& request_family = prometheus::BuildCounter()
                               .Name("skyhook_api_requests_total")
                               .Help("Requests to the API by the status answered")
                               .Register(registry);
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
      requests[i] = &request_family.Add({{"status", std::to_string(kStatuses[i])}});
    }
    requests[kStatuses.size()] = &request_family.Add({{"status", "other"}});
    prometheus::BuildGauge()
        .Name("skyhook_build_info")
        .Help("Always 1; the label tells the version that runs")
        .Register(registry)
        .Add({{"version", std::string(kVersion)}})
        .Set(1);
  }

  prometheus::Registry registry;
  Counter& events_accepted =
      counter("skyhook_events_accepted_total", "Events accepted from publishers");
  Counter& deliveries_accepted =
      counter("skyhook_deliveries_accepted_total", "Deliveries made of accepted events");
  Counter& publishes_refused = counter("skyhook_publishes_refused_total",
                                       "Publish requests answered 503 because the store refused");
  Counter& delivered =
      counter("skyhook_deliveries_delivered_total", "Deliveries that ended as delivered");
  Counter& failed = counter("skyhook_deliveries_failed_total", "Deliveries that ended as failed");
  Counter& commits_failed =
      counter("skyhook_store_failures_total", "Operations that the store could not do");
  Counter& rows = counter("skyhook_store_rows_total", "Rows written by the store's commits");
  prometheus::Histogram& attempt_duration = histogram(
      "skyhook_attempt_duration_seconds",
      "Duration of delivery attempts, to the complete answer or the failure", kAttemptBuckets);
  prometheus::Histogram& first_attempt = histogram(
      "skyhook_first_attempt_latency_seconds",
      "Time from the acceptance of an event to the start of a delivery's first attempt, tests and "
      "replays aside",
      kFirstAttemptBuckets);
  prometheus::Histogram& commit_duration = histogram(
      "skyhook_store_commit_duration_seconds", "Duration of the store's commits", kCommitBuckets);
  prometheus::Histogram& commit_rows =
      histogram("skyhook_store_commit_rows", "Rows written together in one commit", kRowBuckets);
  std::array<Counter*, kReasons> attempts{};
  std::array<Counter*, kStatuses.size() + 1> requests{};

  // Of one account, or of all that have no series of their own.
  struct Target {
    prometheus::Histogram* latency;
    Counter* late;
  };
  prometheus::Family<prometheus::Histogram>& account_latency =
      prometheus::BuildHistogram()
          .Name("skyhook_account_first_attempt_latency_seconds")
          .Help("skyhook_first_attempt_latency_seconds where there is a target, by account")
          .Register(registry);
  prometheus::Family<Counter>& account_late =
      prometheus::BuildCounter()
          .Name("skyhook_account_first_attempts_late_total")
          .Help("First attempts that began after their target, by account")
          .Register(registry);
  Target make_target(const std::string& account) {
    return {&account_latency.Add({{"account", account}}, kAccountLatencyBuckets),
            &account_late.Add({{"account", account}})};
  }
  // With `mutex` held.
  Target& target_of(AccountId account, bool is_own) {
    if (is_own) {
      const auto known = targets.find(account);
      if (known != targets.end()) return known->second;
      if (targets.size() < kAccountSeries) {
        return targets.emplace(account, make_target(std::to_string(account.value))).first->second;
      }
    }
    if (!other_target) other_target = make_target("other");
    return *other_target;
  }

  struct ReadGauge {
    prometheus::Gauge* gauge;
    std::function<double()> read;
  };
  std::mutex mutex;
  std::unordered_map<AccountId, Target> targets;  // guarded by mutex
  std::optional<Target> other_target;             // guarded by mutex
  std::vector<ReadGauge> gauges;                  // guarded by mutex
  struct ReadCounter {
    prometheus::Counter* counter;
    std::function<double()> read;
  };
  std::vector<ReadCounter> counters;  // guarded by mutex
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::accepted(std::int64_t events, std::int64_t deliveries) {
  impl_->events_accepted.Increment(static_cast<double>(events));
  impl_->deliveries_accepted.Increment(static_cast<double>(deliveries));
}

void Metrics::publish_refused() {
  impl_->publishes_refused.Increment();
}

void Metrics::attempt(FailureReason reason, Micros duration) {
  const auto index = static_cast<std::size_t>(reason);
  impl_->attempts[index < kReasons ? index : kReasons - 1]->Increment();
  impl_->attempt_duration.Observe(seconds(duration));
}

void Metrics::first_attempt_latency(Micros latency) {
  impl_->first_attempt.Observe(seconds(std::max(latency, Micros{0})));
}

void Metrics::held_to_target(AccountId account, bool is_own, Micros latency, bool is_late) {
  Impl::Target target;
  {
    std::lock_guard lock(impl_->mutex);
    target = impl_->target_of(account, is_own);
  }
  target.latency->Observe(seconds(latency));
  if (is_late) target.late->Increment();
}

void Metrics::settled(DeliveryStatus status) {
  if (status == DeliveryStatus::delivered) impl_->delivered.Increment();
  if (status == DeliveryStatus::failed) impl_->failed.Increment();
}

void Metrics::store_commit(std::int64_t rows, Micros duration) {
  impl_->rows.Increment(static_cast<double>(rows));
  impl_->commit_rows.Observe(static_cast<double>(rows));
  impl_->commit_duration.Observe(seconds(duration));
}

void Metrics::store_failed() {
  impl_->commits_failed.Increment();
}

void Metrics::api_request(int status) {
  std::size_t index = 0;
  while (index < kStatuses.size() && kStatuses[index] != status) ++index;
  impl_->requests[index]->Increment();
}

Metrics::Snapshot Metrics::snapshot() const {
  const auto whole = [](const Impl::Counter& counter) {
    return static_cast<std::int64_t>(counter.Value());
  };
  Snapshot snapshot;
  snapshot.events_accepted = whole(impl_->events_accepted);
  snapshot.deliveries_accepted = whole(impl_->deliveries_accepted);
  for (const Impl::Counter* reason : impl_->attempts) snapshot.attempts += whole(*reason);
  snapshot.attempts_succeeded = whole(*impl_->attempts[0]);
  snapshot.deliveries_delivered = whole(impl_->delivered);
  snapshot.deliveries_failed = whole(impl_->failed);
  snapshot.attempt_p50_ms = milliseconds_quantile(impl_->attempt_duration, 0.50);
  snapshot.attempt_p95_ms = milliseconds_quantile(impl_->attempt_duration, 0.95);
  snapshot.attempt_p99_ms = milliseconds_quantile(impl_->attempt_duration, 0.99);
  snapshot.first_attempt_p50_ms = milliseconds_quantile(impl_->first_attempt, 0.50);
  snapshot.first_attempt_p95_ms = milliseconds_quantile(impl_->first_attempt, 0.95);
  snapshot.first_attempt_p99_ms = milliseconds_quantile(impl_->first_attempt, 0.99);
  return snapshot;
}

void Metrics::gauge(std::string_view name, std::string_view help, std::function<double()> read) {
  auto& gauge = prometheus::BuildGauge()
                    .Name(std::string(name))
                    .Help(std::string(help))
                    .Register(impl_->registry)
                    .Add({});
  const std::lock_guard lock(impl_->mutex);
  impl_->gauges.push_back({&gauge, std::move(read)});
}

void Metrics::counter(std::string_view name, std::string_view help, std::function<double()> read) {
  auto& counter = impl_->counter(std::string(name), std::string(help));
  const std::lock_guard lock(impl_->mutex);
  impl_->counters.push_back({&counter, std::move(read)});
}

std::string Metrics::render() const {
  {
    const std::lock_guard lock(impl_->mutex);
    for (const Impl::ReadGauge& one : impl_->gauges) one.gauge->Set(one.read());
    for (const Impl::ReadCounter& one : impl_->counters) {
      const double grown = one.read() - one.counter->Value();
      if (grown > 0) one.counter->Increment(grown);
    }
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace skyhook::metrics
