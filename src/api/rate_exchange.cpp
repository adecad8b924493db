#include "api/rate_exchange.h"

#include <pthread.h>

#include "logging/log.h"

namespace skyhook::api {

RateExchange::RateExchange(RateLimiter& limiter, store::Shared& shared, const Clock& clock)
    : limiter_(limiter), shared_(shared), clock_(clock) {
  limiter_.share([this] {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = true;
    }
    wake_.notify_all();
  });
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "rate-exchange");
}

RateExchange::~RateExchange() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  limiter_.count_alone(clock_.now());
}

bool RateExchange::wait(MonoTime until) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, until, [this] { return stopping_ || wanted_; });
  wanted_ = false;
  return !stopping_;
}

void RateExchange::run() {
  MonoTime next = clock_.mono();
  while (wait(next)) {
    const bool due = clock_.mono() >= next;
    if (due) next = clock_.mono() + kInterval;
    exchange(due ? Which::all : Which::told);
  }
}

void RateExchange::exchange(Which answer) {
  auto here = limiter_.begin_exchange(clock_.now());
  auto totals = shared_.count_requests(std::move(here), limiter_.limit(), answer);
  const bool was_together = std::exchange(together_, totals.ok());
  if (totals) return limiter_.end_exchange(*totals, clock_.now());
  limiter_.count_alone(clock_.now());
  if (was_together) {
    log::warn("the rate limit counts this node alone for now", {{"reason", totals.error().detail}});
  }
}

}  // namespace skyhook::api
