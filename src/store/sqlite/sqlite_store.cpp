#include "store/sqlite/sqlite_store.h"

#include <atomic>
#include <utility>

#include "store/sqlite/data_directory.h"
#include "store/sqlite/log.h"
#include "store/sqlite/move_mark.h"
#include "store/sqlite/purger.h"
#include "store/sqlite/reader_pool.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/tenants.h"
#include "store/sqlite/write_session.h"
#include "store/sqlite/writer.h"

namespace skyhook::store::sqlite {
namespace {

// How many rows reopen_failed takes in one transaction, so that the hot path is not held up.
constexpr int kReopenRows = 500;

struct PublishCommand final : WriteCommand {
  PublishCommand(std::vector<NewEvent> given, PublishCallback callback)
      : events(std::move(given)), done(std::move(callback)) {
    rows = events.size();
    for (const NewEvent& event : events) {
      rows += event.deliveries.size();
      bytes += event.event->data.size();
    }
  }
  void execute(WriteSession& session) override { outcome = session.publish(events); }
  void finish(const Error* error) override {
    if (error != nullptr) {
      done(Err{*error});
    } else {
      done(std::move(outcome));
    }
  }

  std::vector<NewEvent> events;
  PublishCallback done;
  PublishOutcome outcome;
};

struct RecordCommand final : WriteCommand {
  RecordCommand(std::vector<AttemptOutcome> given, RecordCallback callback)
      : outcomes(std::move(given)), done(std::move(callback)) {
    rows = outcomes.size();
  }
  void execute(WriteSession& session) override {
    for (const AttemptOutcome& outcome : outcomes) session.record(outcome);
  }
  void finish(const Error* error) override {
    if (error != nullptr) {
      done(Err{*error});
    } else {
      done(Done{});
    }
  }

  std::vector<AttemptOutcome> outcomes;
  RecordCallback done;
};

Connection::Options connection_options(const Options& options, const std::string& path,
                                       int cache_kib) {
  return {.path = path,
          .vfs = options.vfs,
          .busy_timeout = options.busy_timeout,
          .cache_kib = cache_kib};
}

class SqliteStore final : public Store {
 public:
  SqliteStore(const Options& options, DataDirectory directory,
              std::unique_ptr<Connection> connection)
      : clock_(options.clock),
        directory_(std::move(directory)),
        connection_(std::move(connection)),
        session_(*connection_, options.checkpoint_pages, options.journal_rows),
        next_id_(session_.id_ceiling()),
        readers_(connection_options(options, directory_.database_path(), options.reader_cache_kib),
                 options.reader_connections),
        writer_(session_, clock_, options.metrics,
                {options.queue_limit_rows, options.queue_limit_bytes, options.batch_limit_rows}) {}

  ~SqliteStore() override {
    // An id that was taken but not stored is free again; where this cannot be written, ids are
    // skipped.
    (void)writer_.call([this](WriteSession& session) {
      session.close_ids(next_id_.load());
      return Done{};
    });
  }

  std::int64_t take_ids(std::int64_t count) override {
    return next_id_.fetch_add(count, std::memory_order_relaxed);
  }

  void publish(std::vector<NewEvent> events, PublishCallback done) override {
    auto publish = std::make_unique<PublishCommand>(std::move(events), std::move(done));
    std::unique_ptr<WriteCommand> command = std::move(publish);
    if (writer_.try_submit(command)) return;
    const Error full{Error::Kind::overloaded, "the write queue is full"};
    command->finish(&full);
  }

  void record(std::vector<AttemptOutcome> outcomes, RecordCallback done) override {
    writer_.submit(std::make_unique<RecordCommand>(std::move(outcomes), std::move(done)));
  }

