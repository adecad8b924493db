#include "filter/filter.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace skyhook::filter {

namespace ondemand = simdjson::ondemand;

namespace {

// A number of a filter or of data: wide enough for every integer of 64 bits, so that ids keep every
// digit, and for every double.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64);

using Scalar = std::variant<std::nullptr_t, bool, Number, std::string>;

// What a value that is no object has to be. A value that is not there passes where nothing but
// its absence, or what it is not, is asked for.
struct Test {
  std::vector<Scalar> any_of;   // empty: anything
  std::vector<Scalar> none_of;  // `$not`
  std::optional<Number> above, at_least, below, at_most;
  std::optional<bool> exists;

  bool asks_for_a_value() const { return !any_of.empty() || above || at_least || below || at_most; }
  bool passes_absence() const { return exists ? !*exists : !asks_for_a_value(); }
};

}  // namespace

struct Field;

// The members of one object of the filter, in order of name.
struct Fields {
  std::vector<Field> list;  // at most kFilterValuesLimit, so that a bit each fits 64
  std::uint64_t pass_absent = 0;

  const Field* find(std::string_view name) const;
};

struct Field {
  std::string name;
  std::variant<Test, Fields> wanted;
};

static_assert(kFilterValuesLimit <= 64);

const Field* Fields::find(std::string_view name) const {
  const auto name_of = [](const Field& field) -> std::string_view { return field.name; };
  const auto found = std::ranges::lower_bound(list, name, {}, name_of);
  return found != list.end() && found->name == name ? &*found : nullptr;
}

// --- from JSON -----------------------------------------------------------------------------------

namespace {

namespace dom = simdjson::dom;

class Compiler {
 public:
  Result<Fields, std::string> compile(const dom::object& object) {
    Fields fields = read_fields(object, 1);
    if (!fault_.empty()) return Err{fault_};
    return fields;
  }

 private:
  Fields read_fields(const dom::object& object, std::size_t depth) {
    Fields fields;
    if (depth > kFilterDepthLimit) {
      refuse("must not be nested deeper than " + std::to_string(kFilterDepthLimit) + " objects.");
      return fields;
    }
    for (const auto& [name, value] : object) {
      count();
      if (name.starts_with('$')) refuse("must not have operators beside names.");
      if (!fault_.empty()) return fields;
      // The last of several members of a name counts, here as in data.
      std::erase_if(fields.list, [name = name](const Field& field) { return field.name == name; });
      fields.list.push_back({std::string(name), read_wanted(value, depth)});
    }
    std::ranges::sort(fields.list, {}, &Field::name);
    for (std::size_t i = 0; i < fields.list.size(); ++i) {
      const Test* test = std::get_if<Test>(&fields.list[i].wanted);
      if (test != nullptr && test->passes_absence()) fields.pass_absent |= std::uint64_t{1} << i;
    }
    return fields;
  }

  std::variant<Test, Fields> read_wanted(const dom::element& value, std::size_t depth) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
      Test test;
      test.any_of = read_scalars(value);
      return test;
    }
    if (object.size() > 0 && object.begin().key().starts_with('$')) return read_operators(object);
    return read_fields(object, depth + 1);
  }

  Test read_operators(const dom::object& object) {
    Test test;
    for (const auto& [name, value] : object) {
      if (name == "$not") {
        test.none_of = read_scalars(value);
      } else if (name == "$exists") {
        test.exists = read_truth(value);
      } else if (name == "$gt") {
        test.above = read_bound(value);
      } else if (name == "$gte") {
        test.at_least = read_bound(value);
      } else if (name == "$lt") {
        test.below = read_bound(value);
      } else if (name == "$lte") {
        test.at_most = read_bound(value);
      } else {
        refuse("must have only the operators $not, $exists, $gt, $gte, $lt and $lte.");
      }
    }
    return test;
  }

  // One scalar, or a list of them.
  std::vector<Scalar> read_scalars(const dom::element& value) {
    dom::array items;
    if (value.get(items) != simdjson::SUCCESS) return {read_scalar(value)};
    if (items.size() == 0) refuse("must not have an empty list.");
    std::vector<Scalar> scalars;
    for (const dom::element item : items) {
      if (!fault_.empty()) break;
      scalars.push_back(read_scalar(item));
    }
    return scalars;
  }

  Scalar read_scalar(const dom::element& value) {
    count();
    if (value.is_null()) return nullptr;
    if (value.is_bool()) return bool{value};
    if (value.is_string()) return std::string(std::string_view{value});
    if (const auto number = number_of(value)) return *number;
    refuse("must have texts, numbers, true, false or null in its lists and behind $not.");
    return nullptr;
  }

  bool read_truth(const dom::element& value) {
    count();
    if (!value.is_bool()) refuse("must have true or false for $exists.");
    return value.is_bool() && bool{value};
  }

  std::optional<Number> read_bound(const dom::element& value) {
    count();
    const auto number = number_of(value);
    if (!number) refuse("must have a number for $gt, $gte, $lt and $lte.");
    return number;
  }

  static std::optional<Number> number_of(const dom::element& value) {
    if (value.is_int64()) return static_cast<Number>(std::int64_t{value});
    if (value.is_uint64()) return static_cast<Number>(std::uint64_t{value});
    if (value.is_double()) return Number{double{value}};
    return std::nullopt;
  }

  void count() {
    if (++values_ > kFilterValuesLimit) {
      refuse("must not have more than " + std::to_string(kFilterValuesLimit) +
             " names and values.");
    }
  }
  void refuse(std::string reason) {
    if (fault_.empty()) fault_ = std::move(reason);
  }

  std::size_t values_ = 0;
  std::string fault_;
};

}  // namespace

