#include "directory/directory.h"

#include <algorithm>

#include "domain/event_pattern.h"
#include "domain/webhook_options.h"
#include "logging/log.h"
#include "signing/webhook_secrets.h"

namespace skyhook {

namespace {

std::string key_text(const Sha256& hash) {
  return {hash.begin(), hash.end()};
}

// Both are kept in order of id, so that a change of one webhook costs a search and not a walk.
bool by_id(const WebhookPtr& a, const WebhookPtr& b) {
  return a->webhook.id < b->webhook.id;
}

std::optional<filter::Filter> compile_filter(const Webhook& webhook) {
  if (!webhook.options || webhook.options->filter.empty()) return std::nullopt;
  auto filter = filter::Filter::compile(webhook.options->filter);
  if (filter) return std::move(*filter);
  // A newer node's language: rather a delivery too many than one that is lost.
  log::error("a webhook's filter cannot be read here and lets everything pass",
             {{"webhook", webhook.id.value}, {"reason", "it " + filter.error()}});
  return std::nullopt;
}

net::ClientCertificate::Ptr read_certificate(const Webhook& webhook) {
  if (!webhook.options || !webhook.options->client_certificate) return nullptr;
  const ClientCertificatePem& pem = *webhook.options->client_certificate;
  auto certificate = net::ClientCertificate::parse(pem.chain, pem.key);
  if (certificate) return std::move(*certificate);
  // OpenSSL's policy may be stricter here than where it was accepted.
  log::error("a webhook's client certificate cannot be used here and is not shown to its receiver",
             {{"webhook", webhook.id.value}, {"reason", certificate.error().reason}});
  return nullptr;
}

// Takes off those whose filter does not match.
void apply_filters(std::vector<WebhookPtr>& webhooks, std::string_view data) {
  const auto has_filter = [](const WebhookPtr& entry) { return entry->filter.has_value(); };
  if (std::none_of(webhooks.begin(), webhooks.end(), has_filter)) return;
  filter::Payload payload(data);
  std::erase_if(webhooks, [&](const WebhookPtr& entry) {
    return entry->filter && !payload.matches(*entry->filter);
  });
}

// Reads a row, changes it and writes it, anew for as long as others write it in between. What is
// stored then; nullopt where it does not exist.
template <class Row, class Read, class Write>
store::Result<std::optional<Row>> rewrite(Read read, const Directory::Change<Row>& change,
                                          Timestamp now, Write write) {
  for (int round = 0; round < Directory::kUpdateRounds; ++round) {
    store::Result<std::optional<Row>> stored = read();
    if (!stored || !*stored) return stored;
    Row changed = **stored;
    if (!change(changed)) return stored;
    const Timestamp seen = (*stored)->updated_at;
    changed.updated_at = store::stamp_after(seen, now);
    const store::Result<bool> written = write(changed, seen);
    if (!written) return Err{written.error()};
    if (*written) return std::optional{std::move(changed)};
  }
  return Err{store::Error{store::Error::Kind::overloaded, "others change it again and again"}};
}

bool is_same(const Webhook& a, const Webhook& b) {
  return a.name == b.name && a.url == b.url && a.events == b.events && a.is_active == b.is_active &&
         a.secret == b.secret && a.updated_at == b.updated_at && same_options(a.options, b.options);
}

}  // namespace

bool takes(const WebhookEntry& webhook, std::string_view event_type, std::string_view data) {
  if (std::ranges::none_of(webhook.webhook.events, [event_type](const std::string& listed) {
        return covers(listed, event_type);
      })) {
    return false;
  }
  return !webhook.filter || filter::Payload(data).matches(*webhook.filter);
}

Directory::Directory(store::Store& store, const signing::SecretBox& box)
    : store_(store), box_(box) {}

WebhookPtr Directory::make_entry(Webhook opened) const {
  auto entry = std::make_shared<WebhookEntry>();
  if (auto url = net::parse_url(opened.url))
    entry->url = std::make_shared<const net::Url>(std::move(*url));
  entry->filter = compile_filter(opened);
  entry->certificate = read_certificate(opened);
  entry->webhook = std::move(opened);
  return entry;
}

void Directory::observe_webhooks(WebhookObserver observer) {
  observer_ = std::move(observer);
}

store::Result<std::size_t> Directory::load() {
  auto accounts = store_.load_accounts();
  if (!accounts) return Err{accounts.error()};
  auto webhooks = store_.load_webhooks();
  if (!webhooks) return Err{webhooks.error()};

  {
    std::unique_lock lock(mutex_);
    for (Account& account : *accounts) {
      put_account(std::make_shared<const Account>(std::move(account)));
    }
  }
  std::size_t unopened = 0;
  for (Webhook& webhook : *webhooks) {
    if (auto opened = signing::opened(std::move(webhook), box_)) {
      put_webhook(make_entry(std::move(*opened)));
    } else {
      ++unopened;
    }
  }
  return unopened;
}

void Directory::put_account(const AccountPtr& account) {
  AccountPtr& present = accounts_[account->id].account;
  if (present) forget(*present);
  present = account;
  account_of_key_[key_text(account->api_key_hash)] = account->id;
  if (account->first_attempt_target) ++targets_;
}

void Directory::forget(const Account& account) {
  account_of_key_.erase(key_text(account.api_key_hash));
  if (account.first_attempt_target) --targets_;
}

std::optional<Millis> Directory::first_attempt_target(AccountId id) const {
  if (targets_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const AccountPtr known = account(id);
  return known ? known->first_attempt_target : std::nullopt;
}

AccountPtr Directory::account(AccountId id) const {
  std::shared_lock lock(mutex_);
  const auto found = accounts_.find(id);
  return found == accounts_.end() ? nullptr : found->second.account;
}

AccountPtr Directory::account_by_key(const Sha256& key_hash) const {
  std::shared_lock lock(mutex_);
  const auto key = account_of_key_.find(key_text(key_hash));
  if (key == account_of_key_.end()) return nullptr;
  const auto found = accounts_.find(key->second);
  return found == accounts_.end() ? nullptr : found->second.account;
}

std::vector<AccountPtr> Directory::accounts(std::size_t offset, std::size_t limit) const {
  std::shared_lock lock(mutex_);
  std::vector<AccountPtr> page;
  if (offset >= accounts_.size()) return page;
  auto it = std::next(accounts_.begin(), static_cast<std::ptrdiff_t>(offset));
  for (; it != accounts_.end() && page.size() < limit; ++it) page.push_back(it->second.account);
  return page;
}

std::size_t Directory::account_count() const {
  std::shared_lock lock(mutex_);
  return accounts_.size();
}

WebhookPtr Directory::webhook(WebhookId id) const {
  std::shared_lock lock(mutex_);
  const auto found = webhooks_.find(id);
  return found == webhooks_.end() ? nullptr : found->second;
}

std::vector<WebhookPtr> Directory::webhooks_of(AccountId account) const {
  std::vector<WebhookPtr> all;
  {
    std::shared_lock lock(mutex_);
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return all;
    all.reserve(found->second.webhooks.size());
    for (const auto& [id, entry] : found->second.webhooks) all.push_back(entry);
  }
  std::sort(all.begin(), all.end(), by_id);
  return all;
}

std::vector<WebhookPtr> Directory::listed_for(AccountId account,
                                              const std::string& event_type) const {
  std::vector<WebhookPtr> webhooks;
  std::shared_lock lock(mutex_);
  const auto owner = accounts_.find(account);
  if (owner == accounts_.end()) return webhooks;
  const auto& lists = owner->second.subscribers;
  const auto take = [&](const std::string& type_or_pattern) {
    const auto list = lists.find(type_or_pattern);
    if (list != lists.end()) {
      webhooks.insert(webhooks.end(), list->second.begin(), list->second.end());
    }
  };
  take(event_type);
  if (owner->second.patterns == 0) return webhooks;
  const std::size_t exact = webhooks.size();
  for_each_pattern_of(event_type, take);
  if (webhooks.size() == exact) return webhooks;
  std::sort(webhooks.begin(), webhooks.end(), by_id);
  webhooks.erase(std::unique(webhooks.begin(), webhooks.end()), webhooks.end());
  return webhooks;
}

std::vector<WebhookPtr> Directory::subscribers(AccountId account, std::string_view event_type,
                                               std::string_view data) const {
  std::vector<WebhookPtr> webhooks = listed_for(account, std::string(event_type));
  apply_filters(webhooks, data);
  return webhooks;
}

std::size_t Directory::webhook_count() const {
  std::shared_lock lock(mutex_);
  return webhooks_.size();
}

bool Directory::any_wants_order() const {
  std::shared_lock lock(mutex_);
  return ordered_ > 0;
}

void Directory::unlink(const WebhookPtr& entry) {
  if (wants_order(entry->webhook)) --ordered_;
  AccountEntry& owner = accounts_[entry->webhook.account_id];
  for (const std::string& type : entry->webhook.events) {
    const auto list = owner.subscribers.find(type);
    if (list == owner.subscribers.end()) continue;
    const auto place = std::lower_bound(list->second.begin(), list->second.end(), entry, by_id);
    if (place != list->second.end() && (*place)->webhook.id == entry->webhook.id)
      list->second.erase(place);
    if (!list->second.empty()) continue;
    owner.subscribers.erase(list);
    if (is_event_pattern(type)) --owner.patterns;
  }
}

void Directory::put_webhook(const WebhookPtr& entry) {
  std::unique_lock lock(mutex_);
  const auto owner = accounts_.find(entry->webhook.account_id);
  if (owner == accounts_.end()) return;  // its account was deleted meanwhile
  WebhookPtr& present = webhooks_[entry->webhook.id];
  if (present) unlink(present);
  present = entry;
  if (wants_order(entry->webhook)) ++ordered_;
  owner->second.webhooks[entry->webhook.id] = entry;
  if (!entry->webhook.is_active) return;
  for (const std::string& type : entry->webhook.events) {
    auto& list = owner->second.subscribers[type];
    if (list.empty() && is_event_pattern(type)) ++owner->second.patterns;
    list.insert(std::lower_bound(list.begin(), list.end(), entry, by_id), entry);
  }
}

void Directory::drop_webhook(WebhookId id) {
  std::unique_lock lock(mutex_);
  const auto found = webhooks_.find(id);
  if (found == webhooks_.end()) return;
  const WebhookPtr entry = found->second;
  webhooks_.erase(found);
  const auto owner = accounts_.find(entry->webhook.account_id);
  if (owner == accounts_.end()) return;
  unlink(entry);
  owner->second.webhooks.erase(id);
}

store::Result<AccountPtr> Directory::create_account(const store::NewAccount& account) {
  auto created = store_.create_account(account);
  if (!created) return Err{created.error()};
  auto entry = std::make_shared<const Account>(std::move(*created));
  std::unique_lock lock(mutex_);
  put_account(entry);
  return AccountPtr{entry};
}

store::Result<AccountPtr> Directory::update_account(AccountId id, Timestamp now,
                                                    const Change<Account>& change) {
  std::lock_guard one_change(change_mutex_);
  auto stored = rewrite<Account>(
      [&] { return store_.account(id); }, change, now,
      [&](const Account& changed, Timestamp seen) { return store_.update_account(changed, seen); });
  if (!stored) return Err{stored.error()};
  return *stored ? learn(std::move(**stored)) : AccountPtr{};
}

AccountPtr Directory::learn(Account stored) {
  AccountPtr entry = std::make_shared<const Account>(std::move(stored));
  std::unique_lock lock(mutex_);
  put_account(entry);
  return entry;
}

store::Result<bool> Directory::delete_account(AccountId id) {
  std::lock_guard one_change(change_mutex_);
  auto deleted = store_.delete_account(id);
  if (!deleted) return deleted;
  drop_account(id);
  return deleted;
}

void Directory::drop_account(AccountId id) {
  std::vector<WebhookId> orphans;
  {
    std::unique_lock lock(mutex_);
    const auto found = accounts_.find(id);
    if (found != accounts_.end()) {
      forget(*found->second.account);
      for (const auto& [webhook_id, entry] : found->second.webhooks) {
        orphans.push_back(webhook_id);
        if (wants_order(entry->webhook)) --ordered_;
        webhooks_.erase(webhook_id);
      }
      accounts_.erase(found);
    }
  }
  for (const WebhookId orphan : orphans) notify(orphan, nullptr);
}

store::Result<WebhookPtr> Directory::create_webhook(store::NewWebhook webhook,
                                                    std::string_view secret) {
  WebhookOptionsPtr options = std::move(webhook.options);
  webhook.sealed_secret = box_.seal(secret);
  webhook.options = signing::sealed(options, box_);
  auto created = store_.create_webhook(webhook);
  if (!created) return Err{created.error()};
  created->secret = secret;
  created->options = std::move(options);
  WebhookPtr entry = make_entry(std::move(*created));
  put_webhook(entry);
  return entry;
}

store::Result<std::optional<Webhook>> Directory::stored_webhook(WebhookId id) {
  auto stored = store_.webhook(id);
  if (!stored || !*stored) return stored;
  auto opened = signing::opened(std::move(**stored), box_);
  if (!opened) {
    return Err{store::Error{store::Error::Kind::corrupt,
                            "the secret of webhook " + std::to_string(id.value) +
                                " does not open with this node's master key"}};
  }
  return opened;
}

store::Result<WebhookPtr> Directory::update_webhook(WebhookId id, Timestamp now,
                                                    const Change<Webhook>& change) {
  std::lock_guard one_change(change_mutex_);
  auto stored =
      rewrite<Webhook>([&] { return stored_webhook(id); }, change, now,
                       [&](const Webhook& changed, Timestamp seen) {
                         return store_.update_webhook(signing::sealed(changed, box_), seen);
                       });
  if (!stored) return Err{stored.error()};
  return *stored ? learn(std::move(**stored)) : WebhookPtr{};
}

WebhookPtr Directory::learn(Webhook opened) {
  WebhookPtr known = webhook(opened.id);
  if (known && is_same(known->webhook, opened)) return known;
  WebhookPtr entry = make_entry(std::move(opened));
  put_webhook(entry);
  notify(entry->webhook.id, entry);
  return entry;
}

std::size_t Directory::drop_ended_secrets(Timestamp now) {
  const auto has_ended = [now](const Webhook& webhook) {
    const WebhookOptions* options = webhook.options.get();
    return options != nullptr && options->previous_secret && options->previous_secret->until <= now;
  };
  std::vector<WebhookId> ended;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : webhooks_) {
      if (has_ended(entry->webhook)) ended.push_back(id);
    }
  }
  std::size_t dropped = 0;
  for (const WebhookId id : ended) {
    bool drops = false;
    // No change of its owner's: updated_at moves by the least step only.
    const auto updated = update_webhook(id, Timestamp{}, [&](Webhook& present) {
      drops = has_ended(present);
      present.options = with_change(
          present.options, [](WebhookOptions& options) { options.previous_secret.reset(); });
      return drops;
    });
    if (drops && updated && *updated) ++dropped;
  }
  return dropped;
}

