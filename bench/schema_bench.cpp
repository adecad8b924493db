// What a check against a schema costs: time for one event's data, read and judged.
//
//   schema_bench [ROUNDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sample_event.h"
#include "schema/schema.h"

namespace skyhook::schema {
namespace {

constexpr std::string_view kContact = R"({
  "type": "object",
  "required": ["id", "name", "email"],
  "additionalProperties": false,
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
    "email": {"type": "string", "format": "email"},
    "tags": {"type": "array", "items": {"enum": ["new", "vip"]}, "uniqueItems": true},
    "customer": {"type": "object", "required": ["plan"],
                 "properties": {"plan": {"enum": ["free", "pro", "team"]}, "since": {"format": "date"}}},
    "amount": {"type": "number", "multipleOf": 0.01},
    "address": {"$ref": "#/$defs/address"},
    "note": {"type": "string"}
  },
  "$defs": {"address": {"type": "object", "properties": {"zip": {"pattern": "^[A-Z0-9 ]{3,8}$"}}}}
})";

std::string numbers(std::size_t bytes) {
  std::string data = R"({"list":[0)";
  for (int i = 1; data.size() < bytes; ++i) data += "," + std::to_string(i);
  return data + "]}";
}

void measure(const char* what, std::string_view schema_text, const std::string& data, long rounds) {
  const auto schema = Schema::compile(schema_text);
  if (!schema) {
    std::fprintf(stderr, "%s\n", schema.error().c_str());
    std::exit(1);
  }
  std::string said;
  const auto began = std::chrono::steady_clock::now();
  for (long i = 0; i < rounds; ++i) said = schema->check(data).value_or("fits");
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  std::printf("%-40s %8zu bytes  %10.2f us  %s\n", what, data.size(),
              took.count() / static_cast<double>(rounds), said.c_str());
}

}  // namespace
}  // namespace skyhook::schema

int main(int argc, char** argv) {
  using namespace skyhook::schema;
  const long rounds = argc > 1 ? std::atol(argv[1]) : 100'000;
  const long few = rounds / 1000 + 1;
  measure("reading alone", "true", skyhook::bench::contact(), rounds);
  measure("fourteen rules", kContact, skyhook::bench::contact(), rounds);
  measure("the largest event, each item a type",
          R"({"properties":{"list":{"items":{"type":"integer"}}}})", numbers(255 * 1024), few);
  measure("the largest event, items unique", R"({"properties":{"list":{"uniqueItems":true}}})",
          numbers(255 * 1024), few);
  measure("the largest event, a bad pattern", R"({"properties":{"s":{"pattern":"^(a+)+$"}}})",
          R"({"s":")" + std::string(255 * 1024, 'a') + "!\"}", few);
  measure(
      "as many steps as there may be",
      R"({"properties":{"list":{"items":{"anyOf":[{"minimum":1e9},{"minimum":2e9},{"minimum":3e9},
             {"minimum":4e9},{"minimum":5e9},{"minimum":6e9},{"minimum":7e9},{"minimum":0}]}}}})",
      numbers(255 * 1024), few);
  return 0;
}
