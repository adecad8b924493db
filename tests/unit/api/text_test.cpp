#include "api/text.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook::api {
namespace {

TEST(Trimmed, TakesOffEveryBlankThatUnicodeKnows) {
  for (const char* blank : {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085",
                            "\u00a0", "\u1680", "\u2000", "\u2005", "\u200a", "\u200b", "\u200e",
                            "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff"}) {
    const std::string text(blank);
    EXPECT_EQ(trimmed(text), "") << blank;
    EXPECT_EQ(trimmed(text + "é" + text + "x" + text + text), "é" + text + "x") << blank;
  }
}

TEST(Trimmed, LeavesEverythingElse) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "x"s, "a b"s, "\u202ex\u200d"s, "\x01"s, "\0"s,
                                  "👩‍👩‍👧"s, "é"s, "日本"s}) {
    EXPECT_EQ(trimmed(text), text);
  }
}

TEST(Trimmed, TakesBytesThatAreNoTextAsTheyAre) {
  EXPECT_EQ(trimmed(" \xff "), "\xff");
  EXPECT_EQ(trimmed("\x80\x80"), "\x80\x80");
  EXPECT_EQ(trimmed("x\xe3\x80"), "x\xe3\x80");
  EXPECT_EQ(trimmed("\xe3\x80 "), "\xe3\x80");
}

TEST(CountCharacters, CountsCharactersNotBytes) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("aé日😀"), 4u);
}

TEST(IsStorable, IsTextThatPostgresqlTakesToo) {
  EXPECT_TRUE(is_storable(""));
  EXPECT_TRUE(is_storable("aé日😀\x01"));
  EXPECT_FALSE(is_storable(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_storable("\xff"));
  EXPECT_FALSE(is_storable("a\xe3\x80"));
}

}  // namespace
}  // namespace skyhook::api
