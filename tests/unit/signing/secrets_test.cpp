#include "signing/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/encoding.h"

namespace skyhook::signing {
namespace {

using testing::MatchesRegex;

const std::string kHexKey = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string kBase64Key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";  // the same

SecretBox box_with(std::string_view master_key) {
  const auto box = SecretBox::from_master_key(master_key);
  EXPECT_TRUE(box);
  return box.value_or(SecretBox());
}

TEST(Secrets, have_the_shape_of_the_contract) {
  const std::string secret = make_webhook_secret();
  EXPECT_THAT(secret, MatchesRegex("whsec_[A-Za-z0-9+/]{64}"));
  EXPECT_EQ(from_base64(secret.substr(6))->size(), 48u);
  EXPECT_THAT(make_api_key(), MatchesRegex("sk_live_[A-Za-z0-9]{40}"));
  EXPECT_THAT(make_operator_token(), MatchesRegex("op_[A-Za-z0-9]{40}"));
}

TEST(Secrets, do_not_repeat) {
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) {
    made.insert(make_webhook_secret());
    made.insert(make_api_key());
    made.insert(make_operator_token());
  }
  EXPECT_EQ(made.size(), 3000u);
}

TEST(Secrets, use_every_character_about_equally_often) {
  std::map<char, int> seen;
  constexpr int kKeys = 5000;
  for (int i = 0; i < kKeys; ++i) {
    for (const char c : make_api_key().substr(8)) ++seen[c];
  }
  EXPECT_EQ(seen.size(), 62u);
  // 3,226 of each on average, with a standard deviation of 56: eight of them away is no accident.
  // Taking a byte modulo 62 would put eight characters at 3,906.
  for (const auto& [c, count] : seen) EXPECT_NEAR(count, kKeys * 40 / 62, 450) << c;
}

TEST(Sha256, gives_the_known_answer) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(EqualInConstantTime, compares) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secrets"));
  EXPECT_FALSE(equal_in_constant_time("", "s"));
}

TEST(SecretBox, without_a_master_key_keeps_secrets_as_they_are) {
  const SecretBox box;
  EXPECT_EQ(box.seal("whsec_abc"), "whsec_abc");
  EXPECT_EQ(box.open("whsec_abc"), "whsec_abc");
}

TEST(SecretBox, keeps_apart_what_only_looks_sealed) {
  const SecretBox keyless;
  for (const char* text : {"enc1:", "enc1:AAAA", "plain:", "plain:enc1:x", "plain"}) {
    EXPECT_EQ(keyless.open(keyless.seal(text)), text);
    EXPECT_EQ(box_with(kHexKey).open(keyless.seal(text)), text);
  }
}

TEST(SecretBox, opens_what_it_sealed) {
  const SecretBox box = box_with(kHexKey);
  for (const std::string& secret : {std::string(), std::string("x"), make_webhook_secret()}) {
    const std::string sealed = box.seal(secret);
    EXPECT_TRUE(sealed.starts_with("enc1:"));
    EXPECT_EQ(sealed.find("whsec_"), std::string::npos);
    EXPECT_EQ(box.open(sealed), secret);
  }
}

TEST(SecretBox, seals_the_same_secret_differently_each_time) {
  const SecretBox box = box_with(kHexKey);
  EXPECT_NE(box.seal("whsec_abc"), box.seal("whsec_abc"));
}

TEST(SecretBox, takes_the_key_in_hex_and_in_base64) {
  EXPECT_EQ(box_with(kBase64Key).open(box_with(kHexKey).seal("whsec_abc")), "whsec_abc");
}

TEST(SecretBox, refuses_other_keys) {
  for (const std::string& key :
       {std::string(), std::string("password"), kHexKey.substr(2), kHexKey + "00",
        kBase64Key.substr(4), "g" + kHexKey.substr(1), " " + kBase64Key}) {
    EXPECT_FALSE(SecretBox::from_master_key(key)) << key;
  }
}

TEST(SecretBox, does_not_open_under_another_key_or_without_one) {
  const std::string sealed = box_with(kHexKey).seal("whsec_abc");
  EXPECT_EQ(box_with("F" + kHexKey.substr(1)).open(sealed), std::nullopt);
  EXPECT_EQ(SecretBox().open(sealed), std::nullopt);
}

TEST(SecretBox, notices_every_changed_byte) {
  const SecretBox box = box_with(kHexKey);
  const std::string sealed = box.seal("whsec_abc");
  auto bytes = *from_base64(sealed.substr(5));
  for (std::uint8_t& byte : bytes) {
    byte ^= 1;
    EXPECT_EQ(box.open("enc1:" + to_base64(bytes)), std::nullopt);
    byte ^= 1;
  }
  EXPECT_EQ(box.open("enc1:" + to_base64(bytes)), "whsec_abc");
}

TEST(SecretBox, notices_what_was_cut_off) {
  const SecretBox box = box_with(kHexKey);
  const std::string sealed = box.seal("whsec_abc");
  for (std::size_t length = 5; length < sealed.size(); length += 4) {
    EXPECT_EQ(box.open(sealed.substr(0, length)), std::nullopt) << length;
  }
  EXPECT_EQ(box.open("enc1:not base64"), std::nullopt);
}

TEST(SecretBox, with_a_master_key_still_reads_what_was_stored_before_it) {
  EXPECT_EQ(box_with(kHexKey).open("whsec_abc"), "whsec_abc");
}

}  // namespace
}  // namespace skyhook::signing
