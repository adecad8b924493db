#include "api/json_writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace skyhook::api {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, KeepsTheOrderItIsTold) {
  JsonWriter json;
  json.begin_object().field("b", std::int64_t{1}).key("a").begin_array();
  json.begin_object().end_object().integer(-2).null().boolean(true).end_array();
  json.field("c", "x").field("d", 1.23456).key("e").raw("[1]").end_object();
  EXPECT_EQ(json.take(), R"({"b":1,"a":[{},-2,null,true],"c":"x","d":1.235,"e":[1]})");
  json.begin_array().end_array();
  EXPECT_EQ(json.take(), "[]");
}

TEST(JsonWriter, WritesValuesWithTheShortestNumbersThatReadBack) {
  const auto written = [](std::string_view text) {
    return JsonWriter().value(boost::json::parse({text.data(), text.size()})).take();
  };
  EXPECT_EQ(written(R"({"b":[0.1,-2.50,1e2,1e22,{}],"a":{"n":null,"t":true,"s":"\u00e9\""}})"),
            R"({"b":[0.1,-2.5,100,1e+22,{}],"a":{"n":null,"t":true,"s":"é\""}})");
  EXPECT_EQ(written("[18446744073709551615,-9223372036854775808]"),
            "[18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(written("[1e400,-1e400]"), "[1e999,-1e999]");  // too large still
}

TEST(JsonString, EscapesWhatMustBe) {
  EXPECT_EQ(quoted("a\"b\\c\n\r\t\x01\x7f/"), R"("a\"b\\c\n\r\t\u0001\u007f/")");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(quoted("Grüße 日本 😀"), "\"Grüße 日本 😀\"");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  const std::string_view bad[] = {"\x80", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                  "\xe2\x82"};
  for (const std::string_view text : bad) {
    std::string expected = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(quoted(text), expected + "\"");
  }
  EXPECT_EQ(quoted("a\xff"
                   "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
}

}  // namespace
}  // namespace skyhook::api
