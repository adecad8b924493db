// The log of deliveries in the shared store: reading it, and bringing back what is in it.
#include <algorithm>
#include <limits>

#include "store/postgres/node_store.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
// How far back a search looks over rows that do not match; store.h says how a caller goes on.
constexpr std::int64_t kSearchRows = 100'000;
constexpr int kReopenBatch = 1'000;
// However many have failed, no statement takes longer than for this many.
constexpr std::int64_t kCountedAtOnce = 100'000;

// $1 account, $2 webhook. The last attempt tells how far a delivery has come.
constexpr std::string_view kEntryColumns =
    "SELECT d.delivery_id, d.event_id, d.event_type, d.created_at, d.due_at, x.state, x.at, "
    "x.failure, a.number, a.response_status, a.failure, a.verdict, a.verdict_at ";
constexpr std::string_view kLastAttempt =
    "LEFT JOIN LATERAL (SELECT number, response_status, failure, verdict, verdict_at "
    "FROM skyhook.attempts a WHERE a.account_id = d.account_id AND a.webhook_id = d.webhook_id "
    "AND a.delivery_id = d.delivery_id ORDER BY number DESC LIMIT 1) AS a ON true ";
constexpr std::string_view kDeliveredOnce =
    "EXISTS (SELECT FROM skyhook.attempts b WHERE b.account_id = d.account_id AND b.webhook_id = "
    "d.webhook_id AND b.delivery_id = d.delivery_id AND b.verdict = 1) ";

// How many count, how many were looked at, and which was the last.
constexpr std::string_view kCountFailed =
    "SELECT count(d.counts), count(*), max(x.delivery_id) FROM ("
    "SELECT account_id, webhook_id, delivery_id FROM skyhook.detours "
    "WHERE account_id = $1 AND webhook_id = $2 AND state = 2 AND delivery_id >= $5 "
    "AND delivery_id < $6 ORDER BY delivery_id LIMIT $7) AS x LEFT JOIN LATERAL ("
    "SELECT true AS counts FROM skyhook.deliveries d WHERE d.account_id = x.account_id "
    "AND d.webhook_id = x.webhook_id AND d.delivery_id = x.delivery_id "
    "AND d.created_at >= $3 AND d.created_at < $4 AND EXISTS (SELECT FROM skyhook.events e "
    "WHERE e.account_id = d.account_id AND e.event_id = d.event_id) OFFSET 0) AS d ON true";

DeliveryEntry entry_from(const Rows& rows, int row, WebhookId webhook) {
  DeliveryEntry entry;
  entry.id = DeliveryId{rows.integer(row, 0)};
  entry.webhook_id = webhook;
  entry.event_id = EventId{rows.integer(row, 1)};
  entry.event_type = rows.string(row, 2);
  entry.created_at = rows.time(row, 3);
  const bool detoured = !rows.is_null(row, 5);
  const bool attempted = !rows.is_null(row, 8);
  if (attempted) {
    entry.attempt_number = rows.small(row, 8);
    if (!rows.is_null(row, 9)) entry.response_status = rows.small(row, 9);
    entry.failure = static_cast<FailureReason>(rows.small(row, 10));
  }
  if (detoured && rows.small(row, 5) == 2) {
    entry.status = DeliveryStatus::failed;
    entry.failure = static_cast<FailureReason>(rows.small(row, 7));
  } else if (!detoured && attempted && rows.small(row, 11) == 1) {
    entry.status = DeliveryStatus::delivered;
    entry.delivered_at = rows.time(row, 12);
  } else {
    entry.status = DeliveryStatus::pending;
    entry.next_attempt_at = rows.time(row, detoured ? 6 : 4);
  }
  return entry;
}

bool by_status_only(const DeliveryFilter& filter) {
  return !filter.event_type && !filter.from && !filter.until;
}

