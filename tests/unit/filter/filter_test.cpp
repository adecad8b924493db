#include "filter/filter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace skyhook::filter {
namespace {

bool matches(std::string_view filter, std::string_view data) {
  const auto compiled = Filter::compile(filter);
  EXPECT_TRUE(compiled) << filter;
  return compiled && Payload(data).matches(*compiled);
}

std::string fault(std::string_view filter) {
  const auto compiled = Filter::compile(filter);
  return compiled ? "" : compiled.error();
}

TEST(Filter, matches_a_subset_of_the_names) {
  constexpr const char* kData = R"({"id":7,"name":"Ann","tags":{"a":1,"b":{"c":true}},"x":null})";
  EXPECT_TRUE(matches("{}", kData));
  EXPECT_TRUE(matches(R"({"id":7})", kData));
  EXPECT_TRUE(matches(R"({"name":"Ann","id":7})", kData));
  EXPECT_TRUE(matches(R"({"tags":{"b":{"c":true}}})", kData));
  EXPECT_TRUE(matches(R"({"tags":{}})", kData));
  EXPECT_FALSE(matches(R"({"id":8})", kData));
  EXPECT_FALSE(matches(R"({"name":"Ann","id":8})", kData));
  EXPECT_FALSE(matches(R"({"nothing":7})", kData));
  EXPECT_FALSE(matches(R"({"tags":{"b":{"d":true}}})", kData));
  EXPECT_FALSE(matches(R"({"id":{}})", kData));
  EXPECT_FALSE(matches(R"({"id":{"a":1}})", kData));
  EXPECT_FALSE(matches(R"({"tags":1})", kData));
}

TEST(Filter, compares_scalars_by_kind_and_value) {
  EXPECT_TRUE(matches(R"({"a":null})", R"({"a":null})"));
  EXPECT_FALSE(matches(R"({"a":null})", R"({})"));
  EXPECT_FALSE(matches(R"({"a":null})", R"({"a":false})"));
  EXPECT_TRUE(matches(R"({"a":true})", R"({"a":true})"));
  EXPECT_FALSE(matches(R"({"a":true})", R"({"a":false})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":"1"})"));
  EXPECT_FALSE(matches(R"({"a":"1"})", R"({"a":1})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":true})"));
  EXPECT_TRUE(matches(R"({"a":1})", R"({"a":1.0})"));
  EXPECT_TRUE(matches(R"({"a":1e2})", R"({"a":100})"));
  EXPECT_TRUE(matches(R"({"a":9007199254740993})", R"({"a":9007199254740993})"));
  EXPECT_FALSE(matches(R"({"a":9007199254740993})", R"({"a":9007199254740992})"));
  EXPECT_TRUE(matches(R"({"a":18446744073709551615})", R"({"a":18446744073709551615})"));
  EXPECT_FALSE(matches(R"({"a":18446744073709551615})", R"({"a":18446744073709551614})"));
  EXPECT_FALSE(matches(R"({"a":{"$gt":18446744073709551614}})", R"({"a":18446744073709551614})"));
  EXPECT_TRUE(matches(R"({"a":{"$gt":18446744073709551614}})", R"({"a":18446744073709551615})"));
  EXPECT_TRUE(matches(R"({"a":{"$gt":-1}})", R"({"a":18446744073709551615})"));
  EXPECT_TRUE(matches(R"({"a":9007199254740992})", R"({"a":9007199254740992.0})"));
  EXPECT_FALSE(matches(R"({"a":9007199254740993})", R"({"a":9007199254740992.0})"));
  EXPECT_TRUE(matches(R"({"a":1e30})", R"({"a":1000000000000000000000000000000})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":[]})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":{}})"));
  // More digits than an integer holds, with and without an exponent.
  EXPECT_FALSE(matches(R"({"a":0})", R"({"a":90071946744073709552e19})"));
  EXPECT_TRUE(matches(R"({"a":{"$gt":9e38}})", R"({"a":90071946744073709552e19})"));
  EXPECT_TRUE(matches(R"({"a":{"$gt":1}})", R"({"a":123456789012345678901234567890})"));
}

TEST(Filter, reads_numbers_of_any_length) {
  EXPECT_TRUE(matches(R"({"a":1})", R"({"a":0.9999999999999999999999990})"));
  EXPECT_TRUE(matches(R"({"a":0})", R"({"a":0.)" + std::string(400, '0') + "1}"));
  EXPECT_TRUE(matches(R"({"a":{"$gt":1e308}})", R"({"a":1e309})"));
  EXPECT_TRUE(matches(R"({"a":{"$lt":-1e308}})", R"({"a":-1e309,"b":1})"));

  const std::string zeros(30, '0');
  const std::string ones(30, '1');
  EXPECT_TRUE(matches(R"({"a":0.5})", R"({"a":5e-)" + zeros + "1}"));
  EXPECT_TRUE(matches(R"({"a":50})", R"({"a":5E+)" + zeros + "1}"));
  EXPECT_TRUE(matches(R"({"a":0})", R"({"a":5e-)" + ones + "}"));
  EXPECT_TRUE(matches(R"({"a":0})", R"({"a":0e)" + ones + "}"));
}

