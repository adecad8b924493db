#include "signing/webhook_secrets.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook::signing {
namespace {

Webhook webhook_with_options() {
  Webhook webhook;
  webhook.secret = "whsec_now";
  webhook.options = with_change(nullptr, [](WebhookOptions& options) {
    options.headers = {{"X-Key", "value-1"}, {"Authorization", "value-2"}};
    options.timeout = Seconds{5};
    options.previous_secret = {"whsec_before", from_unix_micros(7)};
    options.ed25519 = "whsk_key";
    options.client_certificate = {"-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----"};
  });
  return webhook;
}

TEST(WebhookSecrets, are_sealed_and_opened_as_one) {
  const auto box = SecretBox::from_master_key(std::string(64, '1'));
  const Webhook plain = webhook_with_options();
  const Webhook stored = sealed(plain, *box);
  EXPECT_TRUE(stored.secret.starts_with("enc1:"));
  ASSERT_TRUE(stored.options);
  for (const CustomHeader& header : stored.options->headers) {
    EXPECT_TRUE(header.value.starts_with("enc1:")) << header.name;
  }
  EXPECT_TRUE(stored.options->previous_secret->secret.starts_with("enc1:"));
  EXPECT_TRUE(stored.options->ed25519.starts_with("enc1:"));
  EXPECT_TRUE(stored.options->client_certificate->key.starts_with("enc1:"));
  EXPECT_EQ(stored.options->client_certificate->chain, plain.options->client_certificate->chain);
  EXPECT_EQ(stored.options->headers[0].name, "X-Key");
  EXPECT_EQ(stored.options->timeout, Seconds{5});
  const auto back = opened(stored, *box);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->secret, plain.secret);
  EXPECT_TRUE(same_options(back->options, plain.options));
}

TEST(WebhookSecrets, do_not_open_where_one_of_them_does_not) {
  const auto box = SecretBox::from_master_key(std::string(64, '1'));
  const auto other = SecretBox::from_master_key(std::string(64, '2'));
  Webhook stored = webhook_with_options();
  stored.options = sealed(stored.options, *other);
  stored.secret = box->seal(stored.secret);
  EXPECT_FALSE(opened(stored, *box));
  EXPECT_FALSE(opened(stored, *other));
}

TEST(WebhookSecrets, stay_as_they_are_without_a_master_key) {
  const Webhook plain = webhook_with_options();
  const Webhook stored = sealed(plain, SecretBox{});
  EXPECT_EQ(stored.secret, plain.secret);
  EXPECT_TRUE(same_options(stored.options, plain.options));
  Webhook without;
  without.secret = "whsec_now";
  EXPECT_EQ(sealed(without, SecretBox{}).options, nullptr);
}

}  // namespace
}  // namespace skyhook::signing
