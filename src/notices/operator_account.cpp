#include "notices/operator_account.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "domain/webhook_options.h"
#include "notices/operator_events.h"

namespace skyhook::notices {
namespace {

constexpr const char* kName = "Operator events";
// In place of the hash of a key: of no key is it known to be the hash.
constexpr Sha256 kNoKey{};

// Of what is the operator's the oldest one stays, whichever node made it: of several that were made
// at the same moment, the node that committed last sees all. The others are removed, and the one
// that stays is learnt.
template <class Row, class IsOperators, class Remove, class Learn>
store::Result<Done> settle(store::Result<std::vector<Row>> stored, IsOperators is_operators,
                           Remove remove, Learn learn) {
  if (!stored) return Err{stored.error()};
  std::erase_if(*stored, [&](const Row& one) { return !is_operators(one); });
  std::ranges::sort(*stored, {}, &Row::id);
  for (std::size_t i = 1; i < stored->size(); ++i) {
    const auto removed = remove((*stored)[i].id);
    if (!removed) return Err{removed.error()};
  }
  if (!stored->empty()) learn(stored->front());
  return Done{};
}

store::Result<Done> settle_accounts(Directory& directory, store::Store& store) {
  return settle(
      store.load_accounts(), is_operator_account,
      [&](AccountId id) { return directory.delete_account(id); },
      [&](const Account& oldest) {
        const auto held = directory.hold_changes();
        directory.account_changed_elsewhere(oldest.id, oldest);
      });
}

store::Result<Done> settle_webhooks(Directory& directory, store::Store& store, AccountId account) {
  return settle(
      store.load_webhooks(), [&](const Webhook& one) { return one.account_id == account; },
      [&](WebhookId id) { return directory.delete_webhook(id); },
      [&](const Webhook& oldest) {
        const auto held = directory.hold_changes();
        directory.webhook_changed_elsewhere(oldest.id, oldest);
      });
}

store::Result<Done> make_account(Directory& directory, store::Store& store, Timestamp now) {
  const auto made = directory.create_account(
      {.name = kName, .api_key_hash = kNoKey, .allowed_origins = {}, .now = now});
  // Where the store takes one such account only, another node was quicker.
  const auto settled = settle_accounts(directory, store);
  if (!settled) return Err{made ? settled.error() : made.error()};
  return Done{};
}

store::Result<Done> make_webhook(Directory& directory, store::Store& store, AccountId account,
                                 const OperatorWebhook& wanted, Timestamp now) {
  const auto made = directory.create_webhook({.account_id = account,
                                              .name = kName,
                                              .url = wanted.url,
                                              .events = operator_event_types(),
                                              .is_active = true,
                                              .sealed_secret = {},
                                              .now = now},
                                             wanted.secret);
  if (!made) return Err{made.error()};
  return settle_webhooks(directory, store, account);
}

store::Result<Done> bring_up_to_date(Directory& directory, WebhookId id,
                                     const OperatorWebhook& wanted, Timestamp now) {
  const bool is_wanted = !wanted.url.empty();
  const std::vector<std::string> events = operator_event_types();
  const auto updated = directory.update_webhook(id, now, [&](Webhook& webhook) {
    if (!is_wanted) return std::exchange(webhook.is_active, false);
    if (webhook.is_active && webhook.url == wanted.url && webhook.secret == wanted.secret &&
        webhook.events == events) {
      return false;
    }
    webhook.is_active = true;
    webhook.url = wanted.url;
    webhook.secret = wanted.secret;
    webhook.events = events;
    webhook.options =
        with_change(webhook.options, [](WebhookOptions& options) { options.switched_off.reset(); });
    return true;
  });
  if (!updated) return Err{updated.error()};
  return Done{};
}

}  // namespace

bool is_operator_account(const Account& account) {
  return account.api_key_hash == kNoKey;
}

store::Result<AccountPtr> prepare_operator_account(Directory& directory, store::Store& store,
                                                   const OperatorWebhook& wanted, Timestamp now) {
  const bool is_wanted = !wanted.url.empty();
  if (is_wanted && !directory.account_by_key(kNoKey)) {
    if (auto made = make_account(directory, store, now); !made) return Err{made.error()};
  }
  const AccountPtr account = directory.account_by_key(kNoKey);
  if (!account) return AccountPtr{};
  if (is_wanted && directory.webhooks_of(account->id).empty()) {
    auto made = make_webhook(directory, store, account->id, wanted, now);
    if (!made) return Err{made.error()};
  }
  for (const WebhookPtr& webhook : directory.webhooks_of(account->id)) {
    const auto done = bring_up_to_date(directory, webhook->webhook.id, wanted, now);
    if (!done) return Err{done.error()};
  }
  return is_wanted ? account : AccountPtr{};
}

}  // namespace skyhook::notices
