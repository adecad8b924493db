#include "cli/signed_delivery.h"

#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "base/encoding.h"
#include "cli/json_text.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::cli {
namespace {

// The body's own `timestamp`, which the vendor's header repeats.
std::string timestamp_of(std::string_view body) {
  constexpr std::string_view kName = "\"timestamp\":";
  const std::size_t found = body.find(kName);
  if (found == std::string_view::npos) return "0";
  body.remove_prefix(found + kName.size());
  return std::string(body.substr(0, body.find_first_not_of("0123456789")));
}

}  // namespace

ApiRequest to_request(const SignedDelivery& delivery) {
  const std::int64_t now = to_unix_seconds(delivery.sent_at);
  const signing::Signatures made =
      signing::Signer(delivery.secret).sign(delivery.delivery_id, now, delivery.body);
  std::string standard = made.standard;
  if (auto signer = signing::Ed25519Signer::from(delivery.ed25519_key)) {
    standard += " " + signer->sign(delivery.delivery_id, now, delivery.body);
  }
  const std::string& prefix = delivery.header_prefix;
  std::string headers = prefix + "Event: " + delivery.event + "\r\n";
  headers += prefix + "Delivery: " + delivery.delivery_id + "\r\n";
  headers += prefix + "Timestamp: " + timestamp_of(delivery.body) + "\r\n";
  headers += prefix + "Signature: " + made.vendor + "\r\n";
  headers += "webhook-id: " + delivery.delivery_id + "\r\n";
  headers += "webhook-timestamp: " + std::to_string(now) + "\r\n";
  headers += "webhook-signature: " + standard + "\r\n";
  return {.method = "POST", .path = "", .body = delivery.body, .headers = std::move(headers)};
}

std::string make_delivery_body(std::string_view event, std::string_view delivery_id,
                               Timestamp created_at, std::string_view data) {
  return "{\"event\":" + quote_json(event) + ",\"delivery_id\":" + quote_json(delivery_id) +
         ",\"timestamp\":" + std::to_string(to_unix_seconds(created_at)) +
         ",\"data\":" + std::string(data) + "}";
}

std::string make_random_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::abort();
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = to_hex(bytes);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace skyhook::cli
