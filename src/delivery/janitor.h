// Ends what waits in the store for a switched-off webhook, in chunks on worker threads, so that
// neither a network thread nor the store's writer is held for long. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/worker_pool.h"
#include "directory/directory.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::delivery {

class Janitor {
 public:
  static constexpr int kChunk = 500;  // deliveries a transaction
  // Of end_waiting(), over all webhooks; those beyond are told false at once.
  static constexpr std::size_t kCallersLimit = 1024;

  // All outlive the janitor's last task, that is the worker pool.
  Janitor(Directory& directory, store::Store& store, WorkerPool& workers, metrics::Metrics& metrics)
      : directory_(directory), store_(store), workers_(workers), metrics_(metrics) {}

  // `store_failed` runs on a worker thread where the store could not do it.
  void fail_waiting(WebhookId id, std::function<void()> store_failed);
  // The same, and `done` runs once nothing waits any more, however much that was, or with false
  // where the store could not do it or the process ends. Once, on a worker thread or here; it must
  // not block.
  using Done = std::function<void(bool ended)>;
  void end_waiting(WebhookId id, Done done);
  // The process ends: tells everybody who waits, and whoever comes later.
  void abandon_callers();

 private:
  // One chunk after the other, for all who asked.
  struct Ending {
    bool again = false;  // asked for while under way: the chunk under way may not have seen it all
    std::function<void()> store_failed;
    std::vector<Done> callers;
  };
  // mutex_ held. Made where there is none; then the caller has it go_on() without the lock.
  Ending& ending(WebhookId id, bool& is_first);
  void go_on(WebhookId id);
  // How many it ended; nullopt where the store failed.
  std::optional<int> end_chunk(WebhookId id);
  void step(WebhookId id);

  Directory& directory_;
  store::Store& store_;
  WorkerPool& workers_;
  metrics::Metrics& metrics_;
  std::mutex mutex_;
  std::unordered_map<WebhookId, Ending> under_way_;  // guarded by mutex_
  std::size_t callers_ = 0;                          // in under_way_; guarded by mutex_
  bool abandoned_ = false;                           // guarded by mutex_
};

}  // namespace skyhook::delivery
