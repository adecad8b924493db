// What the simulation cannot ask: the answer at one moment.
#include "delivery/lanes.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "domain/webhook_options.h"

namespace skyhook::delivery {
namespace {

// Webhooks that are all alike; what is begun and recorded stays under way until the test says so.
class AWebhook : public testing::Test, public Lanes::World {
 protected:
  static constexpr WebhookId kWebhook{7};
  static constexpr DeliveryId kDelivery{70};

  void set_rate_limit(double per_second, bool ordered = false) {
    auto entry = std::make_shared<WebhookEntry>();
    auto options = std::make_shared<WebhookOptions>();
    options->rate_limit = per_second;
    options->ordered = ordered;
    entry->webhook.options = std::move(options);
    webhook_ = std::move(entry);
  }
  WaitingDelivery delivery(DeliveryId id = kDelivery, WebhookId webhook = kWebhook) const {
    return {.id = id, .webhook_id = webhook, .event = std::make_shared<const Event>()};
  }
  void finish() {
    AttemptReport report;
    report.attempt.response_status = 200;
    lanes.attempt_finished(std::exchange(begun, {}).at(0), std::move(report));
  }
  // nullopt: not answered yet.
  std::shared_ptr<std::optional<bool>> ask() {
    auto answer = std::make_shared<std::optional<bool>>();
    lanes.ask_in_flight(kWebhook, kDelivery, [answer](bool is) { *answer = is; });
    return answer;
  }

  Timestamp now() override { return time; }
  double jitter() override { return 0; }
  WebhookPtr webhook(WebhookId) override { return webhook_; }
  double rate_share() override { return share; }
  void attempt(WaitingDelivery delivery, WebhookPtr) override {
    begun.push_back(std::move(delivery));
  }
  void record(store::AttemptOutcome outcome) override { outcomes.push_back(std::move(outcome)); }
  void load(WebhookId, std::vector<DeliveryId>, int) override {}
  void load_in_order(WebhookId, std::vector<DeliveryId>, int) override {}
  void fail_waiting(WebhookId) override {}
  void switch_off(WebhookId) override {}
  bool may_deliver() override { return takes_outcomes; }
  void wake_at(std::optional<Timestamp>) override {}

  WebhookPtr webhook_ = std::make_shared<WebhookEntry>();
  Timestamp time{std::chrono::hours{24}};
  double share = 1;
  bool takes_outcomes = true;
  std::vector<WaitingDelivery> begun;
  std::vector<store::AttemptOutcome> outcomes;
  Lanes lanes{*this, {}};
};

TEST_F(AWebhook, IsAskedForADeliveryThatIsNotThere) {
  EXPECT_EQ(*ask(), false);
}

TEST_F(AWebhook, SaysWhatIsInFlight) {
  lanes.add({delivery()});
  ASSERT_EQ(begun.size(), 1u);
  EXPECT_EQ(*ask(), true);
}

// The store shows the outcome before it can say here that it has it.
TEST_F(AWebhook, AnswersOnceTheOutcomeOfWhatIsOverIsDurable) {
  lanes.add({delivery()});
  finish();
  const auto answer = ask();
  EXPECT_FALSE(answer->has_value());
  lanes.recorded(outcomes.at(0));
  EXPECT_EQ(*answer, false);
}

TEST_F(AWebhook, LetsNobodyWaitForAStoreThatTakesNothing) {
  lanes.add({delivery()});
  finish();
  takes_outcomes = false;
  EXPECT_EQ(*ask(), true);
}

TEST_F(AWebhook, LetsNobodyWaitBeyondItsEnd) {
  lanes.add({delivery()});
  finish();
  const auto answer = ask();
  lanes.abandon_waiters();
  EXPECT_EQ(*answer, true);
}

// A read of the store may be quicker than the call that sends a test.
TEST_F(AWebhook, TellsOfATestThatWasOverBeforeItWasAskedFor) {
  WaitingDelivery test = delivery();
  test.is_test = true;
  lanes.add({test});
  finish();
  std::optional<SettledAttempt> told;
  lanes.send_test(test, [&](std::optional<SettledAttempt> settled) { told = std::move(settled); });
  lanes.recorded(outcomes.at(0));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->attempt.response_status, 200);
}

// What a rate limit lets go on an hour from now is not let wait for that hour, whoever else waits.
TEST_F(AWebhook, WaitsNoLongerThanItsRateLimitWhereTheClockGoesBack) {
  constexpr int kWebhooks = 5;
  set_rate_limit(1);
  for (int i = 1; i <= kWebhooks; ++i) {
    lanes.add(
        {delivery(DeliveryId{2 * i}, WebhookId{i}), delivery(DeliveryId{2 * i + 1}, WebhookId{i})});
  }
  ASSERT_EQ(begun.size(), std::size_t{kWebhooks});
  time -= std::chrono::hours{1};
  lanes.on_time();
  time += Millis{1'100};
  lanes.on_time();
  EXPECT_EQ(begun.size(), std::size_t{2 * kWebhooks});
}

TEST_F(AWebhook, HasItsShareOfTheRateLimitOfSeveralNodes) {
  share = 0.5;
  set_rate_limit(1);
  lanes.add({delivery(DeliveryId{1}), delivery(DeliveryId{2})});
  ASSERT_EQ(begun.size(), 1u);
  time += Millis{1'100};
  lanes.on_time();
  EXPECT_EQ(begun.size(), 1u);
  time += Millis{1'000};
  lanes.on_time();
  EXPECT_EQ(begun.size(), 2u);
}

// The other nodes send nothing for it.
TEST_F(AWebhook, HasAllOfItsRateLimitOnTheNodeThatKeepsItsOrder) {
  share = 0.5;
  set_rate_limit(1, /*ordered=*/true);
  lanes.wake(kWebhook);
  lanes.loaded(kWebhook, store::WaitingPage{
                             .deliveries = {delivery(DeliveryId{1}), delivery(DeliveryId{2})}});
  ASSERT_EQ(begun.size(), 1u);
  finish();
  lanes.recorded(outcomes.at(0));
  EXPECT_EQ(begun.size(), 0u);
  time += Millis{1'100};
  lanes.on_time();
  EXPECT_EQ(begun.size(), 1u);
}

}  // namespace
}  // namespace skyhook::delivery
