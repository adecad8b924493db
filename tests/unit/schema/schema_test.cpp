#include "schema/schema.h"

#include <gmock/gmock.h>

#include <ctime>

namespace skyhook::schema {
namespace {

using testing::HasSubstr;

Schema compiled(std::string_view text) {
  auto schema = Schema::compile(text);
  EXPECT_TRUE(schema) << text << ": " << (schema ? "" : schema.error());
  return schema ? *std::move(schema) : *Schema::compile("{}");
}

std::string fault(std::string_view schema, std::string_view data) {
  return compiled(schema).check(data).value_or("");
}

std::string problem(std::string_view schema) {
  const auto result = Schema::compile(schema);
  return result ? "" : result.error();
}

constexpr std::string_view kInvoice = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["id", "customer"],
  "additionalProperties": false,
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "customer": {
      "type": "object",
      "properties": {"email": {"type": "string", "format": "email", "maxLength": 20}}
    },
    "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "uniqueItems": true},
    "state": {"enum": ["open", "paid"]}
  },
  "$defs": {"line": {"type": "object", "required": ["sku"], "properties": {"sku": {"pattern": "^[A-Z]+$"}}}}
})";

TEST(Schema, TellsTheFirstFaultByItsPointer) {
  const Schema schema = compiled(kInvoice);
  EXPECT_EQ(schema.check(R"({"id": 1, "customer": {}, "lines": [{"sku": "A"}], "state": "open"})"),
            std::nullopt);
  const auto said = [&](std::string_view data) { return schema.check(data).value_or(""); };
  EXPECT_EQ(said("[]"), R"("" must be an object)");
  EXPECT_EQ(said("{}"), R"("" must have the property id)");
  EXPECT_EQ(said(R"({"id": "1", "customer": {}})"), R"("/id" must be an integer)");
  EXPECT_EQ(said(R"({"id": 0, "customer": {}})"), R"("/id" must be at least 1)");
  EXPECT_EQ(said(R"({"id": 1, "customer": {"email": "x"}})"),
            R"("/customer/email" must match the format email)");
  EXPECT_EQ(said(R"({"id": 1, "customer": {}, "lines": [{"sku": "A"}, {"sku": "b"}]})"),
            R"("/lines/1/sku" must match the pattern ^[A-Z]+$)");
  EXPECT_EQ(said(R"({"id": 1, "customer": {}, "lines": [{"sku": "A"}, {"sku": "A"}]})"),
            R"("/lines" must not have the same item twice)");
  EXPECT_EQ(said(R"({"id": 1, "customer": {}, "state": "lost"})"),
            R"("/state" is none of the values that the schema lists)");
  EXPECT_EQ(said(R"({"id": 1, "customer": {}, "a/b~c": 1})"), R"("/a~1b~0c" is not allowed)");
  EXPECT_EQ(said(R"({"id": 1)"), "cannot be read as JSON");
}

TEST(Schema, KnowsWhatCameAfterTheSuiteThatTestsIt) {
  EXPECT_EQ(fault(R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a"])"), "");
  EXPECT_EQ(fault(R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a", 1])"),
            R"("/1" is not allowed)");
  EXPECT_EQ(fault(R"({"contains": {"const": 1}, "minContains": 2})", "[1, 2, 1.0]"), "");
  EXPECT_THAT(fault(R"({"contains": {"const": 1}, "minContains": 2})", "[1, 2]"),
              HasSubstr("at least 2 items"));
  EXPECT_THAT(fault(R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 1]"),
              HasSubstr("at most 1 items"));
  EXPECT_EQ(fault(R"({"contains": {"const": 1}, "minContains": 0})", "[]"), "");
  EXPECT_EQ(fault(R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})"),
            R"("" must have the property b beside a)");
  EXPECT_EQ(fault(R"({"dependentSchemas": {"a": {"minProperties": 2}}})", R"({"a": 1})"),
            R"("" must have at least 2 properties)");
  EXPECT_EQ(fault(R"({"$ref": "#/$defs/n", "maximum": 3, "$defs": {"n": {"minimum": 1}}})", "4"),
            R"("" must be at most 3)");
}

