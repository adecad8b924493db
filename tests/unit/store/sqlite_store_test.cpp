// What only the embedded store promises: its files, its lock, its schema versions, and what it does
// when the disk or the process ends.
#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "store/sqlite/histogram.h"
#include "store/sqlite/log.h"
#include "store/sqlite/purger.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/string_list.h"
#include "store/sqlite/write_session.h"
#include "store_contract.h"

namespace skyhook::store::sqlite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "skyhook-store-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string data() const { return path_ + "/data"; }
  std::string database() const { return data() + "/skyhook.db"; }

 private:
  std::string path_;
};

class SqliteBackend final : public contract::Backend {
 public:
  std::unique_ptr<Store> open(const Clock& clock) override {
    Result<std::unique_ptr<Store>> opened =
        sqlite::open({.data_dir = directory_.data(), .clock = clock});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(*opened) : nullptr;
  }

 private:
  TemporaryDirectory directory_;
};

std::unique_ptr<contract::Backend> make_sqlite_backend() {
  return std::make_unique<SqliteBackend>();
}

// What the tests below need of a store, without the fixture of the contract.
struct Rig {
  explicit Rig(std::size_t queue_limit_rows = 20'000) : queue_limit(queue_limit_rows) {
    open();
    const Result<Account> account = store->create_account({"Acme", {}, {}, clock.time});
    webhook = *store->create_webhook(
        {account->id, "Hook", "https://e.example", {"a.b"}, true, "s", clock.time});
  }
  void open() {
    Result<std::unique_ptr<Store>> opened = sqlite::open(
        {.data_dir = directory.data(), .clock = clock, .queue_limit_rows = queue_limit});
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    store = std::move(*opened);
  }
  NewEvent event(std::size_t bytes = 16) {
    const std::int64_t id = store->take_ids(2);
    auto event = std::make_shared<const Event>(Event{EventId{id}, webhook.account_id, "a.b",
                                                     "{\"x\":\"" + std::string(bytes, 'x') + "\"}",
                                                     clock.time});
    return {event,
            {{DeliveryId{id + 1}, webhook.id, event, clock.time, clock.time, 0, 0, false}},
            std::nullopt};
  }
  Result<PublishOutcome> publish(NewEvent event) {
    std::promise<Result<PublishOutcome>> outcome;
    store->publish({std::move(event)},
                   [&](Result<PublishOutcome> result) { outcome.set_value(std::move(result)); });
    return outcome.get_future().get();
  }

  const std::size_t queue_limit;
  TemporaryDirectory directory;
  contract::ManualClock clock;
  std::unique_ptr<Store> store;
  Webhook webhook;
};

int mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return static_cast<int>(status.st_mode & 0777);
}

std::int64_t query_integer(const std::string& path, const std::string& sql) {
  Connection connection({.path = path, .vfs = "", .busy_timeout = Millis{1000}});
  Query row(connection.statement(sql));
  return row.next() ? row.integer(0) : -1;
}

TEST(SqliteStore, KeepsItsFilesToItsOwner) {
  const mode_t before = ::umask(0);
  Rig rig;
  ::umask(before);
  EXPECT_EQ(mode_of(rig.directory.data()), 0700);
  for (const char* name : {"/skyhook.db", "/skyhook.db-wal", "/skyhook.db-shm", "/skyhook.lock"}) {
    EXPECT_EQ(mode_of(rig.directory.data() + name), 0600) << name;
  }
}

// Nobody delivers what is not durable yet, but both may come into one transaction.
TEST(SqliteStore, RecordsAnOutcomeRightBehindItsPublish) {
  Rig rig;
  constexpr int kRounds = 200;
  std::promise<void> all_recorded;
  std::atomic<int> left{kRounds};
  for (int i = 0; i < kRounds; ++i) {
    const NewEvent event = rig.event();
    rig.store->publish({event}, [](const Result<PublishOutcome>&) {});
    const AttemptOutcome outcome{event.deliveries[0].id, rig.webhook.id, Attempt{},
                                 Delivered{rig.clock.time}};
    rig.store->record({outcome}, [&](const Result<Done>&) {
      if (--left == 0) all_recorded.set_value();
    });
  }
  all_recorded.get_future().wait();
  EXPECT_EQ(rig.store->totals({rig.webhook.id})->at(0).delivered, kRounds);
}

