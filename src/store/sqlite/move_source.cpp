#include "store/sqlite/move_source.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "store/sqlite/data_directory.h"
#include "store/sqlite/move_mark.h"
#include "store/sqlite/purger.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tenants.h"
#include "store/sqlite/write_session.h"

namespace skyhook::store::sqlite {
namespace {

constexpr std::string_view kEventColumns = "id, account_id, created_at, type, data, traceparent";
constexpr std::string_view kDeliveryColumns =
    "id, webhook_id, event_id, event_type, status, at, attempt_number, schedule_position, failure, "
    "is_test, created_at";
constexpr std::string_view kAttemptColumns =
    "key, number, started_at, duration_us, response_status, failure, response_truncated, "
    "error_detail, response_headers, response_body";
constexpr std::string_view kTotalColumns = "webhook_id, pending, delivered, failed";
constexpr std::string_view kRollupColumns =
    "webhook_id, minute, delivered, failed_attempts, failed, histogram";
constexpr std::string_view kKeyColumns =
    "account_id, key, request_hash, event_id, deliveries, created_at";
constexpr std::string_view kMarkColumns = "minute, first_id, last_id";

std::string select(std::string_view columns, const std::string& rest) {
  return "SELECT " + std::string(columns) + " FROM " + rest;
}

constexpr int kCacheKib = 32 * 1024;
constexpr int kCheckpointPages = 4'000;
constexpr std::int64_t kMinutesADay = 24 * 60;

// A roll-up's place in the order of the table. A minute has 25 bits until the year 2033 and 31
// until far beyond; a webhook's id as many as are left.
constexpr int kMinuteBits = 31;

std::size_t bytes_of(const Attempt& attempt) {
  return sizeof(Attempt) + attempt.error_detail.size() + attempt.response_headers.size() +
         attempt.response_body.size();
}

Attempt attempt_from(const Query& row) {
  Attempt attempt;
  attempt.number = row.small(1);
  attempt.started_at = row.time(2);
  attempt.duration = Micros{row.integer(3)};
  if (row.integer(4) != kNoResponse) attempt.response_status = row.small(4);
  attempt.failure = static_cast<FailureReason>(row.small(5));
  attempt.response_truncated = row.integer(6) != 0;
  attempt.error_detail = row.text(7);
  attempt.response_headers = row.text(8);
  attempt.response_body = row.text(9);
  return attempt;
}

MovedDelivery delivery_from(const Query& row) {
  MovedDelivery delivery;
  delivery.id = DeliveryId{row.integer(0)};
  delivery.webhook_id = WebhookId{row.integer(1)};
  delivery.event_id = EventId{row.integer(2)};
  delivery.event_type = row.text(3);
  delivery.status = static_cast<DeliveryStatus>(row.small(4));
  delivery.at = row.time(5);
  delivery.attempt_number = row.small(6);
  delivery.schedule_position = row.small(7);
  delivery.failure = static_cast<FailureReason>(row.small(8));
  delivery.is_test = row.integer(9) != 0;
  delivery.created_at = row.time(10);
  return delivery;
}

// What was created in one minute, by its ids.
struct IdMark {
  std::int64_t day;
  std::int64_t first_id;
  std::int64_t last_id;
};

// The days of `marks` (in order of first_id). A clock that went back does not begin a day anew, and
// one that went ahead of `today` does not count: rows stay as long as they should, or longer.
std::vector<MovedDay> days_of(const std::vector<IdMark>& marks, std::int64_t today) {
  std::vector<MovedDay> days;
  for (const IdMark& mark : marks) {
    const std::int64_t day = std::min(mark.day, today);
    // What is older than all marks waits from before retention: it stands before the first.
    if (days.empty()) {
      days.push_back({day, 0, 0, day});
    } else if (day > days.back().day && mark.first_id > days.back().first_id) {
      days.push_back({day, mark.first_id, mark.day, mark.day});
    }
  }
  if (days.empty()) days.push_back({today, 0, 0, today});
  if (days.size() > kMovedDaysLimit) {
    const auto kept = days.end() - static_cast<std::ptrdiff_t>(kMovedDaysLimit);
    kept->first_id = 0;
    kept->created_from = 0;
    days.erase(days.begin(), kept);
  }
  for (const IdMark& mark : marks) {
    for (std::size_t i = 0; i < days.size(); ++i) {
      const bool ends_before = i + 1 < days.size() && days[i + 1].first_id <= mark.first_id;
      if (ends_before || days[i].first_id > mark.last_id) continue;
      days[i].created_from = std::min(days[i].created_from, mark.day);
      days[i].created_to = std::max(days[i].created_to, mark.day);
    }
  }
  return days;
}

class SqliteMoveSource final : public MoveSource {
 public:
  SqliteMoveSource(DataDirectory directory, std::unique_ptr<Connection> connection)
      : directory_(std::move(directory)),
        connection_(std::move(connection)),
        session_(*connection_, kCheckpointPages, /*journal_rows=*/1) {}

