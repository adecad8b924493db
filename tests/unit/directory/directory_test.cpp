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

  WebhookPtr update(WebhookId id, const std::function<void(Webhook&)>& change) {
    auto updated = directory_->update_webhook(id, clock_.now(), [&](Webhook& webhook) {
      change(webhook);
      return true;
    });
    EXPECT_TRUE(updated.ok());
    return *updated;
  }
  // As another node does: in the store only.
  void change_elsewhere(WebhookId id, const std::function<void(Webhook&)>& change) {
    Webhook webhook = **store_->webhook(id);
    const Timestamp seen = webhook.updated_at;
    change(webhook);
    webhook.updated_at = store::stamp_after(seen, clock_.now());
    EXPECT_TRUE(*store_->update_webhook(webhook, seen));
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
    ASSERT_TRUE(directory_
                    ->update_account(account_, clock_.now(),
                                     [&](Account& one) {
                                       one.first_attempt_target = target;
                                       return true;
                                     })
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
  update(one, [](Webhook& webhook) { webhook.events = {"ticket.*"}; });
  EXPECT_THAT(wanting("contact.created"), ElementsAre(two));
  EXPECT_THAT(wanting("ticket.created"), ElementsAre(one));
  update(one, [](Webhook& webhook) { webhook.is_active = false; });
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
    update(one, [&](Webhook& webhook) {
      webhook.options = with_change(webhook.options, [&](WebhookOptions& options) {
        options.previous_secret = {webhook.secret, one == id ? end : end + Seconds{60}};
        options.timeout = Seconds{9};
      });
      webhook.secret = "whsec_second";
    });
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
    EXPECT_EQ(webhook.updated_at, updated_at + Micros{1}) << "no change of its owner's";
    EXPECT_TRUE(directory_->webhook(other)->webhook.options->previous_secret);
    open();
  }
}

TEST_F(DirectoryTest, DropsNoSecretUnderAChangeThatItDoesNotKnowOf) {
  const WebhookId id = add({"contact.created"});
  const Timestamp end = clock_.now();
  update(id, [&](Webhook& webhook) {
    webhook.options = with_change(webhook.options, [&](WebhookOptions& options) {
      options.previous_secret = {webhook.secret, end};
    });
  });
  change_elsewhere(id, [&](Webhook& webhook) {
    webhook.options = with_change(webhook.options, [&](WebhookOptions& options) {
      options.previous_secret->until = end + Seconds{3600};
    });
  });
  const WebhookOptionsPtr stored = (*store_->webhook(id))->options;
  EXPECT_EQ(directory_->drop_ended_secrets(end), 0u);
  EXPECT_TRUE(same_options((*store_->webhook(id))->options, stored));
}

// --- changes that another node makes meanwhile ---------------------------------------------------

TEST_F(DirectoryTest, ChangesWhatIsStoredAndNotWhatItKnows) {
  const WebhookId id = add({"contact.created"});
  change_elsewhere(id, [](Webhook& webhook) { webhook.url = "https://elsewhere.example"; });
  const WebhookPtr told = update(id, [](Webhook& webhook) { webhook.name = "Renamed"; });
  for (const Webhook& webhook : {told->webhook, directory_->webhook(id)->webhook}) {
    EXPECT_EQ(webhook.name, "Renamed");
    EXPECT_EQ(webhook.url, "https://elsewhere.example");
  }
  EXPECT_EQ((*store_->webhook(id))->url, "https://elsewhere.example");
}

TEST_F(DirectoryTest, BeginsAnewWhereAnotherNodeWasQuicker) {
  const WebhookId id = add({"contact.created"});
  std::vector<std::string> seen;
  const WebhookPtr told = update(id, [&](Webhook& webhook) {
    seen.push_back(webhook.secret);
    if (seen.size() == 1) {
      change_elsewhere(id, [&](Webhook& other) {
        other.secret = box_.seal("whsec_elsewhere");
        other.is_active = false;
      });
    }
    webhook.name = "Renamed";
  });
  EXPECT_THAT(seen, ElementsAre("whsec_first", "whsec_elsewhere"));
  EXPECT_FALSE(told->webhook.is_active);
  EXPECT_THAT(wanting("contact.created"), IsEmpty());
  for (int round = 0; round < 2; ++round) {
    const Webhook webhook = directory_->webhook(id)->webhook;
    EXPECT_EQ(webhook.name, "Renamed");
    EXPECT_EQ(webhook.secret, "whsec_elsewhere");
    EXPECT_FALSE(webhook.is_active);
    open();
  }
}

