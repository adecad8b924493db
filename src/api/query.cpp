#include "api/query.h"

#include <algorithm>

#include "api/text.h"

namespace skyhook::api {

namespace {

constexpr std::string_view kList("\0", 1);

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

Query::Query(std::string_view raw) {
  while (!raw.empty()) {
    const std::size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    std::string name = decode(pair.substr(0, equals));
    const std::size_t bracket = name.find('[');
    const bool is_list = bracket != name.npos && bracket > 0;
    if (is_list) name.resize(bracket);
    values_.emplace_back(std::move(name), is_list ? std::string(kList) : decode(value));
  }
}

std::optional<std::string> Query::get(std::string_view name) const {
  const auto last = std::find_if(values_.rbegin(), values_.rend(),
                                 [&](const auto& field) { return field.first == name; });
  if (last == values_.rend()) return std::nullopt;
  const std::string_view text = trimmed(last->second);
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

}  // namespace skyhook::api
