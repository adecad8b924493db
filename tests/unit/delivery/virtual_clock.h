// A wall clock that may jump, over a steady time that never does.
#pragma once

#include <algorithm>
#include <vector>

#include "base/time.h"

namespace skyhook::delivery::simulation {

class VirtualClock {
 public:
  // Steady time, on the scale of the wall clock before its first jump.
  Timestamp steady() const { return steady_; }
  Timestamp now() const { return steady_ + stretches_.back().offset; }

  void advance_to(Timestamp steady) { steady_ = steady; }
  void jump(Micros by) { stretches_.push_back({steady_, stretches_.back().offset + by}); }

  // The latest that the wall clock has shown since a steady time: what was due then was due, even
  // where the clock was put back afterwards.
  Timestamp latest_since(Timestamp steady) const {
    Timestamp latest = now();
    Timestamp end = steady_;
    for (auto stretch = stretches_.rbegin(); stretch != stretches_.rend() && end > steady;
         ++stretch) {
      latest = std::max(latest, end + stretch->offset);
      end = stretch->begin;
    }
    return latest;
  }

 private:
  struct Stretch {
    Timestamp begin;  // steady
    Micros offset;
  };
  Timestamp steady_{Seconds{1'700'000'000}};
  std::vector<Stretch> stretches_{{steady_, Micros{0}}};  // between jumps, oldest first
};

}  // namespace skyhook::delivery::simulation
