#include "store/rollup_ranges.h"

#include <algorithm>

namespace skyhook::store {
namespace {

void append(std::vector<RollupRange>& ranges, const RollupRange& range) {
  if (range.from >= range.until) return;
  if (!ranges.empty() && ranges.back().length == range.length) {
    ranges.back().until = range.until;
  } else {
    ranges.push_back(range);
  }
}

// Within one step.
void cover(std::vector<RollupRange>& ranges, std::int64_t from, std::int64_t until,
           std::span<const std::int64_t> lengths) {
  if (lengths.empty()) return append(ranges, {from, until, 1});
  const std::int64_t length = lengths.front();
  const std::span<const std::int64_t> shorter = lengths.subspan(1);
  const std::int64_t begin = span_start(from + length - 1, length);
  const std::int64_t end = span_start(until, length);
  if (begin >= end) return cover(ranges, from, until, shorter);
  cover(ranges, from, begin, shorter);
  append(ranges, {begin, end, length});
  cover(ranges, end, until, shorter);
}

}  // namespace

std::vector<RollupRange> rollup_ranges(std::int64_t first, std::int64_t end,
                                       std::int64_t minutes_a_step, std::int64_t spans_from,
                                       std::span<const std::int64_t> lengths) {
  std::vector<RollupRange> ranges;
  for (std::int64_t from = first; from < end; from += minutes_a_step) {
    const std::int64_t until = std::min(end, from + minutes_a_step);
    const std::int64_t whole_from = std::clamp(spans_from, from, until);
    append(ranges, {from, whole_from, 1});
    cover(ranges, whole_from, until, lengths);
  }
  return ranges;
}

}  // namespace skyhook::store
