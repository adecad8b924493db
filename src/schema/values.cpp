#include "schema/values.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <vector>

namespace skyhook::schema {

namespace json = boost::json;

namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

void append_double(std::string& out, double number) {
  if (std::fabs(number) <= kExactIntegers && number == std::floor(number)) {
    out += std::to_string(static_cast<std::int64_t>(number));
    return;
  }
  std::array<char, 32> text{};  // the shortest that is read back as this number
  const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

void append_object(std::string& out, const json::object& object) {
  std::vector<const json::key_value_pair*> members;
  members.reserve(object.size());
  for (const json::key_value_pair& member : object) members.push_back(&member);
  std::ranges::sort(members, [](const auto* a, const auto* b) { return a->key() < b->key(); });
  out += '{';
  for (const json::key_value_pair* member : members) {
    out += json::serialize(member->key());
    out += ':';
    append_canonical(out, member->value());
    out += ',';
  }
  out += '}';
}

}  // namespace

bool is_integer(const json::value& value) {
  if (value.is_int64() || value.is_uint64()) return true;
  if (!value.is_double()) return false;
  const double number = value.get_double();
  return std::isfinite(number) && number == std::floor(number);
}

long double number_of(const json::value& value) {
  if (value.is_int64()) return static_cast<long double>(value.get_int64());
  if (value.is_uint64()) return static_cast<long double>(value.get_uint64());
  return value.get_double();
}

void append_canonical(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      break;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case json::kind::int64:
      out += std::to_string(value.get_int64());
      break;
    case json::kind::uint64:
      out += std::to_string(value.get_uint64());
      break;
    case json::kind::double_:
      append_double(out, value.get_double());
      break;
    case json::kind::string:
      out += json::serialize(value.get_string());
      break;
    case json::kind::array:
      out += '[';
      for (const json::value& item : value.get_array()) {
        append_canonical(out, item);
        out += ',';
      }
      out += ']';
      break;
    case json::kind::object:
      append_object(out, value.get_object());
      break;
  }
}

}  // namespace skyhook::schema
