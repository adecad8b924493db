#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>
#include <string>

namespace skyhook {
namespace {

namespace json = boost::json;

json::value read(std::string_view text) {
  auto value = read_json(text, 4);
  return value ? *value : json::value(value.error());
}

TEST(ReadJson, ReadsEveryDigitOfANumber) {
  EXPECT_EQ(read("361.30268965844164"), 361.30268965844164);
  EXPECT_EQ(read("-112.58002984152021"), -112.58002984152021);
  EXPECT_EQ(read("8.5883784356492538e-186"), 8.5883784356492538e-186);
  EXPECT_EQ(read("5e-324"), 5e-324);
  EXPECT_EQ(read("1e-400"), 0.0);
  EXPECT_EQ(read("0e999"), 0.0);
  EXPECT_EQ(read("-1e400"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(read("9007199254740993"), 9007199254740993);
  EXPECT_EQ(read("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(read("[0.1,[20.25]]"), json::value({0.1, json::array{20.25}}));
}

TEST(ReadJson, ReadsOneValueOfAnyKind) {
  EXPECT_EQ(read(" null "), nullptr);
  EXPECT_EQ(read("true"), true);
  EXPECT_EQ(read(R"("\u00e9\n")"), "\u00e9\n");
  EXPECT_EQ(read(R"({"a":1,"b":[],"a":{"c":2}})"),
            json::value({{"a", {{"c", 2}}}, {"b", json::array{}}}));
  for (const std::string& bad : {std::string(), std::string("{"), std::string("{} x"),
                                 std::string("\"\xff\""), std::string("01"), std::string("1,")}) {
    const auto value = read_json(bad, 4);
    ASSERT_FALSE(value) << bad;
    EXPECT_NE(value.error(), "") << bad;
  }
}

TEST(ReadJson, GoesSoDeepAndNoDeeper) {
  EXPECT_TRUE(read_json(R"([{"a":[[]]}])", 4));
  EXPECT_FALSE(read_json(R"([{"a":[[[]]]}])", 4));
}

TEST(ReadJson, KeepsWhatItReadsInTheStorage) {
  unsigned char room[4096];
  json::monotonic_resource storage(room, sizeof room);
  const auto value = read_json(R"({"a":["text that is not short"]})", 4, &storage);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("a").as_array().storage().get(), &storage);
}

}  // namespace
}  // namespace skyhook
