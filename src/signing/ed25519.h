// The asymmetric signatures of Standard Webhooks (`v1a`): Ed25519 (RFC 8032) over
// `id.timestamp.body`. The receiver holds the public key only, and so cannot sign itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook::signing {

// `whsk_` + base64 of the 32 bytes of the seed and the 32 bytes of the public key, from OpenSSL's
// CSPRNG.
std::string make_ed25519_key();

// What is signed: `id.timestamp.body`.
std::string signed_text(std::string_view webhook_id, std::int64_t timestamp_s,
                        std::string_view body);

// Keyed once, then some 31 µs a signature. Not thread-safe; each network thread has its own.
class Ed25519Signer {
 public:
  // nullopt where `key` is not one of make_ed25519_key().
  static std::optional<Ed25519Signer> from(std::string_view key);
  ~Ed25519Signer();
  Ed25519Signer(Ed25519Signer&&) noexcept;
  Ed25519Signer& operator=(Ed25519Signer&&) noexcept;

  std::string public_key() const;  // `whpk_` + base64 of 32 bytes
  // `v1a,<base64>`
  std::string sign(std::string_view webhook_id, std::int64_t timestamp_s, std::string_view body);

 private:
  struct Key;
  explicit Ed25519Signer(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

// What a receiver does with the public key. Thread-safe.
class Ed25519Verifier {
 public:
  // nullopt where `public_key` is not `whpk_` + base64 of 32 bytes.
  static std::optional<Ed25519Verifier> from(std::string_view public_key);
  ~Ed25519Verifier();
  Ed25519Verifier(Ed25519Verifier&&) noexcept;
  Ed25519Verifier& operator=(Ed25519Verifier&&) noexcept;

  // Is `signature`, `v1a,<base64>`, that of `text`?
  bool verify(std::string_view signature, std::string_view text) const;

 private:
  struct Key;
  explicit Ed25519Verifier(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

}  // namespace skyhook::signing
