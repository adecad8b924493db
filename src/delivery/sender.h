// From a waiting delivery to the signed POST, and from the receiver's answer to the attempt that is
// kept (contract §4).
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "delivery/lanes.h"
#include "directory/directory.h"
#include "domain/delivery.h"
#include "net/http_client.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::delivery {

// Not thread-safe: each network thread has its own, with its own keyed signers.
class Sender {
 public:
  struct Options {
    std::string header_prefix = "X-Skylight-";
    std::string user_agent;  // "Skyhook/<version>"
    Millis timeout{30000};
    bool allow_http = false;
  };
  explicit Sender(Options options) : options_(std::move(options)) {}

  // May the webhook's URL be dialled under the present settings? Where not, the attempt ends as
  // invalid_url.
  bool may_dial(const WebhookEntry& webhook) const;
  // Precondition: may_dial(webhook). `now` is the time of this attempt.
  net::ClientRequest make_request(const WaitingDelivery& delivery, const WebhookEntry& webhook,
                                  Timestamp now);
  static AttemptReport make_report(const WaitingDelivery& delivery, net::ClientResult result,
                                   Timestamp started_at, Timestamp now);
  // The keyed signer of a webhook that was changed or deleted.
  void forget(WebhookId webhook) { signers_.erase(webhook); }

  // Keyed signers kept; past it all are dropped and made anew as needed (1 µs each).
  static constexpr std::size_t kSignerLimit = 10'000;

 private:
  struct Keyed {
    std::string secret;
    signing::Signer signer;
    std::string ed25519;  // the key of:
    std::optional<signing::Ed25519Signer> asymmetric;
  };
  Keyed& keyed(const Webhook& webhook);
  // With every key that signs for the webhook at `now`.
  signing::Signatures sign(const Webhook& webhook, std::string_view id, Timestamp now,
                           std::string_view body);

  const Options options_;
  std::unordered_map<WebhookId, Keyed> signers_;
};

}  // namespace skyhook::delivery
