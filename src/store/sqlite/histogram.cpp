#include "store/sqlite/histogram.h"

#include <algorithm>
#include <cmath>

namespace skyhook::store::sqlite {
namespace {

constexpr double kGrowth = 1.15;
// Of all counts together, far beyond any real minute: sums of what was read cannot overflow.
constexpr std::uint64_t kStoredTotalLimit = std::uint64_t{1} << 60;

int bucket_of(Micros duration) {
  if (duration.count() <= 1) return 0;
  static const double scale = 1.0 / std::log(kGrowth);
  const int bucket = static_cast<int>(std::log(static_cast<double>(duration.count())) * scale);
  return std::min(bucket, Histogram::kBuckets - 1);
}

}  // namespace

void Histogram::add(Micros duration) {
  add(bucket_of(duration), 1);
}

void Histogram::add(int bucket, std::int64_t count) {
  const auto place =
      std::lower_bound(counts_.begin(), counts_.end(), bucket,
                       [](const auto& entry, int wanted) { return entry.first < wanted; });
  if (place != counts_.end() && place->first == bucket) {
    place->second += count;
  } else {
    counts_.insert(place, {bucket, count});
  }
}

void Histogram::merge(const Histogram& other) {
  for (const auto& [bucket, count] : other.counts_) add(bucket, count);
}

std::string Histogram::encode() const {
  std::string stored;
  stored.reserve(counts_.size() * 3);
  for (const auto& [bucket, count] : counts_) {
    stored.push_back(static_cast<char>(bucket));
    std::uint64_t rest = static_cast<std::uint64_t>(count);
    for (; rest >= 0x80; rest >>= 7) stored.push_back(static_cast<char>((rest & 0x7f) | 0x80));
    stored.push_back(static_cast<char>(rest));
  }
  return stored;
}

std::optional<Histogram> Histogram::decode(std::string_view stored) {
  Histogram histogram;
  std::size_t position = 0;
  int previous = -1;
  std::uint64_t total = 0;
  while (position < stored.size()) {
    const int bucket = static_cast<unsigned char>(stored[position++]);
    std::uint64_t count = 0;
    int shift = 0;
    for (;;) {
      if (position == stored.size() || shift > 56) return std::nullopt;
      const auto byte = static_cast<unsigned char>(stored[position++]);
      count |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
      shift += 7;
    }
    if (bucket <= previous || bucket >= kBuckets || count == 0 || count > kStoredTotalLimit ||
        (total += count) > kStoredTotalLimit) {
      return std::nullopt;
    }
    previous = bucket;
    histogram.counts_.emplace_back(bucket, static_cast<std::int64_t>(count));
  }
  return histogram;
}

std::optional<double> Histogram::quantile_ms(double share) const {
  std::int64_t all = 0;
  for (const auto& entry : counts_) all += entry.second;
  if (all == 0) return std::nullopt;
  const auto rank = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(all)));
  std::int64_t seen = 0;
  for (const auto& [bucket, count] : counts_) {
    seen += count;
    if (seen >= rank) return std::pow(kGrowth, bucket + 0.5) / 1000.0;
  }
  return std::pow(kGrowth, counts_.back().first + 0.5) / 1000.0;
}

}  // namespace skyhook::store::sqlite
