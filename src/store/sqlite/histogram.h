// Durations on a logarithmic scale: few bytes a minute, quantiles within 10 %.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace skyhook::store::sqlite {

// Bucket i holds durations in [1.15^i, 1.15^(i+1)) µs; the middle of a bucket is within 7.3 % of
// all that is in it. The last one (85 minutes) takes what is longer.
class Histogram {
 public:
  static constexpr int kBuckets = 160;

  void add(Micros duration);
  void merge(const Histogram& other);
  // The stored form: for each bucket that is not empty, ascending, its number (one byte) and its
  // count (LEB128).
  std::string encode() const;
  // nullopt where `stored` is no such thing.
  static std::optional<Histogram> decode(std::string_view stored);
  // Buckets that are not empty, ascending, and how many durations each holds.
  const std::vector<std::pair<int, std::int64_t>>& counts() const { return counts_; }
  // 0 < share < 1; nullopt when empty.
  std::optional<double> quantile_ms(double share) const;

 private:
  void add(int bucket, std::int64_t count);
  std::vector<std::pair<int, std::int64_t>> counts_;  // ascending by bucket
};

}  // namespace skyhook::store::sqlite
