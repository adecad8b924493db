// Removes what is no longer wanted, a few hundred rows at a time, between the batches of the hot
// path.
#pragma once

#include <cstdint>
#include <optional>

#include "store/sqlite/write_session.h"

namespace skyhook::store::sqlite {

inline constexpr std::int64_t kPurgeRows = 500;        // removed by one step, about
inline constexpr std::int64_t kPurgeScanRows = 5'000;  // looked at by one step, at most

// Writer thread only. Holds no promise in memory: what a lost or failed step leaves, the next pass
// finds.
class Purger {
 public:
  // One step, within the session's transaction. True where more is left to do.
  //
  // With `keep_after`, a pass goes through the log from its oldest row: settled deliveries, events
  // that no pending delivery needs, roll-ups. It ends at the first row that is young enough; the
  // step that ends it returns false. Rows of a time that is yet to come, since the clock was ahead
  // when they were written, are passed over.
  bool step(WriteSession& session, Timestamp now, std::optional<Timestamp> keep_after);

 private:
  enum class Phase { deliveries, events, rollups };
  struct Ages {
    Timestamp now;
    Timestamp keep_after;
    bool is_old(Timestamp created_at) const { return created_at < keep_after; }
    bool is_young(Timestamp created_at) const { return !is_old(created_at) && created_at <= now; }
  };

  bool purge_deleted(WriteSession& session);
  bool purge_webhook(WriteSession& session, std::int64_t webhook);
  bool purge_account(WriteSession& session, std::int64_t account);
  bool purge_idempotency_keys(WriteSession& session, Timestamp now);
  bool purge_old(WriteSession& session, const Ages& ages);
  bool purge_old_deliveries(WriteSession& session, const Ages& ages);
  bool purge_old_events(WriteSession& session, const Ages& ages);
  bool purge_old_rollups(WriteSession& session, Timestamp keep_after);

  Phase phase_ = Phase::deliveries;
  std::int64_t cursor_ = 0;          // of the phase: a delivery or event id, or whose roll-ups
  std::int64_t account_cursor_ = 0;  // an event id, of the account that is being removed
  std::optional<Timestamp> rollups_kept_;  // as of the last pass over them
};

}  // namespace skyhook::store::sqlite
