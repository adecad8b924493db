// Filters: a line with the filter, then the data. What the one-pass matcher on raw bytes says is
// what a plain one says that has all of both in memory.
#include <simdjson.h>

#include <string>
#include <vector>

#include "filter/filter.h"
#include "fuzz.h"

namespace skyhook::fuzz {
namespace {

namespace dom = simdjson::dom;

bool is_operators(const dom::object& object) {
  return object.size() > 0 && object.begin().key().starts_with('$');
}

// Holds every integer of 64 bits and every double.
long double number_of(const dom::element& value) {
  if (value.is_int64()) return static_cast<long double>(std::int64_t{value});
  if (value.is_uint64()) return static_cast<long double>(std::uint64_t{value});
  return double{value};
}

bool equal(const dom::element& a, const dom::element& b) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.is_string() && b.is_string()) return std::string_view{a} == std::string_view{b};
  if (a.is_bool() && b.is_bool()) return bool{a} == bool{b};
  return a.is_null() && b.is_null();
}

int compare(const dom::element& a, const dom::element& b) {  // of numbers
  const long double difference = number_of(a) - number_of(b);
  return difference < 0 ? -1 : difference > 0;
}

std::vector<dom::element> items_of(const dom::element& value) {
  if (!value.is_array()) return {value};
  std::vector<dom::element> items;
  for (const dom::element item : dom::array{value}) items.push_back(item);
  return items;
}

// The last member of that name.
const dom::element* find(const dom::object& object, std::string_view name, dom::element& place) {
  bool found = false;
  for (const auto& [key, value] : object) {
    if (key != name) continue;
    place = value;
    found = true;
  }
  return found ? &place : nullptr;
}

bool any_equal(const dom::element& wanted, const dom::element& item) {
  for (const dom::element& one : items_of(wanted)) {
    if (equal(one, item)) return true;
  }
  return false;
}

bool within(const dom::object& operators, const dom::element& item) {
  dom::element bound;
  const auto holds = [&](const char* name, auto judge) {
    if (find(operators, name, bound) == nullptr) return true;
    return item.is_number() && judge(compare(item, bound));
  };
  return holds("$gt", [](int c) { return c > 0; }) && holds("$gte", [](int c) { return c >= 0; }) &&
         holds("$lt", [](int c) { return c < 0; }) && holds("$lte", [](int c) { return c <= 0; });
}

bool match_operators(const dom::object& operators, const dom::element* value) {
  dom::element place;
  const auto has = [&](const char* name) { return find(operators, name, place) != nullptr; };
  if (has("$exists") && bool{place} != (value != nullptr)) return false;
  const bool bounded = has("$gt") || has("$gte") || has("$lt") || has("$lte");
  if (value == nullptr) return has("$exists") || !bounded;
  bool wanted = !bounded;
  for (const dom::element& item : items_of(*value)) {
    if (has("$not") && any_equal(place, item)) return false;
    wanted = wanted || within(operators, item);
  }
  return wanted;
}

bool match_members(const dom::object& filter, const dom::object& data);

bool match_value(const dom::element& wanted, const dom::element* value) {
  dom::object object;
  if (wanted.get(object) == simdjson::SUCCESS) {
    if (is_operators(object)) return match_operators(object, value);
    if (value == nullptr) return false;
    for (const dom::element& item : items_of(*value)) {
      dom::object inner;
      if (item.get(inner) == simdjson::SUCCESS && match_members(object, inner)) return true;
    }
    return false;
  }
  if (value == nullptr) return false;
  for (const dom::element& item : items_of(*value)) {
    if (any_equal(wanted, item)) return true;
  }
  return false;
}

bool match_members(const dom::object& filter, const dom::object& data) {
  for (const auto& [name, ignored] : filter) {
    dom::element wanted, place;
    (void)find(filter, name, wanted);
    if (!match_value(wanted, find(data, name, place))) return false;
  }
  return true;
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const auto [filter_text, payload_text] = first_line_and_rest(data, size);
  const auto filter = filter::Filter::compile(filter_text);
  filter::Payload payload(payload_text);
  if (!filter) return 0;
  const bool matches = payload.matches(*filter);
  require(payload.matches(*filter) == matches, "a second look sees the same");

  simdjson::dom::parser filter_parser, data_parser;
  simdjson::dom::object wanted, object;
  require(filter_parser.parse(filter_text).get(wanted) == simdjson::SUCCESS, "a filter is JSON");
  // What is not valid JSON never gets here: intake has judged it.
  if (data_parser.parse(payload_text).get(object) != simdjson::SUCCESS) return 0;
  require(matches == match_members(wanted, object), "both matchers agree");
  return 0;
}