// FROM and WHERE for the filter. $1 account, $2 webhook, $3 first id, $4 end, $5 type, $6 from,
// $7 until.
std::string matching(const DeliveryFilter& filter) {
  std::string sql;
  if (filter.status == DeliveryStatus::failed) {
    // Few are failed, and they have an index.
    sql =
        "FROM skyhook.detours x JOIN skyhook.deliveries d USING (account_id, webhook_id, "
        "delivery_id) ";
  } else {
    sql =
        "FROM skyhook.deliveries d LEFT JOIN skyhook.detours x "
        "USING (account_id, webhook_id, delivery_id) ";
  }
  sql += kLastAttempt;
  if (filter.status == DeliveryStatus::failed) {
    sql +=
        "WHERE x.account_id = $1 AND x.webhook_id = $2 AND x.state = 2 AND x.delivery_id >= $3 "
        "AND x.delivery_id < $4 ";
  } else {
    sql +=
        "WHERE d.account_id = $1 AND d.webhook_id = $2 AND d.delivery_id >= $3 "
        "AND d.delivery_id < $4 ";
  }
  if (filter.status == DeliveryStatus::delivered) {
    sql += "AND x.delivery_id IS NULL AND " + std::string(kDeliveredOnce);
  }
  if (filter.status == DeliveryStatus::pending) {
    // What has no row among those that wait is fresh: younger than what any node holds.
    sql +=
        "AND (x.state = 0 OR x.delivery_id IS NULL AND d.delivery_id >= "
        "(SELECT coalesce(min(fresh_from), 0) FROM skyhook.nodes WHERE NOT fresh_taken) "
        "AND NOT " +
        std::string(kDeliveredOnce) + ") ";
  }
  // Every parameter is named, so that all statements take the same ones.
  sql += "AND ($5 = '' OR d.event_type = $5) AND d.created_at >= $6 AND d.created_at < $7 ";
  return sql;
}

Params parameters(AccountId account, WebhookId webhook, const DeliveryFilter& filter,
                  IdRange range) {
  Params params;
  params.add(account.value).add(webhook.value).add(range.first).add(range.end);
  params.text(filter.event_type.value_or(""));
  params.add(filter.from ? to_unix_micros(*filter.from) : std::numeric_limits<std::int64_t>::min());
  params.add(filter.until ? to_unix_micros(*filter.until) : kHighest);
  return params;
}

// Raises range.first so that no more than kSearchRows rows of the webhook lie in it. True where it
// cut some off.
Answer<bool> bound_search(Connection& connection, AccountId account, WebhookId webhook,
                          IdRange& range) {
  Params params;
  params.add(account.value).add(webhook.value).add(range.first).add(range.end);
  params.add(kSearchRows - 1);
  auto row = connection.query(
      "SELECT delivery_id FROM skyhook.deliveries WHERE account_id = $1 AND webhook_id = $2 "
      "AND delivery_id >= $3 AND delivery_id < $4 ORDER BY delivery_id DESC LIMIT 1 OFFSET $5",
      params);
  if (!row) return Err{row.error()};
  if (row->count() == 0) return false;
  const bool cut = row->integer(0, 0) > range.first;
  range.first = row->integer(0, 0);
  return cut;
}

Answer<std::vector<DeliveryEntry>> select_entries(Connection& connection, AccountId account,
                                                  WebhookId webhook, const DeliveryFilter& filter,
                                                  IdRange range, std::int64_t limit,
                                                  std::int64_t offset) {
  Params params = parameters(account, webhook, filter, range);
  params.add(limit).add(offset);
  auto rows = connection.query(std::string(kEntryColumns) + matching(filter) +
                                   "ORDER BY delivery_id DESC LIMIT $8 OFFSET $9",
                               params);
  if (!rows) return Err{rows.error()};
  std::vector<DeliveryEntry> entries;
  entries.reserve(static_cast<std::size_t>(rows->count()));
  for (int row = 0; row < rows->count(); ++row) {
    entries.push_back(entry_from(*rows, row, webhook));
  }
  return entries;
}

Answer<std::int64_t> count_matching(Connection& connection, AccountId account, WebhookId webhook,
                                    const DeliveryFilter& filter, IdRange range) {
  auto row = connection.query("SELECT count(*) " + matching(filter),
                              parameters(account, webhook, filter, range));
  if (!row) return Err{row.error()};
  return row->integer(0, 0);
}

