#include "domain/webhook_options.h"

#include <gtest/gtest.h>

namespace skyhook {
namespace {

TEST(WebhookOptions, defaults_are_no_options_at_all) {
  EXPECT_EQ(with_change(nullptr, {}), nullptr);
  const auto made =
      with_change(nullptr, [](WebhookOptions& options) { options.timeout = Seconds{5}; });
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->timeout, Seconds{5});
  EXPECT_EQ(with_change(made, {}), made);
  EXPECT_EQ(with_change(made, [](WebhookOptions& options) { options.timeout.reset(); }), nullptr);
  EXPECT_EQ(made->timeout, Seconds{5}) << "what others hold does not change";
}

TEST(WebhookOptions, are_compared_by_what_they_say) {
  const auto set = [](WebhookOptions& options) { options.headers = {{"X-Key", "1"}}; };
  const auto one = with_change(nullptr, set);
  EXPECT_TRUE(same_options(one, with_change(nullptr, set)));
  EXPECT_TRUE(same_options(nullptr, nullptr));
  EXPECT_FALSE(same_options(one, nullptr));
  EXPECT_FALSE(same_options(nullptr, one));
}

TEST(CustomHeader, has_a_token_for_a_name) {
  for (const char* name : {"X-Key", "a", "x_1", "!#$%&'*+-.^_`|~09azAZ"}) {
    EXPECT_TRUE(is_header_name(name)) << name;
  }
  for (const char* name : {"", "a b", "a:", "a\r", "a\n", "a(", "é", "a/b", "\"a\""}) {
    EXPECT_FALSE(is_header_name(name)) << name;
  }
  EXPECT_TRUE(is_header_name(std::string(kHeaderNameLimit, 'a')));
  EXPECT_FALSE(is_header_name(std::string(kHeaderNameLimit + 1, 'a')));
}

TEST(CustomHeader, has_a_value_that_cannot_end_the_line) {
  for (const char* value : {"1", "Bearer abc", "a=b; c=\"d\"", "~"}) {
    EXPECT_TRUE(is_header_value(value)) << value;
  }
  for (const char* value : {"", " a", "a ", "a\rb", "a\nb", "a\tb", "\x7f", "é", "a\x01"}) {
    EXPECT_FALSE(is_header_value(value)) << value;
  }
  EXPECT_FALSE(is_header_value(std::string("a\0b", 3)));
  EXPECT_TRUE(is_header_value(std::string(kHeaderValueLimit, 'a')));
  EXPECT_FALSE(is_header_value(std::string(kHeaderValueLimit + 1, 'a')));
}

TEST(CustomHeader, leaves_alone_what_frames_the_message_and_what_we_send) {
  for (const char* name : {"Host",
                           "CONTENT-LENGTH",
                           "Content-Type",
                           "content-encoding",
                           "Connection",
                           "Keep-Alive",
                           "Transfer-Encoding",
                           "TE",
                           "Trailer",
                           "Upgrade",
                           "Expect",
                           "Date",
                           "User-Agent",
                           "Proxy-Authorization",
                           "webhook-id",
                           "Webhook-Signature",
                           "traceparent",
                           "tracestate",
                           "X-Skylight-Event",
                           "x-skylight-anything"}) {
    EXPECT_TRUE(is_reserved_header(name, "X-Skylight-")) << name;
  }
  for (const char* name :
       {"Authorization", "Cookie", "X-Api-Key", "Hostess", "TEa", "Accept", "X-Skylight"}) {
    EXPECT_FALSE(is_reserved_header(name, "X-Skylight-")) << name;
  }
  EXPECT_TRUE(is_reserved_header("x-acme-event", "X-Acme-"));
  EXPECT_FALSE(is_reserved_header("X-Skylight-Event", "X-Acme-"));
}

}  // namespace
}  // namespace skyhook