store::Result<bool> Directory::delete_webhook(WebhookId id) {
  std::lock_guard one_change(change_mutex_);
  auto deleted = store_.delete_webhook(id);
  if (!deleted) return deleted;
  drop_webhook(id);
  notify(id, nullptr);
  return deleted;
}

void Directory::account_changed_elsewhere(AccountId id, std::optional<Account> changed) {
  if (!changed) return drop_account(id);
  learn(std::move(*changed));
}

bool Directory::webhook_changed_elsewhere(WebhookId id, std::optional<Webhook> sealed) {
  if (!sealed) {
    if (!webhook(id)) return true;
    drop_webhook(id);
    notify(id, nullptr);
    return true;
  }
  auto opened = signing::opened(std::move(*sealed), box_);
  if (!opened) return false;
  learn(std::move(*opened));
  return true;
}

std::vector<WebhookId> Directory::all_webhooks() const {
  std::shared_lock lock(mutex_);
  std::vector<WebhookId> ids;
  ids.reserve(webhooks_.size());
  for (const auto& [id, entry] : webhooks_) ids.push_back(id);
  return ids;
}

bool Directory::while_inactive(WebhookId id, const std::function<void()>& task) {
  std::lock_guard one_change(change_mutex_);
  const WebhookPtr present = webhook(id);
  if (!present || present->webhook.is_active) return false;
  task();
  return true;
}

void Directory::notify(WebhookId id, const WebhookPtr& entry) {
  if (observer_) observer_(id, entry);
}

}  // namespace skyhook
