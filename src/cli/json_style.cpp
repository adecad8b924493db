#include "cli/json_style.h"

#include <boost/json.hpp>
#include <cstdint>
#include <cstdio>

namespace skyhook::cli {
namespace {

void append_unicode(std::string& out, std::uint32_t unit) {
  char escape[8];
  std::snprintf(escape, sizeof escape, "\\u%04x", unit & 0xffffU);
  out += escape;
}

// One code point of valid UTF-8 that begins at `at`, which is moved past it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const std::size_t extra = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  std::uint32_t point = extra == 0 ? first : first & (0x3fU >> extra);
  for (std::size_t i = 1; i <= extra && at + i < text.size(); ++i) {
    point = point << 6 | (byte(at + i) & 0x3fU);
  }
  at += extra + 1;
  return point;
}

void append_string(std::string& out, std::string_view text, const JsonStyle& style) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    switch (point) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\b':
        out += "\\b";
        continue;
      case '\f':
        out += "\\f";
        continue;
      default:
        break;
    }
    if (point == '/' && style.slashes) {
      out += "\\/";
    } else if (point < 0x20 || (style.ascii && point > 0x7e && point < 0x10000)) {
      append_unicode(out, point);
    } else if (style.ascii && point >= 0x10000) {
      append_unicode(out, 0xd800 + ((point - 0x10000) >> 10));
      append_unicode(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  out += '"';
}

// Writes the tokens of JSON that is known to be valid, one after another.
class Writer {
 public:
  Writer(std::string_view text, const JsonStyle& style) : text_(text), style_(style) {}

  std::string write() {
    while (at_ < text_.size()) token();
    return std::move(out_);
  }

 private:
  void token() {
    const char c = text_[at_];
    if (c == '"') {
      string();
    } else if (c == '{' || c == '[') {
      open(c);
    } else if (c == '}' || c == ']') {
      new_line(--depth_);
      out_ += c;
      ++at_;
    } else if (c == ',') {
      out_ += style_.indent > 0 ? "," : style_.comma;
      new_line(depth_);
      ++at_;
    } else if (c == ':') {
      out_ += style_.colon;
      ++at_;
    } else {
      if (!is_space(c)) out_ += c;
      ++at_;
    }
  }

  void open(char c) {
    out_ += c;
    ++at_;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (at_ < text_.size() && (text_[at_] == '}' || text_[at_] == ']')) {
      out_ += text_[at_++];
    } else {
      new_line(++depth_);
    }
  }

  void string() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    const boost::json::value value = boost::json::parse(text_.substr(at_, end + 1 - at_));
    append_string(out_, value.as_string(), style_);
    at_ = end + 1;
  }

  void new_line(int depth) {
    if (style_.indent == 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(depth) * static_cast<std::size_t>(style_.indent), ' ');
  }

  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  std::string_view text_;
  const JsonStyle& style_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string out_;
};

}  // namespace

const std::vector<JsonStyle>& json_styles() {
  static const std::vector<JsonStyle> styles{
      {"without white space, as JavaScript's JSON.stringify writes it", ",", ":"},
      {"as Python's json.dumps writes it", ", ", ": ", 0, true},
      {"as Python's json.dumps with ensure_ascii=False writes it", ", ", ": "},
      {"as PHP's json_encode writes it", ",", ":", 0, true, true},
      {"as PHP's json_encode with JSON_UNESCAPED_SLASHES writes it", ",", ":", 0, true},
      {"as PHP's json_encode with JSON_UNESCAPED_UNICODE writes it", ",", ":", 0, false, true},
      {"indented by two spaces", ",", ": ", 2},
      {"indented by four spaces", ",", ": ", 4},
  };
  return styles;
}

std::optional<std::string> rewrite_json(std::string_view text, const JsonStyle& style) {
  boost::json::error_code error;
  (void)boost::json::parse(text, error);
  if (error) return std::nullopt;
  return Writer(text, style).write();
}

}  // namespace skyhook::cli