  Result<std::optional<MoveMark>> mark() override {
    return run([&] { return read_move_mark(*connection_); });
  }
  Result<Done> set_mark(const MoveMark& mark) override {
    return run([&] {
      write_move_mark(*connection_, mark);
      return Done{};
    });
  }
  Result<Done> clear_mark() override {
    return run([&] {
      clear_move_mark(*connection_);
      return Done{};
    });
  }

  Result<Done> settle(Timestamp now) override {
    return run([&] {
      Purger purger;
      for (bool more = true; more;) {
        session_.begin();
        try {
          more = purger.step(session_, now, std::nullopt);
          session_.commit();
        } catch (...) {
          session_.rollback();
          throw;
        }
        session_.checkpoint_if_due();
      }
      if (const auto failed = session_.fold_if_due()) {
        throw SqliteError(SQLITE_IOERR, failed->detail);
      }
      load_accounts_of_webhooks();
      return Done{};
    });
  }

  Result<MoveCounts> counts() override {
    return run([&] {
      MoveCounts counts;
      counts.accounts = count("accounts");
      counts.webhooks = count("webhooks");
      counts.events = count("events");
      counts.waiting = count("deliveries WHERE status = 0");
      counts.failed = count("deliveries WHERE status = 2");
      counts.delivered = count("deliveries") - counts.waiting - counts.failed;
      counts.attempts = count("attempts");
      counts.totals = count("webhook_totals");
      counts.rollups = count("rollups");
      counts.keys = count("idempotency_keys");
      return counts;
    });
  }

  Result<MovedIds> ids() override {
    return run([&] {
      MovedIds ids;
      // SQLite's own table of what AUTOINCREMENT gave out.
      for (Query row(connection_->statement("SELECT name, seq FROM sqlite_sequence"));
           row.next();) {
        if (row.text(0) == "accounts") ids.highest_account = row.integer(1);
        if (row.text(0) == "webhooks") ids.highest_webhook = row.integer(1);
      }
      ids.ceiling = session_.id_ceiling();
      return ids;
    });
  }

  Result<std::vector<MovedDay>> days(Timestamp now) override {
    return run([&] {
      std::vector<IdMark> marks;
      std::int64_t newest_day = -1;
      for (Query row(connection_->statement(select(kMarkColumns, "id_marks ORDER BY first_id")));
           row.next();) {
        IdMark mark{row.integer(0) / kMinutesADay, row.integer(1), row.integer(2)};
        // A day begins with the event of its first delivery, so that they are not parted.
        if (mark.day > newest_day) mark.first_id = event_of(mark.first_id);
        newest_day = std::max(newest_day, mark.day);
        marks.push_back(mark);
      }
      return days_of(marks, minute_of(now) / kMinutesADay);
    });
  }

  Result<MovePage<Account>> accounts(std::int64_t after) override {
    return run([&] {
      MovePage<Account> page{load_accounts(*connection_, AccountId{after}, kMovePageRows), after};
      if (!page.rows.empty()) page.last = page.rows.back().id.value;
      return page;
    });
  }
  Result<MovePage<Webhook>> webhooks(std::int64_t after) override {
    return run([&] {
      MovePage<Webhook> page{load_webhooks(*connection_, WebhookId{after}, kMovePageRows), after};
      if (!page.rows.empty()) page.last = page.rows.back().id.value;
      return page;
    });
  }

