// The directory over a real embedded store: who gets which event, and what happens to options.
#include "directory/directory.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>

#include "domain/webhook_options.h"
#include "store/sqlite/sqlite_store.h"

namespace skyhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    place_ = (std::filesystem::temp_directory_path() / "skyhook-directory-XXXXXX").string();
    ASSERT_NE(mkdtemp(place_.data()), nullptr);
    open();
    account_ =
        (*directory_->create_account(
             {.name = "Acme", .api_key_hash = {}, .allowed_origins = {}, .now = clock_.now()}))
            ->id;
  }
  void TearDown() override {
    directory_.reset();
    store_.reset();
    std::filesystem::remove_all(place_);
  }

  // Anew from what is stored.
  void open() {
    directory_.reset();
    store_.reset();
    auto opened = store::sqlite::open({.data_dir = place_, .clock = clock_});
    ASSERT_TRUE(opened.ok());
    store_ = std::move(*opened);
    directory_ = std::make_unique<Directory>(*store_, box_);
    ASSERT_EQ(*directory_->load(), 0u);
  }

  WebhookId add(std::vector<std::string> events, std::string filter = {}) {
    const auto options =
        with_change(nullptr, [&](WebhookOptions& changed) { changed.filter = std::move(filter); });
    auto made = directory_->create_webhook({.account_id = account_,
                                            .name = "Hook",
                                            .url = "https://example.com",
                                            .events = std::move(events),
                                            .is_active = true,
                                            .sealed_secret = {},
                                            .now = clock_.now(),
                                            .options = options},
                                           "whsec_first");
    EXPECT_TRUE(made.ok());
    return (*made)->webhook.id;
  }

  std::vector<WebhookId> wanting(std::string_view type, std::string_view data = "{}") {
    std::vector<WebhookId> ids;
    for (const WebhookPtr& entry : directory_->subscribers(account_, type, data)) {
      ids.push_back(entry->webhook.id);
    }
    // The look-up by lists and the judgement of one webhook say the same.
    std::vector<WebhookId> taking;
    for (const WebhookPtr& entry : directory_->webhooks_of(account_)) {
      if (entry->webhook.is_active && takes(*entry, type, data))
        taking.push_back(entry->webhook.id);
    }
    EXPECT_EQ(ids, taking);
    return ids;
  }

  const SystemClock clock_;
  const signing::SecretBox box_ = *signing::SecretBox::from_master_key(std::string(64, '1'));
  std::string place_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_;
  AccountId account_;
};

