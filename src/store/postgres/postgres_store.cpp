#include "store/postgres/postgres_store.h"

#include <pthread.h>

#include <algorithm>

#include "logging/log.h"
#include "store/postgres/node_store.h"
#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

// Take-over before the store is open takes no longer than this; the rest follows.
constexpr Millis kFirstTakeOver{1'500};
constexpr Millis kHouseStep{250};
constexpr std::size_t kParkBatch = 5'000;
constexpr int kDropAttempts = 5;
// Of a day that is to be dropped: some hundred thousand rows.
constexpr std::int64_t kBlocksAStep = 8'192;
constexpr std::int64_t kSpansAStep = 10'000;

}  // namespace

Result<std::unique_ptr<Store>> open(Options options) {
  auto store = std::make_unique<NodeStore>(std::move(options));
  if (auto started = store->start(); !started) return Err{started.error()};
  return std::unique_ptr<Store>(std::move(store));
}

NodeStore::NodeStore(Options options)
    : options_(std::move(options)),
      settings_{options_.database_url, options_.connect_timeout, options_.answer_timeout},
      membership_(options_, settings_, registry_, [this] { lease_lost(); }),
      pool_(settings_, options_.reader_connections) {}

NodeStore::~NodeStore() {
  {
    std::lock_guard lock(house_mutex_);
    stopping_ = true;
  }
  house_wake_.notify_all();
  if (house_thread_.joinable()) house_thread_.join();
  writers_.reset();
}

Result<Done> NodeStore::start() {
  {
    Connection::Settings patient = settings_;
    patient.answer_timeout = std::chrono::minutes{5};  // another node may be migrating
    auto connection = Connection::open(patient);
    if (!connection) return Err{to_store_error(connection.error())};
    if (auto done = migrate(**connection); !done) {
      Error error = to_store_error(done.error());
      if (done.error().is(kSchemaTooNew)) error.kind = Error::Kind::corrupt;
      return Err{std::move(error)};
    }
    Params known;
    known.texts({options_.event_types.begin(), options_.event_types.end()});
    auto told =
        (*connection)
            ->query("INSERT INTO skyhook.event_types SELECT unnest($1) ON CONFLICT DO NOTHING",
                    known);
    if (!told) return Err{to_store_error(told.error())};
    auto renumbered = (*connection)->query("SELECT skyhook.renumber_tallies()");
    if (!renumbered) return Err{to_store_error(renumbered.error())};
  }
  if (auto joined = membership_.join(); !joined) return Err{to_store_error(joined.error())};
  auto creation_ids = read(CreationIds::read);
  if (!creation_ids) return Err{creation_ids.error()};
  creation_ids_ = std::move(*creation_ids);
  writers_ = std::make_unique<Writers>(options_, settings_, membership_, registry_, deleted_,
                                       accounts_, detours_);
  auto ended =
      write([this](Connection& connection) { return membership_.end_dead_neighbours(connection); });
  if (!ended) return ended;
  const MonoTime until = std::chrono::steady_clock::now() + kFirstTakeOver;
  while (std::chrono::steady_clock::now() < until) {
    auto taken = write([this](Connection& connection) { return take_over_batch(connection); });
    if (!taken) return Err{taken.error()};
    if (taken->empty()) break;
  }
  const std::lock_guard lock(feed_mutex_);
  auto now = read([](Connection& connection) -> Answer<std::int64_t> {
    auto row = connection.query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
    if (!row) return Err{row.error()};
    return row->integer(0, 0);
  });
  if (!now) return Err{now.error()};
  feed_from_ = *now;
  feed_read_at_ = std::chrono::steady_clock::now();
  house_thread_ = std::thread([this] { keep_house(); });
  pthread_setname_np(house_thread_.native_handle(), "store-house");
  return Done{};
}

void NodeStore::publish(std::vector<NewEvent> events, PublishCallback done) {
  writers_->publish(std::move(events), std::move(done));
}

void NodeStore::record(std::vector<AttemptOutcome> outcomes, RecordCallback done) {
  writers_->record(std::move(outcomes), std::move(done));
}

void NodeStore::lease_lost() {
  registry_.clear();
}