// Fills in what is still there: `ids` are those of `events`, both ascending.
Answer<Done> read_data(Connection& connection, AccountId account,
                       const std::vector<std::int64_t>& ids, std::vector<Event>& events) {
  Params params;
  params.add(account.value).add(ids);
  auto rows = connection.query(
      "SELECT event_id, data FROM skyhook.events "
      "WHERE account_id = $1 AND event_id = ANY ($2) ORDER BY event_id",
      params);
  if (!rows) return Err{rows.error()};
  auto event = events.begin();
  for (int row = 0; row < rows->count(); ++row) {
    while (event->id.value != rows->integer(row, 0)) ++event;
    event->data = rows->string(row, 1);
  }
  return Done{};
}

std::int64_t total_of(const DeliveryTotals& totals, std::optional<DeliveryStatus> status) {
  if (!status) return totals.all();
  if (*status == DeliveryStatus::pending) return totals.pending;
  return *status == DeliveryStatus::delivered ? totals.delivered : totals.failed;
}

}  // namespace

Result<DeliveryPage> NodeStore::deliveries(WebhookId webhook, const DeliveryFilter& filter,
                                           std::int64_t page, int per_page) {
  return read([&](Connection& connection) -> Answer<DeliveryPage> {
    DeliveryPage result;
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return result;
    // A page number so high that its offset would overflow is past the end like any other.
    const std::int64_t offset = page > kHighest / per_page ? kHighest : (page - 1) * per_page;
    IdRange range = creation_ids_.created(filter.from, filter.until);
    if (by_status_only(filter)) {
      auto totals = read_totals(connection, {webhook});
      if (!totals) return Err{totals.error()};
      result.total = total_of(totals->front(), filter.status);
    } else {
      auto cut = bound_search(connection, **account, webhook, range);
      if (!cut) return Err{cut.error()};
      if (*cut) result.searched_to = DeliveryId{range.first};
      auto total = count_matching(connection, **account, webhook, filter, range);
      if (!total) return Err{total.error()};
      result.total = *total;
    }
    if (offset >= result.total) return result;
    auto entries = select_entries(connection, **account, webhook, filter, range, per_page, offset);
    if (!entries) return Err{entries.error()};
    result.entries = std::move(*entries);
    return result;
  });
}

Result<DeliveryPage> NodeStore::deliveries_before(WebhookId webhook, const DeliveryFilter& filter,
                                                  DeliveryId before, int limit) {
  return read([&](Connection& connection) -> Answer<DeliveryPage> {
    DeliveryPage result;
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return result;
    IdRange range = creation_ids_.created(filter.from, filter.until);
    range.end = std::min(range.end, before.value);
    bool cut = false;
    if (!by_status_only(filter) || filter.status == DeliveryStatus::delivered) {
      auto bounded = bound_search(connection, **account, webhook, range);
      if (!bounded) return Err{bounded.error()};
      cut = *bounded;
    }
    auto entries = select_entries(connection, **account, webhook, filter, range, limit, 0);
    if (!entries) return Err{entries.error()};
    result.entries = std::move(*entries);
    if (cut && result.entries.size() < static_cast<std::size_t>(limit)) {
      result.searched_to = DeliveryId{range.first};
    }
    return result;
  });
}

