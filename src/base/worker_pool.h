// A few threads for blocking work (store reads, account and webhook changes), so that no network
// thread ever waits for a disk or a database.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace skyhook {

class WorkerPool {
 public:
  struct Options {
    std::string name;                // thread name prefix, at most 12 characters
    std::size_t threads = 2;         // 1 … 64
    std::size_t queue_limit = 1024;  // tasks waiting; past it try_submit refuses
  };
  explicit WorkerPool(Options options);
  // Runs everything that was accepted, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Any thread. False, and the task dropped, when queue_limit tasks wait or the pool is stopping.
  [[nodiscard]] bool try_submit(std::function<void()> task);
  // Any thread. As try_submit but past the limit too: for the process's own bounded work (lane
  // refills, of which there is at most one a lane), never for what a client can multiply. Dropped
  // when the pool is stopping.
  void submit(std::function<void()> task);
  // Refuses new tasks, runs what waits, joins. Idempotent. Call from one thread only.
  void stop();

 private:
  void run();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace skyhook
