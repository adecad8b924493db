#include "signing/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "signing/require.h"

namespace skyhook::signing {
namespace {

constexpr std::string_view kPrivatePrefix = "whsk_";
constexpr std::string_view kPublicPrefix = "whpk_";
constexpr std::string_view kSignaturePrefix = "v1a,";
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kPublicBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using PKey = std::unique_ptr<EVP_PKEY, KeyFree>;
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

std::array<std::uint8_t, kPublicBytes> public_bytes(const EVP_PKEY* key) {
  std::array<std::uint8_t, kPublicBytes> bytes{};
  std::size_t length = bytes.size();
  require(EVP_PKEY_get_raw_public_key(key, bytes.data(), &length) == 1);
  return bytes;
}

}  // namespace

struct Ed25519Signer::Key {
  PKey key;
  Context context;
};

std::string make_ed25519_key() {
  const PKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  require(key != nullptr);
  std::array<std::uint8_t, kSeedBytes + kPublicBytes> bytes{};
  std::size_t length = kSeedBytes;
  require(EVP_PKEY_get_raw_private_key(key.get(), bytes.data(), &length) == 1);
  const auto open = public_bytes(key.get());
  std::copy(open.begin(), open.end(), bytes.begin() + kSeedBytes);
  std::string text = std::string(kPrivatePrefix) + to_base64(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return text;
}

std::optional<Ed25519Signer> Ed25519Signer::from(std::string_view key) {
  if (!key.starts_with(kPrivatePrefix)) return std::nullopt;
  const auto bytes = from_base64(key.substr(kPrivatePrefix.size()));
  if (!bytes || bytes->size() != kSeedBytes + kPublicBytes) return std::nullopt;
  PKey made(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes->data(), kSeedBytes));
  if (made == nullptr) return std::nullopt;
  const auto open = public_bytes(made.get());
  if (!std::equal(open.begin(), open.end(), bytes->begin() + kSeedBytes)) return std::nullopt;
  Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  return Ed25519Signer(std::make_unique<Key>(Key{std::move(made), std::move(context)}));
}

Ed25519Signer::Ed25519Signer(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Ed25519Signer::~Ed25519Signer() = default;
Ed25519Signer::Ed25519Signer(Ed25519Signer&&) noexcept = default;
Ed25519Signer& Ed25519Signer::operator=(Ed25519Signer&&) noexcept = default;

std::string Ed25519Signer::public_key() const {
  return std::string(kPublicPrefix) + to_base64(public_bytes(key_->key.get()));
}

std::string signed_text(std::string_view webhook_id, std::int64_t timestamp_s,
                        std::string_view body) {
  std::string text;
  text.reserve(webhook_id.size() + body.size() + 24);
  text.append(webhook_id).append(".").append(std::to_string(timestamp_s)).append(".");
  text.append(body);
  return text;
}

std::string Ed25519Signer::sign(std::string_view webhook_id, std::int64_t timestamp_s,
                                std::string_view body) {
  // Ed25519 reads its message twice, so it has to be in one piece.
  const std::string message = signed_text(webhook_id, timestamp_s, body);
  EVP_MD_CTX* const context = key_->context.get();
  require(EVP_MD_CTX_reset(context) == 1);
  require(EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_->key.get()) == 1);
  std::array<std::uint8_t, kSignatureBytes> signature{};
  std::size_t length = signature.size();
  const auto bytes = as_bytes(message);
  require(EVP_DigestSign(context, signature.data(), &length, bytes.data(), bytes.size()) == 1);
  return std::string(kSignaturePrefix) + to_base64(signature);
}

struct Ed25519Verifier::Key {
  PKey key;
};

std::optional<Ed25519Verifier> Ed25519Verifier::from(std::string_view public_key) {
  if (!public_key.starts_with(kPublicPrefix)) return std::nullopt;
  const auto bytes = from_base64(public_key.substr(kPublicPrefix.size()));
  if (!bytes || bytes->size() != kPublicBytes) return std::nullopt;
  PKey made(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes->data(), bytes->size()));
  if (made == nullptr) return std::nullopt;
  return Ed25519Verifier(std::make_unique<Key>(Key{std::move(made)}));
}

Ed25519Verifier::Ed25519Verifier(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Ed25519Verifier::~Ed25519Verifier() = default;
Ed25519Verifier::Ed25519Verifier(Ed25519Verifier&&) noexcept = default;
Ed25519Verifier& Ed25519Verifier::operator=(Ed25519Verifier&&) noexcept = default;

bool Ed25519Verifier::verify(std::string_view signature, std::string_view text) const {
  if (!signature.starts_with(kSignaturePrefix)) return false;
  const auto bytes = from_base64(signature.substr(kSignaturePrefix.size()));
  if (!bytes || bytes->size() != kSignatureBytes) return false;
  const Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  require(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) == 1);
  const auto message = as_bytes(text);
  return EVP_DigestVerify(context.get(), bytes->data(), bytes->size(), message.data(),
                          message.size()) == 1;
}

}  // namespace skyhook::signing
