// How often a key may call: so many requests a minute. An account's minutes begin at a second of
// its own, the same on every node, so that nodes can add up what they counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"
#include "store/shared.h"

namespace skyhook::api {

inline constexpr Seconds kRateWindow{60};

// What the answer's headers tell.
struct RateState {
  bool allowed = true;
  int limit = 0;
  int remaining = 0;
  std::int64_t reset_at_s = 0;     // Unix seconds
  std::int64_t retry_after_s = 0;  // whole seconds until then, at least 1
};

// Counts alone until share() is called; then together with other nodes, over which someone carries
// the counts (RateExchange): between begin_exchange() and end_exchange() or count_alone().
//
// Together, a node allows at most `slack` requests of a window before it has told the others, so
// that the nodes together are over the limit by less than a tenth; a further request waits for the
// exchange, which is asked for at once. While the others cannot be reached the node counts alone.
//
// Thread-safe. Its memory is bounded by the number of accounts that called within a minute or so,
// and by the requests that wait, of which a connection has one.
class RateLimiter {
 public:
  using Counted = std::function<void(RateState)>;

  explicit RateLimiter(int limit_per_window) : limit_(limit_per_window) {}

  bool enabled() const { return limit_ > 0; }
  int limit() const { return limit_; }
  // Counts one request of the account and tells `counted`, which must be quick: here and now, or
  // after the next exchange on its thread. Precondition: enabled().
  void count(AccountId account, Timestamp now, Counted counted);
  // For an answer to nobody in particular: the whole limit.
  RateState untouched(Timestamp now) const;

  // --- with others

  // From now on others count too. `wanted` is called, from any thread, where an exchange should
  // take place soon; it must not call back.
  void share(std::function<void()> wanted);
  // What the others are to be told. One exchange at a time.
  std::vector<store::Shared::RequestCount> begin_exchange(Timestamp now);
  void end_exchange(const store::Shared::RequestTotals& everywhere, Timestamp now);
  // The exchange failed, or there will be none: until the next one that succeeds nobody waits.
  void count_alone(Timestamp now);

 private:
  struct Window {
    std::int64_t end_s = 0;
    int told = 0;     // on all nodes, as of the last exchange, which includes what was told here
    int untold = 0;   // allowed here and not told
    int telling = 0;  // the part of it that the exchange under way tells
    int used() const { return told + untold; }
  };
  struct Waiter {
    AccountId account;
    Counted counted;
  };
  using Told = std::vector<std::pair<Counted, RateState>>;
  using Grants = std::map<std::pair<AccountId, std::int64_t>, int>;  // by account and window
  static constexpr std::size_t kSweepAt = 1024;  // and at each doubling of what a sweep left
  static constexpr int kEverything = std::numeric_limits<int>::max();

  // All with mutex_ held.
  Window& window_of(AccountId account, std::int64_t end_s);
  RateState take_one(AccountId account, Window& window, Timestamp now);
  void learn(const store::Shared::RequestTotal& total, Timestamp now);
  Told settle_waiters(Grants granted, Timestamp now);
  void sweep(Timestamp now);

  static std::int64_t window_end_s(AccountId account, Timestamp now);
  RateState state_of(const Window& window, Timestamp now) const;
  static void tell(const Told& told);

  const int limit_;
  std::mutex mutex_;
  std::unordered_map<AccountId, Window> windows_;  // guarded by mutex_
  std::size_t sweep_at_ = kSweepAt;                // guarded by mutex_
  std::set<AccountId> untold_;                     // with untold requests; guarded by mutex_
  std::function<void()> wanted_;                   // guarded by mutex_; empty: counts alone
  int slack_ = kEverything;                        // guarded by mutex_
  std::vector<Waiter> waiters_;                    // guarded by mutex_
  std::vector<Waiter> telling_;  // that the exchange under way asks for; guarded by mutex_
};

}  // namespace skyhook::api