TEST(Filter, compares_texts_and_names_as_they_are_meant) {
  EXPECT_TRUE(matches(R"({"a":"é"})", R"({"a":"\u00e9"})"));
  EXPECT_TRUE(matches(R"({"a":"\u00e9"})", R"({"a":"é"})"));
  EXPECT_TRUE(matches(R"({"é":1})", R"({"\u00e9":1})"));
  EXPECT_TRUE(matches(R"({"a":"x\"y\\"})", R"({"a":"x\u0022y\\"})"));
  EXPECT_TRUE(matches(R"({"a":""})", R"({"a":""})"));
  EXPECT_FALSE(matches(R"({"a":"A"})", R"({"a":"a"})"));
  EXPECT_FALSE(matches(R"({"a":"a"})", R"({"a":"a\u0000"})"));
}

TEST(Filter, takes_a_list_as_any_of_its_values) {
  constexpr const char* kFilter = R"({"plan":["pro",7,null,true]})";
  EXPECT_TRUE(matches(kFilter, R"({"plan":"pro"})"));
  EXPECT_TRUE(matches(kFilter, R"({"plan":7})"));
  EXPECT_TRUE(matches(kFilter, R"({"plan":null})"));
  EXPECT_TRUE(matches(kFilter, R"({"plan":true})"));
  EXPECT_FALSE(matches(kFilter, R"({"plan":"free"})"));
  EXPECT_FALSE(matches(kFilter, R"({"plan":false})"));
  EXPECT_FALSE(matches(kFilter, R"({})"));
}

TEST(Filter, asks_of_an_array_in_the_data_that_one_item_matches) {
  EXPECT_TRUE(matches(R"({"tags":"vip"})", R"({"tags":["new","vip"]})"));
  EXPECT_FALSE(matches(R"({"tags":"vip"})", R"({"tags":["new"]})"));
  EXPECT_FALSE(matches(R"({"tags":"vip"})", R"({"tags":[]})"));
  EXPECT_FALSE(matches(R"({"tags":"vip"})", R"({"tags":[["vip"]]})"));
  EXPECT_TRUE(matches(R"({"tags":["a","b"]})", R"({"tags":["x","b"]})"));
  constexpr const char* kItems = R"({"items":[1,{"sku":"A","n":1},{"sku":"B","n":2},[]],"z":1})";
  EXPECT_TRUE(matches(R"({"items":{"sku":"B","n":2}})", kItems));
  EXPECT_TRUE(matches(R"({"items":{"sku":"A"},"z":1})", kItems)) << "what follows is read too";
  EXPECT_FALSE(matches(R"({"items":{"sku":"A","n":2}})", kItems)) << "one item has to match whole";
}

TEST(Filter, has_operators) {
  EXPECT_TRUE(matches(R"({"n":{"$gte":10,"$lt":20}})", R"({"n":10})"));
  EXPECT_FALSE(matches(R"({"n":{"$gte":10,"$lt":20}})", R"({"n":20})"));
  EXPECT_TRUE(matches(R"({"n":{"$gt":10,"$lte":20}})", R"({"n":20.0})"));
  EXPECT_FALSE(matches(R"({"n":{"$gt":10}})", R"({"n":10})"));
  EXPECT_FALSE(matches(R"({"n":{"$gt":10}})", R"({"n":"11"})"));
  EXPECT_FALSE(matches(R"({"n":{"$gt":10}})", R"({})"));
  EXPECT_FALSE(matches(R"({"n":{"$gt":10,"$lt":20}})", R"({"n":[1,30]})"))
      << "one item has to lie within";
  EXPECT_TRUE(matches(R"({"s":{"$not":"draft"}})", R"({"s":"live"})"));
  EXPECT_TRUE(matches(R"({"s":{"$not":"draft"}})", R"({})"));
  EXPECT_TRUE(matches(R"({"s":{"$not":"draft"}})", R"({"s":{}})"));
  EXPECT_FALSE(matches(R"({"s":{"$not":["draft","dead"]}})", R"({"s":"dead"})"));
  EXPECT_FALSE(matches(R"({"s":{"$not":"draft"}})", R"({"s":["live","draft"]})"));
  EXPECT_FALSE(matches(R"({"s":{"$not":null,"$exists":true}})", R"({"s":null})"));
  EXPECT_TRUE(matches(R"({"s":{"$exists":true}})", R"({"s":null})"));
  EXPECT_FALSE(matches(R"({"s":{"$exists":true}})", R"({})"));
  EXPECT_TRUE(matches(R"({"s":{"$exists":false}})", R"({})"));
  EXPECT_FALSE(matches(R"({"s":{"$exists":false}})", R"({"s":[]})"));
  EXPECT_FALSE(matches(R"({"a":{"b":{"$exists":false}}})", R"({})"));
}

