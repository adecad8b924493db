#include "cli/json_text.h"

#include <gtest/gtest.h>

namespace skyhook::cli {
namespace {

TEST(JsonText, knows_json) {
  for (const char* text :
       {"{}", " [1, 2] ", "null", "\"a\"", "1e400", "{\"a\":{\"b\":[true]}}\n"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
  for (const char* text : {"", " ", "{", "{]", "[1,]", "{\"a\"}", "{} {}", "nul", "'a'", "{} x",
                           "\"\x01\"", "// c\n{}"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
  EXPECT_TRUE(is_json_object(" {\"a\":1}"));
  EXPECT_FALSE(is_json_object("[{}]"));
  EXPECT_FALSE(is_json_object("{"));
}

TEST(JsonText, depth_is_bounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(is_json(nested(kJsonDepthLimit)));
  EXPECT_FALSE(is_json(nested(kJsonDepthLimit + 1)));
  EXPECT_FALSE(is_json(nested(1'000'000)));
}

TEST(JsonText, indents_without_touching_values) {
  EXPECT_EQ(indent_json(R"({"a":1.0,"b":[1,{"c":"x,{}[]:\" "}],"d":{},"e":[ ]})", "  "),
            "  {\n"
            "    \"a\": 1.0,\n"
            "    \"b\": [\n"
            "      1,\n"
            "      {\n"
            "        \"c\": \"x,{}[]:\\\" \"\n"
            "      }\n"
            "    ],\n"
            "    \"d\": {},\n"
            "    \"e\": []\n"
            "  }");
  EXPECT_EQ(indent_json("12", "> "), "> 12");
}

TEST(JsonText, compacts_without_touching_values) {
  EXPECT_EQ(compact_json("{ \"a b\" :\n [ 1.0 , \"\\\\\" ] }"), R"({"a b":[1.0,"\\"]})");
}

TEST(JsonText, quotes_anything) {
  EXPECT_EQ(quote_json("a\"\\\n\x7f\xc3\xa9\xff"), "\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\\ufffd\"");
  EXPECT_TRUE(is_json(quote_json(std::string("\0\x01\xc0", 3))));
}

TEST(JsonText, printable_text_commands_no_terminal) {
  EXPECT_EQ(printable("a\x1b[31m\n\xc2\x9b\xff\xc3\xa9"), "a\\x1b[31m\\x0a\\x9b\\xff\xc3\xa9");
  EXPECT_EQ(printable("a\nb\x1b", true), "a\nb\\x1b");
}

}  // namespace
}  // namespace skyhook::cli
