#include "api/rate_limit.h"

#include <algorithm>
#include <iterator>

namespace skyhook::api {
namespace {

std::int64_t unix_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

// Not all at the full minute: those who were refused would all come back in the same second.
std::int64_t RateLimiter::window_end_s(AccountId account, Timestamp now) {
  const std::int64_t length = kRateWindow.count();
  const std::int64_t offset = account.value % length;
  const std::int64_t since = unix_seconds(now) - offset;
  return since - since % length + length + offset;
}

RateLimiter::Window& RateLimiter::window_of(AccountId account, std::int64_t end_s) {
  Window& window = windows_[account];
  // A clock that is set back by a moment does not open the window before anew, one that stepped
  // back far does not lock an account out until it has caught up.
  const bool same = window.end_s >= end_s && window.end_s <= end_s + kRateWindow.count();
  if (!same) window = {.end_s = end_s};
  return window;
}

RateState RateLimiter::take_one(AccountId account, Window& window, Timestamp now) {
  const bool allowed = window.used() < limit_;
  if (allowed) {
    ++window.untold;
    if (wanted_) untold_.insert(account);
  }
  RateState state = state_of(window, now);
  state.allowed = allowed;
  return state;
}

void RateLimiter::count(AccountId account, Timestamp now, Counted counted) {
  RateState state;
  {
    const std::lock_guard lock(mutex_);
    if (windows_.size() >= sweep_at_) sweep(now);
    Window& window = window_of(account, window_end_s(account, now));
    if (window.untold >= slack_ && window.used() < limit_) {
      waiters_.push_back({account, std::move(counted)});
      wanted_();
      return;
    }
    state = take_one(account, window, now);
  }
  counted(state);
}

RateState RateLimiter::untouched(Timestamp now) const {
  return state_of({.end_s = window_end_s(AccountId{0}, now)}, now);
}

RateState RateLimiter::state_of(const Window& window, Timestamp now) const {
  return {.allowed = true,
          .limit = limit_,
          .remaining = std::max(0, limit_ - window.used()),
          .reset_at_s = window.end_s,
          .retry_after_s = std::max<std::int64_t>(1, window.end_s - unix_seconds(now))};
}

void RateLimiter::share(std::function<void()> wanted) {
  const std::lock_guard lock(mutex_);
  wanted_ = std::move(wanted);
}

std::vector<store::Shared::RequestCount> RateLimiter::begin_exchange(Timestamp now) {
  const std::lock_guard lock(mutex_);
  telling_ = std::exchange(waiters_, {});
  std::map<AccountId, int> wanted;
  for (const AccountId account : untold_) wanted[account] = 0;
  untold_.clear();
  for (const Waiter& waiter : telling_) ++wanted[waiter.account];
  std::vector<store::Shared::RequestCount> here;
  for (const auto& [account, count] : wanted) {
    const auto window = windows_.find(account);
    if (window == windows_.end() || window->second.end_s <= unix_seconds(now)) continue;
    window->second.telling = window->second.untold;
    here.push_back({account, window->second.end_s, window->second.telling, count});
  }
  return here;
}

// Of windows that ended meanwhile nothing is wanted any more. A node whose clock is a little ahead
// opens the next window for all.
void RateLimiter::learn(const store::Shared::RequestTotal& total, Timestamp now) {
  const std::int64_t next_end_s = window_end_s(total.account, now) + kRateWindow.count();
  if (total.window_end_s <= unix_seconds(now) || total.window_end_s > next_end_s) return;
  Window& window = window_of(total.account, total.window_end_s);
  if (window.end_s != total.window_end_s) return;
  window.told = total.total;
  window.untold -= std::exchange(window.telling, 0);
  if (window.untold > 0) untold_.insert(total.account);
}

void RateLimiter::end_exchange(const store::Shared::RequestTotals& everywhere, Timestamp now) {
  Told told;
  {
    const std::lock_guard lock(mutex_);
    slack_ = limit_ / (10 * std::max(1, everywhere.nodes));
    Grants granted;
    for (const store::Shared::RequestTotal& total : everywhere.totals) {
      learn(total, now);
      if (total.granted > 0) granted[{total.account, total.window_end_s}] = total.granted;
    }
    told = settle_waiters(std::move(granted), now);
  }
  tell(told);
}

void RateLimiter::count_alone(Timestamp now) {
  Told told;
  {
    const std::lock_guard lock(mutex_);
    slack_ = kEverything;
    for (const auto& [account, window] : windows_) {
      if (window.telling > 0) untold_.insert(account);  // perhaps told, but that is not known
    }
    telling_.insert(telling_.end(), std::make_move_iterator(waiters_.begin()),
                    std::make_move_iterator(waiters_.end()));
    waiters_.clear();
    told = settle_waiters({}, now);
  }
  tell(told);
}

// A grant is counted in the total already; who got none is judged like any other request.
RateLimiter::Told RateLimiter::settle_waiters(Grants granted, Timestamp now) {
  Told told;
  for (Waiter& waiter : std::exchange(telling_, {})) {
    Window& window = window_of(waiter.account, window_end_s(waiter.account, now));
    const auto grant = granted.find({waiter.account, window.end_s});
    const bool is_granted = grant != granted.end() && grant->second > 0;
    RateState state = is_granted ? state_of(window, now) : take_one(waiter.account, window, now);
    if (is_granted) state.remaining += --grant->second;  // the others are told theirs after this
    told.emplace_back(std::move(waiter.counted), state);
  }
  return told;
}

void RateLimiter::tell(const Told& told) {
  for (const auto& [counted, state] : told) counted(state);
}

void RateLimiter::sweep(Timestamp now) {
  const std::int64_t now_s = unix_seconds(now);
  std::erase_if(windows_, [now_s](const auto& entry) {
    return entry.second.end_s <= now_s || entry.second.end_s > now_s + 2 * kRateWindow.count();
  });
  std::erase_if(untold_, [this](AccountId account) { return !windows_.contains(account); });
  sweep_at_ = std::max(kSweepAt, 2 * windows_.size());
}

}  // namespace skyhook::api
