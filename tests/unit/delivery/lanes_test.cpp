// What the simulation cannot ask: the answer at one moment.
#include "delivery/lanes.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

namespace skyhook::delivery {
namespace {

// One webhook; what is begun and recorded stays under way until the test says so.
class OneWebhook : public testing::Test, public Lanes::World {
 protected:
  static constexpr WebhookId kWebhook{7};
  static constexpr DeliveryId kDelivery{70};

  OneWebhook() {
    auto entry = std::make_shared<WebhookEntry>();
    entry->webhook.id = kWebhook;
    webhook_ = std::move(entry);
  }
  WaitingDelivery delivery() const {
    return {.id = kDelivery, .webhook_id = kWebhook, .event = std::make_shared<const Event>()};
  }
  void finish() {
    AttemptReport report;
    report.attempt.response_status = 200;
    lanes.attempt_finished(std::exchange(begun, {}).value(), std::move(report));
  }
  // nullopt: not answered yet.
  std::shared_ptr<std::optional<bool>> ask() {
    auto answer = std::make_shared<std::optional<bool>>();
    lanes.ask_in_flight(kWebhook, kDelivery, [answer](bool is) { *answer = is; });
    return answer;
  }

  Timestamp now() override { return {}; }
  double jitter() override { return 0; }
  WebhookPtr webhook(WebhookId) override { return webhook_; }
  void attempt(WaitingDelivery delivery, WebhookPtr) override { begun = std::move(delivery); }
  void record(store::AttemptOutcome outcome) override { outcomes.push_back(std::move(outcome)); }
  void load(WebhookId, std::vector<DeliveryId>, int) override {}
  void load_in_order(WebhookId, std::vector<DeliveryId>, int) override {}
  void fail_waiting(WebhookId) override {}
  void switch_off(WebhookId) override {}
  bool may_deliver() override { return takes_outcomes; }
  void wake_at(std::optional<Timestamp>) override {}

  WebhookPtr webhook_;
  bool takes_outcomes = true;
  std::optional<WaitingDelivery> begun;
  std::vector<store::AttemptOutcome> outcomes;
  Lanes lanes{*this, {}};
};

TEST_F(OneWebhook, IsAskedForADeliveryThatIsNotThere) {
  EXPECT_EQ(*ask(), false);
}

TEST_F(OneWebhook, SaysWhatIsInFlight) {
  lanes.add({delivery()});
  ASSERT_TRUE(begun);
  EXPECT_EQ(*ask(), true);
}

// The store shows the outcome before it can say here that it has it.
TEST_F(OneWebhook, AnswersOnceTheOutcomeOfWhatIsOverIsDurable) {
  lanes.add({delivery()});
  finish();
  const auto answer = ask();
  EXPECT_FALSE(answer->has_value());
  lanes.recorded(outcomes.at(0));
  EXPECT_EQ(*answer, false);
}

TEST_F(OneWebhook, LetsNobodyWaitForAStoreThatTakesNothing) {
  lanes.add({delivery()});
  finish();
  takes_outcomes = false;
  EXPECT_EQ(*ask(), true);
}

TEST_F(OneWebhook, LetsNobodyWaitBeyondItsEnd) {
  lanes.add({delivery()});
  finish();
  const auto answer = ask();
  lanes.abandon_waiters();
  EXPECT_EQ(*answer, true);
}

// A read of the store may be quicker than the call that sends a test.
TEST_F(OneWebhook, TellsOfATestThatWasOverBeforeItWasAskedFor) {
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

}  // namespace
}  // namespace skyhook::delivery
