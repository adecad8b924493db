#include "api/text.h"

#include <algorithm>

#include "base/utf8.h"

namespace skyhook::api {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Is this one well-formed character a blank? None has more than three bytes.
bool is_blank(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) == ' ' || (byte(0) >= '\t' && byte(0) <= '\r');
  if (character.size() == 2) return character == "\u0085" || character == "\u00a0";
  if (character.size() != 3) return false;
  const unsigned code = (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
  switch (code) {
    case 0x1680:
    case 0x200e:
    case 0x2028:
    case 0x2029:
    case 0x202f:
    case 0x205f:
    case 0x3000:
    case 0xfeff:
      return true;
    default:
      return code >= 0x2000 && code <= 0x200b;
  }
}

// The bytes of the last character of `text`, which is not empty; one where they are not UTF-8.
std::size_t last_character_length(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  std::size_t length = 1;
  while (length < std::min(kLongest, text.size()) && is_continuation(text[text.size() - length])) {
    ++length;
  }
  return utf8_character_length(text.substr(text.size() - length)) == length ? length : 1;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_character_length(text));
    if (!is_blank(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    const std::size_t length = last_character_length(text);
    if (!is_blank(text.substr(text.size() - length))) break;
    text.remove_suffix(length);
  }
  return text;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

bool is_storable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_character_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace skyhook::api
