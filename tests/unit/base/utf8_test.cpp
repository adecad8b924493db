#include "base/utf8.h"

#include <gtest/gtest.h>

namespace skyhook {
namespace {

TEST(Utf8, measures_well_formed_characters) {
  EXPECT_EQ(utf8_character_length("ab"), 1u);
  EXPECT_EQ(utf8_character_length("\xc3\xa9x"), 2u);
  EXPECT_EQ(utf8_character_length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(utf8_character_length("\xf0\x9f\x8e\xa3"), 4u);
  EXPECT_EQ(utf8_character_length("\xf4\x8f\xbf\xbf"), 4u);
  EXPECT_EQ(utf8_character_length(std::string_view("\0", 1)), 1u);
}

TEST(Utf8, refuses_everything_else) {
  for (const char* text : {"\x80", "\xbf", "\xc0\xaf", "\xc1\x81", "\xc3", "\xc3(", "\xe2\x82",
                           "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf0\x9f\x8e",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(utf8_character_length(text), 0u);
  }
}

TEST(Utf8, knows_control_characters) {
  EXPECT_TRUE(is_control_character("\n"));
  EXPECT_TRUE(is_control_character("\x1b"));
  EXPECT_TRUE(is_control_character("\x7f"));
  EXPECT_TRUE(is_control_character("\xc2\x9b"));
  EXPECT_FALSE(is_control_character(" "));
  EXPECT_FALSE(is_control_character("\xc2\xa0"));
  EXPECT_FALSE(is_control_character("\xc3\x9b"));
}

}  // namespace
}  // namespace skyhook
