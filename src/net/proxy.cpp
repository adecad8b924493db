#include "net/proxy.h"

#include <charconv>

#include "base/encoding.h"
#include "net/url.h"

namespace skyhook::net {
namespace {

constexpr std::string_view kScheme = "http://";

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

}  // namespace

std::optional<Proxy> parse_proxy(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::nullopt;
  std::string_view rest = text.substr(kScheme.size());
  Proxy proxy;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const auto credentials = percent_decoded(rest.substr(0, at));
    // RFC 7617: the user's name ends with the first colon.
    if (!credentials || credentials->find(':') == std::string::npos) return std::nullopt;
    proxy.authorization = "Basic " + to_base64(as_bytes(*credentials));
    rest.remove_prefix(at + 1);
  }
  const auto url = parse_url(std::string(kScheme) + std::string(rest));
  if (!url || url->target != "/") return std::nullopt;
  proxy.host = url->host;
  proxy.port = url->port;
  return proxy;
}

std::optional<int> read_proxy_answer(std::string_view answer) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = kVersion.size() + 2;  // after the minor version and a space
  if (!answer.starts_with(kVersion) || answer.size() < kStatusAt + 3) return std::nullopt;
  if (answer[kStatusAt - 1] != ' ') return std::nullopt;
  int status = 0;
  const char* const begin = answer.data() + kStatusAt;
  const auto [end, error] = std::from_chars(begin, begin + 3, status);
  if (error != std::errc{} || end != begin + 3 || status < 100) return std::nullopt;
  const bool is_tunnel = status / 100 == 2;
  if (is_tunnel && answer.find("\r\n\r\n") + 4 != answer.size()) return std::nullopt;
  return status;
}

}  // namespace skyhook::net