Result<Filter, std::string> Filter::compile(std::string_view text) {
  if (text.size() > kFilterBytesLimit) {
    return Err{"must not be greater than " + std::to_string(kFilterBytesLimit) + " bytes."};
  }
  dom::parser parser;
  dom::object object;
  const auto fault = parser.parse(text.data(), text.size()).get(object);
  if (fault == simdjson::NUMBER_ERROR)
    return Err{std::string("must have numbers of 64 bits only.")};
  if (fault != simdjson::SUCCESS) return Err{std::string("must be an object.")};
  auto fields = Compiler().compile(object);
  if (!fields) return Err{fields.error()};
  return Filter(std::make_shared<const Fields>(std::move(*fields)));
}

// --- against data --------------------------------------------------------------------------------

namespace {

using simdjson::SUCCESS;

// By strtod, since simdjson 3.0 reads 0.9999999999999999999999990 as 1.6e-07 (get_number() as 0),
// and no exponent of twenty digits. What is beyond every double is infinite.
Number read_number(ondemand::value& value) {
  std::int64_t whole = 0;
  if (value.get_int64().get(whole) == SUCCESS) return static_cast<Number>(whole);
  std::uint64_t large = 0;
  if (value.get_uint64().get(large) == SUCCESS) return static_cast<Number>(large);
  // Something of the object always follows the digits, and ends them.
  return std::strtod(value.raw_json_token().data(), nullptr);
}

// A scalar of the data; texts are not copied.
using Seen = std::variant<std::monostate, std::nullptr_t, bool, Number, std::string_view>;

Seen read_scalar(ondemand::value& value, ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::string: {
      std::string_view text;
      if (value.get_string().get(text) == SUCCESS) return text;
      return {};
    }
    case ondemand::json_type::number:
      return read_number(value);
    case ondemand::json_type::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth) == SUCCESS) return truth;
      return {};
    }
    case ondemand::json_type::null:
      return nullptr;
    default:
      return {};
  }
}

bool equal(const Scalar& wanted, const Seen& seen) {
  if (const auto* text = std::get_if<std::string>(&wanted)) {
    const auto* is = std::get_if<std::string_view>(&seen);
    return is != nullptr && *is == *text;
  }
  if (const auto* number = std::get_if<Number>(&wanted)) {
    const auto* is = std::get_if<Number>(&seen);
    return is != nullptr && *is == *number;
  }
  if (const auto* truth = std::get_if<bool>(&wanted)) {
    const auto* is = std::get_if<bool>(&seen);
    return is != nullptr && *is == *truth;
  }
  return std::holds_alternative<std::nullptr_t>(seen);
}

bool is_among(const Seen& seen, const std::vector<Scalar>& scalars) {
  return std::ranges::any_of(scalars, [&](const Scalar& one) { return equal(one, seen); });
}

