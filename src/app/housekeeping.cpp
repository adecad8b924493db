#include "app/housekeeping.h"

#include <pthread.h>

#include <algorithm>

#include "logging/log.h"

namespace skyhook::app {

Housekeeping::Housekeeping(store::Store& store, Directory& directory, const Clock& clock,
                           Options options)
    : store_(store), directory_(directory), clock_(clock), options_(options), thread_([this] {
        run();
      }) {
  pthread_setname_np(thread_.native_handle(), "housekeeping");
}

Housekeeping::~Housekeeping() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Housekeeping::run() {
  do {
    directory_.drop_ended_secrets(clock_.now());
    for (;;) {
      const MonoTime started = clock_.mono();
      if (!step()) break;
      const auto took = std::chrono::duration_cast<Micros>(clock_.mono() - started);
      if (!wait(std::max<Micros>(options_.least_pause, options_.pause_per_step * took))) return;
    }
  } while (wait(options_.interval));
}

bool Housekeeping::step() {
  const Timestamp now = clock_.now();
  std::optional<Timestamp> keep_after;
  if (options_.retention) keep_after = now - *options_.retention;
  const auto more = store_.purge_step(now, keep_after);
  if (!more)
    log::warn("housekeeping waits: the store cannot be written", {{"reason", more.error().detail}});
  return more && *more;
}

bool Housekeeping::wait(Micros length) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, length, [this] { return stopping_; });
}

}  // namespace skyhook::app
