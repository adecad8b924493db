// The shared store: PostgreSQL 15 or later, used by many equal nodes at once.
// docs/decisions/shared-store.md says how and why.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::store::postgres {

struct Options {
  std::string database_url;             // libpq's: postgres://… or key=value pairs
  const Clock& clock;                   // outlives the store
  metrics::Metrics* metrics = nullptr;  // outlives the store; nullptr: nothing is counted
  std::string version = "dev";          // of the program, for whoever looks at skyhook.nodes
  std::vector<std::string> event_types =
      {};  // that skyhook.publish() takes, with those that others gave

  // Connections: these many writers and readers, one for the node's lease, one for housekeeping,
  // and one that counts requests of keys.
  std::size_t writer_connections = 2;  // 1 … 16; while one commits, the next fills
  std::size_t reader_connections = 4;  // 1 … 64; opened when first needed
  Seconds connect_timeout{3};
  Millis answer_timeout{15'000};  // a statement that takes longer costs its connection

  // What may wait for the writers before `publish` answers `overloaded`. A publish that is larger
  // than a limit by itself is taken when no other waits.
  std::size_t queue_limit_rows = 20'000;  // one an event and one a delivery
  std::size_t queue_limit_bytes = 64 * 1024 * 1024;
  // A transaction takes no further request once it has this many rows.
  std::size_t batch_limit_rows = 2'000;

  // The lease: renewed every `heartbeat`; nothing is delivered from `lease_margin` before its end.
  Millis heartbeat{2'000};
  Millis lease{10'000};
  Millis lease_margin{2'000};
  // A delivery that is not settled this long after it was accepted gets a row among those that
  // wait, and so does the oldest where more than `fresh_limit` are unsettled.
  Millis park_after{5'000};
  std::size_t fresh_limit = 200'000;
  Millis fold_every{5'000};  // counts of batches are folded into totals
  int days_ahead = 3;        // partitions made ahead
};

// Opens the store: migrates the schema where needed, registers this process as a node, and takes
// over what an ended node left. Fails with `unavailable` where the database cannot be reached, and
// with `corrupt` where its schema is newer than this program. Blocks.
Result<std::unique_ptr<Store>> open(Options options);

}  // namespace skyhook::store::postgres