TEST_F(DirectoryTest, BeginsAnewWithAnAccount) {
  int rounds = 0;
  const auto told = directory_->update_account(account_, clock_.now(), [&](Account& account) {
    if (++rounds == 1) {
      Account other = **store_->account(account_);
      const Timestamp seen = other.updated_at;
      other.is_active = false;
      other.api_key_hash = {7};
      other.updated_at = store::stamp_after(seen, clock_.now());
      EXPECT_TRUE(*store_->update_account(other, seen));
    }
    account.name = "Renamed";
    return true;
  });
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(rounds, 2);
  EXPECT_FALSE(directory_->account(account_)->is_active);
  ASSERT_NE(directory_->account_by_key({7}), nullptr);
  EXPECT_EQ(directory_->account_by_key({7})->name, "Renamed");
  EXPECT_EQ(directory_->account_by_key({}), nullptr);
}

TEST_F(DirectoryTest, GivesUpWhereOthersAreAlwaysQuicker) {
  const WebhookId id = add({"contact.created"});
  int rounds = 0;
  const auto refused = directory_->update_webhook(id, clock_.now(), [&](Webhook& webhook) {
    ++rounds;
    change_elsewhere(id, [](Webhook& other) { other.name += "+"; });
    webhook.name = "Renamed";
    return true;
  });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, store::Error::Kind::overloaded);
  EXPECT_EQ(rounds, Directory::kUpdateRounds);
  EXPECT_EQ((*store_->webhook(id))->name, "Hook" + std::string(Directory::kUpdateRounds, '+'));
}

TEST_F(DirectoryTest, ChangesNothingWhereThereIsNothingToChange) {
  const WebhookId id = add({"contact.created"});
  change_elsewhere(id, [](Webhook& webhook) { webhook.name = "Renamed"; });
  const Webhook stored = **store_->webhook(id);
  const auto told = directory_->update_webhook(id, clock_.now() + Seconds{9}, [](Webhook& webhook) {
    webhook.url = "https://no.example";
    return false;
  });
  EXPECT_EQ((*told)->webhook.name, "Renamed");
  EXPECT_EQ((*told)->webhook.url, stored.url);
  EXPECT_EQ((*store_->webhook(id))->updated_at, stored.updated_at);
}

TEST_F(DirectoryTest, TellsThatItWasDeletedElsewhere) {
  const WebhookId id = add({"contact.created"});
  ASSERT_TRUE(*store_->delete_webhook(id));
  EXPECT_EQ(update(id, [](Webhook&) {}), nullptr);
}

TEST_F(DirectoryTest, MovesTheStampWhateverTheClockSays) {
  const WebhookId id = add({"contact.created"});
  const Timestamp made = directory_->webhook(id)->webhook.updated_at;
  const auto stamp = [&](Timestamp now) {
    return (*directory_->update_webhook(id, now, [](Webhook&) { return true; }))
        ->webhook.updated_at;
  };
  EXPECT_EQ(stamp(made + Seconds{1}), made + Seconds{1});
  EXPECT_EQ(stamp(made + Seconds{1}), made + Seconds{1} + Micros{1}) << "in the same microsecond";
  EXPECT_EQ(stamp(made - Seconds{60}), made + Seconds{1} + Micros{2}) << "the clock went back";
  EXPECT_EQ((*store_->webhook(id))->updated_at, made + Seconds{1} + Micros{2});
}

TEST_F(DirectoryTest, TellsTheObserverOnceWhatBothNodesChanged) {
  const WebhookId id = add({"contact.created"});
  std::vector<WebhookPtr> told;
  directory_->observe_webhooks([&](WebhookId, const WebhookPtr& entry) { told.push_back(entry); });
  change_elsewhere(id, [](Webhook& webhook) { webhook.is_active = false; });
  update(id, [](Webhook& webhook) { webhook.name = "Renamed"; });
  EXPECT_TRUE(directory_->webhook_changed_elsewhere(id, *store_->webhook(id)));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0]->webhook.is_active);
  EXPECT_EQ(told[0]->webhook.name, "Renamed");
}

}  // namespace
}  // namespace skyhook