  Result<MovePage<Event>> events(std::int64_t after) override {
    static const std::string sql = select(kEventColumns, "events WHERE id > ?1 ORDER BY id");
    return run([&] {
      MovePage<Event> page{{}, after};
      std::size_t bytes = 0;
      for (Query row(connection_->statement(sql), after); fits(page, bytes) && row.next();) {
        page.rows.push_back({EventId{row.integer(0)}, AccountId{row.integer(1)}, row.text(3),
                             row.text(4), row.time(2), row.text(5)});
        page.last = row.integer(0);
        bytes += sizeof(Event) + page.rows.back().data.size();
      }
      return page;
    });
  }

  Result<MovePage<MovedDelivery>> deliveries(std::int64_t after) override {
    static const std::string sql = select(kDeliveryColumns, "deliveries WHERE id > ?1 ORDER BY id");
    static const std::string attempts_sql =
        select(kAttemptColumns, "attempts WHERE key >= ?1 ORDER BY key");
    return run([&] {
      MovePage<MovedDelivery> page{{}, after};
      std::size_t bytes = 0;
      // Both tables are in the order of the delivery's id: one pass over each.
      Query attempt(connection_->statement(attempts_sql), attempt_key(after + 1, 0));
      bool has_attempt = attempt.next();
      for (Query row(connection_->statement(sql), after); fits(page, bytes) && row.next();) {
        MovedDelivery delivery = delivery_from(row);
        delivery.account_id = account_of(delivery.webhook_id);
        const std::int64_t first = attempt_key(delivery.id.value, 0);
        const std::int64_t last = attempt_key(delivery.id.value, kAttemptsKept);
        for (; has_attempt && attempt.integer(0) <= last; has_attempt = attempt.next()) {
          if (attempt.integer(0) < first) missing("the delivery of an attempt");
          delivery.attempts.push_back(attempt_from(attempt));
          bytes += bytes_of(delivery.attempts.back());
        }
        page.last = delivery.id.value;
        bytes += sizeof(MovedDelivery);
        page.rows.push_back(std::move(delivery));
      }
      return page;
    });
  }

  Result<MovePage<MovedTotals>> totals(std::int64_t after) override {
    static const std::string sql =
        select(kTotalColumns, "webhook_totals WHERE webhook_id > ?1 ORDER BY webhook_id");
    return run([&] {
      MovePage<MovedTotals> page{{}, after};
      for (Query row(connection_->statement(sql), after); fits(page, 0) && row.next();) {
        const WebhookId webhook{row.integer(0)};
        page.rows.push_back(
            {account_of(webhook), webhook, {row.integer(1), row.integer(2), row.integer(3)}});
        page.last = webhook.value;
      }
      return page;
    });
  }

  Result<MovePage<MovedRollup>> rollups(std::int64_t after) override {
    static const std::string sql =
        select(kRollupColumns,
               "rollups WHERE (webhook_id, minute) > (?1, ?2) ORDER BY webhook_id, minute");
    return run([&] {
      MovePage<MovedRollup> page{{}, after};
      std::size_t bytes = 0;
      const std::int64_t minute = after & ((std::int64_t{1} << kMinuteBits) - 1);
      // 0: from the beginning, where those of accounts stand, whose numbers are negative.
      const std::int64_t owner =
          after == 0 ? std::numeric_limits<std::int64_t>::min() : after >> kMinuteBits;
      for (Query row(connection_->statement(sql), owner, minute);
           fits(page, bytes) && row.next();) {
        const auto histogram = Histogram::decode(row.bytes(5));
        if (!histogram) throw SqliteError(SQLITE_CORRUPT, "a stored histogram cannot be read");
        const bool of_account = row.integer(0) < 0;
        const WebhookId webhook{of_account ? 0 : row.integer(0)};
        const AccountId account = of_account ? AccountId{-row.integer(0)} : account_of(webhook);
        page.rows.push_back({account, webhook, row.integer(1), row.integer(2), row.integer(3),
                             row.integer(4), histogram->counts()});
        page.last = row.integer(0) << kMinuteBits | row.integer(1);
        bytes += sizeof(MovedRollup) + 16 * histogram->counts().size();
      }
      return page;
    });
  }

