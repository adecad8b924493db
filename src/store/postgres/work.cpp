// What waits in the shared store, and the counts.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "store/postgres/durations.h"
#include "store/postgres/node_store.h"
#include "store/rollup_ranges.h"

namespace skyhook::store::postgres {
namespace {

// How much of what a node remembers of a webhook gets rows at a time.
constexpr std::size_t kParkForOrder = 5'000;

// A waiting delivery whose event is not read yet.
struct Found {
  WaitingDelivery delivery;
  std::int64_t account = 0;
  std::int64_t event = 0;
  std::size_t bytes = 0;
};

Found found_from(const Rows& rows, int row, WebhookId webhook) {
  Found found;
  found.delivery.id = DeliveryId{rows.integer(row, 0)};
  found.delivery.webhook_id = webhook;
  found.delivery.due_at = rows.time(row, 1);
  found.delivery.attempts_made = rows.small(row, 2);
  found.delivery.schedule_position = rows.small(row, 3);
  found.delivery.created_at = rows.time(row, 4);
  found.delivery.is_test = rows.boolean(row, 5);
  found.account = rows.integer(row, 6);
  found.event = rows.integer(row, 7);
  found.bytes = static_cast<std::size_t>(rows.integer(row, 8));
  return found;
}

template <class Id>
std::vector<std::int64_t> values_of(const std::vector<Id>& ids) {
  std::vector<std::int64_t> values;
  values.reserve(ids.size());
  for (const Id id : ids) values.push_back(id.value);
  return values;
}

// Of the first column.
std::vector<WebhookId> webhooks_from(const Rows& rows) {
  std::vector<WebhookId> webhooks;
  webhooks.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) webhooks.push_back(WebhookId{rows.integer(row, 0)});
  return webhooks;
}

// What there is room for, with its events.
Answer<Done> fill_page(Connection& connection, std::vector<Found> found, std::size_t limit,
                       WaitingPage& page) {
  std::size_t bytes = 0;
  std::size_t taken = 0;
  std::vector<std::int64_t> accounts, events;
  while (taken < found.size() && taken < limit && bytes < kWaitingPageBytes) {
    bytes += found[taken].bytes;
    accounts.push_back(found[taken].account);
    events.push_back(found[taken].event);
    ++taken;
  }
  page.more = taken < found.size();
  found.resize(taken);
  if (found.empty()) return Done{};
  Params params;
  params.add(accounts).add(events);
  auto rows = connection.query(
      "SELECT e.event_id, e.account_id, e.event_type, e.data, e.created_at, e.traceparent "
      "FROM (SELECT DISTINCT * FROM unnest($1, $2)) AS i(account_id, event_id) "
      "JOIN skyhook.events e USING (account_id, event_id)",
      params);
  if (!rows) return Err{rows.error()};
  std::unordered_map<std::int64_t, EventPtr> by_id;
  for (int row = 0; row < rows->count(); ++row) {
    const EventId id{rows->integer(row, 0)};
    by_id[id.value] = std::make_shared<const Event>(
        Event{id, AccountId{rows->integer(row, 1)}, rows->string(row, 2), rows->string(row, 3),
              rows->time(row, 4), rows->string(row, 5)});
  }
  for (Found& one : found) {
    one.delivery.event = by_id[one.event];
    if (one.delivery.event) page.deliveries.push_back(std::move(one.delivery));
  }
  return Done{};
}

constexpr std::string_view kParkedDue =
    "SELECT x.delivery_id, x.at, x.attempts_made, x.schedule_position, d.created_at, d.is_test, "
    "d.account_id, d.event_id, octet_length(e.data), x.place IS NOT NULL "
    "FROM skyhook.detours x JOIN skyhook.deliveries d USING (account_id, webhook_id, delivery_id) "
    "JOIN skyhook.events e ON e.account_id = d.account_id AND e.event_id = d.event_id "
    "WHERE x.webhook_id = $1 AND x.state = 0 AND x.node_id = $2 AND x.at <= $3 "
    "AND x.delivery_id <> ALL ($4) ORDER BY x.at, x.delivery_id LIMIT $5";
// What has no place was accepted before its webhook wanted order, and comes first.
constexpr std::string_view kInOrder =
    "SELECT x.delivery_id, x.at, x.attempts_made, x.schedule_position, d.created_at, d.is_test, "
    "d.account_id, d.event_id, octet_length(e.data) FROM ("
    "(SELECT * FROM skyhook.detours WHERE webhook_id = $1 AND state = 0 AND node_id = $2 "
    "AND place IS NULL AND delivery_id <> ALL ($3) ORDER BY delivery_id LIMIT $4) UNION ALL "
    "(SELECT * FROM skyhook.detours WHERE webhook_id = $1 AND state = 0 AND node_id = $2 "
    "AND place IS NOT NULL AND $5 = 1 AND delivery_id <> ALL ($3) ORDER BY place, delivery_id "
    "LIMIT $4)"
    ") AS x JOIN skyhook.deliveries d USING (account_id, webhook_id, delivery_id) "
    "JOIN skyhook.events e ON e.account_id = d.account_id AND e.event_id = d.event_id "
    "ORDER BY x.place NULLS FIRST, x.delivery_id LIMIT $4";
constexpr std::string_view kFreshDue =
    "SELECT d.delivery_id, d.due_at, 0, 0, d.created_at, d.is_test, d.account_id, d.event_id, "
    "octet_length(e.data) FROM skyhook.deliveries d "
    "JOIN skyhook.events e ON e.account_id = d.account_id AND e.event_id = d.event_id "
    "WHERE d.account_id = $1 AND d.webhook_id = $2 AND d.delivery_id = ANY ($3)";

// Of the spans that are kept (skyhook.span_lengths). The steps of the dashboard's charts of a day,
// a week and a month are whole ones: a row costs more here than in the embedded store.
constexpr std::array<std::int64_t, 3> kSpanMinutes{720, 240, 30};

// Where ranges of minutes begin and end, and where those of spans do and how long the spans are.
void add_ranges(Params& params, const std::vector<RollupRange>& ranges) {
  std::vector<std::int64_t> from, until, spans_from, spans_until, length;
  for (const RollupRange& range : ranges) {
    const bool is_minutes = range.length == 1;
    (is_minutes ? from : spans_from).push_back(range.from);
    (is_minutes ? until : spans_until).push_back(range.until);
    if (!is_minutes) length.push_back(range.length);
  }
  params.add(from).add(until).add(spans_from).add(spans_until).add(length);
}

}  // namespace

