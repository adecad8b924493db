// JSON Schemas: a line with the schema, then the data. Whatever both are, a check ends, says the
// same twice, and agrees with itself where a schema is wrapped without being changed.
#include <chrono>
#include <string>

#include "fuzz.h"
#include "schema/schema.h"

namespace skyhook::fuzz {
namespace {

constexpr std::chrono::seconds kLongest{5};  // with the sanitizers; some tenths without

bool fits(const schema::Schema& schema, const std::string& data) {
  return !schema.check(data).has_value();
}

bool is_over(const std::optional<std::string>& fault) {
  return fault && (fault->find("too many steps") != std::string::npos ||
                   fault->find("too deeply") != std::string::npos);
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const auto [schema_text, payload] = first_line_and_rest(data, size);
  const auto schema = schema::Schema::compile(schema_text);
  if (!schema) {
    require(!schema.error().empty(), "a refused schema says why");
    return 0;
  }
  const auto started = std::chrono::steady_clock::now();
  const auto fault = schema->check(payload);
  require(std::chrono::steady_clock::now() - started < kLongest, "a check ends");
  require(schema->check(payload) == fault, "a second look says the same");
  require(!fault || !fault->empty(), "a fault says what it is");
  if (is_over(fault) || (fault && *fault == "cannot be read as JSON")) return 0;

  // A `$ref` means the schema as a whole: a wrapper would move it.
  if (schema_text.find("$ref") != std::string::npos ||
      schema_text.find("$id") != std::string::npos) {
    return 0;
  }
  const auto negated = schema::Schema::compile("{\"not\":" + schema_text + "}");
  const auto both = schema::Schema::compile("{\"allOf\":[" + schema_text + ",true]}");
  if (!negated || !both) return 0;  // deeper or larger than a schema may be
  if (is_over(negated->check(payload)) || is_over(both->check(payload))) return 0;
  require(fits(*negated, payload) == fault.has_value(), "what does not fit, fits its opposite");
  require(both->check(payload) == fault, "allOf with true changes nothing");
  return 0;
}
