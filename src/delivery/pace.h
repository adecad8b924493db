// When the next attempt of a lane may begin under a rate limit. The generic cell rate algorithm
// (ITU-T I.371): one point in time instead of a bucket that has to be filled. Pure: it is told the
// time.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/time.h"

namespace skyhook::delivery {

class Pace {
 public:
  // How far ahead of an even spacing an attempt may begin, so that a timer that is a little late
  // does not cost throughput. So over any span of t seconds there are at most
  // `rate * (t + kSlack) + 1` attempts.
  static constexpr Micros kSlack = std::chrono::milliseconds{50};

  // The time between two attempts at `per_second` > 0; rather too long than too short.
  static Micros interval_of(double per_second) {
    return Micros{static_cast<std::int64_t>(std::ceil(1e6 / per_second))};
  }

  // When the next may begin; not after `now`: at once.
  Timestamp next(Timestamp now, Micros interval) {
    // Further ahead it can only lie where the clock was set back, or the limit was raised.
    even_at_ = std::min(even_at_, now + kSlack + interval);
    return even_at_ - kSlack;
  }
  // One begins.
  void begin(Timestamp now, Micros interval) { even_at_ = std::max(even_at_, now) + interval; }
  // From when on there is nothing to remember: as if there had been no attempt.
  Timestamp rested_at() const { return even_at_; }

 private:
  Timestamp even_at_{};  // of the next attempt in an even spacing
};

}  // namespace skyhook::delivery
