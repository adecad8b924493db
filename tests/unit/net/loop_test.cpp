#include "net/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "base/time.h"

namespace skyhook::net {
namespace {

struct Handler final : IoHandler {
  std::function<void(std::uint32_t)> on_event;
  void on_io(std::uint32_t events) override { on_event(events); }
};

struct SocketPair {
  int ends[2] = {-1, -1};
  SocketPair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
  ~SocketPair() {
    for (int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
};

TEST(Loop, RunsPostedTasksInOrderOnItsThread) {
  const SystemClock clock;
  Loop loop(clock);
  std::vector<int> order;
  std::thread thread([&] { loop.run(); });
  EXPECT_FALSE(loop.on_loop_thread());
  for (int i = 0; i < 1000; ++i) {
    loop.post([&, i] {
      EXPECT_TRUE(loop.on_loop_thread());
      order.push_back(i);
    });
  }
  loop.post([&] { loop.post([&] { loop.stop(); }); });
  thread.join();
  ASSERT_EQ(order.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Loop, DestroysTasksThatNeverRan) {
  const SystemClock clock;
  const auto token = std::make_shared<int>(1);
  {
    Loop loop(clock);
    loop.post([token] {});
    loop.stop();
    loop.post([token] {});
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Loop, ReportsReadinessAndHonoursRewatch) {
  const SystemClock clock;
  Loop loop(clock);
  SocketPair pair;
  Handler handler;
  std::vector<std::uint32_t> seen;
  handler.on_event = [&](std::uint32_t events) {
    seen.push_back(events);
    if (seen.size() == 1) {
      loop.rewatch(pair.ends[0], EPOLLOUT, &handler);
    } else {
      loop.unwatch(pair.ends[0]);
      loop.stop();
    }
  };
  loop.watch(pair.ends[0], EPOLLIN, &handler);
  ASSERT_EQ(::write(pair.ends[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{EPOLLIN, EPOLLOUT}));
}

// Both are readable in the same wait; whoever comes first closes the other's descriptor and watches
// a new one that gets the same number. The stale event must reach nobody.
TEST(Loop, DropsEventsOfReusedDescriptors) {
  const SystemClock clock;
  Loop loop(clock);
  SocketPair a;
  SocketPair b;
  SocketPair fresh;
  Handler handler_a;
  Handler handler_b;
  Handler handler_fresh;
  int calls = 0;
  const auto replace = [&](SocketPair& own, SocketPair& other) {
    ++calls;
    loop.unwatch(own.ends[0]);
    loop.unwatch(other.ends[0]);
    const int number = other.ends[0];
    ASSERT_EQ(::dup2(fresh.ends[0], number), number);
    loop.watch(number, EPOLLIN, &handler_fresh);
    loop.post([&] { loop.post([&] { loop.stop(); }); });
  };
  handler_a.on_event = [&](std::uint32_t) { replace(a, b); };
  handler_b.on_event = [&](std::uint32_t) { replace(b, a); };
  handler_fresh.on_event = [&](std::uint32_t) { ADD_FAILURE() << "a stale event was delivered"; };
  loop.watch(a.ends[0], EPOLLIN, &handler_a);
  loop.watch(b.ends[0], EPOLLIN, &handler_b);
  ASSERT_EQ(::write(a.ends[1], "x", 1), 1);
  ASSERT_EQ(::write(b.ends[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(Loop, TimersRunAndAnIdleLoopSleeps) {
  const SystemClock clock;
  Loop loop(clock);
  Timer timer([&] { loop.stop(); });
  const MonoTime before = clock.mono();
  rusage start{};
  ::getrusage(RUSAGE_THREAD, &start);
  loop.arm(timer, Millis{150});
  loop.run();
  rusage end{};
  ::getrusage(RUSAGE_THREAD, &end);
  EXPECT_GE(clock.mono() - before, Millis{149});
  EXPECT_LE(end.ru_nvcsw - start.ru_nvcsw, 5) << "it woke up for nothing";
}

TEST(Loop, PostWakesASleepingLoop) {
  const SystemClock clock;
  Loop loop(clock);
  std::thread thread([&] { loop.run(); });
  for (int i = 0; i < 200; ++i) {
    std::atomic<bool> done{false};
    loop.post([&] {
      done = true;
      done.notify_one();
    });
    done.wait(false);
  }
  loop.stop();
  thread.join();
}

}  // namespace
}  // namespace skyhook::net
