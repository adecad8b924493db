#include "base/json_reader.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <string>
#include <utility>

namespace skyhook {

namespace json = boost::json;

namespace {

using Fault = boost::system::error_code;

// Makes values of what Boost.JSON's parser finds, as its own builder does, but for doubles: those
// that the parser computes are often off by a bit where there are 16 digits or more, and for 0e999
// no number at all. Here they are read from their digits.
struct Builder {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  explicit Builder(json::storage_ptr storage) : storage(std::move(storage)) {}

  bool on_document_begin(Fault&) {
    values.reset(storage);
    return true;
  }
  bool on_document_end(Fault&) { return true; }
  bool on_object_begin(Fault&) { return true; }
  bool on_object_end(std::size_t members, Fault&) {
    values.push_object(members);
    return true;
  }
  bool on_array_begin(Fault&) { return true; }
  bool on_array_end(std::size_t items, Fault&) {
    values.push_array(items);
    return true;
  }
  bool on_key_part(json::string_view text, std::size_t, Fault&) { return push_part(text); }
  bool on_key(json::string_view text, std::size_t, Fault&) {
    values.push_key(text);
    return true;
  }
  bool on_string_part(json::string_view text, std::size_t, Fault&) { return push_part(text); }
  bool on_string(json::string_view text, std::size_t, Fault&) {
    values.push_string(text);
    return true;
  }
  bool on_number_part(json::string_view digits, Fault&) {
    number.append(digits.data(), digits.size());
    return true;
  }
  bool on_int64(std::int64_t value, json::string_view, Fault&) {
    number.clear();
    values.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, Fault&) {
    number.clear();
    values.push_uint64(value);
    return true;
  }
  bool on_double(double computed, json::string_view digits, Fault&) {
    number.append(digits.data(), digits.size());
    double exact = computed;  // stays where it is infinite, or too small to be told from zero
    (void)std::from_chars(number.data(), number.data() + number.size(), exact);
    number.clear();
    values.push_double(exact);
    return true;
  }
  bool on_bool(bool value, Fault&) {
    values.push_bool(value);
    return true;
  }
  bool on_null(Fault&) {
    values.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, Fault&) { return true; }
  bool on_comment(json::string_view, Fault&) { return true; }

  bool push_part(json::string_view text) {
    values.push_chars(text);
    return true;
  }

  json::storage_ptr storage;
  json::value_stack values;
  std::string number;  // its digits so far
};

}  // namespace

Result<json::value, std::string> read_json(std::string_view text, std::size_t depth_limit,
                                           json::storage_ptr storage) {
  json::parse_options options;
  options.max_depth = depth_limit;
  json::basic_parser<Builder> parser(options, std::move(storage));
  Fault fault;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), fault);
  if (!fault && read < text.size()) fault = json::error::extra_data;
  if (fault) return Err{fault.message()};
  return parser.handler().values.release();
}

}  // namespace skyhook
