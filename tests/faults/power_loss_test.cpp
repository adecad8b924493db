// Power loss at a random write, hundreds of times: nothing that was acknowledged is gone, and the
// database is whole. A failing run names its seed: SKYHOOK_POWER_LOSS_SEED=<seed> plays only that,
// SKYHOOK_POWER_LOSS_COUNT=<n> plays more.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>

#include "base/random.h"
#include "base/time.h"
#include "power_cut_vfs.h"
#include "store/sqlite/sqlite_store.h"

namespace skyhook::faults {
namespace {

constexpr int kPublishes = 40;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class PowerLoss : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "skyhook-power-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<store::Store> open() {
    // Counts are folded every few commits, so that the power goes during that too.
    auto opened = store::sqlite::open(
        {.data_dir = directory_, .clock = clock_, .journal_rows = 5, .vfs = vfs_.name()});
    return opened ? std::move(*opened) : nullptr;
  }

  // What the store acknowledged of a delivery.
  struct Known {
    DeliveryStatus status = DeliveryStatus::pending;
    int attempts = 0;
    Timestamp due_at;
    bool in_doubt = false;  // an outcome was not acknowledged: it may be there, or not
  };
  struct Acknowledged {
    std::mutex mutex;
    std::map<DeliveryId, Known> deliveries;  // guarded by mutex
  };

  // Publishes a handful of events at a time and records some of their outcomes, until the power
  // goes.
  void work(store::Store& store, WebhookId webhook, AccountId account, Random& random,
            Acknowledged& acknowledged) {
    for (int i = 0; i < kPublishes && !vfs_.is_cut(); ++i) {
      std::vector<std::future<void>> pending;
      for (std::uint64_t n = random.next() % 4 + 1; n > 0; --n) {
        pending.push_back(publish(store, webhook, account, random, acknowledged));
      }
      for (auto& one : pending) one.wait();
      deliver_some(store, webhook, random, acknowledged);
    }
  }

  std::future<void> publish(store::Store& store, WebhookId webhook, AccountId account,
                            Random& random, Acknowledged& acknowledged) {
    const std::int64_t id = store.take_ids(2);
    const auto event =
        std::make_shared<const Event>(Event{.id = EventId{id},
                                            .account_id = account,
                                            .type = "contact.created",
                                            .data = std::string(random.next() % 9000, 'x'),
                                            .created_at = clock_.now()});
    const WaitingDelivery delivery{.id = DeliveryId{id + 1},
                                   .webhook_id = webhook,
                                   .event = event,
                                   .created_at = event->created_at,
                                   .due_at = event->created_at};
    auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    store.publish({{.event = event, .deliveries = {delivery}}},
                  [&acknowledged, id = delivery.id, done](auto result) {
                    if (result) {
                      std::lock_guard lock(acknowledged.mutex);
                      acknowledged.deliveries[id];
                    }
                    done->set_value();
                  });
    return future;
  }