TEST(SqliteStore, RefusesADirectoryThatIsInUse) {
  Rig rig;
  const Result<std::unique_ptr<Store>> second =
      open({.data_dir = rig.directory.data(), .clock = rig.clock});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, Error::Kind::unavailable);
  EXPECT_THAT(second.error().detail, HasSubstr("in use by another Skyhook"));
  rig.store.reset();
  EXPECT_TRUE(open({.data_dir = rig.directory.data(), .clock = rig.clock}).ok());
}

TEST(SqliteStore, RefusesADirectoryThatCannotBeMade) {
  TemporaryDirectory directory;
  const SystemClock clock;
  std::filesystem::create_directory(directory.data());
  std::ofstream(directory.data() + "/file") << "x";
  const Result<std::unique_ptr<Store>> opened =
      open({.data_dir = directory.data() + "/file", .clock = clock});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, Error::Kind::unavailable);
}

TEST(SqliteStore, RefusesANewerSchema) {
  Rig rig;
  rig.store.reset();
  query_integer(rig.directory.database(), "PRAGMA user_version = 999");
  const Result<std::unique_ptr<Store>> opened =
      open({.data_dir = rig.directory.data(), .clock = rig.clock});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, Error::Kind::corrupt);
  EXPECT_THAT(opened.error().detail, HasSubstr("newer version of Skyhook"));
}

TEST(SqliteStore, RefusesAForeignFile) {
  Rig rig;
  rig.store.reset();
  query_integer(rig.directory.database(), "PRAGMA application_id = 7");
  EXPECT_THAT(open({.data_dir = rig.directory.data(), .clock = rig.clock}).error().detail,
              HasSubstr("another application"));
  std::filesystem::remove(rig.directory.database());
  std::ofstream(rig.directory.database()) << std::string(8192, 'x');
  const Result<std::unique_ptr<Store>> opened =
      open({.data_dir = rig.directory.data(), .clock = rig.clock});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, Error::Kind::corrupt);
}

TEST(SqliteStore, MigratesStepByStepEachWhole) {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.data());
  Connection connection({.path = directory.database(), .vfs = ""});
  migrate(connection, {"CREATE TABLE a (x)"});
  EXPECT_EQ(connection.pragma("user_version"), 1);
  EXPECT_EQ(connection.pragma("application_id"), kApplicationId);
  EXPECT_THROW(migrate(connection,
                       {"CREATE TABLE a (x)", "CREATE TABLE b (x)", "CREATE TABLE c (x); broken"}),
               SqliteError);
  EXPECT_EQ(connection.pragma("user_version"), 2);
  Query tables(connection.statement("SELECT group_concat(name) FROM sqlite_schema"));
  ASSERT_TRUE(tables.next());
  EXPECT_EQ(tables.text(0), "a,b");
  EXPECT_THROW(migrate(connection, {"CREATE TABLE a (x)"}), SqliteError);
}

TEST(SqliteStore, MarksTheEventsOfAStoreOfBefore) {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.data());
  Connection connection({.path = directory.database(), .vfs = ""});
  constexpr std::size_t kBefore = 6;
  ASSERT_GT(migrations().size(), kBefore);
  migrate(connection, {migrations().begin(), migrations().begin() + kBefore});
  connection.execute(
      "INSERT INTO events VALUES (10, 1, 0, 'a', '{}', ''), (13, 1, 59999999, 'a', '{}', ''), "
      "(20, 1, 60000000, 'a', '{}', ''); INSERT INTO id_marks VALUES (0, 11, 12)");
  migrate(connection, migrations());
  Query marks(connection.statement("SELECT minute, first_id, last_id FROM id_marks ORDER BY 1"));
  ASSERT_TRUE(marks.next());
  EXPECT_EQ(std::tuple(marks.integer(0), marks.integer(1), marks.integer(2)),
            std::tuple(0, 10, 13));
  ASSERT_TRUE(marks.next());
  EXPECT_EQ(std::tuple(marks.integer(0), marks.integer(1), marks.integer(2)),
            std::tuple(1, 20, 20));
  EXPECT_FALSE(marks.next());
}

TEST(SqliteStore, WritesAheadAndSyncsEveryCommit) {
  Rig rig;
  EXPECT_EQ(query_integer(rig.directory.database(),
                          "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"),
            1);
}

