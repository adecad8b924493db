#include "signing/signer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "signing/require.h"

namespace skyhook::signing {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

struct MacContextFree {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, MacContextFree>;
using Mac = std::array<std::uint8_t, 32>;

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  require(algorithm != nullptr);
  return algorithm;
}

MacContext make_context(std::span<const std::uint8_t> key) {
  MacContext context(EVP_MAC_CTX_new(hmac_algorithm()));
  require(context != nullptr);
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  // A null pointer would mean "the key from before": an empty key still needs an address.
  constexpr std::uint8_t kNoBytes = 0;
  const std::uint8_t* bytes = key.empty() ? &kNoBytes : key.data();
  require(EVP_MAC_init(context.get(), bytes, key.size(), parameters.data()) == 1);
  return context;
}

// Starts the next message under the key of before, without hashing the key again.
void begin(const MacContext& context) {
  require(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1);
}

void add(const MacContext& context, std::string_view text) {
  const auto bytes = as_bytes(text);
  require(EVP_MAC_update(context.get(), bytes.data(), bytes.size()) == 1);
}

Mac finish(const MacContext& context) {
  Mac mac{};
  std::size_t length = 0;
  require(EVP_MAC_final(context.get(), mac.data(), &length, mac.size()) == 1);
  require(length == mac.size());
  return mac;
}

MacContext make_standard_context(std::string_view secret) {
  const std::string_view text =
      secret.starts_with(kSecretPrefix) ? secret.substr(kSecretPrefix.size()) : secret;
  const auto decoded = from_base64(text);
  return make_context(decoded ? std::span<const std::uint8_t>(*decoded) : as_bytes(text));
}

}  // namespace

struct Signer::Keys {
  MacContext vendor;
  MacContext standard;
};

Signer::Signer(std::string_view secret)
    : keys_(std::make_unique<Keys>(
          Keys{make_context(as_bytes(secret)), make_standard_context(secret)})) {}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;

Signatures Signer::sign(std::string_view webhook_id, std::int64_t timestamp_s,
                        std::string_view body) {
  begin(keys_->vendor);
  add(keys_->vendor, body);
  std::string vendor = "sha256=" + to_hex(finish(keys_->vendor));

  std::array<char, 24> digits{};
  const char* const end =
      std::to_chars(digits.data(), digits.data() + digits.size(), timestamp_s).ptr;
  begin(keys_->standard);
  add(keys_->standard, webhook_id);
  add(keys_->standard, ".");
  add(keys_->standard, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  add(keys_->standard, ".");
  add(keys_->standard, body);
  return {std::move(vendor), "v1," + to_base64(finish(keys_->standard))};
}

}  // namespace skyhook::signing