Result<std::vector<WebhookId>> NodeStore::webhooks_with_waiting() {
  return read([](Connection& connection) -> Answer<std::vector<WebhookId>> {
    auto rows = connection.query(
        "SELECT webhook_id FROM (SELECT account_id, webhook_id, pending FROM skyhook.totals "
        "UNION ALL SELECT account_id, webhook_id, pending FROM skyhook.tallies "
        "WHERE written_by >= (SELECT folded_to FROM skyhook.fold_state)) AS t "
        "JOIN skyhook.webhooks h USING (account_id, webhook_id) "
        "GROUP BY webhook_id HAVING sum(pending) > 0 ORDER BY webhook_id");
    if (!rows) return Err{rows.error()};
    return webhooks_from(*rows);
  });
}

Result<WaitingPage> NodeStore::waiting(WebhookId webhook, Timestamp now,
                                       const std::vector<DeliveryId>& except, int limit) {
  return read([&](Connection& connection) -> Answer<WaitingPage> {
    WaitingPage page;
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return page;
    const auto wanted = static_cast<std::size_t>(std::max(limit, 0)) + 1;
    std::vector<Found> found;

    // Fresh ones first: one that is parked meanwhile is then seen twice rather than not at all.
    const auto fresh = registry_.due(webhook, now, except, wanted);
    page.next_due_at = registry_.next_due(webhook, now);
    if (!fresh.empty()) {
      std::vector<std::int64_t> ids;
      ids.reserve(fresh.size());
      for (const Registry::Fresh& one : fresh) ids.push_back(one.id.value);
      Params params;
      params.add((*account)->value).add(webhook.value).add(ids);
      auto rows = connection.query(kFreshDue, params);
      if (!rows) return Err{rows.error()};
      for (int row = 0; row < rows->count(); ++row) {
        found.push_back(found_from(*rows, row, webhook));
      }
    }
    {
      Params params;
      params.add(webhook.value).add(std::int64_t{membership_.node_id()}).add(now);
      params.add(values_of(except));
      params.add(static_cast<std::int64_t>(wanted));
      auto rows = connection.query(kParkedDue, params);
      if (!rows) return Err{rows.error()};
      std::unordered_set<DeliveryId> parked;
      std::vector<std::int64_t> placed;
      for (int row = 0; row < rows->count(); ++row) {
        parked.insert(DeliveryId{rows->integer(row, 0)});
        if (rows->boolean(row, 9)) placed.push_back(rows->integer(row, 0));
      }
      std::erase_if(found, [&](const Found& one) { return parked.contains(one.delivery.id); });
      auto elsewhere = take_out_of_order(connection, **account, webhook, placed);
      if (!elsewhere) return Err{elsewhere.error()};
      for (int row = 0; row < rows->count(); ++row) {
        if (elsewhere->contains(DeliveryId{rows->integer(row, 0)})) continue;
        found.push_back(found_from(*rows, row, webhook));
      }
    }
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
      return std::pair(a.delivery.due_at, a.delivery.id) <
             std::pair(b.delivery.due_at, b.delivery.id);
    });

    if (auto filled = fill_page(connection, std::move(found), wanted - 1, page); !filled) {
      return Err{filled.error()};
    }

    Params later;
    later.add(webhook.value).add(std::int64_t{membership_.node_id()}).add(now);
    auto next = connection.query(
        "SELECT at FROM skyhook.detours WHERE webhook_id = $1 AND state = 0 AND node_id = $2 "
        "AND at > $3 ORDER BY at LIMIT 1",
        later);
    if (!next) return Err{next.error()};
    if (next->count() == 1 && (!page.next_due_at || next->time(0, 0) < *page.next_due_at)) {
      page.next_due_at = next->time(0, 0);
    }
    return page;
  });
}

