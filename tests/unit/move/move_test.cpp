// A whole move, from a real embedded store to a real PostgreSQL: what is there afterwards, and what
// happens when it is interrupted or must not be.
#include "move/move.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <set>
#include <utility>

#include "store/options_text.h"
#include "store/postgres/move_target.h"
#include "store/postgres/postgres_store.h"
#include "store/shared.h"
#include "store/sqlite/move_source.h"
#include "store/sqlite/sqlite_store.h"
#include "store_contract.h"
#include "support/postgres_server.h"

namespace skyhook::store {
namespace {

using contract::StoreContract;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing_support::postgres_server;

constexpr Seconds kDay{86'400};

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().detail);
  return std::move(*result);
}

class EmbeddedBackend final : public contract::Backend {
 public:
  EmbeddedBackend() {
    std::string pattern = std::filesystem::temp_directory_path() / "skyhook-move-XXXXXX";
    directory = ::mkdtemp(pattern.data());
  }
  ~EmbeddedBackend() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  std::unique_ptr<Store> open(const Clock& clock) override {
    auto opened = sqlite::open({.data_dir = directory, .clock = clock});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  std::string directory;
};

// A target that is as if the program had been killed at its n-th step: before that step took
// effect, or after it but before anybody knew.
class KilledTarget final : public MoveTarget {
 public:
  KilledTarget(MoveTarget& target, int steps, bool after)
      : target_(target), left_(steps), after_(after) {}
  bool was_killed() const { return left_ < 0; }

  Result<State> state(const std::string& id) override { return target_.state(id); }
  Result<Done> begin(const MoveMark& mark, const MovedIds& ids) override {
    return step([&] { return target_.begin(mark, ids); });
  }
  Result<Done> make_days(const std::vector<MovedDay>& days) override {
    return step([&] { return target_.make_days(days); });
  }
  Result<std::map<MoveTable, MoveProgress>> progress() override { return target_.progress(); }
  Result<Done> take(const MovePage<Account>& page) override { return taken(page); }
  Result<Done> take(const MovePage<Webhook>& page) override { return taken(page); }
  Result<Done> take(const MovePage<Event>& page) override { return taken(page); }
  Result<Done> take(const MovePage<MovedDelivery>& page) override { return taken(page); }
  Result<Done> take(const MovePage<MovedTotals>& page) override { return taken(page); }
  Result<Done> take(const MovePage<MovedRollup>& page) override { return taken(page); }
  Result<Done> take(const MovePage<MovedKey>& page) override { return taken(page); }
  Result<MoveCounts> counts() override { return target_.counts(); }
  Result<Done> finish() override {
    return step([&] { return target_.finish(); });
  }

 private:
  template <class Page>
  Result<Done> taken(const Page& page) {
    return step([&] { return target_.take(page); });
  }
  template <class Work>
  Result<Done> step(Work work) {
    const bool dies = left_-- <= 0;
    if (dies && !after_) return Err{Error{Error::Kind::unavailable, "killed"}};
    auto done = work();
    if (dies) return Err{Error{Error::Kind::unavailable, "killed"}};
    return done;
  }

  MoveTarget& target_;
  int left_;
  const bool after_;
};

class MoveTest : public StoreContract {
 protected:
  // The source is `store`, as long as it is open.
  EmbeddedBackend& source_backend() { return static_cast<EmbeddedBackend&>(*backend); }
  std::string directory() { return source_backend().directory; }

  std::unique_ptr<MoveSource> open_source() {
    auto source = sqlite::open_move_source(directory());
    EXPECT_TRUE(source.ok()) << source.error().detail;
    return source.ok() ? std::move(*source) : nullptr;
  }
  std::unique_ptr<MoveTarget> open_target(const std::string& to) {
    auto target = postgres::open_move_target({.database_url = to, .version = "test"});
    EXPECT_TRUE(target.ok()) << target.error().detail;
    return target.ok() ? std::move(*target) : nullptr;
  }
  std::unique_ptr<Store> open_node(const std::string& at) {
    auto opened = postgres::open({.database_url = at, .clock = clock});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(*opened) : nullptr;
  }

