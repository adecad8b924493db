#include "signing/signer.h"

#include <gtest/gtest.h>

namespace skyhook::signing {
namespace {

TEST(Signer, gives_the_published_answers_of_standard_webhooks) {
  EXPECT_EQ(Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
                .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})")
                .standard,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(Signer("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
                .sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                      R"({"email":"test@example.com","username":"test_user"})")
                .standard,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

// printf %s BODY | openssl dgst -sha256 -hmac SECRET
TEST(Signer, gives_what_openssl_gives_for_the_vendors_dialect) {
  EXPECT_EQ(Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
                .sign("id", 0, R"({"test": 2432232314})")
                .vendor,
            "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c");
  EXPECT_EQ(Signer("whsec_not base64!").sign("id", 0, "").vendor,
            "sha256=81496165eae197b6aeaa436cd842ea2d5441fdc5cfb1a09d81cb587bd8894899");
}

TEST(Signer, one_message_leaves_no_trace_in_the_next) {
  Signer signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const Signatures first = signer.sign("a", 1, "body");
  const Signatures other = signer.sign("b", 2, "another body");
  EXPECT_NE(first.vendor, other.vendor);
  EXPECT_NE(first.standard, other.standard);
  const Signatures again = signer.sign("a", 1, "body");
  EXPECT_EQ(first.vendor, again.vendor);
  EXPECT_EQ(first.standard, again.standard);
}

TEST(Signer, the_standard_signature_covers_id_and_time) {
  Signer signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const Signatures base = signer.sign("a", 1, "body");
  EXPECT_NE(base.standard, signer.sign("b", 1, "body").standard);
  EXPECT_NE(base.standard, signer.sign("a", 2, "body").standard);
  EXPECT_EQ(base.vendor, signer.sign("b", 2, "body").vendor);
}

// printf %s id.0.body | openssl dgst -sha256 -hmac 'not base64!' -binary | base64
TEST(Signer, a_secret_that_is_not_base64_is_used_as_it_is) {
  EXPECT_EQ(Signer("whsec_not base64!").sign("id", 0, "body").standard,
            "v1,9P9hWPUZhgMfrAuzYXvVof8HZPJmKcS+m0wJMMmz1L8=");
}

TEST(Signer, moves_and_takes_an_empty_secret) {
  Signer signer("");
  const std::string vendor = signer.sign("id", 0, "body").vendor;
  Signer moved = std::move(signer);
  EXPECT_EQ(moved.sign("id", 0, "body").vendor, vendor);
}

}  // namespace
}  // namespace skyhook::signing
