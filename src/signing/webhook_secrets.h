// Everything secret that a webhook holds, sealed and opened as one: its signing secret and what of
// its options is secret.
#pragma once

#include <optional>

#include "domain/webhook.h"
#include "domain/webhook_options.h"
#include "signing/secrets.h"

namespace skyhook::signing {

// From the form that the directory holds to the form that is stored.
Webhook sealed(Webhook webhook, const SecretBox& box);
// The way back; nullopt where one of them does not open with this key.
std::optional<Webhook> opened(Webhook webhook, const SecretBox& box);

// The same for options on their own; nullptr stays nullptr.
WebhookOptionsPtr sealed(const WebhookOptionsPtr& options, const SecretBox& box);

}  // namespace skyhook::signing