TEST(Schema, NumbersKeepEveryDigitOf64Bits) {
  EXPECT_EQ(fault(R"({"const": 9007199254740993})", "9007199254740993"), "");
  EXPECT_NE(fault(R"({"const": 9007199254740993})", "9007199254740992"), "");
  EXPECT_NE(fault(R"({"maximum": 18446744073709551614})", "18446744073709551615"), "");
  EXPECT_EQ(fault(R"({"type": "integer"})", "1e2"), "");
  EXPECT_EQ(fault(R"({"multipleOf": 0.01})", "19.99"), "");
  EXPECT_EQ(fault(R"({"multipleOf": 0.01})", "19.995"), R"("" must be a multiple of 0.01)");
  EXPECT_EQ(fault(R"({"multipleOf": 1000})", "1700000000000001"),
            R"("" must be a multiple of 1000)");
  EXPECT_EQ(fault(R"({"multipleOf": 1000})", "1700000000000000"), "");
  EXPECT_EQ(fault(R"({"multipleOf": 2})", "18446744073709551615"), R"("" must be a multiple of 2)");
  EXPECT_EQ(fault(R"({"multipleOf": 0.01})", "123456789012.34"), "");
  EXPECT_EQ(fault(R"({"multipleOf": 0.01})", "123456789012.345"),
            R"("" must be a multiple of 0.01)");
  EXPECT_EQ(fault(R"({"multipleOf": 0.1})", "1e-20"), R"("" must be a multiple of 0.1)");
  EXPECT_EQ(fault(R"({"multipleOf": 0.1})", "0"), "");
  EXPECT_EQ(fault(R"({"const": 0.1})", "1"), R"("" must be 0.1)");
}

TEST(Schema, ZeroIsZeroWhateverItsExponent) {
  EXPECT_NE(fault(R"({"minimum": 1})", "0e999"), "");
  EXPECT_NE(fault(R"({"minimum": 0e999})", "-1"), "");
  EXPECT_EQ(fault(R"({"type": "integer", "const": 0})", "-0e999"), "");
}

TEST(Schema, ANumberIsTheSameHoweverItIsWritten) {
  EXPECT_EQ(fault(R"({"const": 458.12455122160236})", "458.1245512216023599"), "");
}

TEST(Schema, FormatsAreJudgedByShape) {
  const auto fits = [](const std::string& format, const std::string& text) {
    return fault(R"({"format": ")" + format + R"("})", "\"" + text + "\"").empty();
  };
  EXPECT_TRUE(fits("date-time", "2026-03-01T10:00:00.000000Z"));
  EXPECT_TRUE(fits("date-time", "2026-03-01T10:00:00+01:00"));
  EXPECT_FALSE(fits("date-time", "2026-03-01 10:00:00Z"));
  EXPECT_TRUE(fits("date", "2026-12-31"));
  EXPECT_FALSE(fits("date", "2026-13-01"));
  EXPECT_TRUE(fits("time", "23:59:60Z"));
  EXPECT_FALSE(fits("time", "24:00:00Z"));
  EXPECT_TRUE(fits("uuid", "01a20a4f-6e69-7420-8000-000000000002"));
  EXPECT_FALSE(fits("uuid", "01a20a4f6e6974208000000000000002"));
  EXPECT_TRUE(fits("uri", "https://example.com/a?b#c"));
  EXPECT_FALSE(fits("uri", "/a"));
  EXPECT_FALSE(fits("ipv4", "256.1.1.1"));
}