TEST(Filter, takes_the_last_of_several_members_of_a_name) {
  EXPECT_TRUE(matches(R"({"a":2})", R"({"a":1,"a":2})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":1,"a":2})"));
  EXPECT_FALSE(matches(R"({"a":1})", R"({"a":1,"\u0061":2})"));
}

TEST(Filter, matches_nothing_that_is_no_object) {
  for (const char* data : {"", "[]", "7", "{", "{\"a\"", "{\"a\":}", "\xff"}) {
    EXPECT_FALSE(matches(R"({"a":1})", data)) << data;
  }
}

TEST(Filter, reads_what_is_not_json_once_and_no_further) {
  const auto filter = Filter::compile(R"({"a":1})");
  ASSERT_TRUE(filter);
  Payload payload("{\"a*7:,\"\\u00610.\"a\"\1}");
  EXPECT_FALSE(payload.matches(*filter));
  EXPECT_FALSE(payload.matches(*filter));
}

TEST(Filter, judges_many_filters_and_large_data) {
  std::string data = "{";
  for (int i = 0; i < 10'000; ++i) data += "\"k" + std::to_string(i) + "\":\"v\",";
  data += R"("last":"yes"})";
  const auto yes = Filter::compile(R"({"last":"yes","k5000":"v"})");
  const auto no = Filter::compile(R"({"last":"no"})");
  Payload payload(data);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(payload.matches(*yes));
    EXPECT_FALSE(payload.matches(*no));
  }
}

TEST(Filter, is_judged_on_many_threads) {
  const auto filter = Filter::compile(R"({"a":{"b":[1,2]},"c":"x"})");
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string data = R"({"a":{"b":)" + std::to_string(i) + R"(},"c":"x"})";
      for (int round = 0; round < 1000; ++round) {
        wrong += Payload(data).matches(*filter) != (i == 1 || i == 2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Filter, refuses_what_is_none) {
  EXPECT_EQ(fault("[]"), "must be an object.");
  EXPECT_EQ(fault("{"), "must be an object.");
  EXPECT_EQ(fault(R"({"a":123456789012345678901234567890})"), "must have numbers of 64 bits only.");
  EXPECT_EQ(fault(R"({"a":[]})"), "must not have an empty list.");
  constexpr const char* kScalars =
      "must have texts, numbers, true, false or null in its lists and behind $not.";
  EXPECT_EQ(fault(R"({"a":[{}]})"), kScalars);
  EXPECT_EQ(fault(R"({"a":[[1]]})"), kScalars);
  EXPECT_EQ(fault(R"({"a":{"$not":{"b":1}}})"), kScalars);
  EXPECT_EQ(fault(R"({"a":{"$gt":"1"}})"), "must have a number for $gt, $gte, $lt and $lte.");
  EXPECT_EQ(fault(R"({"a":{"$exists":1}})"), "must have true or false for $exists.");
  constexpr const char* kOperators =
      "must have only the operators $not, $exists, $gt, $gte, $lt and $lte.";
  EXPECT_EQ(fault(R"({"a":{"$eq":1}})"), kOperators);
  EXPECT_EQ(fault(R"({"a":{"$gt":1,"b":2}})"), kOperators);
  EXPECT_EQ(fault(R"({"a":{"b":1,"$gt":2}})"), "must not have operators beside names.");
  EXPECT_EQ(fault(R"({"$gt":2})"), "must not have operators beside names.");
}

TEST(Filter, is_bounded) {
  EXPECT_EQ(fault(R"({"a":{"a":{"a":{"a":{"a":1}}}}})"), "");
  EXPECT_EQ(fault(R"({"a":{"a":{"a":{"a":{"a":{"a":1}}}}}})"),
            "must not be nested deeper than 5 objects.");
  EXPECT_NE(fault(std::string(200, '{')), "");
  const auto list = [](std::size_t items) {
    std::string text = R"({"a":[0)";
    for (std::size_t i = 1; i < items; ++i) text += "," + std::to_string(i);
    return text + "]}";
  };
  EXPECT_EQ(fault(list(kFilterValuesLimit - 1)), "");
  EXPECT_EQ(fault(list(kFilterValuesLimit)), "must not have more than 50 names and values.");
  const std::string longest = R"({"a":")" + std::string(kFilterBytesLimit - 8, 'x') + R"("})";
  EXPECT_EQ(longest.size(), kFilterBytesLimit);
  EXPECT_EQ(fault(longest), "");
  EXPECT_EQ(fault(longest + " "), "must not be greater than 4096 bytes.");
}

}  // namespace
}  // namespace skyhook::filter
