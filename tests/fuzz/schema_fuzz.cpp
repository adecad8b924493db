// JSON Schemas: a line with the schema, then the data. Whatever both are, a check ends, says the
// same twice, and agrees with itself where a schema is wrapped without being changed.
#include <ctime>
#include <string>

#include "fuzz.h"
#include "schema/schema.h"

namespace skyhook::fuzz {
namespace {

constexpr double kLongestS = 5;  // with the sanitizers; some tenths without

// What this thread has taken, in seconds: the machine may be held up.
double cpu_time_s() {
  timespec taken{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &taken);
  return static_cast<double>(taken.tv_sec) + static_cast<double>(taken.tv_nsec) / 1e9;
}

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
  const double started_s = cpu_time_s();
  const auto fault = schema->check(payload);
  require(cpu_time_s() - started_s < kLongestS, "a check ends");
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
