#include "signing/ed25519.h"

#include <gtest/gtest.h>

#include <string>

#include "base/encoding.h"

namespace skyhook::signing {
namespace {

TEST(Ed25519, signs_what_the_public_key_verifies) {
  auto signer = Ed25519Signer::from(make_ed25519_key());
  ASSERT_TRUE(signer);
  const auto verifier = Ed25519Verifier::from(signer->public_key());
  ASSERT_TRUE(verifier);
  for (const char* body : {"", "{}", R"({"n":1})"}) {  // one context, message after message
    const std::string signature = signer->sign("msg_1", 1'700'000'000, body);
    EXPECT_TRUE(signature.starts_with("v1a,"));
    const std::string message = std::string("msg_1.1700000000.") + body;
    EXPECT_TRUE(verifier->verify(signature, message));
    EXPECT_FALSE(verifier->verify(signature, message + " "));
    EXPECT_FALSE(verifier->verify(signature.substr(4), message));
    EXPECT_FALSE(verifier->verify(signature.substr(0, signature.size() - 4), message));
    EXPECT_FALSE(verifier->verify("v1a,!!", message));
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
  const std::string open = Ed25519Signer::from(key)->public_key();
  EXPECT_TRUE(open.starts_with("whpk_"));
  for (const std::string& wrong : {std::string(), std::string("whpk_"), key, open.substr(5),
                                   open.substr(0, open.size() - 4), open + "AAAA"}) {
    EXPECT_FALSE(Ed25519Verifier::from(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace skyhook::signing
