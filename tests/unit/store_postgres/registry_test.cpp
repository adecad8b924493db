#include "store/postgres/registry.h"

#include <gtest/gtest.h>

namespace skyhook::store::postgres {
namespace {

constexpr WebhookId kWebhook{7};

std::vector<NewEvent> one_event(std::int64_t delivery) {
  const auto event = std::make_shared<const Event>(
      Event{.id = EventId{delivery - 1}, .account_id = AccountId{1}, .type = "t", .data = "{}"});
  return {{.event = event,
           .deliveries = {{.id = DeliveryId{delivery}, .webhook_id = kWebhook, .event = event}}}};
}

std::vector<DeliveryId> due(const Registry& registry) {
  std::vector<DeliveryId> ids;
  for (const auto& one : registry.due(kWebhook, Timestamp::max(), {}, 10)) ids.push_back(one.id);
  return ids;
}

TEST(Registry, ForgetsWhatOthersOwnOnceTheLeaseIsLost) {
  Registry registry;
  ASSERT_TRUE(registry.add(one_event(2), MonoTime{}));
  registry.committed(one_event(2));
  ASSERT_EQ(due(registry), std::vector{DeliveryId{2}});
  registry.clear();
  EXPECT_EQ(registry.size(), 0U);
  EXPECT_TRUE(due(registry).empty());
}

// Otherwise nobody would know of it: promise() would pass it, and no take-over would look for it.
TEST(Registry, KeepsWhatIsBeingWrittenWhileTheLeaseIsLost) {
  Registry registry;
  EXPECT_TRUE(registry.add(one_event(2), MonoTime{}));
  registry.clear();
  registry.committed(one_event(2));
  EXPECT_EQ(registry.promise(DeliveryId{9}), DeliveryId{2});
  EXPECT_TRUE(due(registry).empty()) << "it may be another's: parking has to tell";
  const auto taken = registry.take_for_parking(MonoTime{}, 10, 10);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.front().id, DeliveryId{2});
  registry.parked(taken);
  EXPECT_EQ(registry.promise(DeliveryId{9}), DeliveryId{9});
}

TEST(Registry, RefusesWhatIsLowerThanWasPromised) {
  Registry registry;
  EXPECT_EQ(registry.promise(DeliveryId{9}), DeliveryId{9});
  EXPECT_FALSE(registry.add(one_event(8), MonoTime{}));
  EXPECT_EQ(registry.size(), 0U);
  EXPECT_TRUE(registry.add(one_event(9), MonoTime{}));
}

// As after a clock that went back: what the database had may count until it has taken the new one.
TEST(Registry, TakesAPromiseBackOnlyOnceTheDatabaseHas) {
  Registry registry;
  registry.promise(DeliveryId{9});
  registry.promise_taken();
  EXPECT_EQ(registry.promise(DeliveryId{5}), DeliveryId{5});
  EXPECT_FALSE(registry.add(one_event(6), MonoTime{}));
  registry.promise_taken();
  EXPECT_TRUE(registry.add(one_event(6), MonoTime{}));
}

TEST(Registry, DropsWhatWasNotWrittenWhileTheLeaseWasLost) {
  Registry registry;
  ASSERT_TRUE(registry.add(one_event(2), MonoTime{}));
  registry.clear();
  registry.dropped(one_event(2));
  EXPECT_EQ(registry.size(), 0U);
}

}  // namespace
}  // namespace skyhook::store::postgres
