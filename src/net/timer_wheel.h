// One coarse wheel of deadlines for a thread: arming and cancelling are a few pointer writes,
// whatever the number of timers. Pure data structure: time is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/time.h"

namespace skyhook::net {

class TimerWheel;

// A deadline that its owner embeds. Destroying it cancels it. Not movable while armed.
class Timer {
 public:
  Timer() = default;
  explicit Timer(std::function<void()> callback) : on_expiry(std::move(callback)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void cancel();
  bool armed() const { return wheel_ != nullptr; }

  std::function<void()> on_expiry;  // may arm this timer again, cancel others, or destroy it

 private:
  friend class TimerWheel;
  TimerWheel* wheel_ = nullptr;
  Timer* next_ = nullptr;
  Timer* prev_ = nullptr;
  std::size_t slot_ = 0;
  std::uint64_t expires_tick_ = 0;
};

class TimerWheel {
 public:
  static constexpr Millis kTick{8};
  static constexpr std::size_t kSlots =
      1024;  // 8.2 s a turn; later timers wait in their slot for their turn

  explicit TimerWheel(MonoTime start);
  ~TimerWheel();

  // Never early: `delay` is rounded up to the next tick. Replaces what was armed. A negative delay
  // counts as none.
  void arm(Timer& timer, MonoTime now, Millis delay);
  // Runs everything that expired by `now`.
  void advance(MonoTime now);
  // How long a wait may last before advance() must be called; nullopt where no timer is armed.
  std::optional<Millis> wait_limit(MonoTime now) const;

 private:
  friend class Timer;
  std::uint64_t tick_of(MonoTime t) const;  // rounded down
  void link(Timer& timer, std::size_t slot);
  void unlink(Timer& timer);
  void take_due(std::size_t slot);
  void run_due();
  std::size_t ticks_to_next_occupied() const;

  const MonoTime start_;
  std::uint64_t current_tick_ = 0;
  std::size_t armed_ = 0;
  std::vector<Timer*>
      slots_;  // heads of doubly linked lists; the one past kSlots holds what is due right now
  std::vector<std::uint64_t> occupied_;  // one bit a slot
};

}  // namespace skyhook::net
