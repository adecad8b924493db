#include "cli/delivery_check.h"

#include <gtest/gtest.h>

#include <limits>

namespace skyhook::cli {
namespace {

const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string kOther = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const Timestamp kNow = from_unix_micros(1'741'093'200'000'000);
constexpr std::int64_t kSent = 1'741'093'200;

net::ServerRequest signed_request(const std::string& secret, std::int64_t sent = kSent) {
  net::ServerRequest request;
  request.method = "POST";
  request.body = R"({"event":"contact.created","data":{}})";
  const auto signatures = signing::Signer(secret).sign("id-1", sent, request.body);
  request.headers = {
      {"x-skylight-event", "contact.created"},     {"x-skylight-delivery", "id-1"},
      {"x-skylight-signature", signatures.vendor}, {"webhook-id", "id-1"},
      {"webhook-timestamp", std::to_string(sent)}, {"webhook-signature", signatures.standard}};
  return request;
}

void set_header(net::ServerRequest& request, std::string_view name, const std::string& value) {
  for (auto& [key, old] : request.headers) {
    if (key == name) old = value;
  }
}

void drop_header(net::ServerRequest& request, std::string_view name) {
  std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
}

DeliveryCheck check(const net::ServerRequest& request,
                    const std::vector<std::string>& secrets = {kSecret}) {
  return DeliveryChecker(secrets, {}, "X-Skylight-").check(request, kNow);
}

TEST(DeliveryCheck, takes_what_was_signed_with_its_secret) {
  const DeliveryCheck result = check(signed_request(kSecret));
  EXPECT_TRUE(result.was_verified());
  EXPECT_TRUE(result.vendor->good);
  EXPECT_TRUE(result.standard->good);
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.event, "contact.created");
  EXPECT_EQ(result.delivery_id, "id-1");
}

TEST(DeliveryCheck, takes_any_of_several_secrets) {
  EXPECT_TRUE(check(signed_request(kSecret), {kOther, kSecret}).good());
  EXPECT_FALSE(check(signed_request(kSecret), {kOther}).good());
}

TEST(DeliveryCheck, without_a_secret_verifies_nothing) {
  const DeliveryCheck result = check(signed_request(kSecret), {});
  EXPECT_FALSE(result.was_verified());
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.event, "contact.created");
}

TEST(DeliveryCheck, notices_a_changed_body) {
  net::ServerRequest request = signed_request(kSecret);
  request.body += " ";
  const DeliveryCheck result = check(request);
  EXPECT_FALSE(result.vendor->good);
  EXPECT_FALSE(result.standard->good);
  EXPECT_NE(result.vendor->reason, "");
}

TEST(DeliveryCheck, the_standard_signature_covers_id_and_time) {
  net::ServerRequest request = signed_request(kSecret);
  set_header(request, "webhook-id", "id-2");
  EXPECT_TRUE(check(request).vendor->good);
  EXPECT_FALSE(check(request).standard->good);
  request = signed_request(kSecret);
  set_header(request, "webhook-timestamp", std::to_string(kSent + 1));
  EXPECT_FALSE(check(request).standard->good);
}

TEST(DeliveryCheck, an_old_or_early_timestamp_is_refused) {
  const std::int64_t tolerance = kTimestampTolerance.count();
  EXPECT_TRUE(check(signed_request(kSecret, kSent - tolerance)).good());
  EXPECT_TRUE(check(signed_request(kSecret, kSent + tolerance)).good());
  EXPECT_EQ(check(signed_request(kSecret, kSent - tolerance - 1)).standard->reason,
            "is good, but 301 s old");
  EXPECT_EQ(check(signed_request(kSecret, kSent + tolerance + 1)).standard->reason,
            "is good, but 301 s ahead of this clock");
}

TEST(DeliveryCheck, a_time_beyond_all_reckoning_is_refused) {
  for (const std::int64_t sent : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                  std::numeric_limits<std::int64_t>::max()}) {
    const DeliveryCheck result = check(signed_request(kSecret, sent));
    EXPECT_FALSE(result.standard->good) << sent;
    EXPECT_FALSE(result.standard->reason.empty()) << sent;
  }
}

TEST(DeliveryCheck, says_what_is_missing) {
  for (const char* header : {"x-skylight-signature"}) {
    net::ServerRequest request = signed_request(kSecret);
    drop_header(request, header);
    EXPECT_EQ(check(request).vendor->reason, "missing");
  }
  for (const char* header : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    net::ServerRequest request = signed_request(kSecret);
    drop_header(request, header);
    EXPECT_TRUE(check(request).standard->reason.ends_with("missing")) << header;
  }
  net::ServerRequest request = signed_request(kSecret);
  set_header(request, "x-skylight-signature", std::string(64, 'a'));
  EXPECT_EQ(check(request).vendor->reason, "does not begin with sha256=");
  set_header(request, "webhook-timestamp", "soon");
  EXPECT_EQ(check(request).standard->reason, "webhook-timestamp is not a number of seconds");
}

