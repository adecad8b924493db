#include "domain/delivery.h"

#include <gtest/gtest.h>

#include <set>

namespace skyhook {
namespace {

TEST(DeliveryBody, is_the_contracts_to_the_byte) {
  Event event;
  event.type = "contact.created";
  event.data = "{ \"name\" : \"Ann\",\"n\":1.0 }";  // passed through as published, spaces included
  const Timestamp created = from_unix_micros(1'741'093'200'999'999);
  const Uuid uuid = make_uuid(created, 1024);
  const std::string expected = "{\"event\":\"contact.created\",\"delivery_id\":\"" +
                               uuid.to_string() +
                               "\",\"timestamp\":1741093200,\"data\":{ \"name\" : "
                               "\"Ann\",\"n\":1.0 }}";
  EXPECT_EQ(delivery_body(event, uuid, created), expected);
  EXPECT_EQ(delivery_body(event, uuid, created), expected);
}

TEST(DeliveryStatus, is_read_as_it_is_printed) {
  EXPECT_EQ(parse_delivery_status("pending"), DeliveryStatus::pending);
  EXPECT_EQ(parse_delivery_status("delivered"), DeliveryStatus::delivered);
  EXPECT_EQ(parse_delivery_status("failed"), DeliveryStatus::failed);
  EXPECT_EQ(parse_delivery_status("Failed"), std::nullopt);
  EXPECT_EQ(parse_delivery_status(""), std::nullopt);
}

TEST(FailureReason, has_a_name_of_its_own_for_each) {
  std::set<std::string_view> names;
  for (int i = 0; i <= 13; ++i) names.insert(to_string(static_cast<FailureReason>(i)));
  EXPECT_EQ(names.size(), 14u);
  EXPECT_TRUE(names.contains("response_too_slow"));
  EXPECT_TRUE(names.contains("blocked_address"));
}

}  // namespace
TEST(WaitingDelivery, IsFreshAsItWasPublished) {
  const Timestamp now{Seconds{1'000'000}};
  const auto event = std::make_shared<const Event>(Event{EventId{1}, AccountId{1}, "a", "{}", now});
  const WaitingDelivery fresh{.event = event, .created_at = now, .due_at = now};
  EXPECT_TRUE(fresh.is_fresh());
  WaitingDelivery other = fresh;
  other.attempts_made = 1;
  EXPECT_FALSE(other.is_fresh());
  other = fresh;
  other.is_test = true;
  EXPECT_FALSE(other.is_fresh());
  other = fresh;
  other.due_at = now + Seconds{5};  // asked for once more before any attempt
  EXPECT_FALSE(other.is_fresh());
  other.created_at = other.due_at;  // a replay
  EXPECT_FALSE(other.is_fresh());
}

}  // namespace skyhook