  Result<std::vector<WebhookId>> webhooks_with_waiting() override {
    return read(read_webhooks_with_pending);
  }
  Result<WaitingPage> waiting(WebhookId webhook, Timestamp now,
                              const std::vector<DeliveryId>& except, int limit) override {
    return read([&](Connection& connection) {
      return read_waiting(connection, webhook, now, except, limit);
    });
  }
  Result<WaitingPage> waiting_in_order(WebhookId webhook, Timestamp now,
                                       const std::vector<DeliveryId>& except, int limit) override {
    return read([&](Connection& connection) {
      return read_waiting_in_order(connection, webhook, now, except, limit);
    });
  }
  Result<int> fail_waiting(WebhookId webhook, FailureReason reason, int limit) override {
    const Timestamp now = clock_.now();
    return writer_.call([=](WriteSession& session) {
      return sqlite::fail_waiting(session, webhook, reason, now, limit);
    });
  }

  Result<std::vector<Account>> load_accounts() override {
    return read([](Connection& connection) { return sqlite::load_accounts(connection); });
  }
  Result<std::vector<Webhook>> load_webhooks() override {
    return read([](Connection& connection) { return sqlite::load_webhooks(connection); });
  }
  Result<std::optional<Account>> account(AccountId id) override {
    return read([id](Connection& connection) { return read_account(connection, id); });
  }
  Result<std::optional<Webhook>> webhook(WebhookId id) override {
    return read([id](Connection& connection) { return read_webhook(connection, id); });
  }

  Result<Account> create_account(const NewAccount& account) override {
    return writer_.call(
        [&](WriteSession& session) { return sqlite::create_account(session, account); });
  }
  Result<bool> update_account(const Account& account, Timestamp seen) override {
    return writer_.call(
        [&](WriteSession& session) { return sqlite::update_account(session, account, seen); });
  }
  Result<bool> delete_account(AccountId id) override {
    return writer_.call([=](WriteSession& session) { return sqlite::delete_account(session, id); });
  }
  Result<Webhook> create_webhook(const NewWebhook& webhook) override {
    Result<std::optional<Webhook>> made = writer_.call(
        [&](WriteSession& session) { return sqlite::create_webhook(session, webhook); });
    if (!made) return Err{made.error()};
    if (!*made)
      return Err{Error{Error::Kind::unavailable, "the webhook's account no longer exists"}};
    return std::move(**made);
  }
  Result<bool> update_webhook(const Webhook& webhook, Timestamp seen) override {
    return writer_.call(
        [&](WriteSession& session) { return sqlite::update_webhook(session, webhook, seen); });
  }
  Result<bool> delete_webhook(WebhookId id) override {
    return writer_.call([=](WriteSession& session) { return sqlite::delete_webhook(session, id); });
  }

  Result<std::vector<DeliveryTotals>> totals(const std::vector<WebhookId>& webhooks) override {
    return read([&](Connection& connection) { return read_totals(connection, webhooks); });
  }

  Result<DeliveryPage> deliveries(WebhookId webhook, const DeliveryFilter& filter,
                                  std::int64_t page, int per_page) override {
    return read([&](Connection& connection) {
      return read_page(connection, webhook, filter, page, per_page);
    });
  }
  Result<DeliveryPage> deliveries_before(WebhookId webhook, const DeliveryFilter& filter,
                                         DeliveryId before, int limit) override {
    return read([&](Connection& connection) {
      return read_before(connection, webhook, filter, before, limit);
    });
  }
  Result<std::optional<DeliveryDetail>> delivery(WebhookId webhook, DeliveryId id) override {
    return read([=](Connection& connection) { return read_delivery(connection, webhook, id); });
  }

