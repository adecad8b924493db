#include "domain/account.h"

#include <algorithm>
#include <optional>

namespace skyhook {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// RFC 6454: scheme, host and port, in lower case, without the scheme's own port. A path is dropped;
// nullopt where there is nothing to compare, or where user info could make one host look like
// another.
std::optional<std::string> normalise_origin(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return lower_case(text);
  const std::size_t host_begin = scheme_end + 3;
  const std::size_t host_end = text.find_first_of("/?#\\", host_begin);
  const std::string_view authority = host_end == std::string_view::npos
                                         ? text.substr(host_begin)
                                         : text.substr(host_begin, host_end - host_begin);
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;

  std::string origin = lower_case(text.substr(0, host_begin)) + lower_case(authority);
  const bool has_default_port = (origin.starts_with("https://") && origin.ends_with(":443")) ||
                                (origin.starts_with("http://") && origin.ends_with(":80"));
  if (has_default_port) origin.erase(origin.rfind(':'));
  return origin;
}

}  // namespace

bool origin_allowed(const Account& account, std::string_view origin) {
  const auto& listed = account.allowed_origins;
  if (listed.empty() || std::ranges::find(listed, "*") != listed.end()) return true;
  const auto asked = normalise_origin(origin);
  if (!asked) return false;
  return std::ranges::any_of(
      listed, [&](const std::string& entry) { return normalise_origin(entry) == asked; });
}

}  // namespace skyhook
