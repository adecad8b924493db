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
#include "net/loop.h"
#include "store/shared.h"
#include "store/store.h"

namespace skyhook::delivery {

class Janitor {
 public:
  static constexpr int kChunk = 500;  // deliveries a transaction
  // Of end_waiting(), over all webhooks; those beyond are told false at once.
  static constexpr std::size_t kCallersLimit = 1024;
  // On a shared store, what another node has just accepted is that node's to end, which it does
  // once it knows of the switch: so often, and this far apart, end_waiting() looks whether it has.
  // In that time a node that does not would have lost its lease, and others its work.
  static constexpr int kLooksElsewhere = 300;
  static constexpr Millis kLookElsewhereEvery{50};

  // All outlive the janitor's last task, that is the worker pool and the loop.
  Janitor(net::Loop& loop, Directory& directory, store::Store& store, WorkerPool& workers,
          metrics::Metrics& metrics)
      : loop_(loop),
        directory_(directory),
        store_(store),
        workers_(workers),
        metrics_(metrics),
        look_again_([this] { look_again(); }) {}

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
    int looks_elsewhere = 0;
  };
  // mutex_ held. Made where there is none; then the caller has it go_on() without the lock.
  Ending& ending(WebhookId id, bool& is_first);
  void go_on(WebhookId id);
  // How many it ended; nullopt where the store failed.
  std::optional<int> end_chunk(WebhookId id);
  void step(WebhookId id);
  bool waits_elsewhere(WebhookId id);
  // mutex_ held: is it worth another look? Counts it.
  static bool is_patient(Ending& ending);
  void look_again_later(WebhookId id);
  void look_again();  // loop thread

  net::Loop& loop_;
  Directory& directory_;
  store::Store& store_;
  WorkerPool& workers_;
  metrics::Metrics& metrics_;
  std::mutex mutex_;
  std::unordered_map<WebhookId, Ending> under_way_;  // guarded by mutex_
  std::size_t callers_ = 0;                          // in under_way_; guarded by mutex_
  bool abandoned_ = false;                           // guarded by mutex_
  std::vector<WebhookId> patient_;                   // for look_again(); guarded by mutex_
  net::Timer look_again_;                            // loop thread
};

}  // namespace skyhook::delivery
