// Ends what waits in the store for a switched-off webhook, in chunks on worker threads, so that
// neither a network thread nor the store's writer is held for long. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "base/worker_pool.h"
#include "directory/directory.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::delivery {

class Janitor {
 public:
  static constexpr int kChunk = 500;          // deliveries a transaction
  static constexpr int kChunksInACall = 100;  // of end_waiting()

  // All outlive the janitor's last task, that is the worker pool.
  Janitor(Directory& directory, store::Store& store, WorkerPool& workers, metrics::Metrics& metrics)
      : directory_(directory), store_(store), workers_(workers), metrics_(metrics) {}

  // `store_failed` runs on a worker thread where the store could not do it.
  void fail_waiting(WebhookId id, std::function<void()> store_failed);
  // The same at once, on a worker thread of the caller's. False where the store could not do it, or
  // more waits than one call ends (kChunk * kChunksInACall).
  bool end_waiting(WebhookId id);

 private:
  // How many it ended; nullopt where the store failed.
  std::optional<int> end_chunk(WebhookId id);
  void step(WebhookId id, const std::function<void()>& store_failed);

  Directory& directory_;
  store::Store& store_;
  WorkerPool& workers_;
  metrics::Metrics& metrics_;
  std::mutex mutex_;
  std::unordered_set<WebhookId> under_way_;  // guarded by mutex_
  std::unordered_set<WebhookId> again_;      // asked for while under way; guarded by mutex_
};

}  // namespace skyhook::delivery
