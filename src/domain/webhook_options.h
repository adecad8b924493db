// What a webhook may ask for beyond the seed (docs/webhook-options.md). Each option has a default:
// what the service does anyway.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/verdict.h"
#include "domain/webhook.h"

namespace skyhook {

// A header that goes out with every delivery of the webhook, as it is.
struct CustomHeader {
  std::string name;   // as given; compared without regard to case
  std::string value;  // a secret: sealed in the store, opened in the directory, never shown
  bool operator==(const CustomHeader&) const = default;
};
inline constexpr std::size_t kHeadersLimit = 20;
inline constexpr std::size_t kHeaderNameLimit = 100;    // bytes
inline constexpr std::size_t kHeaderValueLimit = 1000;  // bytes

// A signing secret that was replaced, and signs beside the new one until then.
struct PreviousSecret {
  std::string secret;  // sealed in the store, opened in the directory
  Timestamp until;
  bool operator==(const PreviousSecret&) const = default;
};

// What is shown to a receiver that asks for a certificate; both PEM (net/client_certificate.h).
struct ClientCertificatePem {
  std::string chain;
  std::string key;  // a secret: sealed in the store, opened in the directory, never shown
  bool operator==(const ClientCertificatePem&) const = default;
};

// Skyhook, not its owner, switched the webhook off. Gone once it is active again.
struct SwitchedOff {
  enum class Reason : std::uint8_t {
    gone,     // its receiver answered 410
    failing,  // nothing but failures for as long as the operator lets that go on
  };
  Reason reason = Reason::gone;
  Timestamp at;
  std::optional<Timestamp> failing_since;  // of `failing`
  bool operator==(const SwitchedOff&) const = default;
};
std::string_view to_string(SwitchedOff::Reason reason);
std::optional<SwitchedOff::Reason> parse_switch_off_reason(std::string_view text);

// Constant once it is a webhook's (see with_change).
struct WebhookOptions {
  std::vector<CustomHeader> headers;            // no name twice
  std::optional<double> rate_limit;             // attempts a second; nullopt: none
  std::optional<RetrySchedule> retry_schedule;  // nullopt: the service's
  std::optional<Millis> timeout;                // of an attempt; nullopt: the service's
  bool ordered = false;                         // the next only after the one before is settled
  std::string filter;                           // filter/filter.h, as JSON; empty: none
  std::optional<PreviousSecret> previous_secret;
  std::string ed25519;  // the private key of signing/ed25519.h, sealed in the store; empty: none
  std::optional<ClientCertificatePem> client_certificate;
  std::optional<SwitchedOff> switched_off;
  // Attempts failed for trouble of our own: no failure before this is held against the webhook
  // (delivery/switch_off.h). Nobody's to set, and not shown.
  std::optional<Timestamp> own_trouble_until;
  // Options that this binary does not know, as a JSON object, or empty: a newer node of the same
  // store wrote them. Kept as they are, so that a change made here does not lose them.
  std::string unknown;

  bool operator==(const WebhookOptions&) const = default;
};

inline constexpr Millis kShortestTimeout = std::chrono::seconds{1};
inline constexpr Millis kLongestTimeout = std::chrono::minutes{5};
// Of WebhookOptions::rate_limit, which is a whole number of 1/kRateSteps.
inline constexpr double kLowestRate = 0.01;
inline constexpr double kHighestRate = 1000;
inline constexpr double kRateSteps = 1000;

// `present` (nullptr: none) after `change` (empty: none); nullptr where nothing but defaults is
// left.
WebhookOptionsPtr with_change(const WebhookOptionsPtr& present,
                              const std::function<void(WebhookOptions&)>& change);
// Does the webhook want each delivery only after the one before is settled?
inline bool wants_order(const Webhook& webhook) {
  return webhook.options != nullptr && webhook.options->ordered;
}
// Has the webhook asked that deliveries wait, however free everything is?
inline bool waits_by_choice(const Webhook& webhook) {
  return webhook.options != nullptr && (webhook.options->ordered || webhook.options->rate_limit);
}
// Do both say the same? Either may be nullptr.
bool same_options(const WebhookOptionsPtr& a, const WebhookOptionsPtr& b);

// RFC 9110 §5.6.2: what a header's name is made of.
bool is_header_name(std::string_view text);
// Visible ASCII and spaces, none at either end, 1 … kHeaderValueLimit bytes: nothing that could end
// the line.
bool is_header_value(std::string_view text);
// Names that a webhook may not set: those that frame the message or steer the connection, and those
// that Skyhook sets itself, `prefix` (such as `X-Skylight-`) being the operator's choice.
bool is_reserved_header(std::string_view name, std::string_view prefix);
// HTTP's: only ASCII letters lose their case.
bool same_header_name(std::string_view a, std::string_view b);

}  // namespace skyhook
