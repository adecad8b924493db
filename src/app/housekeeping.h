// Removes in small steps, beside the real work, what is no longer wanted: logs past their
// retention, rows of deleted webhooks, expired idempotency keys, previous secrets whose time is
// over.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/time.h"
#include "directory/directory.h"
#include "store/store.h"

namespace skyhook::app {

class Housekeeping {
 public:
  struct Options {
    std::optional<Millis> retention;  // nullopt: logs are kept for ever
    Millis interval{60'000};          // between two rounds; the first begins at once
    // Between two steps of a round: as many times what the step took, wait for the store's writer
    // included, and at least this long. So removing takes at most a tenth of the writer's time, and
    // less the busier that is.
    int pause_per_step = 9;
    Millis least_pause{5};
  };
  // Starts its thread. `store`, `directory` and `clock` outlive it.
  Housekeeping(store::Store& store, Directory& directory, const Clock& clock, Options options);
  ~Housekeeping();

 private:
  void run();
  bool step();               // true where more is left to do
  bool wait(Micros length);  // false: stopping

  store::Store& store_;
  Directory& directory_;
  const Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::app
