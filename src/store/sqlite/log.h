// The log of deliveries: what is read of it, and the changes that it takes beside the hot path.
#pragma once

#include <optional>
#include <vector>

#include "store/sqlite/database.h"
#include "store/sqlite/write_session.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

// How far back a search by event type or time, or a walk by status `delivered`, looks over rows
// that do not match, so that no filter makes a read of the whole log. store.h says how a caller
// goes on from there.
inline constexpr std::int64_t kSearchRows = 100'000;
// How many of the newest rows are looked at for pending ones before the waiting index is sorted
// instead.
inline constexpr std::int64_t kPendingScanRows = 20'000;

// Reads; `connection` in a transaction where several belong together.
WaitingPage read_waiting(Connection& connection, WebhookId webhook, Timestamp now,
                         const std::vector<DeliveryId>& except, int limit);
WaitingPage read_waiting_in_order(Connection& connection, WebhookId webhook, Timestamp now,
                                  const std::vector<DeliveryId>& except, int limit);
DeliveryPage read_page(Connection& connection, WebhookId webhook, const DeliveryFilter& filter,
                       std::int64_t page, int per_page);
DeliveryPage read_before(Connection& connection, WebhookId webhook, const DeliveryFilter& filter,
                         DeliveryId before, int limit);
std::optional<DeliveryDetail> read_delivery(Connection& connection, WebhookId webhook,
                                            DeliveryId id);
std::int64_t count_failed(Connection& connection, WebhookId webhook, Timestamp from,
                          Timestamp until);
EventPage read_events(Connection& connection, const EventSearch& search, int limit);
std::optional<Timestamp> oldest_waiting(Connection& connection);

// Changes; on the writer's thread.
int fail_waiting(WriteSession& session, WebhookId webhook, FailureReason reason, Timestamp now,
                 int limit);
std::optional<DeliveryEntry> reopen(WriteSession& session, WebhookId webhook, DeliveryId id,
                                    Timestamp due_at);
// One bounded part of reopen_failed: those with id > after, the first of them due at `first_due`.
struct ReopenedChunk {
  std::int64_t reopened = 0;
  DeliveryId last;
};
ReopenedChunk reopen_failed_chunk(WriteSession& session, WebhookId webhook, Timestamp from,
                                  Timestamp until, DeliveryId after, Timestamp first_due,
                                  Micros spacing, int limit);

// Their ids begin with `first_id`. `events` must live until the transaction ends.
std::int64_t replay(WriteSession& session, const Replay& replay,
                    const std::vector<EventPtr>& events, DeliveryId first_id);

}  // namespace skyhook::store::sqlite