TEST(SqliteStore, KeepsItsLogShort) {
  Rig rig;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(rig.publish(rig.event(1'000'000)).ok());
  ASSERT_TRUE(rig.store->check_writable()
                  .ok());  // after the checkpoint that the last publish may have made due
  EXPECT_LT(std::filesystem::file_size(rig.directory.database() + "-wal"), 24u * 1024 * 1024);
  EXPECT_GT(std::filesystem::file_size(rig.directory.database()), 15u * 1024 * 1024);
}

TEST(SqliteStore, AnswersOverloadedWhenItsQueueIsFull) {
  Rig rig(10);
  // The first callback holds the writer, so that what follows stays in the queue.
  std::promise<void> held;
  std::promise<void> release;
  rig.store->publish({rig.event()}, [&](Result<PublishOutcome>) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  std::atomic<int> accepted{0};
  for (int i = 0; i < 5; ++i) {
    rig.store->publish({rig.event()},
                       [&](Result<PublishOutcome> outcome) { accepted += outcome.ok() ? 1 : 0; });
  }
  std::optional<Error::Kind> refused;
  rig.store->publish({rig.event()},
                     [&](Result<PublishOutcome> outcome) { refused = outcome.error().kind; });
  EXPECT_EQ(refused, Error::Kind::overloaded);  // at once, on the caller's thread
  std::promise<bool> recorded;
  rig.store->record({}, [&](Result<Done> outcome) { recorded.set_value(outcome.ok()); });
  release.set_value();
  EXPECT_TRUE(recorded.get_future().get());
  EXPECT_EQ(accepted, 5);
  EXPECT_TRUE(rig.publish(rig.event()).ok());
}

TEST(SqliteStore, TakesAPublishLargerThanTheQueueWhenNothingWaits) {
  Rig rig(1);
  EXPECT_TRUE(rig.publish(rig.event()).ok());
}

TEST(SqliteStore, FailsOnlyTheRequestThatIsWrong) {
  Rig rig;
  const NewEvent stored = rig.event();
  ASSERT_TRUE(rig.publish(stored).ok());
  std::promise<void> held;
  std::promise<void> release;
  rig.store->publish({rig.event()}, [&](Result<PublishOutcome>) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  std::promise<bool> good;
  std::promise<bool> bad;
  rig.store->publish({stored},
                     [&](Result<PublishOutcome> outcome) { bad.set_value(outcome.ok()); });
  rig.store->publish({rig.event()},
                     [&](Result<PublishOutcome> outcome) { good.set_value(outcome.ok()); });
  release.set_value();
  EXPECT_FALSE(bad.get_future().get());  // an id that is in use
  EXPECT_TRUE(good.get_future().get());
  EXPECT_EQ(rig.store->totals({rig.webhook.id})->at(0).pending, 3);
}

// The kernel refuses to let files grow past this size, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &previous_);
    const rlimit limit{bytes, previous_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    std::signal(SIGXFSZ, previous_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit previous_{};
  void (*previous_handler_)(int);
};

TEST(SqliteStore, SaysUnavailableWhileTheDiskIsFullAndGoesOnAfterwards) {
  Rig rig;
  std::int64_t acknowledged = 0;
  {
    const FileSizeLimit limit(1024 * 1024);
    int refused = 0;
    for (int i = 0; i < 1000 && refused < 20; ++i) {
      const Result<PublishOutcome> outcome = rig.publish(rig.event(20'000));
      if (outcome.ok()) {
        ++acknowledged;
      } else {
        EXPECT_EQ(outcome.error().kind, Error::Kind::unavailable);
        ++refused;
      }
    }
    EXPECT_EQ(refused, 20);
    EXPECT_GT(acknowledged, 0);
    // Reads go on.
    EXPECT_EQ(rig.store->totals({rig.webhook.id})->at(0).pending, acknowledged);
    const Result<Webhook> added = rig.store->create_webhook(
        {rig.webhook.account_id, std::string(200'000, 'n'), "u", {}, true, "s", rig.clock.time});
    EXPECT_FALSE(added.ok());
  }
  EXPECT_TRUE(rig.store->check_writable().ok());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(rig.publish(rig.event(20'000)).ok());
  rig.store.reset();
  rig.open();
  EXPECT_EQ(rig.store->totals({rig.webhook.id})->at(0).pending, acknowledged + 20);
  EXPECT_EQ(query_integer(rig.directory.database(), "SELECT count(*) FROM deliveries"),
            acknowledged + 20);
  EXPECT_EQ(rig.store->load_webhooks()->size(), 1u);
}

// Publishes until it is killed; writes the id of each delivery to `fd` once it was acknowledged.
[[noreturn]] void publish_until_killed(Rig& rig, int fd) {
  rig.open();
  for (;;) {
    std::promise<void> done;
    std::atomic<int> left{50};
    for (int i = 0; i < 50; ++i) {
      NewEvent event = rig.event(100);
      const std::int64_t id = event.deliveries[0].id.value;
      rig.store->publish({std::move(event)},
                         [&done, &left, id, fd](Result<PublishOutcome> outcome) {
                           if (outcome.ok() && ::write(fd, &id, sizeof id) != sizeof id) ::_exit(1);
                           if (--left == 0) done.set_value();
                         });
    }
    done.get_future().wait();
  }
}

TEST(SqliteStore, LosesNothingAcknowledgedWhenKilled) {
  Rig rig;
  std::int64_t all = 0;
  for (int round = 0; round < 3; ++round) {
    rig.store.reset();
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) publish_until_killed(rig, pipe_ends[1]);
    ::close(pipe_ends[1]);
    std::vector<std::int64_t> acknowledged;
    std::int64_t id = 0;
    const std::size_t enough = 400 + 333 * static_cast<std::size_t>(round);
    while (acknowledged.size() < enough && ::read(pipe_ends[0], &id, sizeof id) == sizeof id)
      acknowledged.push_back(id);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe_ends[0], &id, sizeof id) == sizeof id) acknowledged.push_back(id);
    ::close(pipe_ends[0]);

    rig.open();
    for (const std::int64_t published : acknowledged) {
      ASSERT_TRUE(rig.store->delivery(rig.webhook.id, DeliveryId{published})->has_value())
          << published;
    }
    all += static_cast<std::int64_t>(acknowledged.size());
    const std::int64_t stored =
        query_integer(rig.directory.database(), "SELECT count(*) FROM deliveries");
    EXPECT_GE(stored, all);
    EXPECT_EQ(rig.store->totals({rig.webhook.id})->at(0).pending, stored);
    EXPECT_GT(rig.store->take_ids(1),
              query_integer(rig.directory.database(), "SELECT max(id) FROM deliveries"));
    all = stored;
  }
}

// As it is where the disk is full for a moment: every other step is done for nothing.
TEST(SqliteStore, RemovesAllOfAnAccountAlsoWhereStepsFail) {
  Rig rig;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig.publish(rig.event()).ok());
  ASSERT_TRUE(*rig.store->delete_account(rig.webhook.account_id));
  rig.store.reset();
  {
    const auto connection = open_for_writing({.path = rig.directory.database(), .vfs = ""});
    WriteSession session(*connection, 4'000, 1);
    Purger purger;
    bool more = true;
    for (int step = 0; more; ++step) {
      session.begin();
      const bool found = purger.step(session, rig.clock.time, std::nullopt);
      if (step % 2 == 0) {
        session.rollback();
      } else {
        session.commit();
        more = found;
      }
    }
  }
  EXPECT_EQ(query_integer(rig.directory.database(), "SELECT count(*) FROM events"), 0);
}

TEST(SqliteStore, RemovesWhatIsOldBehindWhatAClockThatWasAheadLeft) {
  Rig rig;
  constexpr auto kAhead = std::chrono::hours{24 * 365 * 10};
  rig.clock.time += kAhead;
  ASSERT_TRUE(rig.publish(rig.event()).ok());
  rig.clock.time -= kAhead;
  ASSERT_TRUE(rig.publish(rig.event()).ok());
  while (*rig.store->fail_waiting(rig.webhook.id, FailureReason::timeout, 10) > 0) {
  }
  rig.clock.time += std::chrono::hours{24 * 40};
  const Timestamp now = rig.clock.time;
  while (*rig.store->purge_step(now, now - std::chrono::hours{24 * 30})) {
  }
  for (const char* table : {"events", "deliveries"}) {
    EXPECT_EQ(query_integer(rig.directory.database(), std::string("SELECT count(*) FROM ") + table),
              1)
        << table;
  }
}

TEST(SqliteStore, SkipsNoIdsOverACleanEnd) {
  Rig rig;
  const NewEvent event = rig.event();
  ASSERT_TRUE(rig.publish(event).ok());
  const std::int64_t next = event.deliveries[0].id.value + 1;
  rig.store.reset();
  rig.open();
  EXPECT_EQ(rig.store->take_ids(1), next);
}

TEST(SqliteStore, KeepsTheLastAttemptsOfADeliveryThatIsRetriedForever) {
  Rig rig;
  const NewEvent event = rig.event();
  ASSERT_TRUE(rig.publish(event).ok());
  std::vector<AttemptOutcome> outcomes;
  for (int number = 1; number <= kAttemptsKept + 5; ++number) {
    Attempt attempt;
    attempt.number = number;
    attempt.started_at = rig.clock.time;
    outcomes.push_back({event.deliveries[0].id, rig.webhook.id, attempt, RetryAt{rig.clock.time}});
  }
  std::promise<bool> recorded;
  rig.store->record(outcomes, [&](Result<Done> outcome) { recorded.set_value(outcome.ok()); });
  ASSERT_TRUE(recorded.get_future().get());
  const DeliveryDetail detail = **rig.store->delivery(rig.webhook.id, event.deliveries[0].id);
  EXPECT_EQ(detail.entry.attempt_number, kAttemptsKept + 5);
  ASSERT_EQ(detail.attempts.size(), static_cast<std::size_t>(kAttemptsKept));
  EXPECT_EQ(detail.attempts.back().number, kAttemptsKept + 5);
}

// More rows than a search looks at, and than the quick way to pending ones does.
TEST(SqliteStore, BoundsASearchAndSaysWhereToGoOn) {
  Rig rig;
  constexpr int kRows = static_cast<int>(kSearchRows) + 500;
  std::vector<std::int64_t> ids;
  for (int done = 0; done < kRows;) {
    std::vector<NewEvent> events;
    for (int i = 0; i < 5'000 && done < kRows; ++i, ++done) {
      events.push_back(rig.event());
      if (done == 100) {
        auto rare = std::make_shared<Event>(*events.back().event);
        rare->type = "rare.type";
        events.back().event = events.back().deliveries[0].event = rare;
      }
      ids.push_back(events.back().deliveries[0].id.value);
    }
    std::promise<void> stored;
    rig.store->publish(std::move(events), [&](Result<PublishOutcome> outcome) {
      ASSERT_TRUE(outcome.ok());
      stored.set_value();
    });
    stored.get_future().wait();
  }
  DeliveryFilter filter;
  filter.event_type = "rare.type";
  const Result<DeliveryPage> page = rig.store->deliveries(rig.webhook.id, filter, 1, 25);
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->entries.empty());
  ASSERT_TRUE(page->searched_to.has_value());
  EXPECT_EQ(page->searched_to->value, ids[500]);
  const Result<DeliveryPage> rest =
      rig.store->deliveries_before(rig.webhook.id, filter, *page->searched_to, 25);
  ASSERT_EQ(rest->entries.size(), 1u);
  EXPECT_EQ(rest->entries[0].id.value, ids[100]);
  EXPECT_FALSE(rest->searched_to.has_value());

  // Pending ones behind more settled ones than the quick way looks at: the slow way finds them.
  std::vector<AttemptOutcome> outcomes;
  for (std::size_t i = 30'000; i < ids.size(); ++i) {
    outcomes.push_back({DeliveryId{ids[i]}, rig.webhook.id, Attempt{}, Delivered{rig.clock.time}});
  }
  std::promise<bool> recorded;
  rig.store->record(std::move(outcomes),
                    [&](Result<Done> outcome) { recorded.set_value(outcome.ok()); });
  ASSERT_TRUE(recorded.get_future().get());
  DeliveryFilter pending;
  pending.status = DeliveryStatus::pending;
  const Result<DeliveryPage> waiting = rig.store->deliveries(rig.webhook.id, pending, 2, 3);
  EXPECT_EQ(waiting->total, 30'000);
  ASSERT_EQ(waiting->entries.size(), 3u);
  EXPECT_EQ(waiting->entries[0].id.value, ids[29'996]);
}

TEST(SqliteStore, FoldsItsJournalOfCountsAndIsExactAllTheTime) {
  Rig rig;
  rig.store.reset();
  const auto open = [&] {
    Result<std::unique_ptr<Store>> opened =
        sqlite::open({.data_dir = rig.directory.data(), .clock = rig.clock, .journal_rows = 4});
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    rig.store = std::move(*opened);
  };
  open();
  const Webhook other = *rig.store->create_webhook(
      {rig.webhook.account_id, "Other", "https://e.example", {"a.b"}, true, "s", rig.clock.time});
  for (std::int64_t published = 1; published <= 30; ++published) {
    NewEvent event = rig.event();
    if (published % 3 == 0) event.deliveries[0].webhook_id = other.id;
    const DeliveryId id = event.deliveries[0].id;
    const WebhookId webhook = event.deliveries[0].webhook_id;
    ASSERT_TRUE(rig.publish(std::move(event)).ok());
    Attempt attempt;
    attempt.started_at = rig.clock.time;
    attempt.duration = Micros{1'000};
    std::promise<void> recorded;
    rig.store->record({{id, webhook, attempt, Delivered{rig.clock.time}}},
                      [&](Result<Done>) { recorded.set_value(); });
    recorded.get_future().wait();

    const auto totals = rig.store->totals({other.id, rig.webhook.id});
    EXPECT_EQ(totals->at(0).delivered, published / 3);
    EXPECT_EQ(totals->at(1).delivered, published - published / 3);
    EXPECT_EQ(rig.store->queue_stats()->totals.delivered, published);
    const auto steps = rig.store->stats({rig.webhook.id, other.id}, rig.clock.time,
                                        rig.clock.time + Seconds{60}, Seconds{60});
    EXPECT_EQ(steps->at(0).delivered, published);
    if (published % 10 == 0) {
      rig.store.reset();
      open();
    }
  }
  // After the fold that the last commit may have made due.
  ASSERT_TRUE(rig.store->check_writable().ok());
  EXPECT_LE(query_integer(rig.directory.database(), "SELECT count(*) FROM count_journal"), 4);
  EXPECT_GT(query_integer(rig.directory.database(), "SELECT sum(delivered) FROM webhook_totals"),
            20);
  // What is left in it of a webhook goes with the webhook.
  ASSERT_TRUE(rig.publish(rig.event()).ok());
  ASSERT_TRUE(*rig.store->delete_webhook(rig.webhook.id));
  EXPECT_EQ(rig.store->queue_stats()->totals.all(), 10);
  EXPECT_EQ(rig.store->webhooks_with_waiting()->size(), 0u);
}

TEST(Histogram, IsWithinTenPercent) {
  for (std::int64_t micros = 2; micros < 3'600'000'000; micros = micros * 5 / 4 + 1) {
    Histogram histogram;
    histogram.add(Micros{micros});
    const double milliseconds = static_cast<double>(micros) / 1000.0;
    EXPECT_NEAR(*histogram.quantile_ms(0.5), milliseconds, milliseconds * 0.1) << micros;
  }
}

TEST(Histogram, ReadsBackWhatItWrote) {
  Histogram histogram;
  for (int i = 0; i < 1000; ++i) histogram.add(Micros{i * i * 100});
  const std::optional<Histogram> read = Histogram::decode(histogram.encode());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->encode(), histogram.encode());
  EXPECT_EQ(Histogram::decode("")->quantile_ms(0.5), std::nullopt);
}

TEST(Histogram, RefusesWhatIsNone) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view bad :
       {"\x01"sv, "\x01\x80"sv, "\x01\x00"sv, "\x02\x01\x01\x01"sv, "\xff\x01"sv,
        "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    EXPECT_FALSE(Histogram::decode(bad).has_value());
  }
  // Counts that could not be added up: three times 2^62 - 1.
  const std::string large = "\xff\xff\xff\xff\xff\xff\xff\xff\x3f";
  EXPECT_FALSE(Histogram::decode("\x01" + large + "\x02" + large + "\x03" + large).has_value());
}

TEST(StringList, ReadsBackWhatItWrote) {
  const std::vector<std::string> list{"", "a\"b", "é\n"};
  EXPECT_EQ(decode_list(encode_list(list)), list);
  for (const char* bad : {"", "{}", "[1]", "[\"a\""})
    EXPECT_FALSE(decode_list(bad).has_value()) << bad;
}

}  // namespace
}  // namespace skyhook::store::sqlite

namespace skyhook::store::contract {
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(&sqlite::make_sqlite_backend));
}  // namespace skyhook::store::contract