// The webhook does not want order any more, but another node may not know that yet, and take what
// has a place for its own. Returns those that it took.
Answer<std::unordered_set<DeliveryId>> NodeStore::take_out_of_order(
    Connection& connection, AccountId account, WebhookId webhook,
    const std::vector<std::int64_t>& placed) {
  std::unordered_set<DeliveryId> elsewhere;
  if (placed.empty()) return elsewhere;
  for (const std::int64_t id : placed) elsewhere.insert(DeliveryId{id});
  Params params;
  params.add(std::int64_t{membership_.node_id()}).add(account.value).add(webhook.value).add(placed);
  auto rows = connection.query("SELECT skyhook.take_out_of_order($1::int, $2, $3, $4)", params);
  if (!rows) return Err{rows.error()};
  for (int row = 0; row < rows->count(); ++row) {
    elsewhere.erase(DeliveryId{rows->integer(row, 0)});
  }
  return elsewhere;
}

Result<WaitingPage> NodeStore::waiting_in_order(WebhookId webhook, Timestamp now,
                                                const std::vector<DeliveryId>& except, int limit) {
  return write([&](Connection& connection) -> Answer<WaitingPage> {
    WaitingPage page;
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return page;
    const std::int64_t wanted = std::max(limit, 0) + std::int64_t{1};
    auto mine = take_order(connection, **account, webhook,
                           wanted + static_cast<std::int64_t>(except.size()));
    if (!mine) return Err{mine.error()};

    Params params;
    params.add(webhook.value).add(std::int64_t{membership_.node_id()}).add(values_of(except));
    params.add(wanted);
    params.add(std::int64_t{*mine});
    auto rows = connection.query(kInOrder, params);
    if (!rows) return Err{rows.error()};
    std::vector<Found> found;
    for (int row = 0; row < rows->count() && !page.next_due_at; ++row) {
      Found next = found_from(*rows, row, webhook);
      if (next.delivery.due_at > now) {
        page.next_due_at = next.delivery.due_at;
      } else {
        found.push_back(std::move(next));
      }
    }
    const std::size_t due = found.size();
    if (auto filled =
            fill_page(connection, std::move(found), static_cast<std::size_t>(wanted - 1), page);
        !filled) {
      return Err{filled.error()};
    }
    // Behind what is left out, what is not yet due need not be known.
    if (page.deliveries.size() < due) page.next_due_at.reset();
    return page;
  });
}

// Is it this node that keeps the webhook's order? Then the next `limit` are its own.
Answer<bool> NodeStore::take_order(Connection& connection, AccountId account, WebhookId webhook,
                                   std::int64_t limit) {
  std::lock_guard one_at_a_time(detours_);
  // Accepted before order was wanted: with rows of their own they are found below.
  for (;;) {
    const auto fresh = registry_.take_of(webhook, kParkForOrder);
    if (fresh.empty()) break;
    if (auto parked = park(connection, fresh, nullptr); !parked) return Err{parked.error()};
  }
  Params params;
  params.add(std::int64_t{membership_.node_id()}).add(account.value).add(webhook.value).add(limit);
  auto mine = connection.query("SELECT skyhook.take_order($1::int, $2, $3, $4)", params);
  if (!mine) return Err{mine.error()};
  return mine->boolean(0, 0);
}

