#include "signing/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>
#include <span>
#include <vector>

#include "base/encoding.h"
#include "signing/require.h"

namespace skyhook::signing {
namespace {

constexpr std::string_view kSealedPrefix = "enc1:";
// Before what was not sealed and would be taken for something else: a value that an account chose
// may begin with anything.
constexpr std::string_view kPlainPrefix = "plain:";
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kWebhookSecretBytes = 48;
constexpr std::size_t kKeyCharacters = 40;

struct CipherContextFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree>;

void fill_random(std::span<std::uint8_t> bytes) {
  require(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
}

std::string random_characters(std::size_t count) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // The largest multiple of 62 in a byte: what lies above it is drawn again, or the first
  // characters would be likelier.
  constexpr std::size_t kUnbiasedBelow = 256 / kAlphabet.size() * kAlphabet.size();
  std::string text;
  std::array<std::uint8_t, 64> bytes{};
  while (text.size() < count) {
    fill_random(bytes);
    for (const std::uint8_t byte : bytes) {
      if (byte < kUnbiasedBelow && text.size() < count) {
        text.push_back(kAlphabet[byte % kAlphabet.size()]);
      }
    }
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

}  // namespace

std::string make_webhook_secret() {
  std::array<std::uint8_t, kWebhookSecretBytes> bytes{};
  fill_random(bytes);
  return "whsec_" + to_base64(bytes);
}

std::string make_api_key() {
  return "sk_live_" + random_characters(kKeyCharacters);
}

std::string make_operator_token() {
  return "op_" + random_characters(kKeyCharacters);
}

Sha256 sha256(std::string_view text) {
  Sha256 hash{};
  unsigned length = 0;
  require(EVP_Digest(text.data(), text.size(), hash.data(), &length, EVP_sha256(), nullptr) == 1);
  require(length == hash.size());
  return hash;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<SecretBox> SecretBox::from_master_key(std::string_view master_key) {
  auto bytes = from_hex(master_key);
  if (!bytes || bytes->size() != kKeyBytes) bytes = from_base64(master_key);
  if (!bytes || bytes->size() != kKeyBytes) return std::nullopt;
  SecretBox box;
  box.key_.emplace();
  std::copy(bytes->begin(), bytes->end(), box.key_->begin());
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return box;
}

std::string SecretBox::seal(std::string_view secret) const {
  if (!key_) {
    const bool is_ambiguous = secret.starts_with(kSealedPrefix) || secret.starts_with(kPlainPrefix);
    return std::string(is_ambiguous ? kPlainPrefix : std::string_view{}).append(secret);
  }
  std::vector<std::uint8_t> sealed(kNonceBytes + secret.size() + kTagBytes);
  std::uint8_t* const nonce = sealed.data();
  std::uint8_t* const ciphertext = nonce + kNonceBytes;
  std::uint8_t* const tag = ciphertext + secret.size();
  fill_random({nonce, kNonceBytes});

  const CipherContext context(EVP_CIPHER_CTX_new());
  require(context != nullptr);
  int length = 0;
  require(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_->data(), nonce) == 1);
  require(EVP_EncryptUpdate(context.get(), ciphertext, &length, as_bytes(secret).data(),
                            static_cast<int>(secret.size())) == 1);
  require(EVP_EncryptFinal_ex(context.get(), ciphertext + length, &length) == 1);
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag) == 1);
  return std::string(kSealedPrefix) + to_base64(sealed);
}

std::optional<std::string> SecretBox::open(std::string_view sealed) const {
  // Stored before there was a master key.
  if (sealed.starts_with(kPlainPrefix)) return std::string(sealed.substr(kPlainPrefix.size()));
  if (!sealed.starts_with(kSealedPrefix)) return std::string(sealed);
  if (!key_) return std::nullopt;
  auto bytes = from_base64(sealed.substr(kSealedPrefix.size()));
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::size_t secret_size = bytes->size() - kNonceBytes - kTagBytes;
  const std::uint8_t* const nonce = bytes->data();
  const std::uint8_t* const ciphertext = nonce + kNonceBytes;
  std::uint8_t* const tag = bytes->data() + kNonceBytes + secret_size;

  const CipherContext context(EVP_CIPHER_CTX_new());
  require(context != nullptr);
  std::string secret(secret_size, '\0');
  auto* const out = reinterpret_cast<std::uint8_t*>(secret.data());
  int length = 0;
  require(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_->data(), nonce) == 1);
  if (EVP_DecryptUpdate(context.get(), out, &length, ciphertext, static_cast<int>(secret_size)) !=
      1) {
    return std::nullopt;
  }
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag) == 1);
  if (EVP_DecryptFinal_ex(context.get(), out + length, &length) != 1) return std::nullopt;
  return secret;
}

}  // namespace skyhook::signing
