#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace skyhook {
namespace {

// Occupies the only thread of a pool until it is released.
struct Blocker {
  explicit Blocker(WorkerPool& pool) {
    pool.submit([this] {
      started.set_value();
      release.get_future().wait();
    });
    started.get_future().wait();
  }
  std::promise<void> started;
  std::promise<void> release;
};

TEST(WorkerPool, runs_tasks_of_any_thread) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool({.name = "test", .threads = 4});
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
    }
  }
  EXPECT_EQ(ran, 1000);
}

TEST(WorkerPool, refuses_past_its_limit_but_takes_its_own_work) {
  std::atomic<int> ran = 0;
  WorkerPool pool({.name = "test", .threads = 1, .queue_limit = 2});
  Blocker blocker(pool);
  EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
  EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
  EXPECT_FALSE(pool.try_submit([&] { ran += 100; }));
  pool.submit([&] { ++ran; });
  blocker.release.set_value();
  pool.stop();
  EXPECT_EQ(ran, 3);
}

TEST(WorkerPool, runs_what_waits_when_stopped_and_refuses_afterwards) {
  std::atomic<int> ran = 0;
  WorkerPool pool({.name = "test", .threads = 1});
  Blocker blocker(pool);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(pool.try_submit([&] { ++ran; }));
  blocker.release.set_value();
  pool.stop();
  EXPECT_EQ(ran, 10);
  EXPECT_FALSE(pool.try_submit([&] { ++ran; }));
  pool.submit([&] { ++ran; });
  pool.stop();
  EXPECT_EQ(ran, 10);
}

TEST(WorkerPool, destroys_a_task_as_soon_as_it_ran) {
  WorkerPool pool({.name = "test", .threads = 1});
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  pool.submit([held = std::move(held)] {});
  std::promise<void> next;
  pool.submit([&] { next.set_value(); });
  next.get_future().wait();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace skyhook
