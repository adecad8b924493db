// The operator's own account over a real embedded store.
#include "notices/operator_account.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "notices/operator_events.h"
#include "store/sqlite/sqlite_store.h"

namespace skyhook::notices {
namespace {

constexpr Timestamp kNow = from_unix_micros(1'700'000'000'000'000);
const OperatorWebhook kWanted{.url = "https://ops.example.com/hook", .secret = "whsec_first"};

class OperatorAccountTest : public testing::Test {
 protected:
  void SetUp() override {
    place_ = (std::filesystem::temp_directory_path() / "skyhook-notices-XXXXXX").string();
    ASSERT_NE(mkdtemp(place_.data()), nullptr);
    auto opened = store::sqlite::open({.data_dir = place_, .clock = clock_});
    ASSERT_TRUE(opened.ok());
    store_ = std::move(*opened);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(place_);
  }

  // As a process that starts: with a directory of its own.
  struct Started {
    Started(store::Store& store, const signing::SecretBox& box, const OperatorWebhook& wanted)
        : directory(store, box) {
      EXPECT_EQ(*directory.load(), 0u);
      auto prepared = prepare_operator_account(directory, store, wanted, kNow);
      EXPECT_TRUE(prepared.ok());
      account = *prepared;
    }
    std::vector<WebhookPtr> webhooks() const { return directory.webhooks_of(account->id); }
    Directory directory;
    AccountPtr account;
  };

  const SystemClock clock_;
  const signing::SecretBox box_;
  std::string place_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(OperatorAccountTest, is_made_once_and_found_again) {
  const Started first(*store_, box_, kWanted);
  ASSERT_NE(first.account, nullptr);
  ASSERT_EQ(first.webhooks().size(), 1u);
  const Webhook& webhook = first.webhooks()[0]->webhook;
  EXPECT_EQ(webhook.url, kWanted.url);
  EXPECT_EQ(webhook.secret, kWanted.secret);
  EXPECT_EQ(webhook.events, operator_event_types());
  const Started second(*store_, box_, kWanted);
  EXPECT_EQ(second.account->id, first.account->id);
  ASSERT_EQ(second.webhooks().size(), 1u);
  EXPECT_EQ(second.webhooks()[0]->webhook.id, webhook.id);
  EXPECT_EQ(second.directory.account_count(), 1u);
}

TEST_F(OperatorAccountTest, follows_the_settings) {
  const Started first(*store_, box_, kWanted);
  const OperatorWebhook changed{.url = "https://other.example.com", .secret = "whsec_second"};
  const Started second(*store_, box_, changed);
  ASSERT_EQ(second.webhooks().size(), 1u);
  EXPECT_EQ(second.webhooks()[0]->webhook.url, changed.url);
  EXPECT_EQ(second.webhooks()[0]->webhook.secret, changed.secret);
}

TEST_F(OperatorAccountTest, is_switched_off_where_it_is_not_wanted_and_on_again) {
  const Started first(*store_, box_, kWanted);
  const Started off(*store_, box_, {});
  EXPECT_EQ(off.account, nullptr);
  EXPECT_FALSE(off.directory.webhooks_of(first.account->id)[0]->webhook.is_active);
  const Started on(*store_, box_, kWanted);
  EXPECT_TRUE(on.webhooks()[0]->webhook.is_active);
  EXPECT_EQ(on.webhooks()[0]->webhook.id, first.webhooks()[0]->webhook.id);
}

TEST_F(OperatorAccountTest, is_not_made_where_it_is_not_wanted) {
  const Started none(*store_, box_, {});
  EXPECT_EQ(none.directory.account_count(), 0u);
}

// As where two nodes make it at the same moment: each knows nothing of the other's yet.
TEST_F(OperatorAccountTest, there_is_one_where_two_were_made) {
  Directory late(*store_, box_);
  ASSERT_EQ(*late.load(), 0u);
  const Started first(*store_, box_, kWanted);
  const auto prepared = prepare_operator_account(late, *store_, kWanted, kNow);
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ((*prepared)->id, first.account->id);
  const auto accounts = *store_->load_accounts();
  const auto webhooks = *store_->load_webhooks();
  ASSERT_EQ(accounts.size(), 1u);
  ASSERT_EQ(webhooks.size(), 1u);
  EXPECT_EQ(webhooks[0].id, first.webhooks()[0]->webhook.id);
  EXPECT_EQ(late.webhooks_of(first.account->id).size(), 1u);
}

}  // namespace
}  // namespace skyhook::notices
