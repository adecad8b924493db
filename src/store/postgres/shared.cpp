// How nodes work together on the shared store.
#include "store/shared.h"

#include <algorithm>
#include <map>

#include "store/postgres/node_store.h"

namespace skyhook::store::postgres {
namespace {

// Changes are kept for an hour (purge_step): a node that did not read for this long loads all anew.
constexpr std::chrono::minutes kFeedGap{30};

// For counting requests: longer is as good as a database that is away.
constexpr Millis kCountPatience{1'000};

}  // namespace

Result<SharedChanges> NodeStore::changes() {
  std::lock_guard lock(feed_mutex_);
  return read([this](Connection& connection) -> Answer<SharedChanges> {
    SharedChanges changes;
    const MonoTime now = std::chrono::steady_clock::now();
    Params params;
    params.add(feed_from_);
    auto rows = connection.query(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, c.change_id, c.kind::text, "
        "c.account_id, c.webhook_id FROM (VALUES (1)) AS one(row) "
        "LEFT JOIN skyhook.changes c ON c.written_by >= $1",
        params);
    if (!rows) return Err{rows.error()};
    std::set<std::int64_t> accounts, webhooks, due, read_now;
    bool was_asked = false;
    for (int row = 0; row < rows->count(); ++row) {
      if (rows->is_null(row, 1)) continue;
      read_now.insert(rows->integer(row, 1));
      if (feed_seen_.contains(rows->integer(row, 1))) continue;
      const std::string_view kind = rows->text(row, 2);
      if (kind == "a") accounts.insert(rows->integer(row, 3));
      if (kind == "w") webhooks.insert(rows->integer(row, 4));
      if (kind == "d") due.insert(rows->integer(row, 4));
      if (kind == "q") was_asked = true;
    }
    if (auto done = read_changed(connection, accounts, webhooks, changes); !done) {
      return Err{done.error()};
    }
    for (const std::int64_t id : due) changes.due.push_back(WebhookId{id});
    if (was_asked) {
      auto inquiries = read_inquiries(connection);
      if (!inquiries) return Err{inquiries.error()};
      changes.inquiries = std::move(*inquiries);
    }
    changes.everything = now - feed_read_at_ > kFeedGap;
    feed_from_ = rows->integer(0, 0);
    // What is below the new mark is not read again, and need not be remembered; what is not read
    // now neither.
    feed_seen_ = std::move(read_now);
    feed_read_at_ = now;
    return changes;
  });
}

Result<std::vector<NodeLease>> NodeStore::nodes() {
  return read([this](Connection& connection) -> Answer<std::vector<NodeLease>> {
    auto rows = connection.query(
        "SELECT node_id, name, (extract(epoch FROM started_at) * 1000000)::bigint, "
        "(extract(epoch FROM least(lease_until - clock_timestamp(), CASE WHEN expired THEN "
        "interval '0' END)) * 1000000)::bigint FROM skyhook.nodes "
        "WHERE NOT expired OR NOT emptied ORDER BY node_id");
    if (!rows) return Err{rows.error()};
    // What is left of a lease is the database's to say; its clock and this one's may differ.
    const Timestamp now = options_.clock.now();
    std::vector<NodeLease> nodes;
    nodes.reserve(static_cast<std::size_t>(rows->count()));
    for (int row = 0; row < rows->count(); ++row) {
      nodes.push_back({.id = rows->integer(row, 0),
                       .name = rows->string(row, 1),
                       .is_self = rows->small(row, 0) == membership_.node_id(),
                       .started_at = rows->time(row, 2),
                       .lease_until = now + Micros{rows->integer(row, 3)}});
    }
    return nodes;
  });
}

Result<std::vector<WebhookId>> NodeStore::take_over() {
  auto taken = write([this](Connection& connection) { return take_over_batch(connection); });
  if (!taken) return taken;
  std::lock_guard lock(found_mutex_);
  taken->insert(taken->end(), found_.begin(), found_.end());
  found_.clear();
  return taken;
}

Result<Shared::RequestTotals> NodeStore::count_requests(std::vector<RequestCount> here, int limit,
                                                        Which answer) {
  std::lock_guard lock(count_mutex_);
  if (!counter_ || !counter_->still_usable()) {
    // A connection of its own: requests may wait for this, so it must not wait for other work.
    Connection::Settings quick = settings_;
    quick.answer_timeout = kCountPatience;
    auto opened = Connection::open(quick);
    if (!opened) return Err{to_store_error(opened.error())};
    counter_ = std::move(*opened);
  }
  std::sort(here.begin(), here.end(), [](const RequestCount& a, const RequestCount& b) {
    return std::pair(a.account, a.window_end_s) < std::pair(b.account, b.window_end_s);
  });
  auto totals = count_on(*counter_, here, limit, answer);
  if (!totals) return Err{to_store_error(totals.error())};
  return std::move(*totals);
}

Answer<Shared::RequestTotals> NodeStore::count_on(Connection& connection,
                                                  const std::vector<RequestCount>& here, int limit,
                                                  Which answer) {
  std::vector<std::int64_t> account, end, spent, wanted;
  for (const RequestCount& count : here) {
    account.push_back(count.account.value);
    end.push_back(count.window_end_s);
    spent.push_back(count.spent);
    wanted.push_back(count.wanted);
  }
  Params told;
  told.add(account).add(end).add(spent).add(wanted).add(std::int64_t{limit});
  const Params none;
  std::vector<Call> calls{{"SELECT counted_account, counted_window, total, granted "
                           "FROM skyhook.count_requests($1, $2, $3, $4, $5)",
                           told},
                          {"SELECT count(*) FROM skyhook.nodes WHERE NOT expired", none}};
  if (answer == Which::all) {
    calls.push_back(
        {"SELECT account_id, window_end, requests, 0::bigint FROM skyhook.request_counts "
         "WHERE window_end > extract(epoch FROM clock_timestamp())",
         none});
  }
  auto rows = connection.pipeline(calls);
  if (!rows) return Err{rows.error()};
  RequestTotals totals;
  totals.nodes = static_cast<int>((*rows)[1].integer(0, 0));
  for (std::size_t part = 0; part < rows->size(); part += 2) {
    const Rows& counted = (*rows)[part];
    for (int row = 0; row < counted.count(); ++row) {
      totals.totals.push_back({AccountId{counted.integer(row, 0)}, counted.integer(row, 1),
                               static_cast<int>(counted.integer(row, 2)),
                               static_cast<int>(counted.integer(row, 3))});
    }
  }
  return totals;
}

}  // namespace skyhook::store::postgres
