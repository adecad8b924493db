#include "store/options_text.h"

#include <gtest/gtest.h>

namespace skyhook::store {
namespace {

WebhookOptionsPtr every_option() {
  return with_change(nullptr, [](WebhookOptions& options) {
    options.headers = {{"X-Key", "enc1:abc"}, {"Authorization", R"(Bearer "q\")"}};
    options.retry_schedule = RetrySchedule{.delays = {Seconds{1}, std::chrono::hours{720}}};
    options.timeout = Millis{1500};
    options.rate_limit = 0.3;
    options.ordered = true;
    options.filter = R"({"a":[1,"ü"]})";
    options.ed25519 = "enc1:key";
    options.previous_secret = {"enc1:old", from_unix_micros(1'700'000'000'123'456)};
    options.client_certificate = {"-----BEGIN…\n", "enc1:certificate"};
    options.own_trouble_until = from_unix_micros(1'700'000'000'000'001);
    options.switched_off = {.reason = SwitchedOff::Reason::failing,
                            .at = from_unix_micros(1'700'000'100'123'456),
                            .failing_since = from_unix_micros(1'700'000'000'000'000)};
  });
}

TEST(OptionsText, comes_back_as_it_was) {
  const auto options = every_option();
  const auto read = parse_options_text(options_text(options));
  ASSERT_TRUE(read);
  EXPECT_TRUE(same_options(*read, options));
}

TEST(OptionsText, tells_a_switch_off_without_a_beginning) {
  const auto gone = with_change(nullptr, [](WebhookOptions& options) {
    options.switched_off = {.reason = SwitchedOff::Reason::gone,
                            .at = from_unix_micros(1'700'000'100'123'456),
                            .failing_since = std::nullopt};
  });
  const auto read = parse_options_text(options_text(gone));
  ASSERT_TRUE(read);
  EXPECT_TRUE(same_options(*read, gone));
}

TEST(OptionsText, is_empty_for_none) {
  EXPECT_EQ(options_text(nullptr), "");
  EXPECT_EQ(*parse_options_text(""), nullptr);
}

TEST(OptionsText, tells_no_retries_from_the_services_schedule) {
  const auto none = with_change(
      nullptr, [](WebhookOptions& options) { options.retry_schedule = RetrySchedule{{}}; });
  const auto read = *parse_options_text(options_text(none));
  ASSERT_TRUE(read && read->retry_schedule);
  EXPECT_TRUE(read->retry_schedule->delays.empty());
}

TEST(OptionsText, keeps_what_a_newer_node_wrote) {
  const auto read = parse_options_text(R"({"timeout_ms":2000,"new":{"a":[1,"x"]},"other":true})");
  ASSERT_TRUE(read && *read);
  const auto changed =
      with_change(*read, [](WebhookOptions& options) { options.timeout = Seconds{3}; });
  EXPECT_EQ(options_text(changed), R"({"new":{"a":[1,"x"]},"other":true,"timeout_ms":3000})");
  const auto reset = with_change(*read, [](WebhookOptions& options) { options.timeout.reset(); });
  EXPECT_EQ(options_text(reset), R"({"new":{"a":[1,"x"]},"other":true})");
}

// Found by fuzzing: it was read, and what was kept of it could not be read again.
TEST(OptionsText, refuses_a_number_that_it_could_not_write_back) {
  EXPECT_FALSE(parse_options_text(R"({"new":1e999})"));
  EXPECT_FALSE(parse_options_text(R"({"new":{"a":[0e999]}})"));
  EXPECT_TRUE(parse_options_text(R"({"new":1e99})"));
}

TEST(OptionsText, refuses_what_it_did_not_write) {
  for (const char* text : {"x",
                           "[]",
                           "1",
                           "{",
                           R"({"timeout_ms":"2s"})",
                           R"({"timeout_ms":1.5})",
                           R"({"headers":{"a":"b"}})",
                           R"({"headers":[["a"]]})",
                           R"({"headers":[["a",1]]})",
                           R"({"retry_schedule_ms":7})",
                           R"({"retry_schedule_ms":["1s"]})",
                           R"({"rate_limit_steps":0.3})",
                           R"({"rate_limit_steps":0})",
                           R"({"rate_limit_steps":9223372036854775807})",
                           R"({"filter":{}})",
                           R"({"ordered":1})",
                           R"({"previous_secret":"enc1:old"})",
                           R"({"switched_off":["bored",1,null]})",
                           R"({"switched_off":["gone","now",null]})",
                           R"({"own_trouble_until":"now"})"}) {
    EXPECT_FALSE(parse_options_text(text)) << text;
  }
}

}  // namespace
}  // namespace skyhook::store
