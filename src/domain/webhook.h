// A webhook: where an account wants which events delivered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"

namespace skyhook {

struct WebhookOptions;  // domain/webhook_options.h
using WebhookOptionsPtr = std::shared_ptr<const WebhookOptions>;

struct Webhook {
  WebhookId id;
  AccountId account_id;
  std::string name;                 // 1 … 255 characters
  std::string url;                  // as given; valid by net::parse_url
  std::vector<std::string> events;  // names and patterns (event_pattern.h), as given, none twice
  bool is_active = true;
  // `whsec_…`. In the store this field holds the sealed form (signing/webhook_secrets.h); the
  // directory holds it opened.
  std::string secret;
  Timestamp created_at;
  Timestamp updated_at;
  // nullptr: it uses none, and pays for none. Secrets inside are sealed in the store as `secret`
  // is.
  WebhookOptionsPtr options = nullptr;
};

// How many deliveries a webhook has in each status; kept with every batch, never counted.
struct DeliveryTotals {
  std::int64_t pending = 0;
  std::int64_t delivered = 0;
  std::int64_t failed = 0;
  std::int64_t all() const { return pending + delivered + failed; }
};

}  // namespace skyhook