  Result<std::optional<DeliveryEntry>> reopen(WebhookId webhook, DeliveryId id,
                                              Timestamp due_at) override {
    return writer_.call(
        [=](WriteSession& session) { return sqlite::reopen(session, webhook, id, due_at); });
  }
  Result<std::int64_t> reopen_failed(WebhookId webhook, Timestamp from, Timestamp until,
                                     Timestamp first_due, Micros spacing) override {
    std::int64_t reopened = 0;
    DeliveryId after{0};
    for (;;) {
      const Result<ReopenedChunk> chunk = writer_.call([=](WriteSession& session) {
        return reopen_failed_chunk(session, webhook, from, until, after,
                                   first_due + reopened * spacing, spacing, kReopenRows);
      });
      if (!chunk) return Err{chunk.error()};
      reopened += chunk->reopened;
      after = chunk->last;
      if (chunk->reopened < kReopenRows) return reopened;
    }
  }
  Result<std::int64_t> count_failed(WebhookId webhook, Timestamp from, Timestamp until) override {
    return read([=](Connection& connection) {
      return sqlite::count_failed(connection, webhook, from, until);
    });
  }
  Result<EventPage> events(const EventSearch& search, int limit) override {
    return read(
        [&](Connection& connection) { return sqlite::read_events(connection, search, limit); });
  }
  Result<std::int64_t> replay(const Replay& replay, const std::vector<EventPtr>& events) override {
    const DeliveryId first_id{take_ids(static_cast<std::int64_t>(events.size()))};
    return writer_.call(
        [&](WriteSession& session) { return sqlite::replay(session, replay, events, first_id); });
  }

  Result<std::vector<StatsStep>> stats(const std::vector<WebhookId>& webhooks, Timestamp from,
                                       Timestamp until, Seconds step) override {
    return read([&](Connection& connection) {
      return read_stats(connection, webhooks, from, until, step);
    });
  }
  Result<std::vector<AccountStep>> account_stats(const std::vector<AccountId>& accounts,
                                                 Timestamp from, Timestamp until,
                                                 Seconds step) override {
    return read([&](Connection& connection) {
      return read_account_stats(connection, accounts, from, until, step);
    });
  }
  Result<QueueStats> queue_stats() override {
    return read([](Connection& connection) {
      QueueStats stats;
      stats.totals = read_totals_of_all(connection);
      stats.oldest_waiting_created_at = oldest_waiting(connection);
      return stats;
    });
  }

  Result<Done> check_writable() override {
    return writer_.call([](WriteSession& session) {
      session.connection()
          .statement("UPDATE counters SET value = value + 1 WHERE name = 'heartbeat'")
          .run();
      return Done{};
    });
  }
  Result<bool> purge_step(Timestamp now, std::optional<Timestamp> keep_after) override {
    return writer_.call(
        [=, this](WriteSession& session) { return purger_.step(session, now, keep_after); });
  }

 private:
  // `work(connection)` sees one state of the database.
  template <class Work>
  auto read(Work work) -> Result<decltype(work(std::declval<Connection&>()))> {
    try {
      ReaderPool::Lease lease = readers_.take();
      const ReadTransaction transaction(*lease);
      return work(*lease);
    } catch (const SqliteError& error) {
      return Err{error.to_error()};
    }
  }

  // Constant after construction. In order of need: the writer ends first, the lock is given back
  // last.
  const Clock& clock_;
  DataDirectory directory_;
  std::unique_ptr<Connection> connection_;
  WriteSession session_;  // the writer's
  Purger purger_;         // the writer's
  std::atomic<std::int64_t> next_id_;
  ReaderPool readers_;
  Writer writer_;
};

}  // namespace

Result<std::unique_ptr<Store>> open(const Options& options) {
  Result<DataDirectory> directory = DataDirectory::open(options.data_dir);
  if (!directory) return Err{directory.error()};
  try {
    auto connection = open_for_writing(
        connection_options(options, directory->database_path(), options.writer_cache_kib));
    if (const auto mark = read_move_mark(*connection)) {
      return Err{Error{Error::Kind::unavailable, why_not_served(*mark, options.data_dir)}};
    }
    return std::unique_ptr<Store>(
        std::make_unique<SqliteStore>(options, std::move(*directory), std::move(connection)));
  } catch (const SqliteError& error) {
    Error failure = error.to_error();
    failure.detail = "cannot open " + options.data_dir + ": " + failure.detail;
    return Err{std::move(failure)};
  }
}

}  // namespace skyhook::store::sqlite
