// How many deliveries a lane may have in flight: grows while the receiver is quick, halves when it
// fails, down to one (additive up, multiplicative down, as TCP does it). Pure: it is told outcomes
// and durations.
#pragma once

#include <algorithm>

#include "base/time.h"
#include "domain/delivery.h"

namespace skyhook::delivery {

class Concurrency {
 public:
  static constexpr double kStart = 8;
  // An answer slower than this tells of a receiver that has enough to do: the lane does not grow on
  // it.
  static constexpr Micros kQuick = std::chrono::seconds{1};

  // `ceiling` ≥ 1.
  explicit Concurrency(int ceiling)
      : ceiling_(ceiling), window_(std::min<double>(kStart, ceiling)) {}

  int limit() const { return static_cast<int>(window_); }
  // Failing, and reduced to one at a time: such a lane may use only the share of slots set aside
  // for it.
  bool suspect() const { return window_ < 2 && failing_; }
  bool shrunk() const { return window_ < std::min<double>(kStart, ceiling_); }

  void on_outcome(FailureReason failure, int status, Micros duration) {
    // A 4xx says that the receiver does not want this delivery, not that it has too many.
    const bool overload =
        failure != FailureReason::none && !(status >= 400 && status < 500 && status != 429);
    failing_ = failure != FailureReason::none;
    if (overload) {
      window_ = std::max(1.0, window_ / 2);
      growing_fast_ = false;
    } else if (failure == FailureReason::none && duration <= kQuick) {
      // Doubles a round trip until the first failure, then one more a round trip.
      window_ = std::min<double>(ceiling_, window_ + (growing_fast_ ? 1.0 : 1.0 / window_));
    }
  }

 private:
  int ceiling_;
  double window_;
  bool growing_fast_ = true;
  bool failing_ = false;
};

}  // namespace skyhook::delivery
