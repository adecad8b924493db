// A move of all that one store holds into another (`skyhook move`): nothing is delivered twice by
// it, and a run that was interrupted, wherever, is gone on with by the next one.
//
// How: the source is marked first, and refuses from then on to be served; the target refuses until
// all of it is there and counted. Pages are taken over in order, each with the note how far it came
// in one transaction. What waits changes hands in the target's last step.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "store/moving.h"

namespace skyhook::move {

struct Progress {
  std::string_view table;
  std::int64_t rows = 0;  // moved so far, by earlier runs too
  std::int64_t all = 0;
  double rows_per_second = 0;  // of this run
};

struct Options {
  const Clock& clock;
  std::string new_id;  // of the move, where this run begins one
  std::string place;   // of the target, for people
  // Can all of the webhook's secrets (as they are stored) be read with the keys at hand?
  std::function<bool(const Webhook&)> opens;
  std::function<void(const Progress&)> tell;  // after every page
};

struct Report {
  bool was_moved = false;  // by an earlier run: the counts are not there
  store::MoveCounts source;
  store::MoveCounts target;
  // False: the target lacks something, and neither store is served until that is settled.
  bool is_complete() const { return was_moved || source == target; }
};

// Blocks until it is done. The error is one line for people.
Result<Report, std::string> run(store::MoveSource& source, store::MoveTarget& target,
                                const Options& options);

}  // namespace skyhook::move
