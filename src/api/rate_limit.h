// How often a key may call: a fixed window of a minute that starts with the first request in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/time.h"
#include "domain/ids.h"

namespace skyhook::api {

inline constexpr Seconds kRateWindow{60};

// What the answer's headers tell.
struct RateState {
  bool allowed = true;
  int limit = 0;
  int remaining = 0;
  std::int64_t reset_at_s = 0;     // Unix seconds, rounded up
  std::int64_t retry_after_s = 0;  // whole seconds until then, at least 1
};

// Thread-safe. Its memory is bounded by the number of accounts that called within a minute or so.
class RateLimiter {
 public:
  explicit RateLimiter(int limit_per_window) : limit_(limit_per_window) {}

  bool enabled() const { return limit_ > 0; }
  // Counts one request of the account. Precondition: enabled().
  RateState count(AccountId account, Timestamp now);
  // For an answer to nobody in particular: the whole limit.
  RateState untouched(Timestamp now) const;

 private:
  struct Window {
    Timestamp start;
    int used = 0;
  };
  static constexpr std::size_t kSweepAt = 1024;  // and at each doubling of what a sweep left

  RateState state_of(const Window& window, Timestamp now) const;
  void sweep(Timestamp now);

  const int limit_;
  std::mutex mutex_;
  std::unordered_map<AccountId, Window> windows_;  // guarded by mutex_
  std::size_t sweep_at_ = kSweepAt;                // guarded by mutex_
};

}  // namespace skyhook::api
