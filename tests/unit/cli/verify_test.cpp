#include "cli/verify.h"

#include <gtest/gtest.h>

#include "cli/json_text.h"
#include "cli/signed_delivery.h"

namespace skyhook::cli {
namespace {

TEST(RawRequest, is_taken_apart_whatever_its_line_ends) {
  const auto crlf =
      parse_raw_request("POST /hook HTTP/1.1\r\nHost: x\r\nWebhook-Id:  abc \r\n\r\n{\"a\":1}\n");
  ASSERT_TRUE(crlf);
  EXPECT_EQ(crlf->headers.at("webhook-id"), "abc");
  EXPECT_EQ(crlf->body, "{\"a\":1}\n");
  const auto lf = parse_raw_request("webhook-id: abc\n\nbody\r\n");
  ASSERT_TRUE(lf);
  EXPECT_EQ(lf->headers.at("webhook-id"), "abc");
  EXPECT_EQ(lf->body, "body\r\n");
}

TEST(RawRequest, anything_else_is_none) {
  for (const char* text : {"", "\n", "no colon\n\n", "POST / HTTP/1.1\r\nHost: x\r\n"}) {
    EXPECT_FALSE(parse_raw_request(text)) << text;
  }
}

// What `trigger --to` and `listen` send is what the service would send.
TEST(SignedDelivery, is_found_right_by_the_diagnosis) {
  const Timestamp now = from_unix_micros(1'741'093'200'000'000);
  const std::string id = make_random_uuid();
  const SignedDelivery delivery{.event = "contact.created",
                                .delivery_id = id,
                                .body = make_delivery_body("contact.created", id, now, "{\"a\":1}"),
                                .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                .sent_at = now};
  EXPECT_TRUE(is_json_object(delivery.body));
  const ApiRequest request = to_request(delivery);
  const auto received =
      parse_raw_request("POST / HTTP/1.1\r\n" + request.headers + "\r\n" + request.body);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->headers.at("x-skylight-delivery"), id);
  EXPECT_EQ(received->headers.at("x-skylight-timestamp"), "1741093200");
  const Diagnosis diagnosis =
      diagnose({.secret = delivery.secret, .delivery = *received, .now = now});
  EXPECT_TRUE(diagnosis.valid);
  EXPECT_EQ(diagnosis.findings.size(), 2U);
}

TEST(RandomUuid, has_version_and_variant) {
  const std::string uuid = make_random_uuid();
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
  EXPECT_NE(uuid, make_random_uuid());
}

}  // namespace
}  // namespace skyhook::cli
