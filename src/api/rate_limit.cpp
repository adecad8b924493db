#include "api/rate_limit.h"

#include <algorithm>

namespace skyhook::api {

RateState RateLimiter::count(AccountId account, Timestamp now) {
  const std::lock_guard lock(mutex_);
  if (windows_.size() >= sweep_at_) sweep(now);
  Window& window = windows_[account];
  // A clock that stepped back far must not lock an account out until it has caught up.
  const bool over = now - window.start >= kRateWindow || now < window.start;
  if (window.used == 0 || over) window = {now, 0};
  const bool allowed = window.used < limit_;
  if (allowed) ++window.used;
  RateState state = state_of(window, now);
  state.allowed = allowed;
  return state;
}

RateState RateLimiter::untouched(Timestamp now) const {
  return state_of({now, 0}, now);
}

RateState RateLimiter::state_of(const Window& window, Timestamp now) const {
  const Timestamp end = window.start + kRateWindow;
  const auto whole_seconds = [](auto duration) {
    return std::chrono::ceil<std::chrono::seconds>(duration).count();
  };
  return {.allowed = true,
          .limit = limit_,
          .remaining = limit_ - window.used,
          .reset_at_s = whole_seconds(end.time_since_epoch()),
          .retry_after_s = std::max<std::int64_t>(1, whole_seconds(end - now))};
}

void RateLimiter::sweep(Timestamp now) {
  std::erase_if(windows_, [now](const auto& entry) {
    return now - entry.second.start >= kRateWindow || now < entry.second.start;
  });
  sweep_at_ = std::max(kSweepAt, 2 * windows_.size());
}

}  // namespace skyhook::api
