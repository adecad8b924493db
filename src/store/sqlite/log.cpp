#include "store/sqlite/log.h"

#include <algorithm>
#include <limits>
#include <string>

namespace skyhook::store::sqlite {
namespace {

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

#define SKYHOOK_ENTRY_COLUMNS                                                                    \
  "id, webhook_id, event_id, event_type, status, at, attempt_number, response_status, failure, " \
  "created_at"

std::optional<int> stored_response(std::int64_t status) {
  if (status == kNoResponse) return std::nullopt;
  return static_cast<int>(status);
}

DeliveryEntry entry_of(const Query& row) {
  DeliveryEntry entry;
  entry.id = DeliveryId{row.integer(0)};
  entry.webhook_id = WebhookId{row.integer(1)};
  entry.event_id = EventId{row.integer(2)};
  entry.event_type = row.text(3);
  entry.status = static_cast<DeliveryStatus>(row.small(4));
  if (entry.status == DeliveryStatus::pending) entry.next_attempt_at = row.time(5);
  if (entry.status == DeliveryStatus::delivered) entry.delivered_at = row.time(5);
  entry.attempt_number = row.small(6);
  entry.response_status = stored_response(row.integer(7));
  entry.failure = static_cast<FailureReason>(row.small(8));
  entry.created_at = row.time(9);
  return entry;
}

EventPtr read_event(Connection& connection, EventId id) {
  Query row(connection.statement(
                "SELECT account_id, type, data, created_at, traceparent FROM events WHERE id = ?1"),
            id.value);
  if (!row.next()) return nullptr;
  return std::make_shared<const Event>(
      Event{id, AccountId{row.integer(0)}, row.text(1), row.text(2), row.time(3), row.text(4)});
}

WaitingDelivery read_waiting_delivery(Connection& connection, DeliveryId id) {
  Query row(connection.statement(
                "SELECT webhook_id, deliveries.created_at, at, attempt_number, schedule_position, "
                "is_test, event_id, account_id, type, data, events.created_at, traceparent "
                "FROM deliveries JOIN events ON events.id = event_id WHERE deliveries.id = ?1"),
            id.value);
  if (!row.next()) throw SqliteError(SQLITE_CORRUPT, "a pending delivery without its event");
  return {.id = id,
          .webhook_id = WebhookId{row.integer(0)},
          .event = std::make_shared<const Event>(Event{.id = EventId{row.integer(6)},
                                                       .account_id = AccountId{row.integer(7)},
                                                       .type = row.text(8),
                                                       .data = row.text(9),
                                                       .created_at = row.time(10),
                                                       .traceparent = row.text(11)}),
          .created_at = row.time(1),
          .due_at = row.time(2),
          .attempts_made = row.small(3),
          .schedule_position = row.small(4),
          .is_test = row.small(5) != 0};
}

bool webhook_exists(Connection& connection, WebhookId id) {
  Query row(connection.statement("SELECT 1 FROM webhooks WHERE id = ?1"), id.value);
  return row.next();
}

// Ids, both ends included; empty where first > last.
struct IdRange {
  std::int64_t first = 0;
  std::int64_t last = kHighest;
};

// Every event and delivery created in [from, until) has its id in the answer. Others may have too.
IdRange ids_created(Connection& connection, std::optional<Timestamp> from,
                    std::optional<Timestamp> until) {
  if (!from && !until) return {};
  const std::int64_t first_minute =
      from ? minute_of(*from) : std::numeric_limits<std::int64_t>::min();
  const std::int64_t last_minute = until ? minute_of(*until) : kHighest;
  Query row(connection.statement(
                "SELECT min(first_id), max(last_id) FROM id_marks WHERE minute BETWEEN ?1 AND ?2"),
            first_minute, last_minute);
  row.next();
  if (row.is_null(0)) return {1, 0};
  return {row.integer(0), row.integer(1)};
}

// Raises range.first so that no more than kSearchRows rows of the webhook lie in the range. True
// where it cut some off.
bool bound_search(Connection& connection, WebhookId webhook, IdRange& range) {
  Query row(
      connection.statement(
          "SELECT id FROM deliveries INDEXED BY deliveries_by_webhook "
          "WHERE webhook_id = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT 1 OFFSET ?4"),
      webhook.value, range.first, range.last, kSearchRows - 1);
  if (!row.next()) return false;
  const bool cut = row.integer(0) > range.first;
  range.first = row.integer(0);
  return cut;
}

// The part of a query that all filters share: ?1 webhook, ?2 and ?3 ids, ?4 event type, ?5 and ?6
// creation.
std::string matching(const DeliveryFilter& filter) {
  std::string sql = "FROM deliveries INDEXED BY ";
  if (filter.status == DeliveryStatus::pending) {
    sql += "deliveries_waiting WHERE status = 0";
  } else if (filter.status == DeliveryStatus::failed) {
    sql += "deliveries_failed WHERE status = 2";
  } else if (filter.status == DeliveryStatus::delivered) {
    sql += "deliveries_by_webhook WHERE status = 1";
  } else {
    sql += "deliveries_by_webhook WHERE 1";
  }
  sql += " AND webhook_id = ?1 AND id BETWEEN ?2 AND ?3";
  if (filter.event_type) sql += " AND event_type = ?4";
  if (filter.from) sql += " AND created_at >= ?5";
  if (filter.until) sql += " AND created_at < ?6";
  return sql;
}

// What ?4 is: any text where the filter names no type.
std::string_view event_type_of(const DeliveryFilter& filter) {
  return filter.event_type ? std::string_view(*filter.event_type) : std::string_view();
}

std::vector<DeliveryEntry> read_entries(Connection& connection, WebhookId webhook,
                                        const DeliveryFilter& filter, IdRange range,
                                        std::int64_t limit, std::int64_t offset) {
  const std::string sql = "SELECT " SKYHOOK_ENTRY_COLUMNS " " + matching(filter) +
                          " ORDER BY id DESC LIMIT ?7 OFFSET ?8";
  std::vector<DeliveryEntry> entries;
  for (Query row(connection.statement(sql), webhook.value, range.first, range.last,
                 event_type_of(filter), filter.from.value_or(Timestamp{}),
                 filter.until.value_or(Timestamp{}), limit, offset);
       row.next();) {
    entries.push_back(entry_of(row));
  }
  return entries;
}

std::int64_t count_entries(Connection& connection, WebhookId webhook, const DeliveryFilter& filter,
                           IdRange range) {
  // "AND ?7" is true: it gives the statement as many parameters as are bound.
  const std::string sql = "SELECT count(*) " + matching(filter) + " AND ?7";
  Query row(connection.statement(sql), webhook.value, range.first, range.last,
            event_type_of(filter), filter.from.value_or(Timestamp{}),
            filter.until.value_or(Timestamp{}), 1);
  row.next();
  return row.integer(0);
}

bool by_status_only(const DeliveryFilter& filter) {
  return !filter.event_type && !filter.from && !filter.until;
}

std::int64_t total_of(const DeliveryTotals& totals, std::optional<DeliveryStatus> status) {
  if (!status) return totals.all();
  switch (*status) {
    case DeliveryStatus::pending:
      return totals.pending;
    case DeliveryStatus::delivered:
      return totals.delivered;
    case DeliveryStatus::failed:
      return totals.failed;
  }
  return 0;
}

// The waiting index is in order of due time, so its rows must be sorted; where there are many, the
// newest rows of the log mostly are the ones that are wanted, and reading those is quicker.
std::vector<DeliveryEntry> read_pending(Connection& connection, WebhookId webhook, IdRange range,
                                        std::int64_t expected, std::int64_t limit,
                                        std::int64_t offset) {
  if (expected > kPendingScanRows) {
    std::vector<DeliveryEntry> entries;
    for (Query row(
             connection.statement(
                 "SELECT * FROM (SELECT " SKYHOOK_ENTRY_COLUMNS
                 " FROM deliveries INDEXED BY deliveries_by_webhook WHERE webhook_id = ?1 AND id "
                 "BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?4) WHERE status = 0 LIMIT ?5 OFFSET "
                 "?6"),
             webhook.value, range.first, range.last, kPendingScanRows, limit, offset);
         row.next();) {
      entries.push_back(entry_of(row));
    }
    if (static_cast<std::int64_t>(entries.size()) == limit) return entries;
  }
  DeliveryFilter pending;
  pending.status = DeliveryStatus::pending;
  return read_entries(connection, webhook, pending, range, limit, offset);
}

}  // namespace

namespace {

// As long as the page has room: in their order, without `except`.
class PageOfWaiting {
 public:
  PageOfWaiting(Connection& connection, const std::vector<DeliveryId>& except, int limit)
      : connection_(connection),
        except_(except),
        limit_(static_cast<std::size_t>(std::max(limit, 0))) {}

