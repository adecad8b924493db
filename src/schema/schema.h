// JSON Schemas that the data of events is held against (docs/event-catalogue.md has the keywords).
// Compiled once; what it cannot judge is refused then, so that nothing in a schema is ignored.
//
// The schema is the operator's own, the data is foreign: whatever the data, a check ends after
// kCheckStepsLimit steps, and patterns run in time linear to the text (RE2).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skyhook::schema {

inline constexpr std::size_t kSchemaBytesLimit = 64 * 1024;
inline constexpr std::size_t kSchemaDepthLimit = 64;    // of the schema's own JSON, and of data
inline constexpr std::size_t kSubschemasLimit = 2'000;  // of one schema, itself among them
inline constexpr std::size_t kPatternMemoryBytes = 256 * 1024;  // of one compiled pattern
inline constexpr std::size_t kCheckStepsLimit = 500'000;        // of one check
inline constexpr std::size_t kCheckDepthLimit = 512;  // subschemas within each other in a check

struct Compiled;  // rules.h

// Constant after construction; any thread. Cheap to copy.
class Schema {
 public:
  // An error says where in the schema: `"/properties/id/type": 'integr' is no type`.
  static Result<Schema, std::string> compile(std::string_view json);

  // What is wrong with the data first, by JSON Pointer (RFC 6901): `"/customer/id" must be an
  // integer`. nullopt: nothing. `data`: any JSON text; what is none does not fit.
  std::optional<std::string> check(std::string_view data) const;

 private:
  explicit Schema(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace skyhook::schema
