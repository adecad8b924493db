// What the process counts. One object, made in `app`, handed to the rooms that count; rendered for
// Prometheus at /metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "domain/delivery.h"
#include "domain/ids.h"

namespace skyhook::metrics {

// Any thread; a few atomic additions a call.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  void accepted(std::int64_t events, std::int64_t deliveries);
  void publish_refused();  // answered 503
  // One attempt: reason `none` is a success.
  void attempt(FailureReason reason, Micros duration);
  // From the acceptance of an event to the start of a delivery's first attempt.
  void first_attempt_latency(Micros latency);
  // One of them, of an account that has a target. Accounts with a target of their own, up to
  // kAccountSeries of them, have series of their own; the others share one.
  void held_to_target(AccountId account, bool is_own, Micros latency, bool is_late);
  static constexpr std::size_t kAccountSeries = 100;
  void settled(DeliveryStatus status);
  void store_commit(std::int64_t rows, Micros duration);
  void store_failed();
  void api_request(int status);

  struct Snapshot {
    std::int64_t events_accepted = 0, deliveries_accepted = 0, attempts = 0, attempts_succeeded = 0,
                 deliveries_delivered = 0, deliveries_failed = 0;
    double attempt_p50_ms = 0, attempt_p95_ms = 0,
           attempt_p99_ms = 0;  // since start, from the histogram
    double first_attempt_p50_ms = 0, first_attempt_p95_ms = 0, first_attempt_p99_ms = 0;
  };
  Snapshot snapshot() const;

  // A value that is read when rendered, such as the number of lanes. Register before the first
  // render; `read` must be thread-safe.
  void gauge(std::string_view name, std::string_view help, std::function<double()> read);

  // The same for a count that only grows, such as CPU seconds.
  void counter(std::string_view name, std::string_view help, std::function<double()> read);

  // The text exposition format, version 0.0.4.
  std::string render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skyhook::metrics
