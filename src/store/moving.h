// Moving all that one store holds into another (`skyhook move`): what the source gives and what the
// target takes, table by table, in pages after which a run that was interrupted goes on. The
// backends implement the two ends; src/move drives them.
//
// All calls block, and come from one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/store.h"

namespace skyhook::store {

// What is moved, in this order: a row comes after what it belongs to. Attempts come with their
// deliveries.
enum class MoveTable { accounts, webhooks, events, deliveries, totals, rollups, keys };
std::string_view to_string(MoveTable table);

struct MovedDelivery {
  DeliveryId id;
  AccountId account_id;
  WebhookId webhook_id;
  EventId event_id;
  std::string event_type;
  DeliveryStatus status = DeliveryStatus::pending;
  Timestamp at;  // pending: due · delivered: when · failed: when it ended
  int attempt_number = 0;
  int schedule_position = 0;
  FailureReason failure = FailureReason::none;  // of a failed one: why
  bool is_test = false;
  Timestamp created_at;
  std::vector<Attempt> attempts;  // by number
};
struct MovedTotals {
  AccountId account_id;
  WebhookId webhook_id;
  DeliveryTotals totals;
};
// What ended in a minute. Durations: bucket (the same scale in every store) and attempts.
struct MovedRollup {
  AccountId account_id;
  WebhookId webhook_id;
  std::int64_t minute = 0;  // since the Unix epoch
  std::int64_t delivered = 0;
  std::int64_t failed_attempts = 0;
  std::int64_t failed = 0;
  std::vector<std::pair<int, std::int64_t>> durations;
};
struct MovedKey {
  AccountId account_id;
  IdempotencyKey key;
  EventId event_id;
  std::int64_t deliveries = 0;
  Timestamp created_at;  // of the event
};

// Rows of one table in the order of their keys. `last` is where the next page begins; no rows: the
// table is at its end.
template <class Row>
struct MovePage {
  std::vector<Row> rows;
  std::int64_t last = 0;
};
// A page ends early once its rows hold this many bytes: bounds what a move keeps in memory.
inline constexpr std::size_t kMovePageRows = 2'000;
inline constexpr std::size_t kMovePageBytes = 4 << 20;

// How many rows there are of each kind.
struct MoveCounts {
  std::int64_t accounts = 0;
  std::int64_t webhooks = 0;
  std::int64_t events = 0;
  std::int64_t waiting = 0;  // deliveries, by status
  std::int64_t delivered = 0;
  std::int64_t failed = 0;
  std::int64_t attempts = 0;
  std::int64_t totals = 0;
  std::int64_t rollups = 0;
  std::int64_t keys = 0;
  bool operator==(const MoveCounts&) const = default;
  // For people, in the order in which they are told.
  std::vector<std::pair<std::string_view, std::int64_t>> named() const;
  std::int64_t all() const;
};

// The ids below which everything is that the source ever gave out.
struct MovedIds {
  std::int64_t highest_account = 0;  // 0: there never was one
  std::int64_t highest_webhook = 0;
  std::int64_t ceiling = 1;  // of events and deliveries
};
// A span of event and delivery ids, from `first_id` to the next one's, that retention removes as a
// whole once `day` is over for that long. Days: since the Unix epoch.
struct MovedDay {
  std::int64_t day = 0;
  std::int64_t first_id = 0;
  std::int64_t created_from = 0;  // days on which its rows were created, both included
  std::int64_t created_to = 0;
  bool operator==(const MovedDay&) const = default;
};
// More days than this become one at the beginning.
inline constexpr std::size_t kMovedDaysLimit = 400;

// What the source remembers, so that nobody serves it beside its copy.
struct MoveMark {
  std::string id;     // of the move; the target knows it too
  std::string place;  // where to, for people
  Timestamp began_at;
  bool is_moved = false;  // all of it is there: only the target of that id may be finished
};

class MoveSource {
 public:
  virtual ~MoveSource() = default;

  virtual Result<std::optional<MoveMark>> mark() = 0;
  // Durable when it returns. From then on the store refuses to be opened for anything but a move.
  virtual Result<Done> set_mark(const MoveMark& mark) = 0;
  virtual Result<Done> clear_mark() = 0;

  // Finishes what is done in the background otherwise, so that what is left is what is to be moved:
  // rows of deleted webhooks, and idempotency keys that have expired at `now`, are removed. Changes
  // nothing once it was done for that time.
  virtual Result<Done> settle(Timestamp now) = 0;
  virtual Result<MoveCounts> counts() = 0;
  virtual Result<MovedIds> ids() = 0;
  // Ascending, the first one from id 0 on; no day is later than that of `now`.
  virtual Result<std::vector<MovedDay>> days(Timestamp now) = 0;

  // Pages after `after`, where 0 is the beginning.
  virtual Result<MovePage<Account>> accounts(std::int64_t after) = 0;
  virtual Result<MovePage<Webhook>> webhooks(std::int64_t after) = 0;  // secrets sealed
  virtual Result<MovePage<Event>> events(std::int64_t after) = 0;
  virtual Result<MovePage<MovedDelivery>> deliveries(std::int64_t after) = 0;
  virtual Result<MovePage<MovedTotals>> totals(std::int64_t after) = 0;
  virtual Result<MovePage<MovedRollup>> rollups(std::int64_t after) = 0;
  virtual Result<MovePage<MovedKey>> keys(std::int64_t after) = 0;
};

// How far a table has come in the target.
struct MoveProgress {
  std::int64_t last = 0;  // of the last page that was taken
  std::int64_t rows = 0;  // so far, attempts included
};

class MoveTarget {
 public:
  virtual ~MoveTarget() = default;

  enum class State { empty, begun, finished };
  // As seen by the move `id`. An error where the target holds anything else, or somebody uses it.
  virtual Result<State> state(const std::string& id) = 0;
  // Of an empty target: from now on nobody serves it until finish().
  virtual Result<Done> begin(const MoveMark& mark, const MovedIds& ids) = 0;
  // Room for the rows of those days; again where it is there already.
  virtual Result<Done> make_days(const std::vector<MovedDay>& days) = 0;
  virtual Result<std::map<MoveTable, MoveProgress>> progress() = 0;

  // All rows of a page, and how far it has come, or nothing.
  virtual Result<Done> take(const MovePage<Account>& page) = 0;
  virtual Result<Done> take(const MovePage<Webhook>& page) = 0;
  virtual Result<Done> take(const MovePage<Event>& page) = 0;
  virtual Result<Done> take(const MovePage<MovedDelivery>& page) = 0;
  virtual Result<Done> take(const MovePage<MovedTotals>& page) = 0;
  virtual Result<Done> take(const MovePage<MovedRollup>& page) = 0;
  virtual Result<Done> take(const MovePage<MovedKey>& page) = 0;

  virtual Result<MoveCounts> counts() = 0;
  // Durable when it returns: it may be served, and whoever does delivers what waits.
  virtual Result<Done> finish() = 0;
};

}  // namespace skyhook::store