Answer<std::optional<DeliveryDetail>> NodeStore::read_detail(Connection& connection,
                                                             WebhookId webhook, DeliveryId id) {
  using Found = std::optional<DeliveryDetail>;
  auto account = account_of(connection, webhook);
  if (!account) return Err{account.error()};
  if (!*account || id.value == kHighest) return Found{};
  auto entries = select_entries(connection, **account, webhook, {}, {id.value, id.value + 1}, 1, 0);
  if (!entries) return Err{entries.error()};
  if (entries->empty()) return Found{};
  DeliveryDetail detail;
  detail.entry = std::move(entries->front());
  Params of_event;
  of_event.add((*account)->value).add(detail.entry.event_id.value);
  auto event = connection.query(
      "SELECT event_type, data, created_at, traceparent FROM skyhook.events "
      "WHERE account_id = $1 AND event_id = $2",
      of_event);
  if (!event) return Err{event.error()};
  // Retention has removed the one and not yet the other.
  if (event->count() == 0) return Found{};
  detail.event = std::make_shared<const Event>(Event{detail.entry.event_id, **account,
                                                     event->string(0, 0), event->string(0, 1),
                                                     event->time(0, 2), event->string(0, 3)});
  Params of_delivery;
  of_delivery.add((*account)->value).add(webhook.value).add(id.value);
  auto rows = connection.query(
      "SELECT number, started_at, duration_us, response_status, failure, response_truncated, "
      "error_detail, response_headers, response_body FROM skyhook.attempts "
      "WHERE account_id = $1 AND webhook_id = $2 AND delivery_id = $3 ORDER BY number",
      of_delivery);
  if (!rows) return Err{rows.error()};
  for (int row = 0; row < rows->count(); ++row) {
    Attempt attempt;
    attempt.number = rows->small(row, 0);
    attempt.started_at = rows->time(row, 1);
    attempt.duration = Micros{rows->integer(row, 2)};
    if (!rows->is_null(row, 3)) attempt.response_status = rows->small(row, 3);
    attempt.failure = static_cast<FailureReason>(rows->small(row, 4));
    attempt.response_truncated = rows->boolean(row, 5);
    attempt.error_detail = rows->string(row, 6);
    attempt.response_headers = rows->string(row, 7);
    attempt.response_body = rows->string(row, 8);
    detail.attempts.push_back(std::move(attempt));
  }
  return Found{std::move(detail)};
}

Result<std::optional<DeliveryDetail>> NodeStore::delivery(WebhookId webhook, DeliveryId id) {
  return read([&](Connection& connection) -> Answer<std::optional<DeliveryDetail>> {
    // One moment for the entry and its attempts: an outcome may be committed in between.
    auto begun = connection.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (!begun) return Err{begun.error()};
    auto detail = read_detail(connection, webhook, id);
    if (!detail) return detail;  // the pool closes a connection that is in a transaction
    if (auto ended = connection.script("COMMIT"); !ended) return Err{ended.error()};
    return detail;
  });
}

Result<std::optional<DeliveryEntry>> NodeStore::reopen(WebhookId webhook, DeliveryId id,
                                                       Timestamp due_at) {
  return write([&](Connection& connection) -> Answer<std::optional<DeliveryEntry>> {
    using Found = std::optional<DeliveryEntry>;
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account || id.value == kHighest) return Found{};
    std::lock_guard one_at_a_time(detours_);
    if (const auto fresh = registry_.take(id)) {
      if (fresh->webhook != webhook) {
        registry_.unpark({*fresh});
        return Found{};
      }
      if (auto parked = park(connection, {*fresh}, nullptr); !parked) return Err{parked.error()};
    }
    Params params;
    params.add(std::int64_t{membership_.node_id()}).add((*account)->value).add(webhook.value);
    params.add(id.value).add(due_at);
    auto opened = connection.query("SELECT skyhook.reopen($1::int, $2, $3, $4, $5)", params);
    if (!opened) return Err{opened.error()};
    if (opened->is_null(0, 0)) return Found{};
    auto entries =
        select_entries(connection, **account, webhook, {}, {id.value, id.value + 1}, 1, 0);
    if (!entries) return Err{entries.error()};
    if (entries->empty()) return Found{};
    return Found{std::move(entries->front())};
  });
}

Result<std::int64_t> NodeStore::reopen_failed(WebhookId webhook, Timestamp from, Timestamp until,
                                              Timestamp first_due, Micros spacing) {
  return write([&](Connection& connection) -> Answer<std::int64_t> {
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return std::int64_t{0};
    std::int64_t reopened = 0;
    const IdRange range = creation_ids_.created(from, until);
    std::int64_t after = range.first - 1;
    for (;;) {
      std::lock_guard one_at_a_time(detours_);
      Params params;
      params.add(std::int64_t{membership_.node_id()}).add((*account)->value).add(webhook.value);
      params.add(from).add(until).add(after).add(range.end).add(first_due + reopened * spacing);
      params.add(std::int64_t{spacing.count()}).add(std::int64_t{kReopenBatch});
      auto batch = connection.query(
          "SELECT reopened, last_id "
          "FROM skyhook.reopen_failed($1::int, $2, $3, $4, $5, $6, $7, $8, $9, $10::int)",
          params);
      if (!batch) return Err{batch.error()};
      const std::int64_t count = batch->integer(0, 0);
      reopened += count;
      if (count < kReopenBatch) return reopened;
      after = batch->integer(0, 1);
    }
  });
}

