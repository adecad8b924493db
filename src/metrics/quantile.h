// Quantiles from the buckets of a histogram.
#pragma once

#include <vector>

namespace skyhook::metrics {

// Observations of at most `upper_bound` (infinity for the last bucket), those of earlier buckets
// included.
struct BucketCount {
  double upper_bound;
  double cumulative;
};

// The value below which `share` (0 … 1) of the observations lie, taken as evenly spread within a
// bucket; the last finite bound where they lie beyond it; 0 where there are none. As Prometheus's
// histogram_quantile. Precondition: bounds ascend, observations are not negative.
double quantile(const std::vector<BucketCount>& buckets, double share);

}  // namespace skyhook::metrics