Answer<std::vector<WebhookId>> NodeStore::take_over_batch(Connection& connection) {
  if (auto ended = connection.query("SELECT skyhook.expire_nodes()"); !ended) {
    // 55P03: a transaction of that node is still at work; next time.
    if (!ended.error().is("55P03")) return Err{ended.error()};
  }
  Params params;
  params.add(std::int64_t{membership_.node_id()});
  auto rows = connection.query("SELECT skyhook.take_over($1::int, 5000)", params);
  if (!rows) return Err{rows.error()};
  std::vector<WebhookId> webhooks;
  for (int row = 0; row < rows->count(); ++row) {
    if (!rows->is_null(row, 0)) webhooks.push_back(WebhookId{rows->integer(row, 0)});
  }
  auto orders = connection.query("SELECT skyhook.take_over_orders($1::int)", params);
  if (!orders) return Err{orders.error()};
  for (int row = 0; row < orders->count(); ++row) {
    webhooks.push_back(WebhookId{orders->integer(row, 0)});
  }
  return webhooks;
}

// --- housekeeping of its own ---------------------------------------------------------------------

Answer<Done> NodeStore::park(Connection& connection, const std::vector<Registry::Fresh>& taken,
                             std::vector<WebhookId>* found) {
  std::vector<std::int64_t> account, webhook, delivery;
  for (const Registry::Fresh& one : taken) {
    account.push_back(one.account.value);
    webhook.push_back(one.webhook.value);
    delivery.push_back(one.id.value);
  }
  Params params;
  params.add(std::int64_t{membership_.node_id()}).add(account).add(webhook).add(delivery);
  auto rows =
      connection.query("SELECT parked_webhook FROM skyhook.park($1::int, $2, $3, $4)", params);
  if (!rows) {
    registry_.unpark(taken);
    return Err{rows.error()};
  }
  registry_.parked(taken);
  if (found != nullptr) {
    for (int row = 0; row < rows->count(); ++row) {
      found->push_back(WebhookId{rows->integer(row, 0)});
    }
  }
  return Done{};
}

Answer<Done> NodeStore::house_step(Connection& connection) {
  std::lock_guard one_at_a_time(detours_);
  for (;;) {
    const auto taken = registry_.take_for_parking(options_.clock.mono() - options_.park_after,
                                                  options_.fresh_limit, kParkBatch);
    if (taken.empty()) return Done{};
    std::vector<WebhookId> found;
    const bool tell = std::any_of(taken.begin(), taken.end(),
                                  [](const Registry::Fresh& one) { return one.uncertain; });
    if (auto parked = park(connection, taken, tell ? &found : nullptr); !parked) return parked;
    std::lock_guard lock(found_mutex_);
    found_.insert(found_.end(), found.begin(), found.end());
  }
}

void NodeStore::keep_house() {
  std::unique_ptr<Connection> connection;
  MonoTime next_fold = std::chrono::steady_clock::now() + options_.fold_every;
  for (;;) {
    {
      std::unique_lock lock(house_mutex_);
      house_wake_.wait_for(lock, kHouseStep, [&] { return stopping_; });
      if (stopping_) return;
    }
    if (!connection || !connection->usable()) {
      auto opened = Connection::open(settings_);
      if (!opened) continue;
      connection = std::move(*opened);
    }
    if (auto done = house_step(*connection); !done) {
      log::warn("parking failed", {{"reason", done.error().message}});
    }
    if (connection->usable() && registry_.order_in_doubt()) {
      if (auto waiting = ordered_with_waiting(*connection)) {
        std::lock_guard lock(found_mutex_);
        found_.insert(found_.end(), waiting->begin(), waiting->end());
      }
    }
    if (!connection->usable() || std::chrono::steady_clock::now() < next_fold) continue;
    next_fold = std::chrono::steady_clock::now() + options_.fold_every;
    if (auto folded = connection->query("SELECT skyhook.fold_tallies()"); !folded) {
      log::warn("counts were not folded", {{"reason", folded.error().message}});
    }
  }
}

Result<Done> NodeStore::check_writable() {
  return write([this](Connection& connection) -> Answer<Done> {
    Params params;
    params.add(std::int64_t{membership_.node_id()});
    auto row = connection.query(
        "UPDATE skyhook.nodes SET probed_at = clock_timestamp() WHERE node_id = $1", params);
    if (!row) return Err{row.error()};
    return Done{};
  });
}