  // False where there is no room for it any more.
  bool add(DeliveryId id) {
    if (std::binary_search(except_.begin(), except_.end(), id)) return true;
    if (page.deliveries.size() >= limit_ || bytes_ >= kWaitingPageBytes) {
      page.more = true;
      return false;
    }
    page.deliveries.push_back(read_waiting_delivery(connection_, id));
    bytes_ += page.deliveries.back().event->data.size();
    return true;
  }

  WaitingPage page;

 private:
  Connection& connection_;
  const std::vector<DeliveryId>& except_;
  const std::size_t limit_;
  std::size_t bytes_ = 0;
};

}  // namespace

WaitingPage read_waiting(Connection& connection, WebhookId webhook, Timestamp now,
                         const std::vector<DeliveryId>& except, int limit) {
  if (!webhook_exists(connection, webhook)) return {};
  PageOfWaiting due_now(connection, except, limit);
  // The index alone, so that passing over one of `except` does not touch its row.
  for (Query due(connection.statement("SELECT id FROM deliveries INDEXED BY deliveries_waiting "
                                      "WHERE webhook_id = ?1 AND status = 0 AND at <= ?2 "
                                      "ORDER BY at, id"),
                 webhook.value, now);
       due.next();) {
    if (!due_now.add(DeliveryId{due.integer(0)})) break;
  }
  WaitingPage& page = due_now.page;
  Query next(
      connection.statement("SELECT at FROM deliveries INDEXED BY deliveries_waiting "
                           "WHERE webhook_id = ?1 AND status = 0 AND at > ?2 ORDER BY at LIMIT 1"),
      webhook.value, now);
  if (next.next()) page.next_due_at = next.time(0);
  return std::move(page);
}

// Ids ascend in the order of acceptance. The index is in order of due time, which a retry changes:
// so what waits is sorted, as far as a page may need it.
WaitingPage read_waiting_in_order(Connection& connection, WebhookId webhook, Timestamp now,
                                  const std::vector<DeliveryId>& except, int limit) {
  if (!webhook_exists(connection, webhook)) return {};
  PageOfWaiting in_order(connection, except, limit);
  const auto wanted = static_cast<std::int64_t>(std::max(limit, 0)) + 1;
  for (Query next(
           connection.statement("SELECT id, at FROM deliveries INDEXED BY deliveries_waiting "
                                "WHERE webhook_id = ?1 AND status = 0 ORDER BY id LIMIT ?2"),
           webhook.value, wanted + static_cast<std::int64_t>(except.size()));
       next.next();) {
    const DeliveryId id{next.integer(0)};
    const bool is_held = std::binary_search(except.begin(), except.end(), id);
    if (!is_held && next.time(1) > now) {
      in_order.page.next_due_at = next.time(1);
      break;
    }
    if (!in_order.add(id)) break;
  }
  return std::move(in_order.page);
}

DeliveryPage read_page(Connection& connection, WebhookId webhook, const DeliveryFilter& filter,
                       std::int64_t page, int per_page) {
  DeliveryPage result;
  if (!webhook_exists(connection, webhook)) return result;
  // A page number so high that its offset would overflow is past the end like any other.
  const std::int64_t offset = page > kHighest / per_page ? kHighest : (page - 1) * per_page;
  IdRange range = ids_created(connection, filter.from, filter.until);
  if (by_status_only(filter)) {
    result.total = total_of(read_totals(connection, webhook), filter.status);
    if (offset >= result.total) return result;
    result.entries = filter.status == DeliveryStatus::pending
                         ? read_pending(connection, webhook, range, result.total, per_page, offset)
                         : read_entries(connection, webhook, filter, range, per_page, offset);
    return result;
  }
  const bool cut = bound_search(connection, webhook, range);
  result.total = count_entries(connection, webhook, filter, range);
  if (offset < result.total)
    result.entries = read_entries(connection, webhook, filter, range, per_page, offset);
  if (cut) result.searched_to = DeliveryId{range.first};
  return result;
}

DeliveryPage read_before(Connection& connection, WebhookId webhook, const DeliveryFilter& filter,
                         DeliveryId before, int limit) {
  DeliveryPage result;
  if (!webhook_exists(connection, webhook)) return result;
  IdRange range = ids_created(connection, filter.from, filter.until);
  range.last = std::min(range.last, before.value - 1);
  if (by_status_only(filter) && filter.status == DeliveryStatus::pending) {
    const std::int64_t expected = read_totals(connection, webhook).pending;
    result.entries = read_pending(connection, webhook, range, expected, limit, 0);
    return result;
  }
  const bool scans = !by_status_only(filter) || filter.status == DeliveryStatus::delivered;
  const bool cut = scans && bound_search(connection, webhook, range);
  result.entries = read_entries(connection, webhook, filter, range, limit, 0);
  if (cut && result.entries.size() < static_cast<std::size_t>(limit))
    result.searched_to = DeliveryId{range.first};
  return result;
}

std::optional<DeliveryDetail> read_delivery(Connection& connection, WebhookId webhook,
                                            DeliveryId id) {
  if (!webhook_exists(connection, webhook)) return std::nullopt;
  DeliveryDetail detail;
  {
    Query row(connection.statement("SELECT " SKYHOOK_ENTRY_COLUMNS
                                   " FROM deliveries WHERE id = ?1 AND webhook_id = ?2"),
              id.value, webhook.value);
    if (!row.next()) return std::nullopt;
    detail.entry = entry_of(row);
  }
  detail.event = read_event(connection, detail.entry.event_id);
  if (detail.event == nullptr)
    return std::nullopt;  // retention has removed the one and not yet the other
  for (Query row(
           connection.statement("SELECT number, started_at, duration_us, response_status, failure, "
                                "response_truncated, error_detail, response_headers, response_body "
                                "FROM attempts WHERE key BETWEEN ?1 AND ?2 ORDER BY key"),
           attempt_key(id.value, 0), attempt_key(id.value, kAttemptsKept));
       row.next();) {
    Attempt attempt;
    attempt.number = row.small(0);
    attempt.started_at = row.time(1);
    attempt.duration = Micros{row.integer(2)};
    attempt.response_status = stored_response(row.integer(3));
    attempt.failure = static_cast<FailureReason>(row.small(4));
    attempt.response_truncated = row.small(5) != 0;
    attempt.error_detail = row.text(6);
    attempt.response_headers = row.text(7);
    attempt.response_body = row.text(8);
    detail.attempts.push_back(std::move(attempt));
  }
  return detail;
}

// Without those whose event is gone: reopen_failed_chunk passes them over.
std::int64_t count_failed(Connection& connection, WebhookId webhook, Timestamp from,
                          Timestamp until) {
  if (!webhook_exists(connection, webhook)) return 0;
  const IdRange range = ids_created(connection, from, until);
  Query row(connection.statement(
                "SELECT count(*) FROM deliveries INDEXED BY deliveries_failed WHERE status = 2 AND "
                "webhook_id = ?1 AND id BETWEEN ?2 AND ?3 AND created_at >= ?4 AND created_at < ?5 "
                "AND EXISTS (SELECT 1 FROM events WHERE events.id = event_id)"),
            webhook.value, range.first, range.last, from, until);
  row.next();
  return row.integer(0);
}

EventPage read_events(Connection& connection, const EventSearch& search, int limit) {
  EventPage page;
  const IdRange range = ids_created(connection, search.from, search.until);
  if (search.after.value >= range.last) return page;
  std::int64_t looked_at = 0;
  std::size_t bytes = 0;
  // The data is read last and only where it is wanted: its overflow pages stay unread otherwise.
  for (Query row(connection.statement(
                     "SELECT id, account_id, created_at, type, "
                     "CASE WHEN ?3 AND account_id = ?4 AND created_at >= ?5 AND created_at < ?6 "
                     "THEN data ELSE '' END FROM events WHERE id BETWEEN ?1 AND ?2 ORDER BY id"),
                 std::max(search.after.value + 1, range.first), range.last, search.with_data,
                 search.account.value, search.from, search.until);
       row.next();) {
    const EventId id{row.integer(0)};
    const AccountId account{row.integer(1)};
    const Timestamp created_at = row.time(2);
    if (account == search.account && created_at >= search.from && created_at < search.until) {
      page.events.push_back(std::make_shared<const Event>(
          Event{id, account, row.text(3), row.text(4), created_at, {}}));
      bytes += page.events.back()->data.size();
    }
    if (++looked_at == kEventSearchRows || bytes >= kWaitingPageBytes ||
        page.events.size() == static_cast<std::size_t>(limit)) {
      page.searched_to = id;
      break;
    }
  }
  return page;
}

std::optional<Timestamp> oldest_waiting(Connection& connection) {
  // Rows of a webhook that was just deleted may still be at the front, until they are purged.
  Query row(connection.statement(
      "SELECT created_at FROM (SELECT webhook_id, created_at FROM deliveries INDEXED BY "
      "deliveries_pending WHERE status = 0 ORDER BY event_id LIMIT 10000) AS oldest "
      "WHERE EXISTS (SELECT 1 FROM webhooks WHERE id = oldest.webhook_id) LIMIT 1"));
  if (!row.next()) return std::nullopt;
  return row.time(0);
}

int fail_waiting(WriteSession& session, WebhookId webhook, FailureReason reason, Timestamp now,
                 int limit) {
  if (!session.webhook_exists(webhook)) return 0;
  Connection& connection = session.connection();
  std::vector<std::int64_t> ids;
  for (Query row(
           connection.statement("SELECT id FROM deliveries INDEXED BY deliveries_waiting "
                                "WHERE webhook_id = ?1 AND status = 0 ORDER BY at, id LIMIT ?2"),
           webhook.value, limit);
       row.next();) {
    ids.push_back(row.integer(0));
  }
  Statement& fail =
      connection.statement("UPDATE deliveries SET status = 2, at = ?2, failure = ?3 WHERE id = ?1");
  for (const std::int64_t id : ids) fail.run(id, now, static_cast<int>(reason));
  const auto failed = static_cast<std::int64_t>(ids.size());
  if (failed == 0) return 0;
  DeliveryTotals& totals = session.totals_change(webhook);
  totals.pending -= failed;
  totals.failed += failed;
  session.rollup(webhook, now).failed += failed;
  return static_cast<int>(failed);
}

std::optional<DeliveryEntry> reopen(WriteSession& session, WebhookId webhook, DeliveryId id,
                                    Timestamp due_at) {
  if (!session.webhook_exists(webhook)) return std::nullopt;
  Connection& connection = session.connection();
  std::optional<DeliveryEntry> entry;
  {
    Query row(connection.statement("SELECT " SKYHOOK_ENTRY_COLUMNS
                                   " FROM deliveries WHERE id = ?1 AND webhook_id = ?2 "
                                   "AND EXISTS (SELECT 1 FROM events WHERE events.id = event_id)"),
              id.value, webhook.value);
    if (!row.next()) return std::nullopt;
    entry = entry_of(row);
  }
  connection
      .statement("UPDATE deliveries SET status = 0, at = ?2, schedule_position = 0 WHERE id = ?1")
      .run(id.value, due_at);
  DeliveryTotals& totals = session.totals_change(webhook);
  if (entry->status == DeliveryStatus::delivered) totals.delivered -= 1;
  if (entry->status == DeliveryStatus::failed) totals.failed -= 1;
  if (entry->status != DeliveryStatus::pending) totals.pending += 1;
  entry->status = DeliveryStatus::pending;
  entry->delivered_at.reset();
  entry->next_attempt_at = due_at;
  return entry;
}

ReopenedChunk reopen_failed_chunk(WriteSession& session, WebhookId webhook, Timestamp from,
                                  Timestamp until, DeliveryId after, Timestamp first_due,
                                  Micros spacing, int limit) {
  ReopenedChunk chunk{0, after};
  if (!session.webhook_exists(webhook)) return chunk;
  Connection& connection = session.connection();
  const IdRange range = ids_created(connection, from, until);
  std::vector<std::int64_t> ids;
  for (Query row(
           connection.statement(
               "SELECT id FROM deliveries INDEXED BY deliveries_failed WHERE status = 2 AND "
               "webhook_id = ?1 AND id > ?2 AND id <= ?3 AND created_at >= ?4 AND created_at < ?5 "
               "AND EXISTS (SELECT 1 FROM events WHERE events.id = event_id) ORDER BY id LIMIT ?6"),
           webhook.value, std::max(after.value, range.first - 1), range.last, from, until, limit);
       row.next();) {
    ids.push_back(row.integer(0));
  }
  Statement& open_again = connection.statement(
      "UPDATE deliveries SET status = 0, at = ?2, schedule_position = 0 WHERE id = ?1");
  for (const std::int64_t id : ids) {
    open_again.run(id, first_due + chunk.reopened * spacing);
    ++chunk.reopened;
    chunk.last = DeliveryId{id};
  }
  DeliveryTotals& totals = session.totals_change(webhook);
  totals.failed -= chunk.reopened;
  totals.pending += chunk.reopened;
  return chunk;
}

std::int64_t replay(WriteSession& session, const Replay& replay,
                    const std::vector<EventPtr>& events, DeliveryId first_id) {
  if (!session.webhook_exists(replay.webhook)) return 0;
  Statement& find = session.connection().statement("SELECT 1 FROM events WHERE id = ?1");
  std::int64_t made = 0;
  for (const EventPtr& event : events) {
    if (Query found(find, event->id.value); !found.next()) continue;
    session.insert_delivery({.id = DeliveryId{first_id.value + made},
                             .webhook_id = replay.webhook,
                             .event = event,
                             .created_at = replay.now,
                             .due_at = replay.first_due + made * replay.spacing});
    ++made;
  }
  return made;
}

}  // namespace skyhook::store::sqlite