bool is_within(const Seen& seen, const Test& test) {
  if (!test.above && !test.at_least && !test.below && !test.at_most) return true;
  const auto* number = std::get_if<Number>(&seen);
  return number != nullptr && (!test.above || *number > *test.above) &&
         (!test.at_least || *number >= *test.at_least) && (!test.below || *number < *test.below) &&
         (!test.at_most || *number <= *test.at_most);
}

// What one value, or one item of an array, says to a test.
struct Answer {
  bool is_wanted = false;
  bool is_unwanted = false;  // by `$not`
};

Answer ask(const Test& test, const Seen& seen) {
  return {
      .is_wanted = (test.any_of.empty() || is_among(seen, test.any_of)) && is_within(seen, test),
      .is_unwanted = is_among(seen, test.none_of)};
}

bool passes(const Test& test, const Answer& answer) {
  return test.exists.value_or(true) && !answer.is_unwanted &&
         (answer.is_wanted || !test.asks_for_a_value());
}

bool match_object(const Fields& fields, ondemand::object object);

bool match_test(const Test& test, ondemand::value value, ondemand::json_type type) {
  if (type != ondemand::json_type::array) return passes(test, ask(test, read_scalar(value, type)));
  ondemand::array items;
  if (value.get_array().get(items) != SUCCESS) return false;
  Answer whole;
  for (auto item : items) {
    ondemand::value one;
    ondemand::json_type item_type{};
    if (item.get(one) != SUCCESS || one.type().get(item_type) != SUCCESS) return false;
    const Answer answer = ask(test, read_scalar(one, item_type));
    whole.is_wanted |= answer.is_wanted;
    whole.is_unwanted |= answer.is_unwanted;
  }
  return passes(test, whole);
}

bool match_fields(const Fields& fields, ondemand::value value, ondemand::json_type type) {
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    return value.get_object().get(object) == SUCCESS && match_object(fields, object);
  }
  if (type != ondemand::json_type::array) return false;
  ondemand::array items;
  if (value.get_array().get(items) != SUCCESS) return false;
  for (auto item : items) {
    ondemand::object object;
    // A match leaves the rest of the array unread: whoever reads on skips it.
    if (item.get_object().get(object) == SUCCESS && match_object(fields, object)) return true;
  }
  return false;
}

bool match_value(const Field& field, ondemand::value value) {
  ondemand::json_type type{};
  if (value.type().get(type) != SUCCESS) return false;
  if (const auto* test = std::get_if<Test>(&field.wanted)) return match_test(*test, value, type);
  return match_fields(std::get<Fields>(field.wanted), value, type);
}

// Reads to the object's end in any case: of several members of one name the last one counts.
bool match_object(const Fields& fields, ondemand::object object) {
  std::uint64_t held = fields.pass_absent;
  for (auto member : object) {
    std::string_view name;
    if (member.unescaped_key().get(name) != SUCCESS) return false;
    const Field* field = fields.find(name);
    if (field == nullptr) continue;
    ondemand::value value;
    if (member.value().get(value) != SUCCESS) return false;
    const std::uint64_t bit = std::uint64_t{1} << (field - fields.list.data());
    held = match_value(*field, value) ? held | bit : held & ~bit;
  }
  return held == (std::uint64_t{1} << fields.list.size()) - 1;
}

}  // namespace

struct Payload::Parser {
  ondemand::parser parser;
  std::string data;  // with the room behind it that the parser reads over
  ondemand::document document;
};

Payload::Parser& Payload::parser_of_thread() {
  thread_local Parser parser;
  return parser;
}

Payload::Payload(std::string_view data) : parser_(parser_of_thread()) {
  parser_.data.reserve(data.size() + simdjson::SIMDJSON_PADDING);
  parser_.data.assign(data);
  const simdjson::padded_string_view padded(parser_.data.data(), parser_.data.size(),
                                            parser_.data.capacity());
  readable_ = parser_.parser.iterate(padded).get(parser_.document) == SUCCESS;
}

bool Payload::matches(const Filter& filter) {
  // What turned out not to be JSON cannot be read again.
  if (!readable_ || !parser_.document.is_alive()) return false;
  parser_.document.rewind();
  ondemand::object object;
  return parser_.document.get_object().get(object) == SUCCESS &&
         match_object(*filter.fields_, object);
}

}  // namespace skyhook::filter
