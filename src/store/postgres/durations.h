// Durations on a logarithmic scale: one byte an attempt, quantiles within 10 %.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace skyhook::store::postgres {

// Bucket i holds [1.15^i, 1.15^(i+1)) µs; its middle is within 7.3 % of all that is in it. The last
// one (85 minutes) takes what is longer.
inline constexpr double kBucketGrowth = 1.15;
inline constexpr int kDurationBuckets = 160;

inline int duration_bucket(Micros duration) {
  if (duration.count() <= 1) return 0;
  static const double scale = 1.0 / std::log(kBucketGrowth);
  const int bucket = static_cast<int>(std::log(static_cast<double>(duration.count())) * scale);
  return std::min(bucket, kDurationBuckets - 1);
}

inline double bucket_middle_ms(int bucket) {
  return std::pow(kBucketGrowth, bucket + 0.5) / 1000.0;
}

// `counts`: bucket and how many, ascending. nullopt where there are none.
inline std::optional<double> quantile_ms(const std::vector<std::pair<int, std::int64_t>>& counts,
                                         double share) {
  std::int64_t all = 0;
  for (const auto& entry : counts) all += entry.second;
  if (all == 0) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(all)));
  std::int64_t seen = 0;
  for (const auto& [bucket, count] : counts) {
    seen += count;
    if (seen >= rank) return bucket_middle_ms(bucket);
  }
  return bucket_middle_ms(counts.back().first);
}

}  // namespace skyhook::store::postgres
