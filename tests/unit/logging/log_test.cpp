#include "logging/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace skyhook::log {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string logged(Level level, Format format, const std::function<void()>& write_lines) {
  configure(level, format);
  testing::internal::CaptureStderr();
  write_lines();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, text_lines_carry_time_level_message_and_fields) {
  const std::string line = logged(Level::info, Format::text, [] {
    info("webhook switched off", {{"webhook", 7}, {"reason", "gone"}, {"name", "My hook"}});
  });
  EXPECT_THAT(line,
              ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z info    "
                            "webhook switched off webhook=7 reason=gone name=\"My hook\"\n$"));
}

TEST(Log, json_lines_are_one_object_each) {
  const std::string line = logged(Level::info, Format::json, [] {
    warn("store failed", {{"detail", "say \"no\" \\"}, {"rows", std::size_t{12}}});
  });
  EXPECT_THAT(line, ContainsRegex("^\\{\"time\":\"[0-9T:.-]{26}Z\",\"level\":\"warning\","));
  EXPECT_THAT(line, HasSubstr(R"("message":"store failed","detail":"say \"no\" \\","rows":12})"
                              "\n"));
}

TEST(Log, levels_below_the_configured_one_are_not_written) {
  const auto every_level = [] {
    debug("one");
    info("two");
    warn("three");
    error("four");
  };
  const std::string warnings = logged(Level::warn, Format::text, every_level);
  EXPECT_THAT(warnings, testing::Not(HasSubstr("two")));
  EXPECT_THAT(warnings, HasSubstr("three"));
  EXPECT_THAT(warnings, HasSubstr("four"));
  EXPECT_EQ(logged(Level::off, Format::text, every_level), "");
  EXPECT_THAT(logged(Level::debug, Format::text, every_level), HasSubstr("one"));
}

TEST(Log, control_characters_cannot_forge_a_line_or_reach_a_terminal) {
  const std::string hostile = "a\nb\r\tc\x1b[31m\x7f\xc2\x9b";
  const auto write_hostile = [&] { info("got", {{"name", hostile}}); };
  const std::string text = logged(Level::info, Format::text, write_hostile);
  EXPECT_THAT(text, HasSubstr(R"(name=a\nb\r\tc\x1b[31m\x7f\x9b)"));
  const std::string json = logged(Level::info, Format::json, write_hostile);
  EXPECT_THAT(json, HasSubstr(R"("name":"a\nb\r\tc\u001b[31m\u007f\u009b"})"));
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 1);
}

TEST(Log, what_is_not_utf8_stays_readable_and_valid_json) {
  const std::string broken = "caf\xc3\xa9 \xff \xed\xa0\x80 \xc0\xaf \xf0\x9f\x8e\xa3 \xe2\x82";
  const auto write_broken = [&] { info("got", {{"name", broken}}); };
  EXPECT_THAT(logged(Level::info, Format::json, write_broken),
              HasSubstr("\"caf\xc3\xa9 \\ufffd \\ufffd\\ufffd\\ufffd \\ufffd\\ufffd "
                        "\xf0\x9f\x8e\xa3 \\ufffd\\ufffd\""));
  EXPECT_THAT(logged(Level::info, Format::text, write_broken), HasSubstr(R"(\xff \xed\xa0\x80)"));
}

TEST(Log, a_message_with_braces_is_not_a_format) {
  EXPECT_THAT(logged(Level::info, Format::text, [] { info("{} {0} %v"); }), HasSubstr("{} {0} %v"));
}

TEST(Log, an_empty_value_is_shown_as_such) {
  EXPECT_THAT(logged(Level::info, Format::text,
                     [] {
                       info("got", {{"name", ""}});
                     }),
              HasSubstr("name=\"\"\n"));
}

}  // namespace
}  // namespace skyhook::log
