// A schema in the form in which data is held against it: one `Rules` a subschema, which name each
// other by place, so that a schema may refer to itself.
#pragma once

#include <re2/re2.h>

#include <cstddef>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace skyhook::schema {

using RulesId = std::size_t;
inline constexpr RulesId kNoRules = std::numeric_limits<std::size_t>::max();
inline constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

enum Type : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,  // a number that is no integer
  kString = 16,
  kArray = 32,
  kObject = 64,
  kNumber = kInteger | kFraction,
  kAnyType = 127,
};

// Exact for every 64-bit integer and every double.
struct Bound {
  long double value = 0;
  std::string text;
};

struct Pattern {
  std::shared_ptr<const re2::RE2> expression;
  std::string shown;  // for messages: the pattern, or the name of a format
};

struct Rules {
  bool refuses_all = false;  // the schema `false`
  unsigned types = kAnyType;
  std::optional<std::set<std::string>> allowed;  // `enum`, in canonical text
  std::optional<std::string> constant;           // `const`, likewise

  std::optional<Bound> minimum, maximum, above, below, multiple_of;

  std::size_t min_length = 0, max_length = kUnlimited;
  std::vector<Pattern> patterns;  // `pattern` and `format`

  std::vector<RulesId> prefix_items;
  RulesId items = kNoRules;  // of those after the prefix
  RulesId contains = kNoRules;
  std::size_t min_contains = 1, max_contains = kUnlimited;
  std::size_t min_items = 0, max_items = kUnlimited;
  bool unique_items = false;

  std::map<std::string, RulesId, std::less<>> properties;
  std::vector<std::pair<Pattern, RulesId>> pattern_properties;
  RulesId additional_properties = kNoRules;
  RulesId property_names = kNoRules;
  std::vector<std::string> required;
  std::size_t min_properties = 0, max_properties = kUnlimited;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, RulesId>> dependent_schemas;

  // Held against the same value.
  RulesId reference = kNoRules;
  std::vector<RulesId> all_of, any_of, one_of;
  RulesId negated = kNoRules;
  RulesId condition = kNoRules, consequence = kNoRules, alternative = kNoRules;
};

struct Compiled {
  std::deque<Rules> rules;  // the first is the whole schema
};

}  // namespace skyhook::schema
