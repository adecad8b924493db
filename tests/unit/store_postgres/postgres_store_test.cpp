// What only the shared store promises: migrations, leases, take-over, fencing.
#include "store/postgres/postgres_store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <thread>

#include "store/postgres/schema.h"
#include "store/shared.h"
#include "store_contract.h"
#include "support/postgres_server.h"

namespace skyhook::store::postgres {
namespace {

using testing_support::postgres_server;

class PostgresBackend final : public contract::Backend {
 public:
  std::unique_ptr<Store> open(const Clock& clock) override {
    Result<std::unique_ptr<Store>> opened = postgres::open({.database_url = url_, .clock = clock});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  void fold_counts(std::unique_ptr<Store>&, const Clock&) override {
    postgres_server().sql("SELECT skyhook.fold_tallies()", url_.substr(url_.rfind('/') + 1));
  }

 private:
  std::string url_ = postgres_server().make_database();
};

// Two nodes of one database, in one process.
class TwoNodes : public testing::Test {
 protected:
  static constexpr Seconds kGuard{60};  // against hanging; says nothing of speed

  std::unique_ptr<Store> open(Millis heartbeat = Millis{2'000}) {
    auto opened = postgres::open({.database_url = url, .clock = clock, .heartbeat = heartbeat});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  std::string database() const { return url.substr(url.rfind('/') + 1); }
  void SetUp() override {
    one = open();
    two = open();
    const auto account = one->create_account({"Acme", {}, {}, clock.now()});
    ASSERT_TRUE(account.ok());
    const auto made = one->create_webhook(
        {account->id, "n", "https://e.example", {"contact.created"}, true, "whsec_x", clock.now()});
    ASSERT_TRUE(made.ok());
    webhook = *made;
  }
  WaitingDelivery waiting_delivery(const EventPtr& event, DeliveryId id) {
    return {.id = id,
            .webhook_id = webhook.id,
            .event = event,
            .created_at = clock.now(),
            .due_at = clock.now()};
  }
  void eventually(const std::function<bool()>& holds) const {
    const MonoTime deadline = clock.mono() + kGuard;
    while (!holds()) {
      if (clock.mono() > deadline) FAIL() << "it does not come about";
      std::this_thread::yield();
    }
  }
  // Others end the node's lease. A statement of the node may hold them up for longer than they
  // wait for it: then they ask again, as nodes do.
  void expire(std::int64_t node) const {
    eventually([&] {
      try {
        postgres_server().sql("SELECT skyhook.expire_nodes(" + std::to_string(node) + ")",
                              database());
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  }
  // Likewise; returns once the node has a new one.
  void lose_lease(Store& node) const {
    const std::uint64_t epoch = node.shared()->epoch();
    const auto nodes = node.nodes();
    ASSERT_TRUE(nodes.ok());
    for (const NodeLease& lease : *nodes) {
      if (lease.is_self) expire(lease.id);
    }
    eventually([&] { return node.shared()->epoch() > epoch; });
  }
  WaitingDelivery publish(Store& store, bool is_ordered = false) {
    const std::int64_t id = store.take_ids(2);
    auto event = std::make_shared<const Event>(
        Event{EventId{id}, webhook.account_id, "contact.created", "{}", clock.now()});
    WaitingDelivery delivery = waiting_delivery(event, DeliveryId{id + 1});
    delivery.is_ordered = is_ordered;
    std::promise<bool> stored;
    store.publish({{event, {delivery}, std::nullopt}},
                  [&](Result<PublishOutcome> outcome) { stored.set_value(outcome.ok()); });
    EXPECT_TRUE(stored.get_future().get());
    return delivery;
  }
  bool record(Store& store, const WaitingDelivery& delivery) {
    Attempt attempt;
    attempt.started_at = clock.now();
    attempt.response_status = 200;
    return record_outcomes(store, {{delivery.id, webhook.id, attempt, Delivered{clock.now()}}});
  }
  bool record_outcomes(Store& store, std::vector<AttemptOutcome> outcomes) {
    std::promise<bool> stored;
    store.record(std::move(outcomes), [&](Result<Done> done) { stored.set_value(done.ok()); });
    return stored.get_future().get();
  }
  std::size_t waiting(Store& store) {
    const auto page = store.waiting(webhook.id, clock.now() + Seconds{1}, {}, 100);
    EXPECT_TRUE(page.ok());
    return page->deliveries.size();
  }

  std::vector<DeliveryId> in_order(Store& store) {
    const auto page = store.waiting_in_order(webhook.id, clock.now() + Seconds{1}, {}, 100);
    EXPECT_TRUE(page.ok());
    std::vector<DeliveryId> ids;
    for (const WaitingDelivery& one : page->deliveries) ids.push_back(one.id);
    return ids;
  }

  SystemClock clock;
  std::string url = postgres_server().make_database();
  std::unique_ptr<Store> one, two;
  Webhook webhook;
};

TEST_F(TwoNodes, OwnWhatTheyAccepted) {
  publish(*one);
  EXPECT_EQ(waiting(*one), 1u);
  EXPECT_EQ(waiting(*two), 0u);
  EXPECT_EQ(two->totals({webhook.id})->at(0).pending, 1);
}

TEST_F(TwoNodes, TakeOverWhatAClosedNodeLeft) {
  publish(*one);
  one.reset();
  const auto taken = two->shared()->take_over();
  ASSERT_TRUE(taken.ok());
  EXPECT_THAT(*taken, testing::ElementsAre(webhook.id));
  EXPECT_EQ(waiting(*two), 1u);
  EXPECT_TRUE(two->shared()->take_over()->empty());
}

TEST_F(TwoNodes, AnOutcomeOfALostLeaseChangesNothing) {
  const WaitingDelivery delivery = publish(*one);
  const std::uint64_t epoch = one->shared()->epoch();
  expire(1);
  ASSERT_TRUE(two->shared()->take_over().ok());
  // Its connections were ended with it: the first offer may meet one of those.
  const bool refused_for_good = record(*one, delivery) || record(*one, delivery);
  EXPECT_TRUE(refused_for_good) << "the caller must not offer it again for ever";
  DeliveryTotals totals = two->totals({webhook.id})->at(0);
  EXPECT_EQ(totals.pending, 1);
  EXPECT_EQ(totals.delivered, 0);
  // The node begins anew, and owns nothing of what it had.
  eventually([&] { return one->shared()->epoch() > epoch; });
  EXPECT_TRUE(one->shared()->may_deliver());
  EXPECT_GT(one->shared()->lease_left(), Micros{0});
  EXPECT_EQ(waiting(*one), 0u);
  EXPECT_TRUE(record(*one, delivery));
  EXPECT_EQ(two->totals({webhook.id})->at(0).pending, 1);
  // Its owner's outcome counts.
  EXPECT_TRUE(record(*two, delivery));
  totals = one->totals({webhook.id})->at(0);
  EXPECT_EQ(totals.pending, 0);
  EXPECT_EQ(totals.delivered, 1);
}

// Publishes that wait to be written while the node begins anew are written under its new lease.
// A batch takes two transactions where not all of it is plain: the second may fail by itself.
TEST_F(TwoNodes, RecordOnceMoreWhatWasHalfRecorded) {
  const WaitingDelivery plain = publish(*one), failed = publish(*one);
  Attempt answered;
  answered.started_at = clock.now();
  answered.response_status = 200;
  Attempt refused;
  refused.started_at = clock.now();
  refused.failure = FailureReason::connect;
  const std::vector<AttemptOutcome> outcomes{
      {plain.id, webhook.id, answered, Delivered{clock.now()}},
      {failed.id, webhook.id, refused, RetryAt{clock.now() + Seconds{60}}}};
  postgres_server().sql(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION USING ERRCODE = ''40P01''; END'",
      database());
  postgres_server().sql(
      "CREATE TRIGGER refuse BEFORE INSERT ON skyhook.detours FOR EACH ROW EXECUTE FUNCTION "
      "refuse()",
      database());
  EXPECT_FALSE(record_outcomes(*one, outcomes));
  postgres_server().sql("DROP TRIGGER refuse ON skyhook.detours", database());
  EXPECT_TRUE(record_outcomes(*one, outcomes));
  const DeliveryTotals totals = one->totals({webhook.id})->at(0);
  EXPECT_EQ(totals.delivered, 1);
  EXPECT_EQ(totals.pending, 1);
  EXPECT_EQ((*one->delivery(webhook.id, plain.id))->attempts.size(), 1u);
}

TEST_F(TwoNodes, KeepWhatIsAcceptedWhileALeaseIsLost) {
  std::atomic<bool> enough = false;
  std::mutex mutex;
  std::set<DeliveryId> accepted;
  const auto publish_on_and_on = [&] {
    constexpr std::ptrdiff_t kUnanswered = 50;
    const auto room = std::make_shared<std::counting_semaphore<kUnanswered>>(kUnanswered);
    while (!enough) {
      const std::int64_t id = one->take_ids(2);
      room->acquire();
      const auto event = std::make_shared<const Event>(
          Event{EventId{id}, webhook.account_id, "contact.created", "{}", clock.now()});
      one->publish({{event, {waiting_delivery(event, DeliveryId{id + 1})}, std::nullopt}},
                   [&, room, id](Result<PublishOutcome> outcome) {
                     std::lock_guard lock(mutex);
                     if (outcome) accepted.insert(DeliveryId{id + 1});
                     room->release();
                   });
    }
    for (std::ptrdiff_t i = 0; i < kUnanswered; ++i) room->acquire();
  };
  {
    const auto stop = [&](std::thread* publisher) {
      enough = true;
      publisher->join();
    };
    std::thread publisher(publish_on_and_on);
    const std::unique_ptr<std::thread, decltype(stop)> stopped(&publisher, stop);
    for (int i = 0; i < 8; ++i) ASSERT_NO_FATAL_FAILURE(lose_lease(*one));
  }
  ASSERT_FALSE(accepted.empty());
  // What the ended leases left goes to whoever asks first; what was written meanwhile is this
  // node's.
  const auto all = [&] {
    std::set<DeliveryId> found;
    for (Store* store : {one.get(), two.get()}) {
      while (!store->shared()->take_over()->empty()) {
      }
      const auto page = store->waiting(webhook.id, clock.now() + Seconds{1}, {}, 1'000'000);
      for (const WaitingDelivery& delivery : page->deliveries) found.insert(delivery.id);
    }
    return found;
  };
  const MonoTime deadline = clock.mono() + kGuard;
  std::vector<DeliveryId> lost;
  do {
    const std::set<DeliveryId> found = all();
    lost.clear();
    std::set_difference(accepted.begin(), accepted.end(), found.begin(), found.end(),
                        std::back_inserter(lost));
  } while (!lost.empty() && clock.mono() < deadline);
  EXPECT_EQ(lost.size(), 0U) << "of " << accepted.size();
}

// A publish that took its ids long ago: what the leases say of the ids has passed them by.
TEST_F(TwoNodes, LoseNothingThatCameLateWithItsIds) {
  one = open(Millis{50});
  const std::int64_t id = one->take_ids(2);
  for (int i = 0; i < 2; ++i) lose_lease(*one);
  std::promise<bool> accepted;
  const auto event = std::make_shared<const Event>(
      Event{EventId{id}, webhook.account_id, "contact.created", "{}", clock.now()});
  one->publish({{event, {waiting_delivery(event, DeliveryId{id + 1})}, std::nullopt}},
               [&](Result<PublishOutcome> outcome) { accepted.set_value(outcome.ok()); });
  const bool is_accepted = accepted.get_future().get();
  lose_lease(*one);
  while (!two->shared()->take_over()->empty()) {
  }
  EXPECT_EQ(waiting(*two), is_accepted ? 1U : 0U);
}

// Whichever node accepted them, and whatever their ids: one node gets all of them, in the order in
// which they were accepted.
TEST_F(TwoNodes, KeepOneOrder) {
  std::vector<DeliveryId> accepted;
  for (Store* node : {two.get(), one.get(), two.get(), one.get()}) {
    accepted.push_back(publish(*node, true).id);
  }
  EXPECT_FALSE(std::ranges::is_sorted(accepted)) << "the ids say it already";
  EXPECT_THAT(in_order(*two), testing::ElementsAreArray(accepted));
  EXPECT_THAT(in_order(*one), testing::IsEmpty());
  EXPECT_EQ(waiting(*one), 0u) << "a node that knows of no order takes what another one keeps";
  const auto changes = one->shared()->changes();
  ASSERT_TRUE(changes.ok());
  EXPECT_THAT(two->shared()->changes()->due, testing::ElementsAre(webhook.id));
  // Another node takes the order over, and gets what the first had left.
  two.reset();
  EXPECT_THAT(in_order(*one), testing::IsEmpty());
  EXPECT_THAT(*one->shared()->take_over(), testing::Contains(webhook.id));
  EXPECT_THAT(in_order(*one), testing::ElementsAreArray(accepted));
  while (!one->shared()->take_over()->empty()) {
  }
  accepted.push_back(publish(*one, true).id);
  EXPECT_THAT(in_order(*one), testing::ElementsAreArray(accepted));
}

// Whichever node is asked to replay: the one that keeps the order sends, and is told.
// Whoever takes what was published by SQL may take its time, or hang.
TEST_F(TwoNodes, AreNotHeldUpByWhoAdoptsInTurn) {
  postgres_server().sql(
      "INSERT INTO skyhook.event_types VALUES ('contact.created') "
      "ON CONFLICT DO NOTHING; SELECT skyhook.publish(" +
          std::to_string(webhook.account_id.value) + ", 'contact.created', '{}')",
      database());
  bool joins = false;
  const auto adopted = one->shared()->adopt_published(
      [&](EventPtr event) {
        joins = postgres::open({.database_url = url, .clock = clock, .answer_timeout = Seconds{2}})
                    .ok();
        return NewEvent{std::move(event), {}, std::nullopt};
      },
      /*in_turn=*/true);
  EXPECT_TRUE(adopted.ok());
  EXPECT_TRUE(joins) << "a node needs numbers for its rows";
}

TEST_F(TwoNodes, ReplayIntoOneOrder) {
  const WaitingDelivery first = publish(*one, true);
  EXPECT_THAT(in_order(*one), testing::ElementsAre(first.id));
  ASSERT_TRUE(one->shared()->changes().ok());
  const Replay again{webhook.id, clock.now(), clock.now(), Micros{0}, true};
  ASSERT_EQ(*two->replay(again, {first.event, first.event}), 2);
  EXPECT_THAT(one->shared()->changes()->due, testing::ElementsAre(webhook.id));
  const DeliveryId last = publish(*one, true).id;
  EXPECT_THAT(in_order(*two), testing::IsEmpty());
  const std::vector<DeliveryId> order = in_order(*one);
  EXPECT_EQ(waiting(*two), 0u) << "sends what the other one keeps";
  ASSERT_EQ(order.size(), 4u);
  EXPECT_EQ(order.front(), first.id);
  EXPECT_EQ(order.back(), last);
  EXPECT_LT(order[1], order[2]);
}

TEST_F(TwoNodes, GiveUpAnOrderWithoutSendingTwice) {
  const DeliveryId kept = publish(*one, true).id;
  const DeliveryId elsewhere = publish(*two, true).id;
  // Two knows first that no order is wanted any more.
  EXPECT_EQ(waiting(*two), 1u);
  EXPECT_THAT(in_order(*one), testing::ElementsAre(kept));
  const DeliveryId late = publish(*two, true).id;
  EXPECT_THAT(in_order(*one), testing::ElementsAre(kept, late));
  EXPECT_EQ(waiting(*two), 1u) << elsewhere.value;
  EXPECT_EQ(waiting(*one), 2u);
  EXPECT_THAT(in_order(*one), testing::ElementsAre(kept, late));
}

// What was accepted before order was wanted stays with its node, and comes first there.
TEST_F(TwoNodes, BeginAnOrder) {
  const DeliveryId before = publish(*one).id;
  const DeliveryId other = publish(*two).id;
  const DeliveryId first = publish(*two, true).id;
  EXPECT_THAT(in_order(*one), testing::ElementsAre(before));
  EXPECT_THAT(in_order(*two), testing::ElementsAre(other, first));
}

TEST_F(TwoNodes, TellEachOtherWhatChanged) {
  ASSERT_TRUE(two->shared()->changes().ok());
  Webhook changed = webhook;
  changed.is_active = false;
  ASSERT_TRUE(*one->update_webhook(changed, webhook.updated_at));
  const auto changes = two->shared()->changes();
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->webhooks.size(), 1u);
  EXPECT_FALSE(changes->webhooks[0].second->is_active);
  ASSERT_TRUE(*one->delete_webhook(webhook.id));
  const auto deleted = two->shared()->changes();
  ASSERT_EQ(deleted->webhooks.size(), 1u);
  EXPECT_FALSE(deleted->webhooks[0].second.has_value());
  EXPECT_TRUE(two->shared()->changes()->webhooks.empty());
}

TEST_F(TwoNodes, ShareTheLog) {
  const WaitingDelivery delivery = publish(*one);
  EXPECT_TRUE(record(*one, delivery));
  const auto there = two->delivery(webhook.id, delivery.id);
  ASSERT_TRUE(there.ok() && there->has_value());
  EXPECT_EQ((*there)->entry.status, DeliveryStatus::delivered);
  EXPECT_EQ(two->nodes()->size(), 2u);
}

// Plans are made while the tables are empty, and must do when they are not: what takes each row of
// an input through all of a table takes minutes here, and the store waits for no answer as long.
class AFreshDatabase : public TwoNodes {
 protected:
  static constexpr int kEvents = 20'000;

  std::vector<WaitingDelivery> publish_many(Store& store) {
    std::vector<NewEvent> events;
    std::vector<WaitingDelivery> deliveries;
    const std::int64_t first = store.take_ids(2 * kEvents);
    for (int i = 0; i < kEvents; ++i) {
      auto event = std::make_shared<const Event>(
          Event{EventId{first + 2 * i}, webhook.account_id, "contact.created", "{}", clock.now()});
      deliveries.push_back({DeliveryId{first + 2 * i + 1}, webhook.id, event, clock.now(),
                            clock.now(), 0, 0, false});
      events.push_back({event, {deliveries.back()}, std::nullopt});
    }
    std::promise<bool> stored;
    store.publish(std::move(events),
                  [&](Result<PublishOutcome> outcome) { stored.set_value(outcome.ok()); });
    EXPECT_TRUE(stored.get_future().get());
    return deliveries;
  }
  bool record_all(Store& store, const std::vector<WaitingDelivery>& deliveries,
                  const Verdict& verdict) {
    std::vector<AttemptOutcome> outcomes;
    for (const WaitingDelivery& delivery : deliveries) {
      Attempt attempt;
      attempt.started_at = clock.now();
      attempt.failure = FailureReason::timeout;
      outcomes.push_back({delivery.id, webhook.id, attempt, verdict});
    }
    return record_outcomes(store, std::move(outcomes));
  }
  template <class Work>
  void quickly(const char* what, Work work) {
    const MonoTime begun = clock.mono();
    EXPECT_TRUE(work()) << what;
    EXPECT_LT(clock.mono() - begun, kGuard) << what;
  }
  // Every statement once, while there is one row or none.
  void make_plans(Store& store) {
    const WaitingDelivery one_more = publish(store);
    ASSERT_TRUE(record_all(store, {one_more}, RetryAt{clock.now() + Seconds{60}}));
    read(store);
    ASSERT_TRUE(store.fail_waiting(webhook.id, FailureReason::timeout, 1).ok());
    ASSERT_TRUE(store.reopen_failed(webhook.id, {}, later(), clock.now(), Micros{0}).ok());
    ASSERT_TRUE(store.fail_waiting(webhook.id, FailureReason::timeout, 1).ok());
  }
  void read(Store& store) {
    quickly("waiting", [&] { return store.waiting(webhook.id, later(), {}, 100).ok(); });
    for (const auto status : {DeliveryStatus::pending, DeliveryStatus::failed}) {
      quickly("a page", [&] { return store.deliveries(webhook.id, {status}, 1, 100).ok(); });
    }
    quickly("a page", [&] { return store.deliveries(webhook.id, {}, 1, 100).ok(); });
    quickly("a search", [&] {
      DeliveryFilter filter;
      filter.event_type = "contact.created";
      return store.deliveries(webhook.id, filter, 1, 100).ok();
    });
    quickly("a walk", [&] {
      return store.deliveries_before(webhook.id, {}, DeliveryId{INT64_MAX}, 100).ok();
    });
    quickly("totals", [&] { return store.totals({webhook.id}).ok(); });
    quickly("count_failed", [&] { return store.count_failed(webhook.id, {}, later()).ok(); });
    quickly("events", [&] {
      return store.events({webhook.account_id, {}, later(), {}, true}, 1'000).ok();
    });
  }
  Timestamp later() const { return clock.now() + Seconds{7200}; }
};

TEST_F(AFreshDatabase, IsAsQuickAsAnyOther) {
  make_plans(*one);
  const auto deliveries = publish_many(*one);
  quickly("retries", [&] {
    return record_all(*one, {deliveries.begin(), deliveries.begin() + 2'000},
                      RetryAt{clock.now() + Seconds{3600}});
  });
  ASSERT_TRUE(record_all(*one, {deliveries.begin() + 2'000, deliveries.end()},
                         RetryAt{clock.now() + Seconds{3600}}));
  read(*one);
  quickly("fail_waiting", [&] {
    for (int i = 0; i < 5; ++i) {
      if (!one->fail_waiting(webhook.id, FailureReason::timeout, 1'000)) return false;
    }
    return true;
  });
  read(*one);
  quickly("reopen_failed",
          [&] { return one->reopen_failed(webhook.id, {}, later(), clock.now(), Micros{0}).ok(); });
  quickly("replay", [&] {
    const auto found = one->events({webhook.account_id, {}, later(), {}, false}, 1'000);
    return found.ok() &&
           *one->replay({webhook.id, clock.now(), clock.now()}, found->events) == 1'000;
  });
  one.reset();
  quickly("take_over", [&] {
    for (;;) {
      const auto taken = two->shared()->take_over();
      if (!taken) return false;
      if (taken->empty()) return true;
    }
  });
  EXPECT_EQ(waiting(*two), 100u);
}

TEST_F(AFreshDatabase, TakesOverInNoTimeWhatWasNeverParked) {
  make_plans(*one);
  const auto deliveries = publish_many(*one);
  ASSERT_TRUE(record_all(*one, {deliveries.begin(), deliveries.begin() + kEvents / 2},
                         GaveUp{FailureReason::timeout}));
  one.reset();
  quickly("take_over", [&] { return two->shared()->take_over().ok(); });
  EXPECT_EQ(waiting(*two), 100u);
}

TEST_F(TwoNodes, AskEachOtherWhatIsInFlight) {
  Shared& asking = *one->shared();
  Shared& asked = *two->shared();
  const WaitingDelivery theirs = publish(*two);
  ASSERT_TRUE(asked.changes().ok());
  const auto ask = [&](bool in_flight) {
    auto answer = std::async(std::launch::async,
                             [&] { return asking.in_flight_elsewhere(webhook.id, theirs.id); });
    std::vector<Inquiry> inquiries;
    while (inquiries.empty() && answer.wait_for(Seconds{0}) != std::future_status::ready) {
      inquiries = asked.changes()->inquiries;
    }
    for (const Inquiry& inquiry : inquiries) {
      EXPECT_EQ(inquiries.size(), 1u);
      EXPECT_EQ(inquiry.webhook, webhook.id);
      EXPECT_EQ(inquiry.delivery, theirs.id);
      EXPECT_TRUE(asking.changes()->inquiries.empty()) << "it is not for this one";
      EXPECT_TRUE(asked.answer(inquiry, in_flight).ok());
    }
    return answer.get();
  };
  for (const bool in_flight : {true, false}) {
    std::optional<bool> told;
    // Whoever asks gives up after a while: on a machine that is held up, before it is heard.
    eventually([&] {
      if (const Result<bool> answer = ask(in_flight)) told = *answer;
      return told.has_value();
    });
    EXPECT_EQ(told, in_flight);
    EXPECT_TRUE(asked.changes()->inquiries.empty()) << "it is told once";
  }
  EXPECT_EQ(postgres_server().sql("SELECT count(*) FROM skyhook.inquiries", database()), "0");
}

TEST_F(TwoNodes, AskOnlyWhoCanHaveIt) {
  // Who asks here gets no answer, since the other one never looks: an error.
  const auto nobody_asked = [&](DeliveryId delivery) {
    const auto answer = one->shared()->in_flight_elsewhere(webhook.id, delivery);
    return answer.ok() && !*answer;
  };
  EXPECT_TRUE(nobody_asked(publish(*one).id));
  const WaitingDelivery ended = publish(*two);
  EXPECT_TRUE(record(*two, ended));
  EXPECT_TRUE(nobody_asked(ended.id));
  EXPECT_TRUE(nobody_asked(DeliveryId{1}));
  const WaitingDelivery left = publish(*two);
  two.reset();
  EXPECT_TRUE(nobody_asked(left.id));
}

TEST_F(TwoNodes, DoNotWaitForAnAnswerForEver) {
  const WaitingDelivery theirs = publish(*two);
  std::vector<std::future<Result<bool>>> answers;
  for (int i = 0; i < Shared::kInquiryLimit + 1; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      return one->shared()->in_flight_elsewhere(webhook.id, theirs.id);
    }));
  }
  std::vector<Error::Kind> errors;
  for (auto& answer : answers) {
    const auto told = answer.get();
    ASSERT_FALSE(told.ok());
    errors.push_back(told.error().kind);
  }
  EXPECT_THAT(errors,
              testing::UnorderedElementsAre(Error::Kind::unavailable, Error::Kind::unavailable,
                                            Error::Kind::overloaded));
  EXPECT_EQ(postgres_server().sql("SELECT count(*) FROM skyhook.inquiries", database()), "0");
}

TEST_F(TwoNodes, AddUpTheRequestsOfKeys) {
  using Which = Shared::Which;
  const AccountId account = webhook.account_id;
  const std::int64_t end_s = to_unix_micros(clock.now()) / 1'000'000 + 60;
  const auto first = one->shared()->count_requests({{account, end_s, 7, 0}}, 10, Which::told);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->nodes, 2);
  ASSERT_EQ(first->totals.size(), 1u);
  EXPECT_EQ(first->totals[0].total, 7);
  // What is wanted is granted as far as the limit goes; what was spent counts in any case.
  const auto second = two->shared()->count_requests({{account, end_s, 1, 5}}, 10, Which::told);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->totals.at(0).granted, 2);
  EXPECT_EQ(second->totals.at(0).total, 10);
  const auto third = one->shared()->count_requests({}, 10, Which::all);
  ASSERT_TRUE(third.ok());
  ASSERT_EQ(third->totals.size(), 1u);
  EXPECT_EQ(third->totals[0].account, account);
  EXPECT_EQ(third->totals[0].total, 10);
  // A window that is over is told to nobody, and removed.
  const std::int64_t over_s = end_s - 200;
  ASSERT_TRUE(one->shared()->count_requests({{account, over_s, 1, 0}}, 10, Which::told).ok());
  EXPECT_EQ(one->shared()->count_requests({}, 10, Which::all)->totals.size(), 1u);
  ASSERT_TRUE(one->purge_step(clock.now(), std::nullopt).ok());
  EXPECT_EQ(postgres_server().sql("SELECT count(*) FROM skyhook.request_counts", database()), "1");
}

// One node whose days pass when the test says so. A statement is made for each row of `kRows`, so
// that what goes row by row shows.
class DaysOfALog : public TwoNodes {
 protected:
  static constexpr int kRows = 20'000;

  void SetUp() override {
    url = postgres_server().make_database();
    one = open_node();
    const auto account = one->create_account({"Acme", {}, {}, days.time});
    const auto made = one->create_webhook(
        {account->id, "n", "https://e.example", {"contact.created"}, true, "whsec_x", days.time});
    ASSERT_TRUE(made.ok());
    webhook = *made;
  }
  // The clock is this class's, and has to outlive what reads it.
  void TearDown() override {
    two.reset();
    one.reset();
  }
  std::unique_ptr<Store> open_node() {
    auto opened = postgres::open({.database_url = url, .clock = days, .heartbeat = Millis{500}});
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return std::move(*opened);
  }
  std::string sql(const std::string& statement) const {
    return postgres_server().sql(statement, database());
  }
  std::int64_t today() const {
    return to_unix_micros(days.time) / std::chrono::microseconds{std::chrono::days{1}}.count();
  }
  // How many tables there are of the day.
  std::string tables_of(std::int64_t day) const {
    return sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'skyhook' AND tablename ~ '_d" +
               std::to_string(day) + "$'");
  }
  std::int64_t deleted_rows() const {
    return std::stoll(
        sql("SELECT tup_deleted FROM pg_stat_database WHERE datname = '" + database() + "'"));
  }
  // Delivered but for the last, which waits.
  void fill_today() {
    std::vector<NewEvent> events;
    std::vector<AttemptOutcome> outcomes;
    const std::int64_t first = one->take_ids(2 * kRows);
    for (int i = 0; i < kRows; ++i) {
      auto event = std::make_shared<const Event>(
          Event{EventId{first + 2 * i}, webhook.account_id, "contact.created", "{}", days.time});
      const DeliveryId id{first + 2 * i + 1};
      events.push_back({event, {{id, webhook.id, event, days.time, days.time, 0, 0, false}}, {}});
      Attempt attempt;
      attempt.started_at = days.time;
      attempt.response_status = 200;
      if (i + 1 < kRows) outcomes.push_back({id, webhook.id, attempt, Delivered{days.time}});
    }
    std::promise<bool> stored, recorded;
    one->publish(std::move(events), [&](Result<PublishOutcome> o) { stored.set_value(o.ok()); });
    ASSERT_TRUE(stored.get_future().get());
    one->record(std::move(outcomes), [&](Result<Done> done) { recorded.set_value(done.ok()); });
    ASSERT_TRUE(recorded.get_future().get());
  }

  // All steps there are; the days before today are over for longer than logs are kept.
  void purge() {
    for (;;) {
      const auto more = one->purge_step(days.time, days.time - Seconds{86'400});
      ASSERT_TRUE(more.ok());
      if (!*more) return;
    }
  }

  contract::ManualClock days;
};

TEST_F(DaysOfALog, AreMadeAhead) {
  const std::int64_t first = today();
  for (std::int64_t day = first; day <= first + 3; ++day) EXPECT_EQ(tables_of(day), "7") << day;
  EXPECT_EQ(tables_of(first + 4), "0");
  days.time += Seconds{86'400};
  eventually([&] { return tables_of(first + 4) == "7"; });
  EXPECT_EQ(tables_of(first), "7") << "only retention drops one";
}

TEST_F(DaysOfALog, AreDroppedWholeAndNotRowByRow) {
  const std::int64_t old = today();
  fill_today();
  days.time += Seconds{2 * 86'400};
  one.reset();  // sessions tell their counts when they end
  const std::int64_t deleted = deleted_rows();
  one = open_node();
  purge();
  EXPECT_EQ(tables_of(old), "0");
  EXPECT_EQ(tables_of(old + 1), "7");
  EXPECT_EQ(sql("SELECT count(*) FROM skyhook.deliveries"), "1") << "what waits";
  EXPECT_EQ(sql("SELECT count(*) FROM skyhook.events_rest"), "1");
  const DeliveryTotals totals = one->totals({webhook.id})->at(0);
  EXPECT_EQ(totals.pending, 1);
  EXPECT_EQ(totals.delivered, 0);
  one.reset();
  // What catalogs lose with a table, and the like: less than one in twenty of the rows.
  EXPECT_LT(deleted_rows() - deleted, 3 * kRows / 20);
}

// While it is locked nobody can write: it is not the time to read all of it.
TEST_F(DaysOfALog, AreCountedBeforeTheyAreLocked) {
  const std::string old = std::to_string(today());
  fill_today();
  days.time += Seconds{2 * 86'400};
  one.reset();
  one = open_node();
  sql("SELECT skyhook.fold_tallies()");
  const std::string counted = "SELECT sum(deliveries) FROM skyhook.day_counts";
  EXPECT_EQ(sql("SELECT skyhook.count_day(" + old + ", 10)"), "t");
  const int some = std::stoi(sql(counted));
  EXPECT_GT(some, 0);
  EXPECT_LT(some, kRows);
  EXPECT_EQ(sql("SELECT skyhook.drop_day(" + old + ")"), "f") << "not all of it is counted";
  EXPECT_EQ(sql(counted), std::to_string(kRows));
  EXPECT_EQ(sql("SELECT skyhook.count_day(" + old + ", 10)"), "f");
  sql("UPDATE skyhook.day_counts SET deliveries = deliveries + 7");
  EXPECT_EQ(sql("SELECT skyhook.drop_day(" + old + ")"), "t");
  EXPECT_EQ(one->totals({webhook.id})->at(0).delivered, -7) << "it was counted once more";
  EXPECT_EQ(sql("SELECT (SELECT count(*) FROM skyhook.day_counts) + "
                "(SELECT count(*) FROM skyhook.days_counted)"),
            "0");
}

TEST_F(DaysOfALog, LeaveWhatAnyDeliveryWaitsFor) {
  const std::int64_t old = today();
  const WaitingDelivery delivered = publish(*one), failed = publish(*one), waits = publish(*one);
  ASSERT_TRUE(record(*one, delivered));
  Attempt refused;
  refused.started_at = days.time;
  refused.failure = FailureReason::connect;
  ASSERT_TRUE(
      record_outcomes(*one, {{failed.id, webhook.id, refused, GaveUp{FailureReason::connect}}}));
  days.time += Seconds{86'400};
  one.reset();
  one = open_node();
  ASSERT_EQ(*one->replay({.webhook = webhook.id, .now = days.time, .first_due = days.time},
                         {delivered.event}),
            1);
  days.time += Seconds{86'400};
  one.reset();
  one = open_node();
  purge();
  EXPECT_EQ(tables_of(old), "0");
  EXPECT_EQ(
      sql("SELECT string_agg(event_id::text, ' ' ORDER BY event_id) FROM skyhook.events_rest"),
      std::to_string(delivered.event->id.value) + " " + std::to_string(waits.event->id.value));
  EXPECT_EQ(sql("SELECT count(*) FROM skyhook.deliveries"), "2");
  const DeliveryTotals totals = one->totals({webhook.id})->at(0);
  EXPECT_EQ(totals.pending, 2);
  EXPECT_EQ(totals.delivered, 0);
  EXPECT_EQ(totals.failed, 0);
}

// A dump knows the numbers of the transactions of where it was made.
TEST_F(TwoNodes, CountOnWhereADumpIsRestored) {
  EXPECT_TRUE(record(*one, publish(*one)));
  one.reset();
  two.reset();
  const auto sql = [&](const std::string& statement) {
    return postgres_server().sql(statement, database());
  };
  sql("SELECT skyhook.fold_tallies()");
  sql("UPDATE skyhook.tallies SET written_by = 1000000000");
  sql("UPDATE skyhook.fold_state SET folded_to = 2000000000");
  sql("INSERT INTO skyhook.tallies VALUES (" + std::to_string(webhook.account_id.value) + ", " +
      std::to_string(webhook.id.value) + ", 1, 2000000001, 0, 10, 0, 0, 0, 0, '')");
  one = open();
  publish(*one);
  const auto totals = [&] {
    const DeliveryTotals now = one->totals({webhook.id})->at(0);
    return std::pair(now.pending, now.delivered);
  };
  EXPECT_EQ(totals(), std::pair(std::int64_t{1}, std::int64_t{11}));
  sql("SELECT skyhook.fold_tallies()");
  sql("SELECT skyhook.fold_tallies()");
  EXPECT_EQ(totals(), std::pair(std::int64_t{1}, std::int64_t{11})) << "when it is folded";
}

// A webhook has as many of them as batches and minutes had it in them.
TEST_F(TwoNodes, RemoveTheCountsOfADeletedWebhookInSteps) {
  const std::string of_webhook =
      std::to_string(webhook.account_id.value) + ", " + std::to_string(webhook.id.value);
  const auto sql = [&](const std::string& statement) {
    return postgres_server().sql(statement, database());
  };
  const std::string minutes = " FROM generate_series(1, 90) AS m";
  sql("INSERT INTO skyhook.tallies SELECT " + of_webhook + ", m, m, 0, 0, 0, 0, 0, 0, ''" +
      minutes);
  sql("INSERT INTO skyhook.rollups SELECT " + of_webhook + ", m, 1, 0, 0" + minutes);
  sql("INSERT INTO skyhook.rollup_durations SELECT " + of_webhook + ", m, 5, 1" + minutes);
  sql("INSERT INTO skyhook.span_rollups SELECT " + of_webhook +
      ", 30, m * 30, 1, 0, 0, '{}', '{}'" + minutes);
  ASSERT_TRUE(*one->delete_webhook(webhook.id));
  const auto left = [&] {
    std::string counts;
    for (const char* table : {"tallies", "rollups", "rollup_durations", "span_rollups"}) {
      counts += sql(std::string("SELECT count(*) FROM skyhook.") + table) + " ";
    }
    return counts;
  };
  const std::string step = "SELECT skyhook.purge_deleted(2)";  // 40 counts of each kind
  EXPECT_EQ(sql(step), "t");
  EXPECT_EQ(left(), "50 50 50 50 ");
  EXPECT_EQ(sql(step + "; " + step), "t\nt");
  EXPECT_EQ(left(), "0 0 0 0 ");
  EXPECT_EQ(sql(step), "f");
}

// A store that knew spans of up to four hours.
TEST(AStoreOfBefore, GetsHalfDaysOfTheSpansThatItHas) {
  constexpr std::size_t kBefore = 11;
  const std::string url = postgres_server().make_database();
  const auto sql = [&](const std::string& statement) {
    return postgres_server().sql(statement, url.substr(url.rfind('/') + 1));
  };
  auto connection = Connection::open({.url = url});
  ASSERT_TRUE(connection);
  ASSERT_GT(migrations().size(), kBefore);
  ASSERT_TRUE(migrate(**connection, {migrations().begin(), migrations().begin() + kBefore}));
  // Not every minute of those before 240 is counted.
  sql("UPDATE skyhook.fold_state SET spans_from = 240");
  sql("INSERT INTO skyhook.span_rollups VALUES (1, 2, 240, 480, 9, 9, 9, '{5}', '{9}'), "
      "(1, 2, 240, 720, 10, 1, 0, '{3,5}', '{7,4}'), (1, 2, 240, 960, 20, 0, 1, '{5,8}', "
      "'{20,1}'), "
      "(1, 2, 240, 1440, 4, 0, 0, '{5}', '{4}'), (1, 0, 240, 720, 30, 0, 0, '{}', '{}'), "
      "(1, 2, 30, 720, 10, 1, 0, '{3,5}', '{7,4}')");
  ASSERT_TRUE(migrate(**connection));
  const std::string half_days =
      "SELECT webhook_id, minute, delivered, failed_attempts, failed, buckets, attempts "
      "FROM skyhook.span_rollups WHERE length = 720 ORDER BY 1, 2";
  EXPECT_EQ(sql("SELECT spans_from FROM skyhook.fold_state"), "720");
  EXPECT_EQ(sql(half_days),
            "0|720|30|0|0|{}|{}\n2|720|30|1|1|{3,5,8}|{7,24,1}\n2|1440|4|0|0|{5}|{4}");
  // Folding adds to them, and a move makes them.
  sql("INSERT INTO skyhook.tallies VALUES (1, 2, 1430, 1, 0, 2, 0, 2, 0, 0, '\\x0509')");
  sql("SELECT skyhook.fold_tallies()");
  EXPECT_EQ(sql(half_days + " OFFSET 1 LIMIT 1"), "2|720|32|1|1|{3,5,8,9}|{7,25,1,1}");
  sql("SELECT skyhook.fill_spans()");
  EXPECT_EQ(sql(half_days), "2|720|2|0|0|{5,9}|{1,1}");
}

std::unique_ptr<contract::Backend> make_postgres_backend() {
  return std::make_unique<PostgresBackend>();
}

}  // namespace
}  // namespace skyhook::store::postgres

namespace skyhook::store::contract {
INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract,
                         testing::Values(&postgres::make_postgres_backend));
}  // namespace skyhook::store::contract
