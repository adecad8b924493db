// What every backend must keep of store/store.h: one suite, run against each backend that its test
// binary names.
//
//   namespace { using skyhook::store::contract::Backend; }
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(&make_sqlite_backend), …);
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "store/store.h"

namespace skyhook::store::contract {

// A time that a store's threads read while a test changes it.
class SharedTime {
 public:
  explicit SharedTime(Timestamp time) : time_(time) {}
  SharedTime& operator=(Timestamp time) {
    time_ = time;
    return *this;
  }
  SharedTime& operator+=(Micros by) { return *this = time_.load() + by; }
  SharedTime& operator-=(Micros by) { return *this = time_.load() - by; }
  operator Timestamp() const { return time_; }  // NOLINT: it is one
  friend Timestamp operator+(const SharedTime& time, Micros by) { return time.time_.load() + by; }
  friend Timestamp operator-(const SharedTime& time, Micros by) { return time.time_.load() - by; }
  friend bool operator==(const SharedTime& time, Timestamp other) {
    return time.time_.load() == other;
  }
  friend Micros operator-(const SharedTime& time, Timestamp other) {
    return time.time_.load() - other;
  }

 private:
  std::atomic<Timestamp> time_;
};

// A clock that stands still until it is told. Thread-safe for reading.
class ManualClock final : public Clock {
 public:
  Timestamp now() const override { return time; }
  MonoTime mono() const override { return MonoTime{} + (time - Timestamp{}); }
  SharedTime time{from_unix_micros(1'772'359'200'000'000)};  // 2026-03-01T10:00:00Z
};

// An empty place where a backend keeps its data for the length of one test.
class Backend {
 public:
  virtual ~Backend() = default;
  // Opens what is there: the first time an empty store, then whatever the stores before have left.
  // One at a time.
  virtual std::unique_ptr<Store> open(const Clock& clock) = 0;
  // Has counts that stand in a journal moved to where they belong; may open `store` anew. As it is
  // here: the first write folds what it finds.
  virtual void fold_counts(std::unique_ptr<Store>& store, const Clock& clock) {
    store.reset();
    store = open(clock);
    ASSERT_TRUE(store->check_writable().ok());
  }
};
using BackendFactory = std::unique_ptr<Backend> (*)();

class StoreContract : public testing::TestWithParam<BackendFactory> {
 protected:
  void SetUp() override;
  // Closes and opens again what the test wrote.
  void reopen_store();

  Timestamp at(Seconds after) const { return clock.time + after; }
  Account make_account(std::string_view name = "Acme");
  Webhook make_webhook(AccountId account, std::vector<std::string> events = {"contact.created"});

  // An event with one delivery to each of `webhooks`, its ids taken from the store.
  NewEvent make_event(AccountId account, const std::vector<WebhookId>& webhooks,
                      std::string_view type = "contact.created",
                      std::string_view data = R"({"id":1})");
  static NewEvent with_key(NewEvent event, std::string key, std::uint8_t hash_byte);
  Result<PublishOutcome> publish(std::vector<NewEvent> events);
  // Publishes one event to one webhook and returns its delivery.
  WaitingDelivery publish_one(const Webhook& webhook, std::string_view type = "contact.created");
  std::vector<WaitingDelivery> publish_many(const Webhook& webhook, int count);

  Result<Done> record(std::vector<AttemptOutcome> outcomes);
  // The outcome of the delivery's attempt `number`, which took 10 ms and ended now.
  AttemptOutcome delivered(const WaitingDelivery& delivery, int number = 1);
  AttemptOutcome failed(const WaitingDelivery& delivery, Verdict verdict, int number = 1);

  DeliveryTotals totals(WebhookId webhook);
  DeliveryEntry entry(const WaitingDelivery& delivery);
  std::vector<DeliveryId> ids_waiting(WebhookId webhook, Timestamp now, int limit = 100,
                                      const std::vector<DeliveryId>& except = {});
  void purge_all(Timestamp now, std::optional<Timestamp> keep_after);

  ManualClock clock;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Store> store;
};

}  // namespace skyhook::store::contract
