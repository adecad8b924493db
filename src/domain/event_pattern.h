// What a webhook may list in place of an event's name: `*`, every event, or the beginning of names
// up to a dot and then `*`, such as `contact.*`.
#pragma once

#include <string>
#include <string_view>

namespace skyhook {

// Of the right form; whether any event has such a name is the catalogue's to say.
inline bool is_event_pattern(std::string_view text) {
  return text == "*" || (text.size() > 2 && text.ends_with(".*"));
}

// Does the name or pattern stand for the type?
inline bool covers(std::string_view name_or_pattern, std::string_view type) {
  if (!is_event_pattern(name_or_pattern)) return name_or_pattern == type;
  name_or_pattern.remove_suffix(1);
  return type.starts_with(name_or_pattern);
}

// Every pattern that covers the type: for `a.b.c` these are `*`, `a.*` and `a.b.*`.
template <class Visit>
void for_each_pattern_of(std::string_view type, Visit visit) {
  visit(std::string("*"));
  for (std::size_t dot = type.find('.'); dot != type.npos; dot = type.find('.', dot + 1)) {
    if (dot > 0) visit(std::string(type.substr(0, dot + 1)) + '*');
  }
}

}  // namespace skyhook
