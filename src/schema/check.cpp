#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <limits>

#include "base/json_reader.h"
#include "base/utf8.h"
#include "schema/rules.h"
#include "schema/schema.h"
#include "schema/values.h"

namespace skyhook::schema {

namespace json = boost::json;

namespace {

constexpr std::size_t kShownBytes = 200;  // of a pointer, and of a name or pattern, in a message
constexpr std::size_t kCanonicalPerStep = 8;  // bytes written for a comparison that cost one step
constexpr std::size_t kPatternPerStep = 256;  // instructions × bytes of a pattern, likewise
constexpr std::size_t kNamesPerStep = 16;     // names that are looked for in an object, likewise

unsigned type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kNull;
    case json::kind::bool_:
      return kBoolean;
    case json::kind::string:
      return kString;
    case json::kind::array:
      return kArray;
    case json::kind::object:
      return kObject;
    default:
      return is_integer(value) ? kInteger : kFraction;
  }
}

std::string names_of(unsigned types) {
  constexpr std::pair<unsigned, const char*> kNames[] = {
      {kObject, "an object"}, {kArray, "an array"},     {kString, "a string"},
      {kNumber, "a number"},  {kInteger, "an integer"}, {kBoolean, "true or false"},
      {kNull, "null"}};
  std::string text;
  for (const auto& [type, name] : kNames) {
    if ((types & type) != type) continue;
    types &= ~type;
    text += (text.empty() ? "" : " or ") + std::string(name);
  }
  return text.empty() ? "nothing" : text;
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Cut at a character, where it is long.
std::string shortened(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_character_length(text.substr(end)));
    if (end + length > kShownBytes) return std::string(text.substr(0, end)) + "…";
    end += length;
  }
  return std::string(text);
}

// Where in the data a check stands; on the stack, from the whole down.
struct Place {
  const Place* parent = nullptr;
  std::string_view name;  // of a member
  std::size_t index = 0;  // of an item
  bool is_item = false;
};

