#include "kafka/source.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include "broker.h"

namespace skyhook::kafka {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

void eventually(const char* what, const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// What a store makes of batches: takes them whole, remembers keys, and may refuse or keep silent.
class Publisher {
 public:
  enum class Mood { takes, takes_time, refuses, is_silent };
  static constexpr Millis kTime{50};

  void publish(const std::vector<intake::PublishItem>& items, const store::PublishCallback& done) {
    std::unique_lock lock(mutex_);
    ++calls_;
    if (mood_ == Mood::is_silent) {
      silent_.emplace_back(items, done);
      return;
    }
    if (mood_ == Mood::refuses) {
      lock.unlock();
      return done(Err{store::Error{store::Error::Kind::unavailable, "the disk is full"}});
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].data != conflicting_) continue;
      lock.unlock();
      return done(store::PublishOutcome(store::IdempotencyConflict{i}));
    }
    auto receipts = take(items);
    const bool takes_time = mood_ == Mood::takes_time;
    lock.unlock();
    if (takes_time) std::this_thread::sleep_for(kTime);
    done(store::PublishOutcome(std::move(receipts)));
  }

  void set_mood(Mood mood) {
    const std::lock_guard lock(mutex_);
    mood_ = mood;
  }
  // What it kept silent about is taken, and so is what comes.
  void speak() {
    const std::lock_guard lock(mutex_);
    mood_ = Mood::takes;
    for (const auto& [items, done] : std::exchange(silent_, {})) {
      done(store::PublishOutcome(take(items)));
    }
  }
  void conflict_with(std::string data) {
    const std::lock_guard lock(mutex_);
    conflicting_ = std::move(data);
  }
  std::vector<std::string> data() {
    const std::lock_guard lock(mutex_);
    return data_;
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::vector<store::EventReceipt> take(const std::vector<intake::PublishItem>& items) {
    std::vector<store::EventReceipt> receipts;
    for (const intake::PublishItem& item : items) {
      const bool is_new = keys_.insert(*item.idempotency_key).second;
      if (is_new) data_.push_back(item.data);
      receipts.push_back({.id = EventId{1}, .deliveries = 1, .replayed = !is_new});
    }
    return receipts;
  }

  std::mutex mutex_;
  Mood mood_ = Mood::takes;  // guarded by mutex_, as all below
  std::string conflicting_;  // data that was published under its key before
  std::set<std::string> keys_;
  std::vector<std::string> data_;  // in order
  std::vector<std::pair<std::vector<intake::PublishItem>, store::PublishCallback>> silent_;
  int calls_ = 0;
};

class SourceTest : public testing::Test {
 protected:
  // The mock broker's rebalances take a second less than the session's timeout.
  std::unique_ptr<Source> start(Broker& broker) {
    return std::make_unique<Source>(
        Options{.brokers = broker.address(),
                .topic = Broker::kTopic,
                .group = "skyhook",
                .dead_letter_topic = Broker::kDeadLetters,
                .properties = {{"auto.commit.interval.ms", "50"},
                               {"session.timeout.ms", "3000"},
                               {"heartbeat.interval.ms", "200"},
                               {"reconnect.backoff.max.ms", "200"}}},
        Source::World{.publish = [this](auto items, auto done) { publisher_.publish(items, done); },
                      .account_exists = [this](AccountId id) { return id.value == account_; },
                      .catalogue = catalogue_,
                      .metrics = metrics_,
                      .account_patience = account_patience_});
  }
  static std::string numbered(int number) { return R"({"id":)" + std::to_string(number) + "}"; }
  static void stop(Source& source) {
    source.stop(std::chrono::steady_clock::now() + std::chrono::seconds(10));
  }

  // What becomes of a malformed record whose writes are refused so often for their size.
  Record dead_letter_after(std::size_t refusals) {
    Broker broker(1);
    broker.produce(0, "7", "{broken");
    broker.refuse_as_too_large(refusals);
    const auto source = start(broker);
    eventually("it is settled", [&] { return broker.committed("skyhook", 0) == 1; });
    EXPECT_EQ(source->stats().retried, 0);
    const std::vector<Record> dead = broker.read(Broker::kDeadLetters, 1);
    return dead.empty() ? Record{} : dead.front();
  }

