#include "signing/ed25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "base/encoding.h"

namespace skyhook::signing {
namespace {

bool verifies(const std::string& public_key, const std::string& signature,
              const std::string& message) {
  const auto key_bytes = from_base64(public_key.substr(5));
  const auto bytes = from_base64(signature.substr(4));
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key_bytes->data(), key_bytes->size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EXPECT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  const auto text = as_bytes(message);
  return EVP_DigestVerify(context.get(), bytes->data(), bytes->size(), text.data(), text.size()) ==
         1;
}

TEST(Ed25519, signs_what_the_public_key_verifies) {
  auto signer = Ed25519Signer::from(make_ed25519_key());
  ASSERT_TRUE(signer);
  EXPECT_TRUE(signer->public_key().starts_with("whpk_"));
  for (const char* body : {"", "{}", R"({"n":1})"}) {  // one context, message after message
    const std::string signature = signer->sign("msg_1", 1'700'000'000, body);
    EXPECT_TRUE(signature.starts_with("v1a,"));
    const std::string message = std::string("msg_1.1700000000.") + body;
    EXPECT_TRUE(verifies(signer->public_key(), signature, message));
    EXPECT_FALSE(verifies(signer->public_key(), signature, message + " "));
  }
}

// RFC 8032 §7.1, the key of test 1.
TEST(Ed25519, derives_the_public_key_of_the_standard) {
  const std::string seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
  const std::string open = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
  auto bytes = *from_base64(seed);
  const auto more = *from_base64(open);
  bytes.insert(bytes.end(), more.begin(), more.end());
  const auto signer = Ed25519Signer::from("whsk_" + to_base64(bytes));
  ASSERT_TRUE(signer);
  EXPECT_EQ(signer->public_key(), "whpk_" + open);
}

TEST(Ed25519, takes_nothing_but_its_own_keys) {
  const std::string key = make_ed25519_key();
  EXPECT_NE(key, make_ed25519_key());
  std::string swapped = key;
  swapped[5] = swapped[5] == 'A' ? 'B' : 'A';  // a seed that the public key does not belong to
  for (const std::string& wrong :
       {std::string(), std::string("whsk_"), key.substr(5), key.substr(0, key.size() - 4),
        "whsec_" + key.substr(5), "whsk_" + std::string(88, '!'), swapped}) {
    EXPECT_FALSE(Ed25519Signer::from(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace skyhook::signing