TEST(Schema, RefusesWhatItDoesNotJudge) {
  EXPECT_THAT(problem("{"), HasSubstr("not valid JSON"));
  EXPECT_EQ(problem("[]"), R"("": is neither an object nor true or false)");
  EXPECT_EQ(problem(R"({"properties": {"a": {"typ": "string"}}})"),
            R"("/properties/a": 'typ' is not a keyword that is checked here)");
  EXPECT_EQ(problem(R"({"type": "integr"})"), R"("/type": 'integr' is no type)");
  EXPECT_THAT(problem(R"({"unevaluatedProperties": false})"), HasSubstr("unevaluatedProperties"));
  EXPECT_THAT(problem(R"({"format": "hostname"})"), HasSubstr("'hostname' is not checked here"));
  EXPECT_THAT(problem(R"({"pattern": "(?=a)b"})"), HasSubstr("no pattern that RE2 reads"));
  EXPECT_THAT(problem(R"({"$ref": "https://example.com/x"})"), HasSubstr("not a place in this"));
  EXPECT_THAT(problem(R"({"$ref": "#/$defs/x"})"), HasSubstr("is not there"));
  EXPECT_THAT(problem(R"({"$schema": "http://json-schema.org/draft-04/schema#"})"),
              HasSubstr("none of the versions"));
  EXPECT_THAT(problem(R"({"properties": {"a": {"$id": "x"}}})"), HasSubstr("as a whole"));
  EXPECT_THAT(problem(R"({"minLength": -1})"), HasSubstr("/minLength"));
  EXPECT_THAT(problem(R"({"multipleOf": 0})"), HasSubstr("not above 0"));
  EXPECT_THAT(problem(R"({"anyOf": []})"), HasSubstr("is empty"));
  EXPECT_THAT(problem(R"({"required": [1]})"), HasSubstr("not a text"));
}

TEST(Schema, RefusesAReferenceThatWouldNeverEnd) {
  for (const char* text : {R"({"$ref": "#"})", R"({"allOf": [{"$ref": "#"}]})",
                           R"({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/b"}},
                              "b": {"if": {"$ref": "#/$defs/a"}}}})"}) {
    EXPECT_THAT(problem(text), HasSubstr("leads back to itself")) << text;
  }
  const std::string tree = R"({"properties": {"child": {"$ref": "#"}}, "required": ["id"]})";
  EXPECT_EQ(fault(tree, R"({"id": 1, "child": {"id": 2}})"), "");
  EXPECT_EQ(fault(tree, R"({"id": 1, "child": {"child": {"id": 1}}})"),
            R"("/child" must have the property id)");
}

TEST(Schema, IsBounded) {
  EXPECT_THAT(problem(R"({"title": ")" + std::string(kSchemaBytesLimit, 'x') + "\"}"),
              HasSubstr("larger than 65536 bytes"));
  std::string many = R"({"allOf": [{})";
  for (std::size_t i = 2; i < kSubschemasLimit; ++i) many += ",{}";
  EXPECT_EQ(problem(many + "]}"), "");
  EXPECT_THAT(problem(many + ",{}]}"), HasSubstr("more than 2000 subschemas"));
  std::string deep = "{}";
  for (std::size_t i = 0; i < kSchemaDepthLimit; ++i) deep = R"({"not":)" + deep + "}";
  EXPECT_THAT(problem(deep), HasSubstr("not valid JSON"));
  EXPECT_THAT(problem(R"({"pattern": "\\pL{1000}"})"), HasSubstr("too large"));
}

// As many subschemas within each other as there may be, and one more.
TEST(Schema, ACheckIsNotNestedForEver) {
  const auto chain = [](std::size_t length) {
    std::string text = R"({"$ref": "#/$defs/0", "$defs": {)";
    for (std::size_t i = 0; i < length; ++i) {
      text +=
          "\"" + std::to_string(i) + R"(": {"$ref": "#/$defs/)" + std::to_string(i + 1) + "\"},";
    }
    return text + "\"" + std::to_string(length) + "\": {\"type\": \"null\"}}}";
  };
  EXPECT_EQ(fault(chain(kCheckDepthLimit - 2), "null"), "");
  EXPECT_EQ(fault(chain(kCheckDepthLimit - 1), "null"), "is nested too deeply to check");
}

std::string nested(const std::string& open, const std::string& close, std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  text += "1";
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

class Costly : public testing::TestWithParam<std::pair<std::string, std::string>> {};

// Data that would take a backtracking, quadratic or exponential validator minutes.
TEST_P(Costly, EndsInTime) {
  const auto& [text, data] = GetParam();
  const Schema schema = compiled(text);
  const std::clock_t started = std::clock();  // CPU time: the machine may be held up
  EXPECT_NE(schema.check(data), std::nullopt);
  const double took_s = static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC;
  EXPECT_LT(took_s, 5) << "some tenths of a second, and less than that many with a sanitizer";
}

// A rule on a name for each of so many.
std::string rules_on_names(std::size_t count) {
  std::string text = R"({"items": {"dependentRequired": {"first": [])";
  for (std::size_t i = 0; i < count; ++i) text += ",\"" + std::to_string(i) + R"(": [])";
  return text + "}}}";
}

std::string objects(std::size_t count) {
  std::string text = "[{}";
  for (std::size_t i = 0; i < count; ++i) text += ",{}";
  return text + "]";
}

std::string numbers(std::size_t count) {
  std::string text = "[0";
  for (std::size_t i = 0; i < count; ++i) text += "," + std::to_string(i % 40000);
  return text + "]";
}

INSTANTIATE_TEST_SUITE_P(
    Schema, Costly,
    testing::Values(
        std::pair{std::string(R"({"pattern": "^(a+)+$"})"),
                  "\"" + std::string(250'000, 'a') + "!\""},
        std::pair{std::string(R"({"pattern": "(a?){500}b"})"),
                  "\"" + std::string(250'000, 'a') + "\""},
        std::pair{std::string(R"({"uniqueItems": true})"), numbers(50'000)},
        std::pair{rules_on_names(5'000), objects(80'000)},
        std::pair{
            std::string(R"({"anyOf": [{"items": {"$ref": "#"}, "type": "array", "minItems": 2},
                                            {"items": {"$ref": "#"}, "type": "array", "minItems": 3}]})"),
            nested("[", "]", 60)}));

}  // namespace
}  // namespace skyhook::schema
