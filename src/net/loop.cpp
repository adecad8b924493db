#include "net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace skyhook::net {
namespace {

constexpr int kEventsPerRound = 256;
constexpr std::uint64_t kWakeTag = std::numeric_limits<std::uint64_t>::max();

thread_local const Loop* running_here = nullptr;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "skyhook: event loop: %s: %s\n", what, std::strerror(errno));
  std::abort();
}

std::uint64_t tag_of(int fd, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}

}  // namespace

Loop::Loop(const Clock& clock)
    : clock_(clock), round_mono_(clock.mono()), round_now_(clock.now()), wheel_(round_mono_) {
  epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_fd_ < 0 || wake_fd_ < 0) die("cannot be made");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeTag;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) die("cannot watch its eventfd");
}

Loop::~Loop() {
  // What a dying task posts in turn is dropped by post().
  stopping_ = true;
  std::vector<std::function<void()>> unrun;
  {
    const std::lock_guard lock(posted_mutex_);
    unrun.swap(posted_);
  }
  unrun.clear();
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

void Loop::run() {
  const Loop* const outer = std::exchange(running_here, this);
  std::array<epoll_event, kEventsPerRound> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_fd_, events.data(), kEventsPerRound, wait_limit_ms());
    if (count < 0 && errno != EINTR) die("epoll_wait");
    read_clocks();
    // Input before deadlines: what arrived in time counts, even where this thread was slow to look.
    dispatch(events.data(), std::max(count, 0));
    wheel_.advance(round_mono_);
    drain_posted();
  }
  running_here = outer;
}

void Loop::stop() {
  stopping_ = true;
  wake();
}

void Loop::post(std::function<void()> task) {
  if (stopping_) return;
  bool must_wake = false;
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
    must_wake = std::exchange(asleep_, false);
  }
  if (must_wake) wake();
}

bool Loop::on_loop_thread() const {
  return running_here == this;
}

void Loop::watch(int fd, std::uint32_t events, IoHandler* handler) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(std::max(index + 1, watches_.size() * 2));
  Watch& watch = watches_[index];
  watch.handler = handler;
  watch.generation = ++generations_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag_of(fd, watch.generation);
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) die("cannot watch a descriptor");
}

void Loop::rewatch(int fd, std::uint32_t events, IoHandler* handler) {
  Watch& watch = watches_.at(static_cast<std::size_t>(fd));
  watch.handler = handler;
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag_of(fd, watch.generation);
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) != 0) die("cannot rewatch a descriptor");
}

void Loop::unwatch(int fd) {
  watches_.at(static_cast<std::size_t>(fd)).handler = nullptr;
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::arm(Timer& timer, Millis delay) {
  wheel_.arm(timer, round_mono_, delay);
}

// How long the next wait may last. From here until the clocks are read again a post() writes to the
// eventfd.
int Loop::wait_limit_ms() {
  {
    const std::lock_guard lock(posted_mutex_);
    if (!posted_.empty()) return 0;
    asleep_ = true;
  }
  const std::optional<Millis> limit = wheel_.wait_limit(clock_.mono());
  if (!limit) return -1;
  return static_cast<int>(std::min<std::int64_t>(limit->count(), std::numeric_limits<int>::max()));
}

void Loop::dispatch(const epoll_event* events, int count) {
  for (const epoll_event* event = events; event != events + count; ++event) {
    if (event->data.u64 == kWakeTag) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const auto bytes = ::read(wake_fd_, &ignored, sizeof ignored);
      continue;
    }
    const Watch watch = watches_[static_cast<std::uint32_t>(event->data.u64)];
    const auto generation = static_cast<std::uint32_t>(event->data.u64 >> 32);
    if (watch.handler != nullptr && watch.generation == generation) {
      watch.handler->on_io(event->events);
    }
  }
}

void Loop::drain_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    asleep_ = false;
    tasks.swap(posted_);
  }
  for (std::function<void()>& task : tasks) {
    task();
    task = nullptr;  // what it holds ends with it, not with the batch
  }
}

void Loop::read_clocks() {
  round_mono_ = clock_.mono();
  round_now_ = clock_.now();
}

void Loop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto bytes = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace skyhook::net