TEST_F(DirectoryTest, TellsAnAccountsTarget) {
  EXPECT_EQ(directory_->first_attempt_target(account_), std::nullopt);
  const auto other = (*directory_->create_account({.name = "Other",
                                                   .api_key_hash = {1},
                                                   .allowed_origins = {},
                                                   .now = clock_.now(),
                                                   .first_attempt_target = Millis{250}}))
                         ->id;
  const auto set = [&](std::optional<Millis> target) {
    ASSERT_TRUE(
        directory_
            ->update_account(account_, [&](Account& one) { one.first_attempt_target = target; })
            .ok());
  };
  set(Millis{2'000});
  EXPECT_EQ(directory_->first_attempt_target(account_), Millis{2'000});
  EXPECT_EQ(directory_->first_attempt_target(other), Millis{250});
  EXPECT_EQ(directory_->first_attempt_target(AccountId{999}), std::nullopt);
  open();
  EXPECT_EQ(directory_->first_attempt_target(account_), Millis{2'000});
  ASSERT_TRUE(*directory_->delete_account(other));
  EXPECT_EQ(directory_->first_attempt_target(other), std::nullopt);
  EXPECT_EQ(directory_->first_attempt_target(account_), Millis{2'000});
  set(std::nullopt);
  EXPECT_EQ(directory_->first_attempt_target(account_), std::nullopt);
}

TEST_F(DirectoryTest, FindsSubscribersByNameAndByPattern) {
  const WebhookId named = add({"contact.created"});
  const WebhookId every = add({"*"});
  const WebhookId some = add({"contact.*", "ticket.created"});
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(wanting("contact.created"), ElementsAre(named, every, some));
    EXPECT_THAT(wanting("contact.deleted"), ElementsAre(every, some));
    EXPECT_THAT(wanting("ticket.created"), ElementsAre(every, some));
    EXPECT_THAT(wanting("contacts.created"), ElementsAre(every));
    open();
  }
}

TEST_F(DirectoryTest, FindsOneThatListsNameAndPatternOnce) {
  const WebhookId both = add({"*", "contact.created", "contact.*"});
  EXPECT_THAT(wanting("contact.created"), ElementsAre(both));
}

TEST_F(DirectoryTest, ForgetsThePatternsOfWhatChangesEndsOrGoes) {
  const WebhookId one = add({"contact.*"});
  const WebhookId two = add({"contact.*"});
  ASSERT_TRUE(
      directory_->update_webhook(one, [](Webhook& webhook) { webhook.events = {"ticket.*"}; })
          .ok());
  EXPECT_THAT(wanting("contact.created"), ElementsAre(two));
  EXPECT_THAT(wanting("ticket.created"), ElementsAre(one));
  ASSERT_TRUE(
      directory_->update_webhook(one, [](Webhook& webhook) { webhook.is_active = false; }).ok());
  EXPECT_THAT(wanting("ticket.created"), IsEmpty());
  ASSERT_TRUE(directory_->delete_webhook(two).ok());
  EXPECT_THAT(wanting("contact.created"), IsEmpty());
}

TEST_F(DirectoryTest, LeavesOutThoseWhoseFilterDoesNotMatch) {
  const WebhookId all = add({"contact.created"});
  const WebhookId pro = add({"contact.created"}, R"({"plan":"pro"})");
  const WebhookId team = add({"contact.*"}, R"({"plan":["team","pro"]})");
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(wanting("contact.created", R"({"plan":"pro"})"), ElementsAre(all, pro, team));
    EXPECT_THAT(wanting("contact.created", R"({"plan":"team"})"), ElementsAre(all, team));
    EXPECT_THAT(wanting("contact.created", R"({"plan":"free"})"), ElementsAre(all));
    open();
  }
}

TEST_F(DirectoryTest, LetsEverythingPassAFilterThatItCannotRead) {
  const WebhookId odd = add({"contact.created"}, R"({"a":{"$newer":1}})");
  EXPECT_THAT(wanting("contact.created", "{}"), ElementsAre(odd));
}

TEST_F(DirectoryTest, DropsPreviousSecretsThatEnded) {
  const WebhookId id = add({"contact.created"});
  const WebhookId other = add({"contact.created"});
  const Timestamp end = clock_.now() + Seconds{60};
  for (const WebhookId one : {id, other}) {
    ASSERT_TRUE(
        directory_
            ->update_webhook(
                one,
                [&](Webhook& webhook) {
                  webhook.options = with_change(webhook.options, [&](WebhookOptions& options) {
                    options.previous_secret = {webhook.secret, one == id ? end : end + Seconds{60}};
                    options.timeout = Seconds{9};
                  });
                  webhook.secret = "whsec_second";
                  webhook.updated_at = clock_.now();
                })
            .ok());
  }
  const Timestamp updated_at = directory_->webhook(id)->webhook.updated_at;
  open();
  EXPECT_EQ(directory_->webhook(id)->webhook.options->previous_secret->secret, "whsec_first");
  EXPECT_EQ(directory_->drop_ended_secrets(end - Seconds{1}), 0u);
  EXPECT_EQ(directory_->drop_ended_secrets(end), 1u);
  EXPECT_EQ(directory_->drop_ended_secrets(end), 0u);
  for (int round = 0; round < 2; ++round) {
    const Webhook webhook = directory_->webhook(id)->webhook;
    EXPECT_FALSE(webhook.options->previous_secret);
    EXPECT_EQ(webhook.options->timeout, Seconds{9});
    EXPECT_EQ(webhook.secret, "whsec_second");
    EXPECT_EQ(webhook.updated_at, updated_at);
    EXPECT_TRUE(directory_->webhook(other)->webhook.options->previous_secret);
    open();
  }
}

TEST_F(DirectoryTest, DropsNoSecretUnderAChangeThatItDoesNotKnowOf) {
  const WebhookId id = add({"contact.created"});
  const Timestamp end = clock_.now();
  ASSERT_TRUE(directory_
                  ->update_webhook(id,
                                   [&](Webhook& webhook) {
                                     webhook.options =
                                         with_change(webhook.options, [&](WebhookOptions& options) {
                                           options.previous_secret = {webhook.secret, end};
                                         });
                                   })
                  .ok());
  Webhook elsewhere = store_->load_webhooks()->at(0);
  elsewhere.options = with_change(elsewhere.options, [&](WebhookOptions& options) {
    options.previous_secret->until = end + Seconds{3600};
  });
  elsewhere.updated_at += Seconds{1};
  ASSERT_TRUE(*store_->update_webhook(elsewhere));
  EXPECT_EQ(directory_->drop_ended_secrets(end), 0u);
  EXPECT_TRUE(same_options(store_->load_webhooks()->at(0).options, elsewhere.options));
}

}  // namespace
}  // namespace skyhook
