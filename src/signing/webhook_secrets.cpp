#include "signing/webhook_secrets.h"

#include <memory>
#include <utility>

namespace skyhook::signing {
namespace {

// The one list of what is secret in options: `visit` gets each such string.
template <class Visit>
void for_each_secret(WebhookOptions& options, Visit visit) {
  for (CustomHeader& header : options.headers) visit(header.value);
  if (options.previous_secret) visit(options.previous_secret->secret);
  if (!options.ed25519.empty()) visit(options.ed25519);
  if (options.client_certificate) visit(options.client_certificate->key);
}

// `options` with each secret changed by `visit`.
template <class Visit>
WebhookOptionsPtr with_secrets(const WebhookOptionsPtr& options, Visit visit) {
  if (!options) return nullptr;
  WebhookOptions changed = *options;
  for_each_secret(changed, visit);
  return std::make_shared<const WebhookOptions>(std::move(changed));
}

}  // namespace

WebhookOptionsPtr sealed(const WebhookOptionsPtr& options, const SecretBox& box) {
  return with_secrets(options, [&](std::string& secret) { secret = box.seal(secret); });
}

Webhook sealed(Webhook webhook, const SecretBox& box) {
  webhook.secret = box.seal(webhook.secret);
  webhook.options = sealed(webhook.options, box);
  return webhook;
}

std::optional<Webhook> opened(Webhook webhook, const SecretBox& box) {
  bool all_open = true;
  const auto open = [&](std::string& secret) {
    auto plain = box.open(secret);
    all_open = all_open && plain;
    if (plain) secret = std::move(*plain);
  };
  open(webhook.secret);
  webhook.options = with_secrets(webhook.options, open);
  if (!all_open) return std::nullopt;
  return webhook;
}

}  // namespace skyhook::signing
