#include "notices/telling.h"

#include <gtest/gtest.h>

namespace skyhook::notices {
namespace {

const Timestamp kMinute = from_unix_micros(1'700'000'040'000'000);  // the beginning of one

TEST(FailureTelling, tells_ten_a_minute_of_one_webhook_and_counts_the_rest) {
  FailureTelling telling;
  for (int i = 0; i < FailureTelling::kPerWebhook; ++i) {
    EXPECT_EQ(telling.tell(WebhookId{1}, kMinute), 0);
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(telling.tell(WebhookId{1}, kMinute), std::nullopt);
  // Another webhook is told of, and of how many were not.
  EXPECT_EQ(telling.tell(WebhookId{2}, kMinute), 5);
  EXPECT_EQ(telling.tell(WebhookId{2}, kMinute), 0);
  EXPECT_EQ(telling.tell(WebhookId{1}, kMinute + Seconds{59}), std::nullopt);
  EXPECT_EQ(telling.tell(WebhookId{1}, kMinute + Seconds{60}), 1);
}

TEST(FailureTelling, tells_three_hundred_a_minute_in_all) {
  FailureTelling telling;
  int told = 0;
  for (int id = 0; id < 1000; ++id) told += telling.tell(WebhookId{id}, kMinute) ? 1 : 0;
  EXPECT_EQ(told, FailureTelling::kInAll);
  EXPECT_EQ(telling.tell(WebhookId{5000}, kMinute + Seconds{60}), 700);
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
