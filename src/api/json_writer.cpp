#include "api/json_writer.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/utf8.h"

namespace skyhook::api {

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned char>(c));
      out += escape.data();
    }
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // start of what needs no change
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      if (code >= 0x20 && c != '"' && c != '\\' && code != 0x7f) {
        ++i;
        continue;
      }
      out.append(text, plain, i - plain);
      append_escaped(out, c);
      plain = ++i;
      continue;
    }
    const std::size_t length = utf8_character_length(text.substr(i));
    if (length > 0) {
      i += length;
      continue;
    }
    out.append(text, plain, i - plain);
    out += kReplacement;
    plain = ++i;
  }
  out.append(text, plain, i - plain);
  out += '"';
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  std::array<char, 24> text{};
  const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), value);
  out_.append(text.data(), end);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  separate();
  std::array<char, 64> text{};
  const double rounded = std::round(value * 1000) / 1000;
  const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), rounded);
  out_.append(text.data(), end);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}
JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::value(const boost::json::value& value) {
  if (const boost::json::object* object = value.if_object()) {
    begin_object();
    for (const auto& [name, member] : *object) key({name.data(), name.size()}).value(member);
    return end_object();
  }
  if (const boost::json::array* array = value.if_array()) {
    begin_array();
    for (const boost::json::value& item : *array) this->value(item);
    return end_array();
  }
  if (const double* number = value.if_double()) {
    // Read from 1e999, or the like.
    if (std::isinf(*number)) return raw(*number > 0 ? "1e999" : "-1e999");
    std::array<char, 32> text{};
    const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), *number);
    return raw({text.data(), end});
  }
  if (const boost::json::string* text = value.if_string()) {
    return string({text->data(), text->size()});
  }
  return raw(boost::json::serialize(value));
}

std::string JsonWriter::take() {
  needs_comma_ = false;
  return std::exchange(out_, {});
}

}  // namespace skyhook::api
