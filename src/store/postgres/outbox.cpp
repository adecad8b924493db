// Events that skyhook.publish() left in the outbox become events like any other.
#include <optional>

#include "store/postgres/node_store.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

// A transaction may commit behind one that began later: looks go back that far once these many
// batches were taken, however many more there are.
constexpr int kBatchesAPass = 20;
// What another node was about to take, and then did not, is looked for this often.
constexpr Seconds kWholePass{5};

}  // namespace

// Rows that were taken are dead but remain until vacuum, which somebody's old snapshot may hold up:
// no look may walk over all of them. So a pass begins at the oldest transaction that was open when
// the pass before it began, and goes on behind what it took.
// In turn, each look begins there anew until nothing is left: one that went on behind what it took
// would pass by what was committed meanwhile by a transaction that had begun earlier.
Answer<bool> NodeStore::look_into_outbox(Connection& connection, bool in_turn) {
  OutboxPass& pass = outbox_pass_;
  if (in_turn) pass.batches = 0;
  if (pass.batches == 0) {
    const MonoTime now = std::chrono::steady_clock::now();
    const bool whole = now >= pass.whole_at;
    if (whole) pass.whole_at = now + kWholePass;
    pass.writer = whole ? 0 : pass.next_from;
    pass.event = 0;
  }
  Params from;
  from.add(pass.writer).add(pass.event);
  auto row = connection.query(
      "SELECT EXISTS (SELECT FROM skyhook.outbox WHERE (written_by, event_id) > ($1, $2)), "
      "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
      from);
  if (!row) return Err{row.error()};
  const bool any = row->boolean(0, 0);
  pass.seen_to = row->integer(0, 1);
  if (pass.batches == 0 && !(in_turn && any)) pass.next_from = pass.seen_to;
  pass.batches = any ? pass.batches + 1 : 0;
  return any;
}

Result<std::vector<NewEvent>> NodeStore::adopt_published(const Plan& plan, bool in_turn) {
  std::lock_guard lock(outbox_mutex_);
  return write([&](Connection& connection) -> Answer<std::vector<NewEvent>> {
    std::vector<NewEvent> events;
    auto any = look_into_outbox(connection, in_turn);
    if (!any) return Err{any.error()};
    if (!*any) return events;
    auto taken = take_from_outbox(connection, plan, in_turn, events);
    if (taken) {
      note_adopted(events);
      return events;
    }
    DatabaseError error = taken.error();
    outbox_pass_ = {};  // whatever was seen is looked for anew
    if (error.is(kLeaseLost)) membership_.lease_lost();
    if (error.lost) {
      registry_.uncertain(events);
    } else {
      registry_.dropped(events);
      if (auto undone = connection.script("ROLLBACK"); !undone) return Err{undone.error()};
    }
    return Err{std::move(error)};
  });
}

void NodeStore::note_adopted(const std::vector<NewEvent>& events) {
  registry_.committed(events);
  if (options_.metrics == nullptr || events.empty()) return;
  std::size_t deliveries = 0;
  for (const NewEvent& event : events) deliveries += event.deliveries.size();
  options_.metrics->accepted(static_cast<std::int64_t>(events.size()),
                             static_cast<std::int64_t>(deliveries));
}