  move::Options options() {
    return {.clock = clock,
            .new_id = "move-" + std::to_string(++runs_),
            .place = "postgres://db/skyhook",
            .opens = [](const Webhook&) { return true; },
            .tell = [](const move::Progress&) {}};
  }
  // Closes the source store and moves it; the error, or "".
  std::string move_to(const std::string& to) {
    store.reset();
    auto source = open_source();
    auto target = open_target(to);
    auto report = move::run(*source, *target, options());
    if (!report) return report.error();
    last_ = *report;
    return report->is_complete() ? "" : "the counts differ";
  }

  NewEvent event_for(const std::vector<WebhookId>& webhooks) {
    return make_event(account.id, webhooks, "contact.created",
                      R"({"n":)" + std::to_string(++made_) + "}");
  }
  WaitingDelivery publish_to(const Webhook& webhook) {
    NewEvent event = event_for({webhook.id});
    WaitingDelivery delivery = event.deliveries.front();
    EXPECT_TRUE(publish({std::move(event)}).ok());
    return delivery;
  }
  void settle(AttemptOutcome outcome) { EXPECT_TRUE(record({std::move(outcome)}).ok()); }

  // Everything that a log can hold, over three days.
  void make_history() {
    NewAccount added{
        "Acme", {7}, {"https://a.example", "https://b.example"}, clock.time, Millis{1'500}};
    account = must(store->create_account(added));
    ASSERT_TRUE(store->create_account({"Gone", {9}, {}, clock.time}).ok());
    first = make_webhook(account.id);
    second = make_webhook(account.id, {"contact.created", "contact.updated"});
    second.is_active = false;
    second.name = "Second \xE2\x9C\x93";
    second.secret = "enc1:something";
    second.options = with_change(nullptr, [](WebhookOptions& options) {
      options.headers = {{"X-Key", "enc1:other"}};
    });
    const Timestamp made = std::exchange(second.updated_at, clock.time + Seconds{1});
    ASSERT_TRUE(*store->update_webhook(second, made));
    const Webhook doomed = make_webhook(account.id);

    publish_to(doomed);
    AttemptOutcome late = delivered(publish_to(first));
    late.first = FirstAttempt{account.id, Millis{2'000}, true};
    settle(late);
    const WaitingDelivery hard = publish_to(first);  // fails for good at its third attempt
    settle(failed(hard, RetryAt{clock.time + Seconds{120}}, 1));
    clock.time += Seconds{120};
    settle(failed(hard, RetryAt{clock.time + Seconds{600}}, 2));
    clock.time += Seconds{600};
    settle(failed(hard, GaveUp{FailureReason::http_status}, 3));
    NewEvent keyed = with_key(event_for({first.id, second.id}), "order-1", 5);
    const std::vector<WaitingDelivery> both = keyed.deliveries;
    ASSERT_TRUE(publish({std::move(keyed)}).ok());
    settle(delivered(both[0]));

    clock.time += kDay;
    again = publish_to(first);  // delivered, then asked for once more
    settle(delivered(again));
    ASSERT_TRUE(must(store->reopen(first.id, again.id, clock.time + Seconds{60})).has_value());
    const WaitingDelivery switched_off = publish_to(second);
    ASSERT_EQ(must(store->fail_waiting(second.id, FailureReason::webhook_inactive, 10)), 2);
    ASSERT_TRUE(*store->delete_webhook(doomed.id));

    clock.time += kDay;
    settle(failed(publish_to(first), RetryAt{clock.time + Seconds{7'200}}, 1));
    for (int i = 0; i < 5; ++i) publish_to(first);
    NewEvent recent = with_key(event_for({first.id}), "order-2", 6);
    ASSERT_TRUE(publish({std::move(recent)}).ok());
    NewEvent test = event_for({first.id});
    test.deliveries.front().is_test = true;
    AttemptOutcome timeout = failed(test.deliveries.front(), GaveUp{FailureReason::timeout}, 1);
    timeout.attempt.response_status.reset();
    timeout.attempt.failure = FailureReason::timeout;
    timeout.attempt.error_detail = "no answer";
    timeout.attempt.response_truncated = true;
    ASSERT_TRUE(publish({std::move(test)}).ok());
    settle(timeout);
    (void)switched_off;
  }

  // All that can be read of a store, in words.
  std::string told_by(Store& from) {
    std::string told;
    const auto line = [&](const auto&... parts) {
      std::ostringstream out;
      ((out << parts << ' '), ...);
      told += out.str() + "\n";
    };
    const auto time = [](std::optional<Timestamp> at) { return at ? to_iso8601(*at) : "-"; };
    for (const Account& one : must(from.load_accounts())) {
      line("account", one.id.value, one.name, one.is_active, one.allowed_origins.size(),
           int{one.api_key_hash[0]}, time(one.created_at), time(one.updated_at),
           one.first_attempt_target.value_or(Millis{0}).count());
      for (const std::string& origin : one.allowed_origins) line(origin);
    }
    for (const Webhook& one : must(from.load_webhooks())) {
      line("webhook", one.id.value, one.account_id.value, one.name, one.url, one.is_active,
           one.secret, time(one.created_at), time(one.updated_at), options_text(one.options));
      for (const std::string& event : one.events) line(event);
      const DeliveryTotals counted = must(from.totals({one.id})).front();
      line("totals", counted.pending, counted.delivered, counted.failed);
      for (const auto status :
           {std::optional<DeliveryStatus>{}, std::optional{DeliveryStatus::pending},
            std::optional{DeliveryStatus::delivered}, std::optional{DeliveryStatus::failed}}) {
        const auto page = must(from.deliveries(one.id, {.status = status}, 1, 100));
        line("page of", status ? static_cast<int>(*status) : -1, page.total);
        for (const DeliveryEntry& entry : page.entries) line("  ", entry.uuid().to_string());
      }
      const DeliveryPage whole = must(from.deliveries(one.id, {}, 1, 100));
      for (const DeliveryEntry& entry : whole.entries) {
        const auto detail = must(from.delivery(one.id, entry.id));
        line("delivery", entry.uuid().to_string(), entry.event_type, entry.attempt_number,
             entry.response_status.value_or(0), to_string(entry.status), time(entry.delivered_at),
             time(entry.next_attempt_at), time(entry.created_at));
        line("  event", detail->event->uuid().to_string(), detail->event->data,
             detail->event->traceparent, detail->event->type);
        for (const Attempt& attempt : detail->attempts) {
          line("  attempt", attempt.number, time(attempt.started_at), attempt.duration.count(),
               attempt.response_status.value_or(0), to_string(attempt.failure),
               attempt.error_detail, attempt.response_headers, attempt.response_body,
               attempt.response_truncated);
        }
      }
      for (const Seconds length : {Seconds{3'600}, Seconds{12 * 3'600}}) {
        for (const StatsStep& step :
             must(from.stats({one.id}, clock.time - 4 * kDay, clock.time + kDay, length))) {
          line("stats", time(step.start), step.delivered, step.failed_attempts, step.failed,
               step.duration_p50_ms.value_or(-1), step.duration_p95_ms.value_or(-1));
        }
      }
    }
    for (const AccountStep& step : must(from.account_stats(
             {account.id}, clock.time - 4 * kDay, clock.time + kDay, Seconds{12 * 3'600}))) {
      line("events", step.events, step.first_attempts, step.late, step.latency_p50_ms.value_or(-1));
    }
    const QueueStats queue = must(from.queue_stats());
    line("queue", queue.totals.pending, queue.totals.delivered, queue.totals.failed,
         time(queue.oldest_waiting_created_at));
    return told;
  }

  std::set<std::int64_t> ids_of(const WaitingPage& page) {
    std::set<std::int64_t> ids;
    for (const WaitingDelivery& delivery : page.deliveries) ids.insert(delivery.id.value);
    return ids;
  }

  Account account;
  Webhook first, second;
  WaitingDelivery again;
  move::Report last_;
  int made_ = 0;
  int runs_ = 0;
};

std::unique_ptr<contract::Backend> make_embedded() {
  return std::make_unique<EmbeddedBackend>();
}
INSTANTIATE_TEST_SUITE_P(Embedded, MoveTest, testing::Values(&make_embedded));

TEST_P(MoveTest, EverythingIsThereAsItWas) {
  make_history();
  const std::string before = told_by(*store);
  const std::set<std::int64_t> waiting =
      ids_of(must(store->waiting(first.id, clock.time + kDay, {}, 100)));
  const std::string to = postgres_server().make_database();
  ASSERT_EQ(move_to(to), "");
  EXPECT_EQ(last_.source.waiting, 8);
  EXPECT_EQ(last_.source.keys, 1);  // the other one has expired
  EXPECT_EQ(last_.source.webhooks, 2);

  const auto node = open_node(to);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(told_by(*node), before);
  EXPECT_EQ(ids_of(must(node->waiting(first.id, clock.time + kDay, {}, 100))), waiting);
  const WaitingPage now = must(node->waiting(first.id, clock.time, {}, 100));
  EXPECT_THAT(now.deliveries, SizeIs(7));
  EXPECT_EQ(now.next_due_at, clock.time + Seconds{7'200});
}

TEST_P(MoveTest, WhatIsMovedGoesOnAsIfNothingHadHappened) {
  make_history();
  const std::string to = postgres_server().make_database();
  const WaitingPage waiting = must(store->waiting(first.id, clock.time + kDay, {}, 100));
  ASSERT_EQ(move_to(to), "");
  store = open_node(to);

  // The one that was tried once and the one that was asked for again go on with their schedules.
  const WaitingPage page = must(store->waiting(first.id, clock.time + kDay, {}, 100));
  ASSERT_EQ(page.deliveries.size(), waiting.deliveries.size());
  for (std::size_t i = 0; i < page.deliveries.size(); ++i) {
    const WaitingDelivery& now = page.deliveries[i];
    const WaitingDelivery& then = waiting.deliveries[i];
    EXPECT_EQ(now.id, then.id);
    EXPECT_EQ(now.due_at, then.due_at);
    EXPECT_EQ(now.attempts_made, then.attempts_made);
    EXPECT_EQ(now.schedule_position, then.schedule_position);
    EXPECT_EQ(now.event->data, then.event->data);
    settle(delivered(now, now.attempts_made + 1));
  }
  EXPECT_EQ(totals(first.id).pending, 0);
  EXPECT_EQ(totals(first.id).delivered, 2 + static_cast<std::int64_t>(waiting.deliveries.size()));
  EXPECT_EQ(must(store->delivery(first.id, again.id))->attempts.size(), 2U);

  // Keys, ids and what failed.
  const auto replayed = publish({with_key(event_for({first.id}), "order-2", 6)});
  EXPECT_TRUE(std::get<std::vector<EventReceipt>>(*replayed).front().replayed);
  const auto conflict = publish({with_key(event_for({first.id}), "order-2", 7)});
  EXPECT_TRUE(std::holds_alternative<IdempotencyConflict>(*conflict));
  EXPECT_EQ(make_account("New").id.value, 3);
  EXPECT_EQ(make_webhook(account.id).id.value, 4);  // 3 was deleted, and is not given again
  EXPECT_GT(publish_to(first).id, again.id);
  EXPECT_EQ(must(store->reopen_failed(second.id, clock.time - 9 * kDay, clock.time, clock.time,
                                      Millis{1})),
            2);
}

TEST_P(MoveTest, OfSeveralNodesEachTakesAWaitingDeliveryOnce) {
  make_history();
  const std::string to = postgres_server().make_database();
  ASSERT_EQ(move_to(to), "");
  const auto one = open_node(to);
  const auto two = open_node(to);
  const auto owned_by_one = ids_of(must(one->waiting(first.id, clock.time + kDay, {}, 100)));
  const auto owned_by_two = ids_of(must(two->waiting(first.id, clock.time + kDay, {}, 100)));
  EXPECT_EQ(owned_by_one.size(), 8U);
  EXPECT_THAT(owned_by_two, IsEmpty());
}

// Each run gets as far as one more step and is killed before it, the next one right after it.
TEST_P(MoveTest, IsGoneOnWithWhereverItWasKilled) {
  make_history();
  const std::string before = told_by(*store);
  store.reset();
  const std::string to = postgres_server().make_database();
  int kills = 0;
  for (bool is_done = false; !is_done;) {
    const auto source = open_source();
    const auto target = open_target(to);
    const int days_are_made_again = kills < 2 ? 0 : 1;
    KilledTarget killed(*target, days_are_made_again, kills % 2 == 1);
    const auto report = move::run(*source, killed, options());
    is_done = report.ok();
    kills += killed.was_killed() ? 1 : 0;
    ASSERT_TRUE(is_done || killed.was_killed()) << report.error();
  }
  EXPECT_EQ(kills, 2 * 9);  // the beginning, seven tables, the end
  EXPECT_EQ(told_by(*open_node(to)), before);
}

TEST_P(MoveTest, AgainAfterItIsDoneChangesNothing) {
  make_history();
  const std::string to = postgres_server().make_database();
  ASSERT_EQ(move_to(to), "");
  const std::string told = told_by(*open_node(to));
  EXPECT_EQ(move_to(to), "");
  EXPECT_TRUE(last_.was_moved);
  EXPECT_EQ(told_by(*open_node(to)), told);
  EXPECT_THAT(move_to(postgres_server().make_database()), HasSubstr("was moved to"));
}

TEST_P(MoveTest, TheSourceIsNotServedFromItsBeginningOnAndIsAfterAnUndo) {
  make_history();
  const std::string before = told_by(*store);
  const std::string to = postgres_server().make_database();
  ASSERT_EQ(move_to(to), "");
  const auto refused = sqlite::open({.data_dir = directory(), .clock = clock});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().detail, HasSubstr("was moved to postgres://db/skyhook"));
  EXPECT_THAT(refused.error().detail, HasSubstr("--undo"));
  ASSERT_TRUE(open_source()->clear_mark().ok());
  store = backend->open(clock);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(told_by(*store), before);
}

TEST_P(MoveTest, TheTargetIsNotServedBeforeItsEnd) {
  make_history();
  store.reset();
  const std::string to = postgres_server().make_database();
  {
    const auto source = open_source();
    const auto target = open_target(to);
    KilledTarget killed(*target, 4, true);
    ASSERT_FALSE(move::run(*source, killed, options()).ok());
  }
  const auto refused = postgres::open({.database_url = to, .clock = clock});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().detail, HasSubstr("is not finished"));
  EXPECT_EQ(move_to(to), "");
  EXPECT_NE(open_node(to), nullptr);
}

TEST_P(MoveTest, ABeginningThatWasUndoneIsNotGoneOnWith) {
  make_history();
  store.reset();
  const std::string to = postgres_server().make_database();
  {
    const auto source = open_source();
    const auto target = open_target(to);
    KilledTarget killed(*target, 4, true);
    ASSERT_FALSE(move::run(*source, killed, options()).ok());
    ASSERT_TRUE(source->clear_mark().ok());
  }
  EXPECT_THAT(move_to(to), HasSubstr("another move"));
  EXPECT_NE(backend->open(clock), nullptr) << "a refused move left its mark";
}

TEST_P(MoveTest, IsRefusedWhereSomebodyServesOrSomethingIsThere) {
  make_history();
  EXPECT_THAT(sqlite::open_move_source(directory()).error().detail, HasSubstr("in use"));
  EXPECT_THAT(sqlite::open_move_source(directory() + "-not").error().detail,
              HasSubstr("holds no data"));
  const std::string to = postgres_server().make_database();
  auto node = open_node(to);
  EXPECT_THAT(move_to(to), HasSubstr("a server uses the database"));
  ASSERT_TRUE(node->create_account({"There", {1}, {}, clock.time}).ok());
  node.reset();
  EXPECT_THAT(move_to(to), HasSubstr("already"));
  const auto held = open_target(postgres_server().make_database());
  EXPECT_NE(backend->open(clock), nullptr) << "a refused move left its mark";
}

TEST_P(MoveTest, IsRefusedWhereSecretsDoNotOpen) {
  make_history();
  store.reset();
  {
    const auto source = open_source();
    const auto target = open_target(postgres_server().make_database());
    move::Options given = options();
    given.opens = [&](const Webhook& webhook) { return webhook.secret.starts_with("whsec_"); };
    const auto report = move::run(*source, *target, given);
    ASSERT_FALSE(report.ok());
    EXPECT_THAT(report.error(), HasSubstr("1 webhook secrets do not open"));
  }
  EXPECT_NE(backend->open(clock), nullptr) << "a refused move left its mark";
}

TEST_P(MoveTest, RetentionDropsMovedDaysAndKeepsWhatWaits) {
  make_history();
  const std::string to = postgres_server().make_database();
  ASSERT_EQ(move_to(to), "");
  store = open_node(to);
  const DeliveryTotals before = totals(first.id);
  // Of the second day, one delivery waits to be sent again.
  purge_all(clock.time, clock.time - Seconds{60});
  const DeliveryTotals after = totals(first.id);
  EXPECT_EQ(after.pending, before.pending);
  EXPECT_EQ(after.delivered, 0);
  EXPECT_EQ(after.failed, 1);  // of today
  EXPECT_THAT(must(store->deliveries(first.id, {}, 1, 100)),
              testing::Field(&DeliveryPage::entries, SizeIs(9)));
  EXPECT_EQ(ids_of(must(store->waiting(first.id, clock.time + kDay, {}, 100))).size(), 8U);
  settle(delivered(again, 2));
  purge_all(clock.time, clock.time - Seconds{60});
  EXPECT_FALSE(must(store->delivery(first.id, again.id)).has_value());
}

TEST_P(MoveTest, MovedRowsAreFoundByTheTimeOfTheirCreation) {
  make_history();
  const std::string to = postgres_server().make_database();
  std::vector<DeliveryFilter> filters;
  const Timestamp start = clock.time - 3 * kDay;
  for (Seconds from{0}; from < 5 * kDay; from += Seconds{43'200}) {
    for (Seconds until = from; until < 5 * kDay; until += Seconds{43'200}) {
      filters.push_back({.from = start + from, .until = start + until});
    }
    filters.push_back({.from = start + from});
    filters.push_back({.until = start + from});
    filters.push_back({.status = DeliveryStatus::failed, .from = start + from});
  }
  const auto found_by = [&](Store& in) {
    std::vector<std::vector<std::int64_t>> found;
    for (const DeliveryFilter& filter : filters) {
      found.emplace_back();
      const DeliveryPage page = must(in.deliveries(first.id, filter, 1, 100));
      for (const DeliveryEntry& entry : page.entries) {
        found.back().push_back(entry.id.value);
      }
    }
    return found;
  };
  const auto before = found_by(*store);
  ASSERT_EQ(move_to(to), "");
  store = open_node(to);
  EXPECT_EQ(found_by(*store), before);
  clock.time += 3 * kDay;
  const WaitingDelivery fresh = publish_to(first);
  const auto recent = store->deliveries(first.id, {.from = clock.time - kDay}, 1, 100);
  ASSERT_THAT(recent->entries, SizeIs(1));
  EXPECT_EQ(recent->entries.front().id, fresh.id);
}

TEST_P(MoveTest, AClockThatWentBackOrAheadCostsNoRowItsDays) {
  account = make_account();
  first = make_webhook(account.id);
  const std::int64_t today = to_unix_micros(clock.time) / 86'400'000'000;
  clock.time -= 2 * kDay;
  const std::int64_t one = publish_to(first).id.value;
  clock.time += 40 * kDay;  // ahead for a moment
  const std::int64_t ahead = publish_to(first).id.value;
  clock.time -= 39 * kDay;
  publish_to(first);
  clock.time -= 9'000 * kDay;  // back for a moment
  publish_to(first);
  clock.time += 9'001 * kDay;
  publish_to(first);
  store.reset();
  const auto source = open_source();
  ASSERT_TRUE(source->settle(clock.time).ok());
  const auto days = must(source->days(clock.time));
  // What came after the wrong time ahead stays as long as what came in it: until today is over.
  ASSERT_THAT(days, SizeIs(2));
  EXPECT_EQ(days[0], (MovedDay{today - 2, 0, 0, today - 2}));  // and all that is older
  EXPECT_EQ(days[1], (MovedDay{today, ahead - 1, today - 9'001, today + 38}));
  EXPECT_LT(one, days[1].first_id);
}

}  // namespace
}  // namespace skyhook::store
