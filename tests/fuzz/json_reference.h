// RFC 8259, read as it is written: the judge of the JSON readers and writers. Shares no code with
// them.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/utf8.h"

namespace skyhook::fuzz {

class JsonReference {
 public:
  explicit JsonReference(std::string_view text) : rest_(text) {}

  // One value and white space around it.
  bool is_valid() {
    const bool valid = value(1);
    space();
    return valid && rest_.empty();
  }
  std::size_t depth() const { return deepest_; }  // of nested objects and arrays

 private:
  static constexpr std::size_t kDepthLimit = 1000;  // of this reader's own stack

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void space() {
    while (take(' ') || take('\t') || take('\n') || take('\r')) {
    }
  }
  bool value(std::size_t depth) {
    space();
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
      case '[':
        return depth <= kDepthLimit && items(depth);
      case '"':
        return string();
      case 't':
        return take("true");
      case 'f':
        return take("false");
      case 'n':
        return take("null");
      default:
        return number();
    }
  }
  bool items(std::size_t depth) {
    if (depth > deepest_) deepest_ = depth;
    const bool is_object = take('{');
    const char end = is_object ? '}' : ']';
    if (!is_object) take('[');
    space();
    if (take(end)) return true;
    for (;;) {
      space();
      if (is_object) {
        if (!string()) return false;
        space();
        if (!take(':')) return false;
      }
      if (!value(depth + 1)) return false;
      space();
      if (take(end)) return true;
      if (!take(',')) return false;
    }
  }
  bool string() {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      if (take('"')) return true;
      if (take('\\')) {
        if (!escape()) return false;
        continue;
      }
      const std::size_t length = utf8_character_length(rest_);
      if (length == 0 || static_cast<unsigned char>(rest_.front()) < 0x20) return false;
      rest_.remove_prefix(length);
    }
    return false;
  }
  bool escape() {
    if (take('u')) {
      for (int i = 0; i < 4; ++i) {
        if (rest_.empty() ||
            std::string_view("0123456789abcdefABCDEF").find(rest_[0]) == rest_.npos) {
          return false;
        }
        rest_.remove_prefix(1);
      }
      return true;
    }
    if (rest_.empty() || std::string_view("\"\\/bfnrt").find(rest_[0]) == rest_.npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool digits() {
    const std::size_t end = rest_.find_first_not_of("0123456789");
    const std::size_t count = end == rest_.npos ? rest_.size() : end;
    rest_.remove_prefix(count);
    return count > 0;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  std::string_view rest_;
  std::size_t deepest_ = 0;
};

inline bool is_json(std::string_view text) {
  return JsonReference(text).is_valid();
}

}  // namespace skyhook::fuzz
