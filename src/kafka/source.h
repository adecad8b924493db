// A Kafka topic as a publisher: each record becomes an event (kafka/record.h), at least once.
//
// One thread reads up to kBatchRecords, publishes them in one durable step, and only then lets
// their offsets be committed; then it reads on. So nothing is read while nothing can be stored, and
// events keep the order of their partition. What fails for now is tried again for ever; what can
// never be published goes to the dead letters, durably, before its offset is committed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "domain/catalogue.h"
#include "intake/intake.h"
#include "kafka/client.h"
#include "kafka/record.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::kafka {

inline constexpr std::size_t kBatchRecords = 500;
inline constexpr std::size_t kBatchBytes =
    4 * 1024 * 1024;  // of values; a batch has one record at least

class Session;

class Source {
 public:
  // What it needs of the rest; all of it outlives the source. Called from its thread.
  struct World {
    std::function<void(std::vector<intake::PublishItem>, store::PublishCallback)> publish;
    std::function<bool(AccountId)> account_exists;
    const Catalogue& catalogue;
    metrics::Metrics& metrics;
    // How long an account may be there and not be known here: another node has just made it.
    Millis account_patience{0};
  };

  // Since start; any thread.
  struct Stats {
    std::atomic<std::int64_t> consumed{0};
    std::atomic<std::int64_t> published{0};  // the first time
    std::atomic<std::int64_t> replayed{0};   // read again, and published before
    std::atomic<std::int64_t> dead_lettered{0};
    std::atomic<std::int64_t> retried{0};  // batches tried again: the store, or the broker, refused
    std::atomic<std::int64_t> lag{0};      // records not yet read, of the partitions assigned here
    std::atomic<std::int64_t> partitions{0};
    std::atomic<bool> is_connected{false};
  };

  // Starts the thread. The options were judged (kafka/client.h).
  Source(Options options, World world);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Ends the thread: what is being published gets until `deadline` to become durable; its offsets
  // are committed, and the group is left. What was not published stays uncommitted. Idempotent.
  void stop(MonoTime deadline);

  const Stats& stats() const { return stats_; }

 private:
  friend class Session;
  void run();
  bool is_stopping() const { return is_stopping_; }

  const Options options_;
  const World world_;
  Stats stats_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<MonoTime::rep> deadline_{0};  // meant once is_stopping_
  std::thread thread_;                      // last: it uses all of the above
};

}  // namespace skyhook::kafka