Answer<bool> NodeStore::drop_old_days(Connection& connection, Timestamp keep_after) {
  const std::int64_t keep_day = to_unix_micros(keep_after) / 86'400'000'000;
  Params params;
  params.add(keep_day);
  auto rows = connection.query(
      "SELECT substr(relname, 9)::bigint FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
      "WHERE nspname = 'skyhook' AND relkind = 'r' AND relname ~ '^events_d[0-9]+$' "
      "AND substr(relname, 9)::bigint < $1 ORDER BY 1 LIMIT 2",
      params);
  if (!rows) return Err{rows.error()};
  if (rows->count() == 0) {
    constexpr std::int64_t kMinutesADay = 1'440;
    Params minute;
    minute.add(keep_day * kMinutesADay).add(kSpansAStep);
    auto spans = connection.query(
        "WITH gone AS (DELETE FROM skyhook.span_rollups WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM skyhook.span_rollups WHERE minute < $1 LIMIT $2)) RETURNING 1) "
        "SELECT count(*) FROM gone",
        minute);
    if (!spans) return Err{spans.error()};
    Params rest;
    rest.add(keep_day << kDayShift);
    auto purged = connection.query("SELECT skyhook.purge_rest($1, 500)", rest);
    if (!purged) return Err{purged.error()};
    return purged->boolean(0, 0) || spans->integer(0, 0) == kSpansAStep;
  }
  // What of the day this node still holds fresh gets a row that the day's end does not touch.
  const DeliveryId end{(rows->integer(0, 0) + 1) << kDayShift};
  for (;;) {
    std::lock_guard one_at_a_time(detours_);
    const auto old = registry_.take_below(end, kParkBatch);
    if (old.empty()) break;
    if (auto parked = park(connection, old, nullptr); !parked) return Err{parked.error()};
  }
  Params held;
  held.add(std::int64_t{membership_.node_id()}).add(end.value);
  auto others = connection.query(
      "SELECT FROM skyhook.nodes WHERE NOT fresh_taken AND node_id <> $1 AND fresh_from < $2",
      held);
  if (!others) return Err{others.error()};
  // Nobody writes to the day any more: what is counted of it now stays as it is.
  if (others->count() > 0 || registry_.holds_below(end)) return false;
  Params day, part;
  day.add(rows->integer(0, 0));
  part.add(rows->integer(0, 0)).add(kBlocksAStep);
  auto counted = connection.query("SELECT skyhook.count_day($1::int, $2)", part);
  if (!counted) return Err{counted.error()};
  if (counted->boolean(0, 0)) return true;
  // A transaction that is open just now keeps counts from being folded, and so the day.
  for (int attempt = 0; attempt < kDropAttempts; ++attempt) {
    if (auto folded = connection.query("SELECT skyhook.fold_tallies()"); !folded) {
      return Err{folded.error()};
    }
    auto dropped = connection.query("SELECT skyhook.drop_day($1::int)", day);
    if (!dropped) return Err{dropped.error()};
    if (dropped->boolean(0, 0)) return true;
    std::this_thread::sleep_for(Millis{20});
  }
  return false;
}

Result<bool> NodeStore::purge_step(Timestamp now, std::optional<Timestamp> keep_after) {
  return write([&](Connection& connection) -> Answer<bool> {
    Params expired;
    expired.add(now - kIdempotencyWindow);
    auto keys = connection.query(
        "WITH old AS (SELECT account_id, key FROM skyhook.idempotency_keys WHERE created_at <= $1 "
        "ORDER BY created_at LIMIT 500 FOR UPDATE SKIP LOCKED), gone AS ("
        "DELETE FROM skyhook.idempotency_keys k USING old WHERE k.account_id = old.account_id "
        "AND k.key = old.key RETURNING 1) SELECT count(*) FROM gone",
        expired);
    if (!keys) return Err{keys.error()};
    auto deleted = connection.query("SELECT skyhook.purge_deleted(500)");
    if (!deleted) return Err{deleted.error()};
    auto orders = connection.query(
        "DELETE FROM skyhook.orders o WHERE NOT EXISTS (SELECT FROM skyhook.webhooks h "
        "WHERE h.account_id = o.account_id AND h.webhook_id = o.webhook_id)");
    if (!orders) return Err{orders.error()};
    auto feed = connection.query(
        "DELETE FROM skyhook.changes WHERE written_at < clock_timestamp() - interval '1 hour'");
    if (!feed) return Err{feed.error()};
    // A minute later than the database's clock says: nodes may be a little behind it.
    auto counts = connection.query(
        "DELETE FROM skyhook.request_counts "
        "WHERE window_end < extract(epoch FROM clock_timestamp()) - 60");
    if (!counts) return Err{counts.error()};
    bool more = keys->integer(0, 0) == 500 || deleted->boolean(0, 0);
    if (keep_after) {
      auto dropped = drop_old_days(connection, *keep_after);
      if (!dropped) return Err{dropped.error()};
      more = more || *dropped;
    }
    return more;
  });
}

}  // namespace skyhook::store::postgres
