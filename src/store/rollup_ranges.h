// Which kept counts make up the steps of statistics: those of single minutes, or those of whole
// spans of minutes, of which there are far fewer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace skyhook::store {

// Spans begin at multiples of their length since the Unix epoch.
constexpr std::int64_t span_start(std::int64_t minute, std::int64_t length) {
  return minute - minute % length;
}

struct RollupRange {
  std::int64_t from;  // minutes since the Unix epoch, both multiples of `length`
  std::int64_t until;
  std::int64_t length;  // of its spans; 1: single minutes
  bool operator==(const RollupRange&) const = default;
};

// The minutes from `first` until `end`, each once, ascending, in spans as long as possible. A span
// is used only where all of it belongs to one step (steps of `minutes_a_step` > 0 from `first` on),
// and none before `spans_from`, a multiple of all lengths: of those not every minute may be
// counted. `lengths`: of the spans that the store keeps, in minutes, the longest first, each a
// multiple of the next.
std::vector<RollupRange> rollup_ranges(std::int64_t first, std::int64_t end,
                                       std::int64_t minutes_a_step, std::int64_t spans_from,
                                       std::span<const std::int64_t> lengths);

}  // namespace skyhook::store
