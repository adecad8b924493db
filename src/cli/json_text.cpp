#include "cli/json_text.h"

#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cstdio>

#include "base/utf8.h"

namespace skyhook::cli {
namespace {

// Accepts every value; only whether the text is JSON matters.
struct IgnoreValues {
  constexpr static std::size_t max_array_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_object_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_string_size = static_cast<std::size_t>(-1);
  constexpr static std::size_t max_key_size = static_cast<std::size_t>(-1);
  using Error = boost::json::error_code&;
  using Text = boost::json::string_view;

  bool on_document_begin(Error) { return true; }
  bool on_document_end(Error) { return true; }
  bool on_array_begin(Error) { return true; }
  bool on_array_end(std::size_t, Error) { return true; }
  bool on_object_begin(Error) { return true; }
  bool on_object_end(std::size_t, Error) { return true; }
  bool on_string_part(Text, std::size_t, Error) { return true; }
  bool on_string(Text, std::size_t, Error) { return true; }
  bool on_key_part(Text, std::size_t, Error) { return true; }
  bool on_key(Text, std::size_t, Error) { return true; }
  bool on_number_part(Text, Error) { return true; }
  bool on_int64(std::int64_t, Text, Error) { return true; }
  bool on_uint64(std::uint64_t, Text, Error) { return true; }
  bool on_double(double, Text, Error) { return true; }
  bool on_bool(bool, Error) { return true; }
  bool on_null(Error) { return true; }
  bool on_comment_part(Text, Error) { return true; }
  bool on_comment(Text, Error) { return true; }
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The string literal that `text` begins with, both quotes included.
std::string_view leading_string(std::string_view text) {
  std::size_t i = 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return text.substr(0, i + 1);
}

char next_visible(std::string_view text) {
  for (const char c : text) {
    if (!is_space(c)) return c;
  }
  return '\0';
}

class Indenter {
 public:
  explicit Indenter(std::string_view margin) : margin_(margin) { out_ += margin_; }

  std::string run(std::string_view text) {
    while (!text.empty()) text.remove_prefix(take(text));
    return std::move(out_);
  }

 private:
  // Returns how many bytes it dealt with.
  std::size_t take(std::string_view text) {
    const char c = text.front();
    if (c == '"') {
      const std::string_view literal = leading_string(text);
      out_ += literal;
      return literal.size();
    }
    if (is_space(c)) return 1;
    if (c == '{' || c == '[') {
      open(text);
    } else if (c == '}' || c == ']') {
      close(c);
    } else {
      out_ += c;
      if (c == ',') new_line();
      if (c == ':') out_ += ' ';
    }
    return 1;
  }
  void open(std::string_view text) {
    out_ += text.front();
    ++depth_;
    const char next = next_visible(text.substr(1));
    is_empty_ = next == '}' || next == ']';
    if (!is_empty_) new_line();
  }
  void close(char c) {
    --depth_;
    if (!is_empty_) new_line();
    is_empty_ = false;
    out_ += c;
  }
  void new_line() {
    out_ += '\n';
    out_ += margin_;
    out_.append(depth_ * 2, ' ');
  }

  const std::string_view margin_;
  std::string out_;
  std::size_t depth_ = 0;
  bool is_empty_ = false;
};

std::string escape(const char* format, unsigned value) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

}  // namespace

bool is_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kJsonDepthLimit;
  boost::json::basic_parser<IgnoreValues> parser(options);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error) return false;
  for (const char c : text.substr(read)) {
    if (!is_space(c)) return false;
  }
  return true;
}

bool is_json_object(std::string_view text) {
  return next_visible(text) == '{' && is_json(text);
}

std::string indent_json(std::string_view text, std::string_view margin) {
  return Indenter(margin).run(text);
}

std::string compact_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view token = text.front() == '"' ? leading_string(text) : text.substr(0, 1);
    if (!is_space(token.front())) out += token;
    text.remove_prefix(token.size());
  }
  return out;
}

std::string quote_json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_character_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const auto first = static_cast<unsigned char>(character[0]);
    if (length == 0) {
      out += "\\ufffd";
    } else if (first == '"' || first == '\\') {
      out += '\\';
      out += character;
    } else if (first < 0x20 || first == 0x7f) {
      out += escape("\\u%04x", first);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out + '"';
}

std::string printable(std::string_view text, bool keep_newlines) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_character_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    const bool is_kept_newline = keep_newlines && character == "\n";
    if (length == 0 || (is_control_character(character) && !is_kept_newline)) {
      out += escape("\\x%02x", static_cast<unsigned char>(character.back()));
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string_view trim_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace skyhook::cli