Answer<std::vector<WebhookId>> NodeStore::ordered_with_waiting(Connection& connection) {
  Params params;
  params.add(std::int64_t{membership_.node_id()});
  auto rows = connection.query(
      "SELECT o.webhook_id FROM skyhook.orders o WHERE o.node_id = $1 AND EXISTS ("
      "SELECT FROM skyhook.detours x WHERE x.webhook_id = o.webhook_id AND x.state = 0 "
      "AND x.place IS NOT NULL)",
      params);
  if (!rows) return Err{rows.error()};
  return webhooks_from(*rows);
}

Result<int> NodeStore::fail_waiting(WebhookId webhook, FailureReason reason, int limit) {
  return write([&](Connection& connection) -> Answer<int> {
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return 0;
    std::lock_guard one_at_a_time(detours_);
    const auto fresh = registry_.take_of(webhook, static_cast<std::size_t>(limit));
    if (!fresh.empty()) {
      if (auto parked = park(connection, fresh, nullptr); !parked) return Err{parked.error()};
    }
    Params params;
    params.add((*account)->value).add(webhook.value).add(std::int64_t{static_cast<int>(reason)});
    params.add(options_.clock.now()).add(std::int64_t{limit});
    auto ended =
        connection.query("SELECT skyhook.fail_waiting($1, $2, $3::int, $4, $5::int)", params);
    if (!ended) return Err{ended.error()};
    return ended->small(0, 0);
  });
}

Answer<std::vector<DeliveryTotals>> NodeStore::read_totals(Connection& connection,
                                                           const std::vector<WebhookId>& webhooks) {
  Params params;
  params.add(values_of(webhooks));
  auto rows = connection.query(
      "WITH asked AS (SELECT account_id, webhook_id FROM skyhook.webhooks "
      "WHERE webhook_id = ANY ($1)) "
      "SELECT webhook_id, sum(pending)::bigint, sum(delivered)::bigint, sum(failed)::bigint FROM ("
      "SELECT webhook_id, pending, delivered, failed FROM asked "
      "JOIN skyhook.totals USING (account_id, webhook_id) UNION ALL "
      "SELECT webhook_id, pending, delivered, failed FROM asked "
      "JOIN skyhook.tallies USING (account_id, webhook_id) "
      "WHERE written_by >= (SELECT folded_to FROM skyhook.fold_state)) AS t GROUP BY 1",
      params);
  if (!rows) return Err{rows.error()};
  std::unordered_map<std::int64_t, DeliveryTotals> by_id;
  for (int row = 0; row < rows->count(); ++row) {
    by_id[rows->integer(row, 0)] = {rows->integer(row, 1), rows->integer(row, 2),
                                    rows->integer(row, 3)};
  }
  std::vector<DeliveryTotals> totals;
  totals.reserve(webhooks.size());
  for (const WebhookId webhook : webhooks) totals.push_back(by_id[webhook.value]);
  return totals;
}

Result<std::vector<DeliveryTotals>> NodeStore::totals(const std::vector<WebhookId>& webhooks) {
  return read([&](Connection& connection) { return read_totals(connection, webhooks); });
}