  Result<MovePage<MovedKey>> keys(std::int64_t after) override {
    // The place in the order is the number of the row: nothing is added while a move is under way.
    static const std::string sql =
        select(kKeyColumns, "idempotency_keys ORDER BY account_id, key LIMIT -1 OFFSET ?1");
    return run([&] {
      MovePage<MovedKey> page{{}, after};
      for (Query row(connection_->statement(sql), after); fits(page, 0) && row.next();) {
        MovedKey key;
        key.account_id = AccountId{row.integer(0)};
        key.key.key = row.text(1);
        const std::string_view hash = row.bytes(2);
        if (hash.size() != key.key.request_hash.size())
          throw SqliteError(SQLITE_CORRUPT, "a stored hash cannot be read");
        std::copy(hash.begin(), hash.end(), key.key.request_hash.begin());
        key.event_id = EventId{row.integer(3)};
        key.deliveries = row.integer(4);
        key.created_at = row.time(5);
        page.rows.push_back(std::move(key));
        ++page.last;
      }
      return page;
    });
  }

 private:
  template <class Work>
  auto run(Work work) -> Result<decltype(work())> {
    try {
      return work();
    } catch (const SqliteError& error) {
      return Err{error.to_error()};
    }
  }

  template <class Row>
  static bool fits(const MovePage<Row>& page, std::size_t bytes) {
    return page.rows.size() < kMovePageRows && bytes < kMovePageBytes;
  }

  [[noreturn]] static void missing(const std::string& what) {
    throw SqliteError(SQLITE_CORRUPT, "the store is damaged: " + what + " is missing");
  }

  std::int64_t count(const std::string& rows) {
    Query row(connection_->statement("SELECT count(*) FROM " + rows));
    row.next();
    return row.integer(0);
  }

  // An id is taken for an event and the next ones for its deliveries: none with a lower id than the
  // answer has a delivery from `delivery` on.
  std::int64_t event_of(std::int64_t delivery) {
    Query row(connection_->statement(
                  "SELECT event_id FROM deliveries WHERE id >= ?1 ORDER BY id LIMIT 1"),
              delivery);
    return row.next() ? std::min(row.integer(0), delivery) : delivery;
  }

  void load_accounts_of_webhooks() {
    accounts_.clear();
    for (Query row(connection_->statement("SELECT id, account_id FROM webhooks")); row.next();) {
      accounts_.emplace(WebhookId{row.integer(0)}, AccountId{row.integer(1)});
    }
  }
  AccountId account_of(WebhookId webhook) const {
    const auto found = accounts_.find(webhook);
    if (found == accounts_.end()) missing("webhook " + std::to_string(webhook.value));
    return found->second;
  }

  DataDirectory directory_;
  std::unique_ptr<Connection> connection_;
  WriteSession session_;
  std::unordered_map<WebhookId, AccountId> accounts_;  // of webhooks; as of settle()
};

}  // namespace

const std::vector<MovedColumns>& moved_columns() {
  static const std::vector<MovedColumns> list{
      {"accounts", kAccountColumns}, {"webhooks", kWebhookColumns},
      {"events", kEventColumns},     {"deliveries", kDeliveryColumns},
      {"attempts", kAttemptColumns}, {"webhook_totals", kTotalColumns},
      {"rollups", kRollupColumns},   {"idempotency_keys", kKeyColumns},
      {"id_marks", kMarkColumns},
  };
  return list;
}

const std::vector<LeftColumns>& left_columns() {
  static const std::vector<LeftColumns> list{
      {"deliveries", "response_status", "the last attempt has it"},
      {"span_rollups", "", "the target makes its own of the rollups"},
      {"count_journal", "", "folded into webhook_totals and rollups before"},
      {"purges", "", "done before"},
      {"counters", "", "only the ids that were given out matter: MovedIds"},
      {"move_mark", "", "the source's own"},
  };
  return list;
}

Result<std::unique_ptr<MoveSource>> open_move_source(const std::string& data_dir) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::path(data_dir) / "skyhook.db", ignored)) {
    return Err{Error{Error::Kind::unavailable,
                     data_dir + " holds no data of Skyhook (there is no skyhook.db in it)"}};
  }
  Result<DataDirectory> directory = DataDirectory::open(data_dir);
  if (!directory) return Err{directory.error()};
  try {
    auto connection =
        open_for_writing({.path = directory->database_path(), .cache_kib = kCacheKib});
    return std::unique_ptr<MoveSource>(
        std::make_unique<SqliteMoveSource>(std::move(*directory), std::move(connection)));
  } catch (const SqliteError& error) {
    Error failure = error.to_error();
    failure.detail = "cannot open " + data_dir + ": " + failure.detail;
    return Err{std::move(failure)};
  }
}

}  // namespace skyhook::store::sqlite
