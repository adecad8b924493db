#include "notices/telling.h"

#include <gtest/gtest.h>

namespace skyhook::notices {
namespace {

const Timestamp kMinute = from_unix_micros(1'700'000'040'000'000);  // the beginning of one

TEST(FailureTelling, tells_ten_a_minute_of_one_webhook_and_counts_the_rest) {
  FailureTelling telling;
  for (int i = 0; i < FailureTelling::kPerWebhook; ++i) {
    EXPECT_EQ(telling.decide(WebhookId{1}, kMinute).not_told, 0);
  }
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(telling.decide(WebhookId{1}, kMinute).not_told, std::nullopt);
  // Another webhook is told of, and of how many were not.
  EXPECT_EQ(telling.decide(WebhookId{2}, kMinute).not_told, 5);
  EXPECT_EQ(telling.decide(WebhookId{2}, kMinute).not_told, 0);
  EXPECT_EQ(telling.decide(WebhookId{1}, kMinute + Seconds{59}).not_told, std::nullopt);
  EXPECT_EQ(telling.decide(WebhookId{1}, kMinute + Seconds{60}).not_told, 1);
}

TEST(FailureTelling, tells_three_hundred_a_minute_in_all) {
  FailureTelling telling;
  int told = 0;
  for (int id = 0; id < 1000; ++id) told += telling.decide(WebhookId{id}, kMinute).not_told ? 1 : 0;
  EXPECT_EQ(told, FailureTelling::kInAll);
  EXPECT_EQ(telling.decide(WebhookId{5000}, kMinute + Seconds{60}).not_told, 700);
}

TEST(FailureTelling, what_is_taken_back_uses_up_nothing) {
  FailureTelling telling;
  const auto refused = [&](WebhookId id) { telling.take_back(telling.decide(id, kMinute)); };
  for (int i = 0; i < 100; ++i) refused(WebhookId{1});
  for (int i = 0; i < FailureTelling::kPerWebhook; ++i) {
    EXPECT_EQ(telling.decide(WebhookId{1}, kMinute).not_told, 0);
  }
  for (int i = 0; i < 100; ++i) refused(WebhookId{1});
  EXPECT_EQ(telling.decide(WebhookId{1}, kMinute).not_told, std::nullopt);
  // How many were not told goes back with the one that would have said so.
  refused(WebhookId{2});
  EXPECT_EQ(telling.decide(WebhookId{2}, kMinute).not_told, 1);
}

TEST(FailureTelling, what_is_taken_back_late_frees_nothing_of_another_minute) {
  FailureTelling telling;
  const auto early = telling.decide(WebhookId{1}, kMinute);
  for (int i = 0; i < FailureTelling::kPerWebhook; ++i) {
    telling.decide(WebhookId{1}, kMinute + Seconds{60});
  }
  telling.take_back(early);
  EXPECT_EQ(telling.decide(WebhookId{1}, kMinute + Seconds{60}).not_told, std::nullopt);
}

// Counted in an event of another webhook before it was taken back.
TEST(FailureTelling, none_is_counted_twice) {
  FailureTelling telling;
  for (int i = 0; i < FailureTelling::kPerWebhook; ++i) telling.decide(WebhookId{1}, kMinute);
  const auto counted = telling.decide(WebhookId{1}, kMinute);
  EXPECT_EQ(telling.decide(WebhookId{2}, kMinute).not_told, 1);
  telling.take_back(counted);
  EXPECT_EQ(telling.decide(WebhookId{1}, kMinute).not_told, std::nullopt);
  EXPECT_EQ(telling.decide(WebhookId{2}, kMinute).not_told, 0);
}

TEST(LimitTelling, tells_once_an_hour_of_each_account) {
  LimitTelling telling;
  const Timestamp hour = from_unix_micros(1'699'999'200'000'000);
  EXPECT_EQ(telling.tell(AccountId{1}, hour), 472'222);
  EXPECT_EQ(telling.tell(AccountId{1}, hour + Seconds{3599}), std::nullopt);
  EXPECT_EQ(telling.tell(AccountId{2}, hour + Seconds{3599}), 472'222);
  EXPECT_EQ(telling.tell(AccountId{1}, hour + Seconds{3600}), 472'223);
}

}  // namespace
}  // namespace skyhook::notices
