// Verifies what Skyhook sends to a webhook. One header, on OpenSSL's libcrypto (link with
// -lcrypto), C++17 or later. All functions are thread-safe and keep nothing.
//
//   #include <skyhook/webhook.hpp>
//   if (!skyhook::webhook::verify_standard(secret, id, timestamp, signature, raw_body)) return 401;
//
// Always hand in the body as it was received, byte for byte: parsed and written again it is another
// body. Answer 2xx only to what verifies, and remember `webhook-id` for longer than the schedule of
// retries takes, to drop duplicates.
//
// Prefer verify_standard: its timestamp is that of the attempt. The timestamp of the X-Skylight
// dialect is that of the delivery's creation, the same on every retry, so its tolerance must be
// longer than the retry schedule or genuine retries are refused.
#ifndef SKYHOOK_WEBHOOK_HPP
#define SKYHOOK_WEBHOOK_HPP

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook::webhook {

inline constexpr std::chrono::seconds kStandardTolerance = std::chrono::minutes(5);
inline constexpr std::chrono::seconds kVendorTolerance = std::chrono::hours(24);

namespace detail {

inline std::string hmac_sha256(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // A null key would mean "as before" to OpenSSL, so an empty one still gets an address.
  const char* key_data = key.empty() ? "" : key.data();
  if (!HMAC(EVP_sha256(), key_data, static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size)) {
    return {};
  }
  return std::string(reinterpret_cast<char*>(digest), size);
}

inline std::string to_hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

inline std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return text;
}

// The bytes of standard base64, padded or not; nullopt for anything else.
inline std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return bytes;
}

// Is `signature` the Ed25519 signature of the text? Both as bytes.
inline bool is_signed(std::string_view key, std::string_view text, std::string_view signature) {
  const auto bytes = [](std::string_view view) {
    return reinterpret_cast<const unsigned char*>(view.data());
  };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(key), key.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  return public_key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                          text.size()) == 1;
}

inline bool same(std::string_view a, std::string_view b) {
  return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Whole Unix seconds, decimal digits only.
inline bool is_recent(std::string_view timestamp, std::int64_t now,
                      std::chrono::seconds tolerance) {
  std::int64_t sent = 0;
  const char* end = timestamp.data() + timestamp.size();
  const auto [read, error] = std::from_chars(timestamp.data(), end, sent);
  if (error != std::errc() || read != end || sent < 0) return false;
  const std::int64_t age = now > sent ? now - sent : sent - now;
  return age <= tolerance.count();
}

// In a body that Skyhook signed, the timestamp stands before `data`, so its first mention is the
// one.
inline std::string_view timestamp_in(std::string_view body) {
  constexpr std::string_view name = "\"timestamp\":";
  const std::size_t found = body.find(name);
  if (found == std::string_view::npos) return {};
  body.remove_prefix(found + name.size());
  return body.substr(0, body.find_first_not_of("0123456789"));
}

}  // namespace detail

// The Standard Webhooks dialect: the headers webhook-id, webhook-timestamp and webhook-signature,
// which may carry several signatures separated by spaces; one that matches is enough.
inline bool verify_standard(std::string_view secret, std::string_view id,
                            std::string_view timestamp, std::string_view signatures,
                            std::string_view raw_body, std::int64_t now = std::time(nullptr),
                            std::chrono::seconds tolerance = kStandardTolerance) {
  if (id.empty() || !detail::is_recent(timestamp, now, tolerance)) return false;
  constexpr std::string_view prefix = "whsec_";
  if (secret.substr(0, prefix.size()) == prefix) secret.remove_prefix(prefix.size());
  const std::string key = detail::from_base64(secret).value_or(std::string(secret));
  std::string signed_text;
  signed_text.append(id).append(".").append(timestamp).append(".").append(raw_body);
  const std::string expected = "v1," + detail::to_base64(detail::hmac_sha256(key, signed_text));
  bool matches = false;
  while (!signatures.empty()) {
    const std::string_view one = signatures.substr(0, signatures.find(' '));
    matches |= detail::same(one, expected);
    signatures.remove_prefix(one.size() < signatures.size() ? one.size() + 1 : one.size());
  }
  return matches;
}

// The same headers, of a webhook that signs with an Ed25519 key too: `whpk_...` in place of the
// secret.
inline bool verify_ed25519(std::string_view public_key, std::string_view id,
                           std::string_view timestamp, std::string_view signatures,
                           std::string_view raw_body, std::int64_t now = std::time(nullptr),
                           std::chrono::seconds tolerance = kStandardTolerance) {
  constexpr std::string_view key_prefix = "whpk_";
  constexpr std::string_view prefix = "v1a,";
  if (id.empty() || !detail::is_recent(timestamp, now, tolerance)) return false;
  if (public_key.substr(0, key_prefix.size()) != key_prefix) return false;
  const std::optional<std::string> key = detail::from_base64(public_key.substr(key_prefix.size()));
  if (!key) return false;
  std::string signed_text;
  signed_text.append(id).append(".").append(timestamp).append(".").append(raw_body);
  while (!signatures.empty()) {
    const std::string_view one = signatures.substr(0, signatures.find(' '));
    signatures.remove_prefix(one.size() < signatures.size() ? one.size() + 1 : one.size());
    if (one.substr(0, prefix.size()) != prefix) continue;
    const std::optional<std::string> signature = detail::from_base64(one.substr(prefix.size()));
    if (signature && detail::is_signed(*key, signed_text, *signature)) return true;
  }
  return false;
}

// The X-Skylight-Signature dialect: `sha256=<hex>` over the raw body, keyed with the whole secret.
inline bool verify_vendor(std::string_view secret, std::string_view signature,
                          std::string_view raw_body, std::int64_t now = std::time(nullptr),
                          std::chrono::seconds tolerance = kVendorTolerance) {
  const std::string expected = "sha256=" + detail::to_hex(detail::hmac_sha256(secret, raw_body));
  return detail::same(signature, expected) &&
         detail::is_recent(detail::timestamp_in(raw_body), now, tolerance);
}

}  // namespace skyhook::webhook

#endif