std::string pointer_to(const Place& place) {
  if (place.parent == nullptr) return {};
  std::string pointer = pointer_to(*place.parent) + "/";
  if (place.is_item) return pointer + std::to_string(place.index);
  for (const char c : place.name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

class Check {
 public:
  explicit Check(const Compiled& compiled) : rules_(compiled.rules) {}

  std::optional<std::string> run(const json::value& data) {
    const bool is_good = fits(0, data, {});
    if (steps_ > kCheckStepsLimit) return "takes too many steps to check";
    if (is_too_deep_) return "is nested too deeply to check";
    if (is_good) return std::nullopt;
    return fault_;
  }

 private:
  bool is_over() const { return steps_ > kCheckStepsLimit || is_too_deep_; }

  // The first fault is the one that is told. Nothing is written of faults that do not count, such
  // as one of a schema of `anyOf`.
  template <class... Parts>
  bool refuse(const Place& place, const Parts&... parts) {
    if (quiet_ == 0 && fault_.empty()) {
      fault_ = "\"" + shortened(pointer_to(place)) + "\" ";
      ((fault_ += parts), ...);
    }
    return false;
  }

  bool fits_quietly(RulesId id, const json::value& value, const Place& place) {
    ++quiet_;
    const bool is_good = fits(id, value, place);
    --quiet_;
    return is_good;
  }

  bool fits(RulesId id, const json::value& value, const Place& place) {
    ++steps_;
    if (depth_ >= kCheckDepthLimit) is_too_deep_ = true;
    if (is_over()) return false;
    ++depth_;
    const bool is_good = fits_rules(rules_[id], value, place);
    --depth_;
    return is_good;
  }

  bool fits_rules(const Rules& rules, const json::value& value, const Place& place) {
    if (rules.refuses_all) return refuse(place, "is not allowed");
    const unsigned type = type_of(value);
    if ((type & rules.types) == 0) return refuse(place, "must be ", names_of(rules.types));
    if ((rules.allowed || rules.constant) && !fits_values(rules, value, place)) return false;
    switch (type) {
      case kString:
        if (!fits_text(rules, value.get_string(), place)) return false;
        break;
      case kArray:
        if (!fits_array(rules, value.get_array(), place)) return false;
        break;
      case kObject:
        if (!fits_object(rules, value.get_object(), place)) return false;
        break;
      case kInteger:
      case kFraction:
        if (!fits_number(rules, value, place)) return false;
        break;
      default:
        break;
    }
    return fits_combined(rules, value, place);
  }

  std::string canonical(const json::value& value) {
    std::string text;
    append_canonical(text, value);
    steps_ += text.size() / kCanonicalPerStep;
    return text;
  }

  bool fits_values(const Rules& rules, const json::value& value, const Place& place) {
    const std::string text = canonical(value);
    if (rules.constant && text != *rules.constant) {
      return refuse(place, "must be ", shortened(*rules.constant));
    }
    if (rules.allowed && !rules.allowed->contains(text)) {
      return refuse(place, "is none of the values that the schema lists");
    }
    return true;
  }

  bool fits_number(const Rules& rules, const json::value& value, const Place& place) {
    const long double number = number_of(value);
    if (rules.minimum && number < rules.minimum->value) {
      return refuse(place, "must be at least ", rules.minimum->text);
    }
    if (rules.maximum && number > rules.maximum->value) {
      return refuse(place, "must be at most ", rules.maximum->text);
    }
    if (rules.above && number <= rules.above->value) {
      return refuse(place, "must be above ", rules.above->text);
    }
    if (rules.below && number >= rules.below->value) {
      return refuse(place, "must be below ", rules.below->text);
    }
    if (rules.multiple_of && !is_multiple(number, rules.multiple_of->value)) {
      return refuse(place, "must be a multiple of ", rules.multiple_of->text);
    }
    return true;
  }

  // Integers are judged exactly. Of fractions, 0.3 is a multiple of 0.1, although neither is what
  // its double says: each of both, and so the quotient, may be off by so much of itself.
  static bool is_multiple(long double number, long double factor) {
    constexpr long double kRounding = 2.0L * std::numeric_limits<double>::epsilon();
    if (std::floor(number) == number && std::floor(factor) == factor) {
      return std::fmod(number, factor) == 0;
    }
    const long double quotient = number / factor;
    if (!std::isfinite(quotient)) return false;
    return std::fabs(quotient - std::round(quotient)) <= kRounding * std::fabs(quotient);
  }

  bool matches(const Pattern& pattern, std::string_view text) {
    const auto instructions = static_cast<std::size_t>(pattern.expression->ProgramSize());
    steps_ += 1 + instructions * text.size() / kPatternPerStep;
    return !is_over() && re2::RE2::PartialMatch({text.data(), text.size()}, *pattern.expression);
  }

  bool fits_text(const Rules& rules, const json::string& string, const Place& place) {
    const std::string_view text(string.data(), string.size());
    if (rules.min_length > 0 || rules.max_length != kUnlimited) {
      const std::size_t length = characters_of(text);
      if (length < rules.min_length) {
        return refuse(place, "must have at least ", std::to_string(rules.min_length),
                      " characters");
      }
      if (length > rules.max_length) {
        return refuse(place, "must have at most ", std::to_string(rules.max_length), " characters");
      }
    }
    for (const Pattern& pattern : rules.patterns) {
      if (!matches(pattern, text)) return refuse(place, "must match ", shortened(pattern.shown));
    }
    return true;
  }

  bool fits_array(const Rules& rules, const json::array& array, const Place& place) {
    if (array.size() < rules.min_items) {
      return refuse(place, "must have at least ", std::to_string(rules.min_items), " items");
    }
    if (array.size() > rules.max_items) {
      return refuse(place, "must have at most ", std::to_string(rules.max_items), " items");
    }
    for (std::size_t i = 0; i < array.size(); ++i) {
      const RulesId id = i < rules.prefix_items.size() ? rules.prefix_items[i] : rules.items;
      if (id == kNoRules) break;
      if (!fits(id, array[i], {&place, {}, i, true})) return false;
    }
    if (rules.contains != kNoRules && !fits_contains(rules, array, place)) return false;
    return !rules.unique_items || fits_unique(array, place);
  }

  bool fits_contains(const Rules& rules, const json::array& array, const Place& place) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (fits_quietly(rules.contains, array[i], {&place, {}, i, true})) ++found;
    }
    if (found < rules.min_contains) {
      return refuse(place, "must have at least ", std::to_string(rules.min_contains),
                    " items as `contains` says");
    }
    if (found > rules.max_contains) {
      return refuse(place, "must have at most ", std::to_string(rules.max_contains),
                    " items as `contains` says");
    }
    return true;
  }

  bool fits_unique(const json::array& array, const Place& place) {
    std::vector<std::string> texts;
    texts.reserve(array.size());
    for (const json::value& item : array) {
      if (is_over()) return false;
      texts.push_back(canonical(item));
      ++steps_;
    }
    std::ranges::sort(texts);
    if (std::ranges::adjacent_find(texts) == texts.end()) return true;
    return refuse(place, "must not have the same item twice");
  }

  bool fits_object(const Rules& rules, const json::object& object, const Place& place) {
    if (object.size() < rules.min_properties) {
      return refuse(place, "must have at least ", std::to_string(rules.min_properties),
                    " properties");
    }
    if (object.size() > rules.max_properties) {
      return refuse(place, "must have at most ", std::to_string(rules.max_properties),
                    " properties");
    }
    steps_ += (rules.required.size() + rules.dependent_required.size()) / kNamesPerStep;
    for (const std::string& name : rules.required) {
      if (!object.contains(name)) return refuse(place, "must have the property ", shortened(name));
    }
    for (const auto& [name, others] : rules.dependent_required) {
      if (!object.contains(name)) continue;
      for (const std::string& other : others) {
        if (!object.contains(other)) {
          return refuse(place, "must have the property ", shortened(other), " beside ",
                        shortened(name));
        }
      }
    }
    for (const auto& [name, value] : object) {
      if (!fits_member(rules, name, value, {&place, name})) return false;
    }
    return true;
  }

  bool fits_member(const Rules& rules, std::string_view name, const json::value& value,
                   const Place& place) {
    ++steps_;
    if (rules.property_names != kNoRules &&
        !fits_quietly(rules.property_names, json::value(json::string(name)), place)) {
      return refuse(place, "has a name that is not allowed");
    }
    bool is_known = false;
    if (const auto known = rules.properties.find(name); known != rules.properties.end()) {
      is_known = true;
      if (!fits(known->second, value, place)) return false;
    }
    for (const auto& [pattern, id] : rules.pattern_properties) {
      if (!matches(pattern, name)) continue;
      is_known = true;
      if (!fits(id, value, place)) return false;
    }
    return is_known || rules.additional_properties == kNoRules ||
           fits(rules.additional_properties, value, place);
  }

  // What is held against the same value.
  bool fits_combined(const Rules& rules, const json::value& value, const Place& place) {
    if (rules.reference != kNoRules && !fits(rules.reference, value, place)) return false;
    for (const RulesId id : rules.all_of) {
      if (!fits(id, value, place)) return false;
    }
    const auto is_fitting = [&](RulesId id) { return fits_quietly(id, value, place); };
    if (!rules.any_of.empty() && std::ranges::none_of(rules.any_of, is_fitting)) {
      return refuse(place, "fits none of the schemas of anyOf");
    }
    if (!rules.one_of.empty()) {
      const auto count = std::ranges::count_if(rules.one_of, is_fitting);
      if (count == 0) return refuse(place, "fits none of the schemas of oneOf");
      if (count > 1) return refuse(place, "fits more than one of the schemas of oneOf");
    }
    if (rules.negated != kNoRules && is_fitting(rules.negated)) {
      return refuse(place, "must not fit the schema of not");
    }
    if (rules.condition != kNoRules) {
      const RulesId then = is_fitting(rules.condition) ? rules.consequence : rules.alternative;
      if (then != kNoRules && !fits(then, value, place)) return false;
    }
    for (const auto& [name, id] : rules.dependent_schemas) {
      if (value.is_object() && value.get_object().contains(name) && !fits(id, value, place))
        return false;
    }
    return true;
  }

  const std::deque<Rules>& rules_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::size_t quiet_ = 0;  // within what decides but is not told
  bool is_too_deep_ = false;
  std::string fault_;
};

}  // namespace

std::optional<std::string> Schema::check(std::string_view data) const {
  unsigned char first[4096];
  json::monotonic_resource memory(first, sizeof first);
  const auto value = read_json(data, kSchemaDepthLimit, &memory);
  if (!value) return "cannot be read as JSON";
  return Check(*compiled_).run(*value);
}

}  // namespace skyhook::schema
