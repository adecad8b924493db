#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace skyhook::net {
namespace {

constexpr std::size_t kBits = 64;
constexpr std::size_t kDueSlot = TimerWheel::kSlots;
constexpr std::chrono::nanoseconds kTickNanos{TimerWheel::kTick};

}  // namespace

void Timer::cancel() {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(MonoTime start)
    : start_(start), slots_(kSlots + 1, nullptr), occupied_(kSlots / kBits, 0) {}

TimerWheel::~TimerWheel() {
  // Timers may outlive their wheel: they must not find it again.
  for (Timer*& head : slots_) {
    while (head != nullptr) unlink(*head);
  }
}

void TimerWheel::arm(Timer& timer, MonoTime now, Millis delay) {
  timer.cancel();
  const MonoTime deadline = now + std::max(delay, Millis{0});
  const std::uint64_t rounded_up = tick_of(deadline + kTickNanos - std::chrono::nanoseconds{1});
  timer.expires_tick_ = std::max(rounded_up, current_tick_ + 1);
  link(timer, timer.expires_tick_ % kSlots);
}

void TimerWheel::advance(MonoTime now) {
  const std::uint64_t target = tick_of(now);
  if (target <= current_tick_) return;
  if (armed_ == 0) {
    current_tick_ = target;
    return;
  }
  // After a stall of more than a turn every slot is visited once: they hold all that expired.
  current_tick_ = std::max(current_tick_, target > kSlots ? target - kSlots : 0);
  while (current_tick_ < target) {
    const std::size_t step = ticks_to_next_occupied();
    if (step == 0 || current_tick_ + step > target) break;
    current_tick_ += step;
    take_due(current_tick_ % kSlots);
    run_due();
  }
  current_tick_ = target;
}

std::optional<Millis> TimerWheel::wait_limit(MonoTime now) const {
  if (armed_ == 0) return std::nullopt;
  const MonoTime due = start_ + (current_tick_ + ticks_to_next_occupied()) * kTickNanos;
  return std::max(Millis{0}, std::chrono::ceil<Millis>(due - now));
}

std::uint64_t TimerWheel::tick_of(MonoTime t) const {
  return t <= start_ ? 0 : static_cast<std::uint64_t>((t - start_) / kTickNanos);
}

void TimerWheel::link(Timer& timer, std::size_t slot) {
  timer.wheel_ = this;
  timer.slot_ = slot;
  timer.prev_ = nullptr;
  timer.next_ = slots_[slot];
  if (timer.next_ != nullptr) timer.next_->prev_ = &timer;
  slots_[slot] = &timer;
  if (slot != kDueSlot) occupied_[slot / kBits] |= std::uint64_t{1} << (slot % kBits);
  ++armed_;
}

void TimerWheel::unlink(Timer& timer) {
  if (timer.prev_ != nullptr) {
    timer.prev_->next_ = timer.next_;
  } else {
    slots_[timer.slot_] = timer.next_;
  }
  if (timer.next_ != nullptr) timer.next_->prev_ = timer.prev_;
  if (slots_[timer.slot_] == nullptr && timer.slot_ != kDueSlot) {
    occupied_[timer.slot_ / kBits] &= ~(std::uint64_t{1} << (timer.slot_ % kBits));
  }
  timer.wheel_ = nullptr;
  timer.next_ = timer.prev_ = nullptr;
  --armed_;
}

// Moves what has expired by now from `slot` to the due list, where a callback may still cancel it.
void TimerWheel::take_due(std::size_t slot) {
  Timer* timer = slots_[slot];
  while (timer != nullptr) {
    Timer* const next = timer->next_;
    if (timer->expires_tick_ <= current_tick_) {
      unlink(*timer);
      link(*timer, kDueSlot);
    }
    timer = next;
  }
}

void TimerWheel::run_due() {
  while (Timer* timer = slots_[kDueSlot]) {
    unlink(*timer);
    // A copy, since the callback may destroy the timer; it is a pointer or two for what owners
    // capture.
    const std::function<void()> on_expiry = timer->on_expiry;
    on_expiry();
  }
}

// Distance from the present tick to the next one with a timer in its slot (of this turn or a later
// one), 1 … kSlots; 0 where every slot is empty.
std::size_t TimerWheel::ticks_to_next_occupied() const {
  const std::size_t first = (current_tick_ + 1) % kSlots;
  for (std::size_t distance = 0; distance < kSlots;) {
    const std::size_t slot = (first + distance) % kSlots;
    const std::uint64_t rest = occupied_[slot / kBits] >> (slot % kBits);
    if (rest != 0) {
      const std::size_t found = distance + static_cast<std::size_t>(std::countr_zero(rest));
      return found < kSlots ? found + 1 : 0;
    }
    distance += kBits - slot % kBits;
  }
  return 0;
}

}  // namespace skyhook::net