// What the rows say is stored, and the rows are removed: one transaction, which is left open where
// it fails.
Answer<Done> NodeStore::take_from_outbox(Connection& connection, const Plan& plan, bool in_turn,
                                         std::vector<NewEvent>& events) {
  if (auto begun = connection.script("BEGIN"); !begun) return begun;
  if (in_turn) {
    auto mine = connection.query("SELECT pg_try_advisory_xact_lock(1397442891, 5)");
    if (!mine) return Err{mine.error()};
    if (!mine->boolean(0, 0)) return connection.script("COMMIT");
  }
  OutboxPass& pass = outbox_pass_;
  Params from;
  from.add(pass.writer).add(pass.event).add(std::int64_t{kAdoptLimit});
  auto rows = connection.query(
      "SELECT account_id, event_id, created_at, event_type, data, key, written_by "
      "FROM skyhook.outbox WHERE (written_by, event_id) > ($1, $2) "
      "ORDER BY written_by, event_id LIMIT $3 FOR UPDATE SKIP LOCKED",
      from);
  if (!rows) return Err{rows.error()};
  const int count = rows->count();
  if (count > 0) {
    pass.writer = rows->integer(count - 1, 6);
    pass.event = rows->integer(count - 1, 1);
    if (auto stored = store_published(connection, *rows, plan, events); !stored) return stored;
  }
  if (in_turn && count < kAdoptLimit) pass.next_from = pass.seen_to;
  if (count < kAdoptLimit || pass.batches == kBatchesAPass) pass.batches = 0;
  return connection.script("COMMIT");
}

Answer<Done> NodeStore::store_published(Connection& connection, const Rows& rows, const Plan& plan,
                                        std::vector<NewEvent>& events) {
  std::vector<std::int64_t> accounts, ids, keyed_accounts, keyed_deliveries;
  std::vector<std::string_view> keys;
  for (int row = 0; row < rows.count(); ++row) {
    auto event = std::make_shared<const Event>(Event{.id = EventId{rows.integer(row, 1)},
                                                     .account_id = AccountId{rows.integer(row, 0)},
                                                     .type = rows.string(row, 3),
                                                     .data = rows.string(row, 4),
                                                     .created_at = rows.time(row, 2),
                                                     .traceparent = {}});
    NewEvent planned = plan(std::move(event));
    const std::int64_t account = planned.event->account_id.value;
    for (const WaitingDelivery& delivery : planned.deliveries) {
      if (delivery.id.value < (std::int64_t{1} << kDayShift)) {
        return Err{DatabaseError{"", "no ids: the database could not be reached", false}};
      }
      accounts_.put(delivery.webhook_id, planned.event->account_id);
    }
    accounts.push_back(account);
    ids.push_back(planned.event->id.value);
    if (!rows.is_null(row, 5)) {
      keyed_accounts.push_back(account);
      keys.push_back(rows.text(row, 5));
      keyed_deliveries.push_back(static_cast<std::int64_t>(planned.deliveries.size()));
    }
    events.push_back(std::move(planned));
  }
  if (!registry_.add(events, options_.clock.mono())) {
    membership_.beat_now();
    return Err{DatabaseError{"", "the events' ids are out of date", false}};
  }
  AcceptRows accept;
  for (const NewEvent& event : events) {
    accept.add(event, deleted_);
    const int day = static_cast<int>(event.event->id.value >> kDayShift);
    if (auto made = membership_.ensure_day(connection, day); !made) return made;
  }
  auto accepted =
      connection.query(kAccept, accept.params(membership_.node_id(), options_.clock.now()));
  if (!accepted) return Err{accepted.error()};
  Params taken;
  taken.add(accounts).add(ids);
  auto removed = connection.query(
      "DELETE FROM skyhook.outbox o USING unnest($1, $2) AS i(account_id, event_id) "
      "WHERE o.account_id = i.account_id AND o.event_id = i.event_id",
      taken);
  if (!removed) return Err{removed.error()};
  if (!keys.empty()) {
    Params counted;
    counted.add(keyed_accounts).texts(keys).add(keyed_deliveries);
    auto told = connection.query(
        "UPDATE skyhook.idempotency_keys k SET deliveries = i.n "
        "FROM unnest($1, $2, $3) AS i(account_id, key, n) "
        "WHERE k.account_id = i.account_id AND k.key = i.key",
        counted);
    if (!told) return Err{told.error()};
  }
  if (!accept.any_ordered()) return Done{};
  auto placed = connection.query(kAcceptInOrder, accept.order_params(membership_.node_id()));
  if (!placed) return Err{placed.error()};
  return Done{};
}

}  // namespace skyhook::store::postgres
