#include "kafka/source.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "kafka/dead_letters.h"
#include "kafka/session.h"
#include "logging/log.h"

namespace skyhook::kafka {

namespace {

constexpr Millis kBetweenSessions{1'000};
constexpr Millis kSlice{100};

}  // namespace

Source::Source(Options options, World world)
    : options_(std::move(options)), world_(std::move(world)), thread_([this] { run(); }) {}

Source::~Source() {
  stop(std::chrono::steady_clock::now());
}

void Source::stop(MonoTime deadline) {
  deadline_ = deadline.time_since_epoch().count();
  is_stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Source::run() {
  ::pthread_setname_np(::pthread_self(), "kafka");
  DeadLetters dead_letters(options_);
  while (!is_stopping_) {
    const auto ended = Session(*this, dead_letters).run();
    stats_.is_connected = false;
    stats_.partitions = 0;
    if (ended) break;
    log::warn("the kafka consumer begins anew", {{"detail", ended.error()}});
    const auto until = std::chrono::steady_clock::now() + kBetweenSessions;
    while (!is_stopping_ && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(kSlice);
  }
}

}  // namespace skyhook::kafka
