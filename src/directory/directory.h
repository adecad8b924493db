// Accounts and webhooks in memory: keys are looked up and subscribers found without the store.
// Loaded at start, changed together with the store. Thread-safe; entries are immutable and shared.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "domain/account.h"
#include "domain/webhook.h"
#include "filter/filter.h"
#include "net/client_certificate.h"
#include "net/url.h"
#include "signing/secrets.h"
#include "store/store.h"

namespace skyhook {

using AccountPtr = std::shared_ptr<const Account>;

// A webhook with what deliveries need of it, made once a change.
struct WebhookEntry {
  Webhook webhook;                      // with its secrets opened
  std::shared_ptr<const net::Url> url;  // nullptr where the stored URL cannot be parsed
  std::optional<filter::Filter> filter;
  net::ClientCertificate::Ptr certificate;  // nullptr: none, or it cannot be used here
};
using WebhookPtr = std::shared_ptr<const WebhookEntry>;

// Does the webhook want such an event? It lists the type or a pattern of it, and its filter, if
// any, matches the data. Whether it is active is not asked.
bool takes(const WebhookEntry& webhook, std::string_view event_type, std::string_view data);

class Directory {
 public:
  // `store` and `box` outlive the directory.
  Directory(store::Store& store, const signing::SecretBox& box);

  // At start: reads everything. An error, or the number of secrets that the master key does not
  // open (the caller refuses to start).
  store::Result<std::size_t> load();

  AccountPtr account(AccountId id) const;
  AccountPtr account_by_key(const Sha256& key_hash) const;
  // Accounts in order of id, after skipping `offset`.
  std::vector<AccountPtr> accounts(std::size_t offset, std::size_t limit) const;
  std::size_t account_count() const;
  // The account's own target for first attempts; nullopt: it has none. One atomic read where no
  // account has any.
  std::optional<Millis> first_attempt_target(AccountId id) const;

  WebhookPtr webhook(WebhookId id) const;
  std::vector<WebhookPtr> webhooks_of(AccountId account) const;  // in order of id
  // Active webhooks of the account that want the event: they list its type or a pattern of it, and
  // their filter, if any, matches its data. In order of id.
  std::vector<WebhookPtr> subscribers(AccountId account, std::string_view event_type,
                                      std::string_view data) const;
  std::size_t webhook_count() const;
  bool any_wants_order() const;  // of all webhooks

  // Called after a webhook was changed, switched off or deleted (second argument nullptr), on the
  // thread that changed it. Set before load().
  using WebhookObserver = std::function<void(WebhookId, WebhookPtr)>;
  void observe_webhooks(WebhookObserver observer);

  // Changes: store first, then memory. Blocking (see Store). Results as the store's; nullptr where
  // it does not exist. Creations run side by side, so that the store can commit many together;
  // updates and deletions one at a time.
  //
  // An update changes what is stored at that moment, not what is known here: where another node
  // wrote in between, it begins anew, and after kUpdateRounds of that it fails as `overloaded`. So
  // `change` may be called more than once, each time with what is stored then. It answers whether
  // there is anything to change: false leaves all as it is. updated_at follows `now` and is not its
  // to set.
  template <class Row>
  using Change = std::function<bool(Row&)>;
  // Of n nodes that write at once one succeeds a round: they would have to be as many as this.
  static constexpr int kUpdateRounds = 16;
  store::Result<AccountPtr> create_account(const store::NewAccount& account);
  store::Result<AccountPtr> update_account(AccountId id, Timestamp now,
                                           const Change<Account>& change);
  store::Result<bool> delete_account(AccountId id);
  // `secret` and what is secret in `webhook.options`: opened.
  store::Result<WebhookPtr> create_webhook(store::NewWebhook webhook, std::string_view secret);
  store::Result<WebhookPtr> update_webhook(WebhookId id, Timestamp now,
                                           const Change<Webhook>& change);
  // Forgets the previous secrets that ended by `now`, in the store too; returns how many. Blocking.
  std::size_t drop_ended_secrets(Timestamp now);
  store::Result<bool> delete_webhook(WebhookId id);

  // While it is held no update or deletion of this node is under way. Held over reading what other
  // nodes changed and applying it: otherwise a change made here in between would be undone by what
  // was read before it.
  [[nodiscard]] std::unique_lock<std::mutex> hold_changes() {
    return std::unique_lock(change_mutex_);
  }

  // With hold_changes(). A change that another node made and stored; nullopt: deleted. The observer
  // is told where it differs from what is known here. False for a webhook whose secret does not
  // open.
  void account_changed_elsewhere(AccountId id, std::optional<Account> account);
  bool webhook_changed_elsewhere(WebhookId id, std::optional<Webhook> sealed);
  // Everything that is known here; for finding what was deleted elsewhere.
  std::vector<WebhookId> all_webhooks() const;

  // Runs `task` while the webhook is known to be switched off and cannot be switched on; false, and
  // not run, where it is active or does not exist. For ending what waits for it: nothing accepted
  // after a switch-on is hit.
  bool while_inactive(WebhookId id, const std::function<void()>& task);

 private:
  struct AccountEntry {
    AccountPtr account;
    std::unordered_map<WebhookId, WebhookPtr> webhooks;
    std::unordered_map<std::string, std::vector<WebhookPtr>>
        subscribers;           // by event type or pattern, active webhooks only
    std::size_t patterns = 0;  // lists of `subscribers` that are a pattern's
  };
  std::vector<WebhookPtr> listed_for(AccountId account, const std::string& event_type) const;
  WebhookPtr make_entry(Webhook opened) const;
  void put_account(const AccountPtr& account);  // mutex_ held; replaces what has the same id
  void forget(const Account& account);          // mutex_ held: out of the lists and counts
  void drop_account(AccountId id);              // takes mutex_; tells the observer of its webhooks
  void notify(WebhookId id, const WebhookPtr& entry);
  // What is stored now, with its secrets opened; an error where one does not open.
  store::Result<std::optional<Webhook>> stored_webhook(WebhookId id);
  // change_mutex_ held. What is stored: kept, and told to the observer where it is news.
  AccountPtr learn(Account stored);
  WebhookPtr learn(Webhook opened);
  void put_webhook(const WebhookPtr& entry);  // takes mutex_; replaces an entry of the same id
  void drop_webhook(WebhookId id);            // takes mutex_
  void unlink(const WebhookPtr& entry);       // mutex_ held: out of the lists and counts

  store::Store& store_;
  const signing::SecretBox& box_;
  WebhookObserver observer_;

  std::mutex change_mutex_;  // one update or deletion at a time; held over store and memory
  mutable std::shared_mutex mutex_;
  std::map<AccountId, AccountEntry> accounts_;  // guarded by mutex_
  std::unordered_map<std::string, AccountId>
      account_of_key_;  // by the 32 bytes of the hash; guarded by mutex_
  std::unordered_map<WebhookId, WebhookPtr> webhooks_;  // guarded by mutex_
  std::size_t ordered_ = 0;                             // that want order; guarded by mutex_
  std::atomic<std::size_t> targets_{0};  // accounts with a target; changed with mutex_ held
};

}  // namespace skyhook
