#include "net/url.h"

#include <algorithm>
#include <charconv>

#include "net/address_guard.h"

namespace skyhook::net {
namespace {

constexpr std::size_t kUrlLimit = 2048;
constexpr std::size_t kHostLimit = 253;  // RFC 1035 §2.3.4, without the root's dot
constexpr std::size_t kLabelLimit = 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

// What RFC 3986 lets stand in a path, query or fragment; a percent sign must begin an encoded byte.
bool is_valid_target(std::string_view text) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@/?#[]";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_letter(c) && !is_digit(c) && kMarks.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

// Letters, digits, hyphens and underscores in labels of 1 … 63.
bool is_valid_name(std::string_view host) {
  if (host.empty() || host.size() > kHostLimit) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!(is_letter(c) || is_digit(c) || c == '-' || c == '_') || ++label > kLabelLimit) {
      return false;
    }
  }
  return label != 0;
}

// Takes the scheme and the "://" off the front of `rest`.
bool take_scheme(std::string_view& rest, Url& url) {
  const std::size_t end = rest.find("://");
  if (end == std::string_view::npos) return false;
  url.scheme = lower(rest.substr(0, end));
  rest.remove_prefix(end + 3);
  return url.scheme == "http" || url.scheme == "https";
}

bool read_port(std::string_view text, Url& url) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) {
    return false;
  }
  url.port = static_cast<std::uint16_t>(port);
  return true;
}

// Reads `host`, `host:port`, `[v6]` or `[v6]:port`. User info does not pass: '@' is no character of
// a host.
bool read_authority(std::string_view text, Url& url) {
  std::string_view after_host;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = lower(text.substr(1, end - 1));
    url.host_is_ipv6 = true;
    const auto address = parse_ip(url.host);
    if (!address || !address->is_v6) return false;
    after_host = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    url.host = lower(text.substr(0, colon));
    if (url.host.ends_with('.')) url.host.pop_back();
    if (!is_valid_name(url.host)) return false;
    after_host = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  url.port = url.is_tls() ? 443 : 80;
  if (after_host.empty() || after_host == ":") return true;  // RFC 3986 §3.2.3: a port may be empty
  return after_host.front() == ':' && read_port(after_host.substr(1), url);
}

}  // namespace

std::string Url::authority() const {
  std::string result = host_is_ipv6 ? "[" + host + "]" : host;
  if (port != (is_tls() ? 443 : 80)) result += ":" + std::to_string(port);
  return result;
}

std::optional<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlLimit) return std::nullopt;
  Url url;
  std::string_view rest = text;
  if (!take_scheme(rest, url)) return std::nullopt;
  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  if (!read_authority(rest.substr(0, authority_end), url)) return std::nullopt;
  rest.remove_prefix(authority_end);
  if (!is_valid_target(rest)) return std::nullopt;
  rest = rest.substr(0, rest.find('#'));
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return url;
}

}  // namespace skyhook::net
