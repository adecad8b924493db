// The embedded store: SQLite in WAL mode with synchronous=FULL, one writer thread that commits the
// requests of many callers together, and a few connections that read beside it.
// docs/decisions/embedded-store.md says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

struct Options {
  // Made with mode 0700 where it does not exist; its files have mode 0600. One process at a time.
  std::string data_dir;
  const Clock& clock;                   // outlives the store
  metrics::Metrics* metrics = nullptr;  // outlives the store; nullptr: nothing is counted

  // What may wait for the writer before `publish` answers `overloaded`. A publish that is larger
  // than a limit by itself is taken when no other waits.
  std::size_t queue_limit_rows = 20'000;  // one an event and one a delivery
  std::size_t queue_limit_bytes = 64 * 1024 * 1024;
  // A transaction takes no further request once it has this many rows: bounds the wait of the first
  // one in it.
  std::size_t batch_limit_rows = 2'000;

  std::size_t reader_connections = 4;  // 1 … 64; opened when first needed
  int writer_cache_kib = 32 * 1024;
  int reader_cache_kib = 2 * 1024;
  Millis busy_timeout{5'000};
  int checkpoint_pages = 4'000;  // the log is folded into the database once it has this many pages

  // The journal of counts (counts.h) is folded into its tables once it has this many rows.
  std::int64_t journal_rows = 256;

  std::string vfs;  // name of a registered SQLite VFS; empty: the default one
};

// Opens the store in `options.data_dir`, making or migrating it as needed. Fails with `unavailable`
// where the directory cannot be used, another process has it, or its data was moved elsewhere, and
// with `corrupt` where the file is not a Skyhook database or was written by a newer version.
// Blocks.
Result<std::unique_ptr<Store>> open(const Options& options);

}  // namespace skyhook::store::sqlite