// Without those whose event is gone: skyhook.reopen_failed passes them over.
Result<std::int64_t> NodeStore::count_failed(WebhookId webhook, Timestamp from, Timestamp until) {
  return read([&](Connection& connection) -> Answer<std::int64_t> {
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return std::int64_t{0};
    std::int64_t failed = 0;
    IdRange range = creation_ids_.created(from, until);
    for (;;) {
      Params params;
      params.add((*account)->value).add(webhook.value).add(from).add(until).add(range.first);
      params.add(range.end).add(kCountedAtOnce);
      auto batch = connection.query(kCountFailed, params);
      if (!batch) return Err{batch.error()};
      failed += batch->integer(0, 0);
      if (batch->integer(0, 1) < kCountedAtOnce) return failed;
      range.first = batch->integer(0, 2) + 1;
    }
  });
}

Result<EventPage> NodeStore::events(const EventSearch& search, int limit) {
  return read([&](Connection& connection) -> Answer<EventPage> {
    EventPage page;
    const IdRange range = creation_ids_.created(search.from, search.until);
    Params params;
    params.add(search.account.value).add(std::max(range.first - 1, search.after.value));
    params.add(range.end).add(search.from).add(search.until).add(kEventSearchRows);
    // First without the data, of which there may be much more than is wanted at once.
    auto rows = connection.query(
        "SELECT event_id, created_at, event_type, octet_length(data)::bigint, "
        "created_at >= $4 AND created_at < $5 FROM skyhook.events "
        "WHERE account_id = $1 AND event_id > $2 AND event_id < $3 ORDER BY event_id LIMIT $6",
        params);
    if (!rows) return Err{rows.error()};
    std::vector<Event> found;
    std::vector<std::int64_t> ids;
    found.reserve(static_cast<std::size_t>(rows->count()));
    ids.reserve(found.capacity());
    std::int64_t bytes = 0;
    for (int row = 0; row < rows->count(); ++row) {
      const EventId id{rows->integer(row, 0)};
      if (rows->boolean(row, 4)) {
        found.push_back({id, search.account, rows->string(row, 2), {}, rows->time(row, 1), {}});
        ids.push_back(id.value);
        if (search.with_data) bytes += rows->integer(row, 3);
      }
      if (row + 1 == kEventSearchRows || bytes >= std::int64_t{kWaitingPageBytes} ||
          found.size() == static_cast<std::size_t>(limit)) {
        page.searched_to = id;
        break;
      }
    }
    if (search.with_data && !found.empty()) {
      if (auto filled = read_data(connection, search.account, ids, found); !filled) {
        return Err{filled.error()};
      }
    }
    for (Event& event : found) {
      page.events.push_back(std::make_shared<const Event>(std::move(event)));
    }
    return page;
  });
}

Result<std::int64_t> NodeStore::replay(const Replay& replay, const std::vector<EventPtr>& events) {
  return write([&](Connection& connection) -> Answer<std::int64_t> {
    auto account = account_of(connection, replay.webhook);
    if (!account) return Err{account.error()};
    if (!*account) return std::int64_t{0};
    std::vector<std::int64_t> ids;
    for (const EventPtr& event : events) ids.push_back(event->id.value);
    const std::int64_t first_id = take_ids(static_cast<std::int64_t>(ids.size()));
    const auto day = static_cast<int>(first_id >> kDayShift);
    if (day == 0) return Err{DatabaseError{"", "no ids: the database could not be reached", false}};
    if (auto made = membership_.ensure_day(connection, day); !made) return Err{made.error()};
    Params params;
    params.add(std::int64_t{membership_.node_id()}).add((*account)->value);
    params.add(replay.webhook.value).add(ids).add(first_id).add(replay.now).add(replay.first_due);
    params.add(std::int64_t{replay.spacing.count()}).add(std::int64_t{replay.is_ordered});
    auto replayed = connection.query(
        "SELECT skyhook.replay($1::int, $2, $3, $4, $5, $6, $7, $8, $9 = 1)", params);
    if (!replayed) return Err{replayed.error()};
    return replayed->integer(0, 0);
  });
}

}  // namespace skyhook::store::postgres