TEST(DeliveryCheck, finds_its_signature_among_several) {
  net::ServerRequest request = signed_request(kSecret);
  const std::string good = *request.header("webhook-signature");
  set_header(request, "webhook-signature", "v1,AAAA v1a,xyz " + good);
  EXPECT_TRUE(check(request).standard->good);
  set_header(request, "webhook-signature", good + "x");
  EXPECT_FALSE(check(request).standard->good);
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "v1,AAAA ";
  set_header(request, "webhook-signature", many + good);
  EXPECT_FALSE(check(request).standard->good) << "the list is read only so far";
}

TEST(DeliveryCheck, checks_what_a_public_key_verifies_beside_the_secret_or_alone) {
  auto signer = *signing::Ed25519Signer::from(signing::make_ed25519_key());
  const std::string other = signing::Ed25519Signer::from(signing::make_ed25519_key())->public_key();
  net::ServerRequest request = signed_request(kSecret);
  const auto checked = [&](const std::vector<std::string>& secrets,
                           const std::vector<std::string>& keys) {
    return DeliveryChecker(secrets, keys, "X-Skylight-").check(request, kNow);
  };
  EXPECT_FALSE(checked({}, {}).was_verified());
  EXPECT_EQ(checked({}, {other}).ed25519->reason,
            "missing: the webhook does not sign with an Ed25519 key");

  const std::string both =
      *request.header("webhook-signature") + " " + signer.sign("id-1", kSent, request.body);
  set_header(request, "webhook-signature", both);
  DeliveryCheck result = checked({}, {other, signer.public_key()});
  EXPECT_TRUE(result.was_verified() && result.good());
  EXPECT_FALSE(result.vendor || result.standard);
  result = checked({kSecret}, {signer.public_key()});
  EXPECT_TRUE(result.good() && result.vendor->good && result.standard->good);
  EXPECT_FALSE(checked({kSecret}, {other}).good());
  EXPECT_EQ(checked({}, {other}).ed25519->reason,
            "does not match: another key, or the body was changed");
  request.body += " ";
  EXPECT_FALSE(checked({}, {signer.public_key()}).good());
}

TEST(DeliveryCheck, an_old_ed25519_signature_is_refused) {
  auto signer = *signing::Ed25519Signer::from(signing::make_ed25519_key());
  const std::int64_t old = kSent - kTimestampTolerance.count() - 1;
  net::ServerRequest request = signed_request(kSecret, old);
  set_header(request, "webhook-signature", signer.sign("id-1", old, request.body));
  EXPECT_EQ(DeliveryChecker({}, {signer.public_key()}, "X-").check(request, kNow).ed25519->reason,
            "is good, but 301 s old");
}

TEST(DeliveryCheck, follows_the_prefix) {
  net::ServerRequest request = signed_request(kSecret);
  for (auto& [name, value] : request.headers) {
    if (name.starts_with("x-skylight-")) name = "acme-" + name.substr(11);
  }
  EXPECT_TRUE(DeliveryChecker({kSecret}, {}, "Acme-").check(request, kNow).good());
  EXPECT_EQ(check(request).vendor->reason, "missing");
}

TEST(SeenDeliveries, counts_and_recognises_duplicates) {
  SeenDeliveries seen;
  EXPECT_EQ(seen.note("a").times, 1);
  EXPECT_EQ(seen.note("b").times, 1);
  EXPECT_EQ(seen.note("a").times, 2);
  EXPECT_FALSE(seen.note("a").was_accepted);
  seen.accepted("a");
  EXPECT_TRUE(seen.note("a").was_accepted);
  EXPECT_FALSE(seen.note("b").was_accepted);
}

TEST(SeenDeliveries, does_not_recognise_what_has_no_id) {
  SeenDeliveries seen;
  seen.note("");
  seen.accepted("");
  EXPECT_EQ(seen.note("").times, 1);
  EXPECT_FALSE(seen.note("").was_accepted);
}

TEST(SeenDeliveries, forgets_the_oldest_past_its_limit) {
  SeenDeliveries seen(2);
  seen.note("a");
  seen.note("b");
  seen.note("c");
  EXPECT_EQ(seen.note("b").times, 2);
  EXPECT_EQ(seen.note("c").times, 2);
  EXPECT_EQ(seen.note("a").times, 1);
}

}  // namespace
}  // namespace skyhook::cli