namespace {

constexpr std::string_view kWebhooksAsked =
    "WITH asked AS (SELECT account_id, webhook_id FROM skyhook.webhooks "
    "WHERE webhook_id = ANY ($1))";
constexpr std::string_view kAccountsAsked =
    "WITH asked AS (SELECT account_id, 0 AS webhook_id FROM skyhook.accounts "
    "WHERE account_id = ANY ($1))";

// Steps of statistics, in minutes.
struct Asked {
  Asked(Timestamp from, Timestamp until, Seconds step)
      : first(std::chrono::floor<std::chrono::minutes>(from).time_since_epoch().count()),
        end(std::chrono::ceil<std::chrono::minutes>(until).time_since_epoch().count()),
        stride(std::max<std::int64_t>(1, step.count() / 60)) {}
  std::vector<StatsStep> empty_steps() const {
    std::vector<StatsStep> steps;
    for (std::int64_t minute = first; minute < end; minute += stride) {
      steps.push_back({.start = Timestamp{std::chrono::minutes{minute}}});
    }
    return steps;
  }
  std::int64_t first, end, stride;
};

// What the query below takes.
template <class Id>
Answer<Params> stats_params(Connection& connection, const std::vector<Id>& asked_ids,
                            const Asked& asked) {
  Params params;
  params.add(values_of(asked_ids)).add(asked.first).add(asked.end).add(asked.stride);
  auto spans_from = connection.query("SELECT spans_from FROM skyhook.fold_state");
  if (!spans_from) return Err{spans_from.error()};
  add_ranges(params, rollup_ranges(asked.first, asked.end, asked.stride, spans_from->integer(0, 0),
                                   kSpanMinutes));
  return params;
}

// One statement, so that counts and durations are of one moment, and what both are made of is read
// once: a row with the counts of each step (without a bucket), then one for each bucket of its
// durations. Ranges are looked up one by one (the LATERALs that end in OFFSET 0): the planner does
// not know how few they are.
constexpr std::string_view kReadSteps =
    ", spans AS MATERIALIZED (SELECT s.* FROM asked, "
    "unnest($7::bigint[], $8::bigint[], $9::bigint[]) AS range(low, high, span), LATERAL ("
    "SELECT minute, delivered, failed_attempts, failed, buckets, attempts "
    "FROM skyhook.span_rollups r WHERE r.account_id = asked.account_id "
    "AND r.webhook_id = asked.webhook_id AND length = span AND minute >= low AND minute < high "
    "OFFSET 0) AS s), "
    "unfolded AS MATERIALIZED (SELECT minute, ended_delivered, failed_attempts, ended_failed, "
    "durations FROM asked JOIN skyhook.tallies USING (account_id, webhook_id) "
    "WHERE written_by >= (SELECT folded_to FROM skyhook.fold_state) "
    "AND minute >= $2 AND minute < $3) "
    "SELECT (minute - $2) / $4, NULL::int, sum(d)::bigint, sum(a)::bigint, sum(f)::bigint FROM ("
    "SELECT minute, delivered AS d, failed_attempts AS a, failed AS f FROM asked, "
    "unnest($5::bigint[], $6::bigint[]) AS range(low, high), LATERAL ("
    "SELECT * FROM skyhook.rollups r WHERE r.account_id = asked.account_id "
    "AND r.webhook_id = asked.webhook_id AND minute >= low AND minute < high OFFSET 0) AS m "
    "UNION ALL SELECT minute, delivered, failed_attempts, failed FROM spans "
    "UNION ALL SELECT minute, ended_delivered, failed_attempts, ended_failed FROM unfolded"
    ") AS t GROUP BY 1 UNION ALL "
    "SELECT (minute - $2) / $4, bucket, sum(n)::bigint, 0, 0 FROM ("
    "SELECT minute, bucket, attempts AS n FROM asked, "
    "unnest($5::bigint[], $6::bigint[]) AS range(low, high), LATERAL ("
    "SELECT * FROM skyhook.rollup_durations r WHERE r.account_id = asked.account_id "
    "AND r.webhook_id = asked.webhook_id AND minute >= low AND minute < high OFFSET 0) AS m "
    "UNION ALL SELECT minute, u.bucket, u.n FROM spans, unnest(buckets, attempts) AS u(bucket, n) "
    "UNION ALL SELECT minute, get_byte(durations, i), 1 FROM unfolded, "
    "generate_series(0, length(durations) - 1) AS i WHERE durations <> '') AS t GROUP BY 1, 2 "
    "ORDER BY 1, 2 NULLS FIRST";

template <class Id>
Answer<std::vector<StatsStep>> read_steps(Connection& connection, std::string_view asked_rows,
                                          const std::vector<Id>& ids, Timestamp from,
                                          Timestamp until, Seconds step) {
  const Asked asked(from, until, step);
  auto params = stats_params(connection, ids, asked);
  if (!params) return Err{params.error()};
  auto rows = connection.query(std::string(asked_rows) + std::string(kReadSteps), *params);
  if (!rows) return Err{rows.error()};
  std::vector<StatsStep> steps = asked.empty_steps();
  std::vector<std::vector<std::pair<int, std::int64_t>>> durations(steps.size());
  for (int row = 0; row < rows->count(); ++row) {
    const auto index = static_cast<std::size_t>(rows->integer(row, 0));
    if (rows->is_null(row, 1)) {
      steps[index].delivered = rows->integer(row, 2);
      steps[index].failed_attempts = rows->integer(row, 3);
      steps[index].failed = rows->integer(row, 4);
    } else {
      durations[index].emplace_back(rows->small(row, 1), rows->integer(row, 2));
    }
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i].duration_p50_ms = quantile_ms(durations[i], 0.50);
    steps[i].duration_p95_ms = quantile_ms(durations[i], 0.95);
  }
  return steps;
}

}  // namespace