  Verdict some_verdict(Random& random) {
    const double share = random.unit();
    if (share < 0.6) return Delivered{clock_.now()};
    if (share < 0.9) return RetryAt{clock_.now() + Millis{random.next() % 100'000}};
    return GaveUp{FailureReason::http_status};
  }

  // Makes an attempt of about half of what is pending.
  void deliver_some(store::Store& store, WebhookId webhook, Random& random,
                    Acknowledged& acknowledged) {
    std::vector<store::AttemptOutcome> outcomes;
    {
      std::lock_guard lock(acknowledged.mutex);
      for (const auto& [id, known] : acknowledged.deliveries) {
        if (known.status != DeliveryStatus::pending || random.next() % 2) continue;
        outcomes.push_back({.delivery_id = id,
                            .webhook_id = webhook,
                            .attempt = {.number = known.attempts + 1, .started_at = clock_.now()},
                            .verdict = some_verdict(random)});
      }
    }
    if (outcomes.empty()) return;
    std::promise<bool> done;
    store.record(outcomes, [&done](auto result) { done.set_value(result.ok()); });
    const bool is_durable = done.get_future().get();
    std::lock_guard lock(acknowledged.mutex);
    for (const auto& outcome : outcomes) {
      Known& known = acknowledged.deliveries.at(outcome.delivery_id);
      is_durable ? note(known, outcome) : void(known.in_doubt = true);
    }
  }

  static void note(Known& known, const store::AttemptOutcome& outcome) {
    known.attempts = outcome.attempt.number;
    if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
      known.due_at = retry->at;
    } else {
      known.status = std::holds_alternative<Delivered>(outcome.verdict) ? DeliveryStatus::delivered
                                                                        : DeliveryStatus::failed;
    }
  }

  void check(store::Store& store, WebhookId webhook, const Acknowledged& acknowledged) {
    for (const auto& [id, known] : acknowledged.deliveries) {
      SCOPED_TRACE("delivery " + std::to_string(id.value));
      const auto found = store.delivery(webhook, id);
      ASSERT_TRUE(found.ok());
      ASSERT_TRUE(found->has_value()) << "it was acknowledged and is gone";
      if (known.in_doubt) continue;
      const store::DeliveryDetail& detail = **found;
      EXPECT_EQ(detail.entry.status, known.status) << "its outcome is gone";
      EXPECT_EQ(detail.attempts.size(), static_cast<std::size_t>(known.attempts));
      if (known.status == DeliveryStatus::pending && known.attempts > 0) {
        EXPECT_EQ(detail.entry.next_attempt_at, known.due_at);
      }
    }
    const auto totals = store.totals({webhook});
    ASSERT_TRUE(totals.ok());
    EXPECT_GE(totals->front().all(), static_cast<std::int64_t>(acknowledged.deliveries.size()));
    check_counts(store, webhook, totals->front());
  }

  // The counts that are kept say what counting says.
  void check_counts(store::Store& store, WebhookId webhook, const DeliveryTotals& totals) {
    DeliveryTotals counted;
    for (DeliveryId before{1'000'000'000};;) {
      const auto page = store.deliveries_before(webhook, {}, before, 100);
      ASSERT_TRUE(page.ok());
      if (page->entries.empty()) break;
      for (const DeliveryEntry& entry : page->entries) {
        counted.pending += entry.status == DeliveryStatus::pending;
        counted.delivered += entry.status == DeliveryStatus::delivered;
        counted.failed += entry.status == DeliveryStatus::failed;
      }
      before = page->entries.back().id;
    }
    EXPECT_EQ(totals.pending, counted.pending);
    EXPECT_EQ(totals.delivered, counted.delivered);
    EXPECT_EQ(totals.failed, counted.failed);
    const Timestamp now = clock_.now();
    const auto steps =
        store.stats({webhook}, now - Seconds{3'600}, now + Seconds{60}, Seconds{7'200});
    ASSERT_TRUE(steps.ok());
    EXPECT_EQ(steps->front().delivered, counted.delivered);
    EXPECT_EQ(steps->front().failed, counted.failed);
  }

  void expect_whole() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().extension() != ".db") continue;
      sqlite3* database = nullptr;
      ASSERT_EQ(sqlite3_open_v2(entry.path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr),
                SQLITE_OK);
      std::string verdict;
      sqlite3_exec(
          database, "PRAGMA integrity_check",
          [](void* into, int, char** values, char**) {
            *static_cast<std::string*>(into) += values[0];
            return 0;
          },
          &verdict, nullptr);
      sqlite3_close(database);
      EXPECT_EQ(verdict, "ok");
      ++databases_checked_;
    }
  }

  SystemClock clock_;
  PowerCutVfs vfs_{"power-cut"};
  std::string directory_;
  int databases_checked_ = 0;
};

TEST_F(PowerLoss, LosesNothingThatWasAcknowledged) {
  const std::uint64_t only = from_environment("SKYHOOK_POWER_LOSS_SEED", 0);
  const std::uint64_t runs = only ? 1 : from_environment("SKYHOOK_POWER_LOSS_COUNT", 200);
  int cuts = 0, cuts_at_start = 0;
  for (std::uint64_t run = 1; run <= runs; ++run) {
    const std::uint64_t seed = only ? only : run;
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    std::filesystem::remove_all(directory_);

    auto store = open();
    ASSERT_NE(store, nullptr);
    const auto account = store->create_account({.name = "a", .now = clock_.now()});
    ASSERT_TRUE(account.ok());
    const auto webhook = store->create_webhook({.account_id = account->id,
                                                .name = "w",
                                                .url = "https://example.com/",
                                                .events = {"contact.created"},
                                                .is_active = true,
                                                .sealed_secret = "s",
                                                .now = clock_.now()});
    ASSERT_TRUE(webhook.ok());
    Acknowledged acknowledged;
    vfs_.cut_at(random.next() % 400 + 1);
    work(*store, webhook->id, account->id, random, acknowledged);
    store.reset();
    cuts += vfs_.is_cut();
    vfs_.lose_unsynced(random, random.next() % 2 ? 0.0 : 0.5);
    while (random.next() % 2) {  // and again, while it starts
      vfs_.cut_at(random.next() % 30 + 1);
      open().reset();
      cuts_at_start += vfs_.is_cut();
      vfs_.lose_unsynced(random, random.next() % 2 ? 0.0 : 0.5);
    }

    store = open();
    ASSERT_NE(store, nullptr) << "the database does not open after the power loss";
    check(*store, webhook->id, acknowledged);
    store.reset();
    expect_whole();
    if (HasFailure()) return;
  }
  if (!only) {
    EXPECT_GT(cuts, static_cast<int>(runs / 2)) << "the power hardly ever went";
    EXPECT_GT(cuts_at_start, static_cast<int>(runs / 10));
  }
  EXPECT_GT(databases_checked_, 0);
}

}  // namespace
}  // namespace skyhook::faults
