// The event loop of one network thread: epoll, timers, and work posted from other threads.
// Everything of the net and delivery rooms that is not marked thread-safe belongs to one loop and
// is touched on its thread only, so that it needs no lock.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/time.h"
#include "net/timer_wheel.h"

namespace skyhook::net {

// Something that owns a file descriptor watched by a loop.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  // `events`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll_wait(2) reported them. The handler may
  // unwatch and destroy itself and others; a handler that was unwatched is not called again, not
  // even for events of the same wait.
  virtual void on_io(std::uint32_t events) = 0;
};

class Loop {
 public:
  explicit Loop(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs on the calling thread until stop(). Sleeps without a wake-up while nothing is due.
  void run();
  // Any thread: run() returns after the present round.
  void stop();

  // Any thread: runs `task` on the loop's thread, in order of posting. Unbounded: callers bound
  // what they post (one task for each request, commit batch or attempt that holds a slot). Tasks
  // posted after stop() are destroyed unrun.
  void post(std::function<void()> task);
  bool on_loop_thread() const;

  // Loop thread (as for everything below: or before run()). Level-triggered. `handler` must stay
  // valid until unwatch, and unwatch comes before close(2). Aborts where the kernel has no room for
  // one more watch.
  void watch(int fd, std::uint32_t events, IoHandler* handler);
  void rewatch(int fd, std::uint32_t events, IoHandler* handler);
  void unwatch(int fd);

  // Loop thread. Arms `timer` to run after `delay`, rounded up to the wheel's tick (8 ms); replaces
  // what was armed.
  void arm(Timer& timer, Millis delay);
  // Both clocks as read once in this round: cheap, at most one round old.
  MonoTime mono() const { return round_mono_; }
  Timestamp now() const { return round_now_; }
  const Clock& clock() const { return clock_; }

 private:
  struct Watch {
    IoHandler* handler = nullptr;  // null: not watched
    std::uint32_t generation = 0;  // tells an event of an earlier watch of the same descriptor
  };
  void drain_posted();
  int wait_limit_ms();
  void dispatch(const epoll_event* events, int count);
  void read_clocks();
  void wake();

  const Clock& clock_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  std::atomic<bool> stopping_{false};
  MonoTime round_mono_;
  Timestamp round_now_;
  TimerWheel wheel_;
  std::vector<Watch> watches_;  // by fd
  std::uint32_t generations_ = 0;

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  bool asleep_ = false;  // guarded by posted_mutex_: a post must wake the loop
};

}  // namespace skyhook::net