Result<std::vector<StatsStep>> NodeStore::stats(const std::vector<WebhookId>& webhooks,
                                                Timestamp from, Timestamp until, Seconds step) {
  return read([&](Connection& connection) {
    return read_steps(connection, kWebhooksAsked, webhooks, from, until, step);
  });
}

Result<std::vector<AccountStep>> NodeStore::account_stats(const std::vector<AccountId>& accounts,
                                                          Timestamp from, Timestamp until,
                                                          Seconds step) {
  return read([&](Connection& connection) -> Answer<std::vector<AccountStep>> {
    auto found = read_steps(connection, kAccountsAsked, accounts, from, until, step);
    if (!found) return Err{found.error()};
    std::vector<AccountStep> steps;
    steps.reserve(found->size());
    for (const StatsStep& one : *found) {
      steps.push_back({one.delivered, one.failed_attempts, one.failed, one.duration_p50_ms,
                       one.duration_p95_ms});
    }
    return steps;
  });
}

Result<QueueStats> NodeStore::queue_stats() {
  return read([](Connection& connection) -> Answer<QueueStats> {
    QueueStats stats;
    auto sums = connection.query(
        "SELECT coalesce(sum(pending), 0)::bigint, coalesce(sum(delivered), 0)::bigint, "
        "coalesce(sum(failed), 0)::bigint FROM ("
        "SELECT account_id, webhook_id, pending, delivered, failed FROM skyhook.totals UNION ALL "
        "SELECT account_id, webhook_id, pending, delivered, failed FROM skyhook.tallies "
        "WHERE written_by >= (SELECT folded_to FROM skyhook.fold_state)) AS t "
        "JOIN skyhook.webhooks USING (account_id, webhook_id)");
    if (!sums) return Err{sums.error()};
    stats.totals = {sums->integer(0, 0), sums->integer(0, 1), sums->integer(0, 2)};
    if (stats.totals.pending == 0) return stats;
    auto oldest = connection.query(
        "SELECT min(d.created_at) FROM (SELECT account_id, webhook_id, delivery_id "
        "FROM skyhook.detours JOIN skyhook.webhooks USING (account_id, webhook_id) "
        "WHERE state = 0 ORDER BY delivery_id LIMIT 1) AS x "
        "JOIN skyhook.deliveries d USING (account_id, webhook_id, delivery_id)");
    if (!oldest) return Err{oldest.error()};
    if (oldest->count() == 1 && !oldest->is_null(0, 0)) {
      stats.oldest_waiting_created_at = oldest->time(0, 0);
    }
    // Nothing waits long enough to have a row of its own: then it is among what nodes hold fresh.
    auto fresh = connection.query(
        "SELECT min(d.created_at) FROM skyhook.deliveries d "
        "JOIN skyhook.webhooks USING (account_id, webhook_id) WHERE d.delivery_id >= "
        "(SELECT min(fresh_from) FROM skyhook.nodes WHERE NOT fresh_taken) "
        "AND NOT EXISTS (SELECT FROM skyhook.detours x WHERE x.account_id = d.account_id "
        "AND x.webhook_id = d.webhook_id AND x.delivery_id = d.delivery_id) "
        "AND NOT EXISTS (SELECT FROM skyhook.attempts a WHERE a.account_id = d.account_id "
        "AND a.webhook_id = d.webhook_id AND a.delivery_id = d.delivery_id AND a.verdict = 1)");
    if (!fresh) return Err{fresh.error()};
    if (!fresh->is_null(0, 0) && (!stats.oldest_waiting_created_at ||
                                  fresh->time(0, 0) < *stats.oldest_waiting_created_at)) {
      stats.oldest_waiting_created_at = fresh->time(0, 0);
    }
    return stats;
  });
}

}  // namespace skyhook::store::postgres
