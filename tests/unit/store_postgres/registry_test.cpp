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
  registry.add(one_event(2), MonoTime{});
  registry.committed(one_event(2));
  ASSERT_EQ(due(registry), std::vector{DeliveryId{2}});
  registry.clear();
  EXPECT_EQ(registry.size(), 0U);
  EXPECT_TRUE(due(registry).empty());
}

// Otherwise nobody would know of it: lowest() would pass it, and no take-over would look for it.
TEST(Registry, KeepsWhatIsBeingWrittenWhileTheLeaseIsLost) {
  Registry registry;
  registry.add(one_event(2), MonoTime{});
  registry.clear();
  registry.committed(one_event(2));
  EXPECT_EQ(registry.lowest(), DeliveryId{2});
  EXPECT_TRUE(due(registry).empty()) << "it may be another's: parking has to tell";
  const auto taken = registry.take_for_parking(MonoTime{}, 10, 10);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken.front().id, DeliveryId{2});
  registry.parked(taken);
  EXPECT_EQ(registry.lowest(), std::nullopt);
}

TEST(Registry, DropsWhatWasNotWrittenWhileTheLeaseWasLost) {
  Registry registry;
  registry.add(one_event(2), MonoTime{});
  registry.clear();
  registry.dropped(one_event(2));
  EXPECT_EQ(registry.size(), 0U);
}

}  // namespace
}  // namespace skyhook::store::postgres
