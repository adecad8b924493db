// Carries the counts of the rate limit to the other nodes and back: every second, and at once where
// a request waits for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/rate_limit.h"
#include "base/time.h"
#include "store/shared.h"

namespace skyhook::api {

class RateExchange {
 public:
  static constexpr Millis kInterval{1'000};

  // Starts its thread. All of them outlive this; `limiter` is enabled.
  RateExchange(RateLimiter& limiter, store::Shared& shared, const Clock& clock);
  // Joins it, within the second that an exchange may take. Requests that wait are counted here.
  ~RateExchange();
  RateExchange(const RateExchange&) = delete;
  RateExchange& operator=(const RateExchange&) = delete;

 private:
  using Which = store::Shared::Which;
  void run();
  bool wait(MonoTime until);  // false: stopping
  void exchange(Which answer);

  RateLimiter& limiter_;
  store::Shared& shared_;
  const Clock& clock_;
  bool together_ = false;  // of the thread: the last exchange succeeded

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;    // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::api