  Catalogue catalogue_;
  metrics::Metrics metrics_;
  Publisher publisher_;
  std::atomic<std::int64_t> account_{7};
  Millis account_patience_{0};
};

TEST_F(SourceTest, PublishesEachRecordInOrderAndCommitsIt) {
  Broker broker(1);
  std::vector<std::string> expected;
  for (int i = 0; i < 1200; ++i) expected.push_back(numbered(i));
  for (int i = 0; i < 3; ++i) broker.produce(0, "7", expected[i]);
  const auto source = start(broker);
  eventually("the first are published", [&] { return publisher_.data().size() == 3; });
  for (int i = 3; i < 1200; ++i) broker.produce(0, "7", expected[i]);
  eventually("all are published", [&] { return publisher_.data().size() == 1200; });
  EXPECT_EQ(publisher_.data(), expected);
  eventually("all are committed", [&] { return broker.committed("skyhook", 0) == 1200; });
  EXPECT_EQ(source->stats().consumed, 1200);
  EXPECT_EQ(source->stats().published, 1200);
  EXPECT_EQ(source->stats().partitions, 1);
  EXPECT_TRUE(source->stats().is_connected);
}

TEST_F(SourceTest, CommitsNothingThatTheStoreRefuses) {
  Broker broker(1);
  publisher_.set_mood(Publisher::Mood::refuses);
  for (int i = 0; i < 5; ++i) broker.produce(0, "7", numbered(i));
  const auto source = start(broker);
  eventually("it is tried again", [&] { return source->stats().retried >= 3; });
  EXPECT_EQ(broker.committed("skyhook", 0), -1);
  publisher_.set_mood(Publisher::Mood::takes);
  eventually("it is committed at last", [&] { return broker.committed("skyhook", 0) == 5; });
  EXPECT_EQ(publisher_.data().size(), 5u);
  EXPECT_EQ(source->stats().dead_lettered, 0) << "never for a reason that passes";
  // And what comes after the pause is read.
  broker.produce(0, "7", numbered(5));
  eventually("it reads on", [&] { return publisher_.data().size() == 6; });
}

TEST_F(SourceTest, KeepsWhatCanNeverBePublishedWithTheReason) {
  Broker broker(1);
  broker.produce(0, "7", numbered(1));
  broker.produce(0, "7", "{broken");
  broker.produce(0, "8", numbered(2));
  broker.produce(0, "7", numbered(3), {{"event", "order.eaten"}, {"tenant", "x"}});
  broker.produce(0, "7", numbered(4));
  publisher_.conflict_with(numbered(4));
  broker.produce(0, "7", numbered(5));
  const auto source = start(broker);
  eventually("all are settled", [&] { return broker.committed("skyhook", 0) == 6; });
  EXPECT_THAT(publisher_.data(), ElementsAre(numbered(1), numbered(5)));
  EXPECT_EQ(source->stats().dead_lettered, 4);
  const std::vector<Record> dead = broker.read(Broker::kDeadLetters, 4);
  ASSERT_EQ(dead.size(), 4u);
  EXPECT_EQ(dead[0].value, "{broken");
  EXPECT_EQ(dead[0].key, "7");
  EXPECT_EQ(*dead[0].header("skyhook-reason"), "The value is not a JSON object.");
  EXPECT_EQ(*dead[0].header("skyhook-topic"), Broker::kTopic);
  EXPECT_EQ(*dead[0].header("skyhook-partition"), "0");
  EXPECT_EQ(*dead[0].header("skyhook-offset"), "1");
  EXPECT_EQ(*dead[0].header("event"), "contact.created");
  EXPECT_EQ(*dead[1].header("skyhook-reason"), "There is no account 8.");
  EXPECT_EQ(*dead[2].header("skyhook-reason"), "The selected event is invalid.");
  EXPECT_EQ(*dead[2].header("tenant"), "x");
  EXPECT_THAT(*dead[3].header("skyhook-reason"), HasSubstr("Another event"));
}

TEST_F(SourceTest, AStopCommitsNothingThatIsNotDurable) {
  Broker broker(1);
  publisher_.set_mood(Publisher::Mood::is_silent);
  for (int i = 0; i < 3; ++i) broker.produce(0, "7", numbered(i));
  {
    const auto source = start(broker);
    eventually("it is being published", [&] { return publisher_.calls() > 0; });
    source->stop(std::chrono::steady_clock::now() + std::chrono::milliseconds(300));
    EXPECT_EQ(source->stats().published, 0);
  }
  EXPECT_EQ(broker.committed("skyhook", 0), -1);
  publisher_.set_mood(Publisher::Mood::takes);
  const auto source = start(broker);
  eventually("the next one reads it again", [&] { return broker.committed("skyhook", 0) == 3; });
  EXPECT_EQ(publisher_.data().size(), 3u);
}

TEST_F(SourceTest, AStopWaitsForWhatIsBeingPublishedAndCommitsIt) {
  Broker broker(1);
  for (int i = 0; i < 3; ++i) broker.produce(0, "7", numbered(i));
  const auto source = start(broker);
  eventually("they are published", [&] { return publisher_.data().size() == 3; });
  stop(*source);
  EXPECT_EQ(broker.committed("skyhook", 0), 3);
}

TEST_F(SourceTest, AStopInTheMiddleOfALongTopicLeavesTheRest) {
  Broker broker(1);
  for (int i = 0; i < 2'000; ++i) broker.produce(0, "7", numbered(i));
  publisher_.set_mood(Publisher::Mood::takes_time);
  const auto source = start(broker);
  eventually("it is read", [&] { return publisher_.calls() == 1; });
  stop(*source);
  const auto published = static_cast<std::int64_t>(publisher_.data().size());
  EXPECT_LT(published, 2'000);
  EXPECT_EQ(broker.committed("skyhook", 0), published);
}

TEST_F(SourceTest, AnAccountThatGoesWhileItIsTriedAgainIsNotTriedForEver) {
  Broker broker(1);
  publisher_.set_mood(Publisher::Mood::refuses);
  broker.produce(0, "7", numbered(1));
  const auto source = start(broker);
  eventually("it is tried", [&] { return source->stats().retried > 0; });
  account_ = 8;
  eventually("it is settled", [&] { return source->stats().dead_lettered == 1; });
  eventually("and committed", [&] { return broker.committed("skyhook", 0) == 1; });
}

TEST_F(SourceTest, AnAccountThatAnotherNodeHasJustMadeIsWaitedFor) {
  Broker broker(1);
  account_patience_ = std::chrono::hours(1);
  account_ = 8;
  broker.produce(0, "8", numbered(1));
  const auto source = start(broker);
  eventually("the first is published", [&] { return publisher_.data().size() == 1; });
  broker.produce(0, "9", numbered(2));
  eventually("it is read", [&] { return source->stats().consumed == 2; });
  account_ = 9;
  eventually("and published", [&] { return publisher_.data().size() == 2; });
  EXPECT_EQ(source->stats().dead_lettered, 0);
  EXPECT_EQ(source->stats().retried, 0);
}

TEST_F(SourceTest, AnAccountThatIsNotThereIsWaitedForOnce) {
  Broker broker(1);
  account_patience_ = Millis(300);
  broker.produce(0, "8", numbered(1));
  const auto source = start(broker);
  eventually("it is dead at last", [&] { return source->stats().dead_lettered == 1; });
  broker.produce(0, "8", numbered(2));
  eventually("and at once", [&] { return source->stats().dead_lettered == 2; });
}

TEST_F(SourceTest, AStopDoesNotBuryWhatMayBeNew) {
  Broker broker(1);
  account_patience_ = std::chrono::hours(1);
  broker.produce(0, "8", numbered(1));
  const auto source = start(broker);
  eventually("it is read", [&] { return source->stats().consumed == 1; });
  stop(*source);
  EXPECT_EQ(source->stats().dead_lettered, 0);
  EXPECT_EQ(broker.committed("skyhook", 0), -1);
}

TEST_F(SourceTest, GoesOnWhenTheBrokerIsBack) {
  Broker broker(1);
  broker.produce(0, "7", numbered(1));
  const auto source = start(broker);
  eventually("the first is published", [&] { return publisher_.data().size() == 1; });
  broker.set_up(false);
  eventually("it is missed", [&] { return !source->stats().is_connected; });
  broker.set_up(true);
  eventually("it is found, though nothing arrives",
             [&] { return source->stats().is_connected.load(); });
  broker.produce(0, "7", numbered(2));
  eventually("the next is published", [&] { return publisher_.data().size() == 2; });
}

TEST_F(SourceTest, ADeadLetterThatCannotBeWrittenHoldsItsOffset) {
  Broker broker(1);
  broker.produce(0, "7", "{broken");
  broker.refuse_writes(true);
  const auto source = start(broker);
  eventually("it is tried again", [&] { return source->stats().retried >= 2; });
  EXPECT_EQ(broker.committed("skyhook", 0), -1);
  EXPECT_EQ(source->stats().dead_lettered, 0);
  broker.refuse_writes(false);
  eventually("it is written at last", [&] { return source->stats().dead_lettered == 1; });
  eventually("and committed", [&] { return broker.committed("skyhook", 0) == 1; });
}

TEST_F(SourceTest, ADeadLetterThatIsTooLargeIsWrittenWithoutItsValue) {
  const Record dead = dead_letter_after(1);
  EXPECT_EQ(dead.key, "7");
  EXPECT_EQ(dead.value, "");
  EXPECT_NE(dead.header("event"), nullptr);
  EXPECT_NE(dead.header("skyhook-value"), nullptr);
  EXPECT_EQ(dead.header("skyhook-key-and-headers"), nullptr);
}

TEST_F(SourceTest, ADeadLetterThatIsStillTooLargeSaysAtLeastWhichItIs) {
  const Record dead = dead_letter_after(2);
  EXPECT_EQ(dead.key, "");
  EXPECT_EQ(dead.value, "");
  EXPECT_EQ(dead.header("event"), nullptr);
  EXPECT_NE(dead.header("skyhook-reason"), nullptr);
  EXPECT_NE(dead.header("skyhook-offset"), nullptr);
  EXPECT_NE(dead.header("skyhook-value"), nullptr);
  EXPECT_NE(dead.header("skyhook-key-and-headers"), nullptr);
}

TEST_F(SourceTest, WhatIsNotYetReadIsCountedBeforeAnythingIsCommitted) {
  Broker broker(2);
  publisher_.set_mood(Publisher::Mood::refuses);
  for (int i = 0; i < 600; ++i) broker.produce(i % 2, "7", numbered(i));
  auto first = start(broker);
  eventually("the rest is counted", [&] { return first->stats().lag >= 100; });
  const auto second = start(broker);
  eventually("each has one",
             [&] { return first->stats().partitions == 1 && second->stats().partitions == 1; });
  publisher_.set_mood(Publisher::Mood::takes);
  eventually("all are read, and none is counted where it is not read",
             [&] { return first->stats().lag == 0 && second->stats().lag == 0; });
}

// Given back while paused, a partition stays so.
TEST_F(SourceTest, ARebalanceWhileTheStoreIsSlowLeavesNothingPaused) {
  Broker broker(2);
  publisher_.set_mood(Publisher::Mood::is_silent);
  for (int i = 0; i < 2; ++i) broker.produce(i, "7", numbered(i));
  const auto first = start(broker);
  eventually("it waits", [&] { return publisher_.calls() > 0; });
  const auto second = start(broker);
  eventually("each has one",
             [&] { return first->stats().partitions == 1 && second->stats().partitions == 1; });
  publisher_.speak();
  for (int i = 2; i < 10; ++i) broker.produce(i % 2, "7", numbered(i));
  eventually("both read on", [&] { return publisher_.data().size() == 10; });
}

TEST_F(SourceTest, TwoMembersShareThePartitionsAndTakeOver) {
  Broker broker(2);
  auto first = start(broker);
  eventually("one has both", [&] { return first->stats().partitions == 2; });
  auto second = start(broker);
  eventually("each has one",
             [&] { return first->stats().partitions == 1 && second->stats().partitions == 1; });
  for (int i = 0; i < 20; ++i) broker.produce(i % 2, "7", numbered(i));
  eventually("all are published", [&] { return publisher_.data().size() == 20; });
  EXPECT_GT(first->stats().published, 0);
  EXPECT_GT(second->stats().published, 0);
  stop(*second);
  eventually("the first has both again", [&] { return first->stats().partitions == 2; });
  for (int i = 20; i < 30; ++i) broker.produce(i % 2, "7", numbered(i));
  eventually("all are published", [&] { return publisher_.data().size() == 30; });
}

}  // namespace
}  // namespace skyhook::kafka
