// Secrets and keys: made from OpenSSL's CSPRNG, hashed or sealed before they are stored (contract
// §1, §3).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "domain/account.h"

namespace skyhook::signing {

std::string make_webhook_secret();  // `whsec_` + 64 characters of base64: 48 random bytes
std::string make_api_key();         // `sk_live_` + 40 characters of [A-Za-z0-9], unbiased
std::string make_operator_token();  // `op_` + 40 characters of [A-Za-z0-9]

Sha256 sha256(std::string_view text);
bool equal_in_constant_time(std::string_view a, std::string_view b);

// Seals webhook secrets with AES-256-GCM under the master key; without a master key it keeps them
// as they are. Sealed form: `enc1:` + base64(nonce ‖ ciphertext ‖ tag); a text that begins as one
// is kept as `plain:` + text. Thread-safe, constant after construction.
class SecretBox {
 public:
  SecretBox() = default;  // no master key
  // `master_key`: 32 bytes, as 64 hex digits or as base64. nullopt where it is neither.
  static std::optional<SecretBox> from_master_key(std::string_view master_key);

  std::string seal(std::string_view secret) const;
  // What was never sealed comes back as it is, so that a master key can be introduced later.
  // nullopt: sealed under another key, tampered with, or sealed while this box has no key.
  std::optional<std::string> open(std::string_view sealed) const;

 private:
  std::optional<std::array<std::uint8_t, 32>> key_;
};

}  // namespace skyhook::signing
