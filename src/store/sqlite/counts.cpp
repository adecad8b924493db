#include "store/sqlite/counts.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "store/rollup_ranges.h"

namespace skyhook::store::sqlite {
namespace {

// Of the spans that are kept. The steps of the dashboard's charts of a day, a week and a month are
// made of whole ones.
constexpr std::array<std::int64_t, 2> kSpanMinutes{240, 30};

// Integers of a journal row: LEB128, signed ones folded to unsigned first.
void put(std::string& into, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) into.push_back(static_cast<char>((value & 0x7f) | 0x80));
  into.push_back(static_cast<char>(value));
}
void put_signed(std::string& into, std::int64_t value) {
  put(into, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

[[noreturn]] void refuse() {
  throw SqliteError(SQLITE_CORRUPT, "a row of the journal of counts cannot be read");
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) refuse();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    refuse();
  }
  std::int64_t signed_number() {
    const std::uint64_t folded = number();
    return static_cast<std::int64_t>(folded >> 1) ^ -static_cast<std::int64_t>(folded & 1);
  }
  std::string_view bytes() {
    const std::uint64_t size = number();
    if (size > rest_.size()) refuse();
    const std::string_view found = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(found.size());
    return found;
  }

 private:
  std::string_view rest_;
};

Histogram decode_histogram(std::string_view stored) {
  std::optional<Histogram> histogram = Histogram::decode(stored);
  if (!histogram) throw SqliteError(SQLITE_CORRUPT, "a stored histogram cannot be read");
  return std::move(*histogram);
}

void add(DeliveryTotals& totals, const DeliveryTotals& change) {
  totals.pending += change.pending;
  totals.delivered += change.delivered;
  totals.failed += change.failed;
}

bool is_zero(const DeliveryTotals& totals) {
  return totals.pending == 0 && totals.delivered == 0 && totals.failed == 0;
}

Blob blob_of(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

// `visit(webhook, change)` for every change of totals in the journal.
template <class Visit>
void each_journalled_total(Connection& connection, Visit visit) {
  for (Query row(connection.statement("SELECT totals FROM count_journal")); row.next();) {
    for (Reader reader(row.bytes(0)); !reader.done();) {
      const WebhookId webhook{reader.signed_number()};
      DeliveryTotals change;
      change.pending = reader.signed_number();
      change.delivered = reader.signed_number();
      change.failed = reader.signed_number();
      visit(webhook, change);
    }
  }
}

// `visit(key, rollup without durations, its histogram as stored)` for every roll-up in it.
template <class Visit>
void each_journalled_rollup(Connection& connection, Visit visit) {
  for (Query row(connection.statement("SELECT rollups FROM count_journal")); row.next();) {
    for (Reader reader(row.bytes(0)); !reader.done();) {
      RollupKey key{};
      key.owner = reader.signed_number();
      key.minute = reader.signed_number();
      Rollup rollup;
      rollup.delivered = reader.signed_number();
      rollup.failed_attempts = reader.signed_number();
      rollup.failed = reader.signed_number();
      visit(key, rollup, reader.bytes());
    }
  }
}

void fold_totals(Connection& connection) {
  // In the order of the table: neighbours share a page.
  std::map<WebhookId, DeliveryTotals> changes;
  each_journalled_total(connection, [&](WebhookId webhook, const DeliveryTotals& change) {
    add(changes[webhook], change);
  });
  Statement& update = connection.statement(
      "UPDATE webhook_totals SET pending = pending + ?2, delivered = delivered + ?3, "
      "failed = failed + ?4 WHERE webhook_id = ?1");
  for (const auto& [webhook, change] : changes) {
    if (is_zero(change)) continue;
    update.run(webhook.value, change.pending, change.delivered, change.failed);
  }
}

// The statements on roll-ups of one length in minutes: those of 1 have a table of their own.
struct RollupLevel {
  explicit RollupLevel(std::int64_t minutes) : length(minutes) {
    const bool is_minute = minutes == 1;
    const std::string table = is_minute ? "rollups" : "span_rollups";
    const std::string number = std::to_string(minutes);
    const std::string of_webhook =
        "WHERE webhook_id = ?1 AND " + (is_minute ? "" : "length = " + number + " AND ");
    insert = "INSERT INTO " + table + " VALUES (?1, " + (is_minute ? "" : number + ", ") +
             "?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    histogram = "SELECT histogram FROM " + table + " " + of_webhook + "minute = ?2";
    update = "UPDATE " + table +
             " SET delivered = delivered + ?3, failed_attempts = failed_attempts + ?4, "
             "failed = failed + ?5, histogram = ?6 " +
             of_webhook + "minute = ?2";
    read = "SELECT minute, delivered, failed_attempts, failed, histogram FROM " + table + " " +
           of_webhook + "minute >= ?2 AND minute < ?3";
    remove = "DELETE FROM " + table + " " + of_webhook + "minute IN (SELECT minute FROM " + table +
             " " + of_webhook + "minute < ?2 LIMIT ?3)";
  }
  std::int64_t length;
  std::string insert, histogram, update, read, remove;
};

const std::vector<RollupLevel>& levels() {
  static const std::vector<RollupLevel> all = [] {
    std::vector<RollupLevel> made{RollupLevel(1)};
    for (const std::int64_t length : kSpanMinutes) made.emplace_back(length);
    return made;
  }();
  return all;
}

const RollupLevel& level_of(std::int64_t length) {
  return *std::ranges::find(levels(), length, &RollupLevel::length);
}

void fold_rollup(Connection& connection, const RollupLevel& level, const RollupKey& key,
                 Rollup& rollup) {
  const std::string fresh = rollup.durations.encode();
  // Mostly the minute's first: one search of the tree.
  if (connection.statement(level.insert)
          .run(key.owner, key.minute, rollup.delivered, rollup.failed_attempts, rollup.failed,
               blob_of(fresh)) == 1) {
    return;
  }
  {
    Query row(connection.statement(level.histogram), key.owner, key.minute);
    if (row.next()) rollup.durations.merge(decode_histogram(row.bytes(0)));
  }
  const std::string merged = rollup.durations.encode();
  connection.statement(level.update)
      .run(key.owner, key.minute, rollup.delivered, rollup.failed_attempts, rollup.failed,
           blob_of(merged));
}

void fold_rollups(Connection& connection) {
  std::map<RollupKey, Rollup> changes;
  each_journalled_rollup(connection,
                         [&](const RollupKey& key, Rollup& rollup, std::string_view histogram) {
                           rollup.durations = decode_histogram(histogram);
                           changes[key].add(rollup);
                         });
  for (const RollupLevel& level : levels()) {
    std::map<RollupKey, Rollup> of_level;
    for (const auto& [key, rollup] : changes) {
      of_level[{key.owner, span_start(key.minute, level.length)}].add(rollup);
    }
    for (auto& [key, rollup] : of_level) fold_rollup(connection, level, key, rollup);
  }
}

std::int64_t spans_from(Connection& connection) {
  Query row(connection.statement("SELECT value FROM counters WHERE name = 'spans_from'"));
  return row.next() ? row.integer(0) : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

void Rollup::add(const Rollup& other) {
  delivered += other.delivered;
  failed_attempts += other.failed_attempts;
  failed += other.failed;
  durations.merge(other.durations);
}

std::int64_t append_to_journal(Connection& connection, const CountChanges& changes) {
  std::int64_t count = 0;
  std::string totals;
  for (const auto& [webhook, change] : changes.totals) {
    if (is_zero(change)) continue;
    put_signed(totals, webhook.value);
    put_signed(totals, change.pending);
    put_signed(totals, change.delivered);
    put_signed(totals, change.failed);
    ++count;
  }
  std::string rollups;
  for (const auto& [key, rollup] : changes.rollups) {
    if (rollup.empty()) continue;
    put_signed(rollups, key.owner);
    put_signed(rollups, key.minute);
    put_signed(rollups, rollup.delivered);
    put_signed(rollups, rollup.failed_attempts);
    put_signed(rollups, rollup.failed);
    const std::string histogram = rollup.durations.encode();
    put(rollups, histogram.size());
    rollups += histogram;
    ++count;
  }
  if (count == 0) return 0;
  connection.statement("INSERT INTO count_journal (totals, rollups) VALUES (?1, ?2)")
      .run(blob_of(totals), blob_of(rollups));
  return count;
}

void fold_journal(Connection& connection) {
  fold_totals(connection);
  fold_rollups(connection);
  connection.statement("DELETE FROM count_journal").run();
}

std::int64_t delete_rollups(Connection& connection, std::int64_t owner, std::int64_t before,
                            std::int64_t limit) {
  std::int64_t removed = 0;
  for (const RollupLevel& level : levels()) {
    if (removed >= limit) break;
    removed +=
        connection.statement(level.remove).run(owner, before - (level.length - 1), limit - removed);
  }
  return removed;
}

std::int64_t journal_rows(Connection& connection) {
  Query row(connection.statement("SELECT count(*) FROM count_journal"));
  row.next();
  return row.integer(0);
}

std::vector<DeliveryTotals> read_totals(Connection& connection,
                                        const std::vector<WebhookId>& webhooks) {
  std::unordered_map<WebhookId, DeliveryTotals> found;
  for (const WebhookId webhook : webhooks) {
    Query row(connection.statement(
                  "SELECT pending, delivered, failed FROM webhook_totals WHERE webhook_id = ?1"),
              webhook.value);
    if (row.next()) found[webhook] = {row.integer(0), row.integer(1), row.integer(2)};
  }
  each_journalled_total(connection, [&](WebhookId webhook, const DeliveryTotals& change) {
    if (const auto place = found.find(webhook); place != found.end()) add(place->second, change);
  });
  std::vector<DeliveryTotals> ordered;
  ordered.reserve(webhooks.size());
  for (const WebhookId webhook : webhooks) {
    const auto place = found.find(webhook);
    ordered.push_back(place != found.end() ? place->second : DeliveryTotals{});
  }
  return ordered;
}

DeliveryTotals read_totals(Connection& connection, WebhookId webhook) {
  return read_totals(connection, std::vector<WebhookId>{webhook}).front();
}

DeliveryTotals read_totals_of_all(Connection& connection) {
  DeliveryTotals all;
  {
    Query row(connection.statement(
        "SELECT total(pending), total(delivered), total(failed) FROM webhook_totals"));
    row.next();
    all = {row.integer(0), row.integer(1), row.integer(2)};
  }
  each_journalled_total(connection,
                        [&](WebhookId, const DeliveryTotals& change) { add(all, change); });
  return all;
}

std::vector<WebhookId> read_webhooks_with_pending(Connection& connection) {
  std::map<WebhookId, std::int64_t> pending;
  for (Query row(connection.statement(
           "SELECT webhook_id, pending FROM webhook_totals WHERE pending > 0"));
       row.next();) {
    pending[WebhookId{row.integer(0)}] = row.integer(1);
  }
  each_journalled_total(connection, [&](WebhookId webhook, const DeliveryTotals& change) {
    pending[webhook] += change.pending;
  });
  std::vector<WebhookId> found;
  for (const auto& [webhook, count] : pending) {
    if (count > 0) found.push_back(webhook);
  }
  return found;
}

namespace {

std::vector<StatsStep> read_rollups(Connection& connection, const std::vector<std::int64_t>& owners,
                                    Timestamp from, Timestamp until, Seconds step) {
  const std::int64_t first = minute_of(from);
  const std::int64_t end =
      std::chrono::ceil<std::chrono::minutes>(until).time_since_epoch().count();
  const std::int64_t minutes_a_step = std::max<std::int64_t>(1, step.count() / 60);
  std::vector<StatsStep> steps;
  for (std::int64_t minute = first; minute < end; minute += minutes_a_step) {
    steps.push_back({.start = Timestamp{std::chrono::minutes{minute}}});
  }
  std::vector<Histogram> durations(steps.size());
  const auto count = [&](std::int64_t minute, const Rollup& rollup, std::string_view histogram) {
    const auto index = static_cast<std::size_t>((minute - first) / minutes_a_step);
    steps[index].delivered += rollup.delivered;
    steps[index].failed_attempts += rollup.failed_attempts;
    steps[index].failed += rollup.failed;
    durations[index].merge(decode_histogram(histogram));
  };
  for (const RollupRange& range :
       rollup_ranges(first, end, minutes_a_step, spans_from(connection), kSpanMinutes)) {
    Statement& read = connection.statement(level_of(range.length).read);
    for (const std::int64_t owner : owners) {
      for (Query row(read, owner, range.from, range.until); row.next();) {
        count(row.integer(0), {row.integer(1), row.integer(2), row.integer(3), {}}, row.bytes(4));
      }
    }
  }
  const std::unordered_set<std::int64_t> wanted(owners.begin(), owners.end());
  each_journalled_rollup(
      connection, [&](const RollupKey& key, const Rollup& rollup, std::string_view histogram) {
        if (key.minute < first || key.minute >= end) return;
        if (wanted.contains(key.owner)) count(key.minute, rollup, histogram);
      });
  for (std::size_t index = 0; index < steps.size(); ++index) {
    steps[index].duration_p50_ms = durations[index].quantile_ms(0.50);
    steps[index].duration_p95_ms = durations[index].quantile_ms(0.95);
  }
  return steps;
}

template <class Id>
std::vector<std::int64_t> owners_of(const std::vector<Id>& ids) {
  std::vector<std::int64_t> owners;
  owners.reserve(ids.size());
  for (const Id id : ids) owners.push_back(rollup_owner(id));
  return owners;
}

}  // namespace

std::vector<StatsStep> read_stats(Connection& connection, const std::vector<WebhookId>& webhooks,
                                  Timestamp from, Timestamp until, Seconds step) {
  return read_rollups(connection, owners_of(webhooks), from, until, step);
}

std::vector<AccountStep> read_account_stats(Connection& connection,
                                            const std::vector<AccountId>& accounts, Timestamp from,
                                            Timestamp until, Seconds step) {
  std::vector<AccountStep> steps;
  for (const StatsStep& one : read_rollups(connection, owners_of(accounts), from, until, step)) {
    steps.push_back(
        {one.delivered, one.failed_attempts, one.failed, one.duration_p50_ms, one.duration_p95_ms});
  }
  return steps;
}

}  // namespace skyhook::store::sqlite
