// Webhook URLs: the subset of RFC 3986 that can be dialled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook::net {

struct Url {
  std::string scheme;  // "http" or "https", lower case
  std::string host;    // lower case; IPv6 literal without brackets; a trailing dot removed; IDNA
                       // names in punycode as given
  std::uint16_t port = 0;
  std::string target;  // path and query as given, "/" where empty; the fragment is dropped
  bool host_is_ipv6 = false;

  bool is_tls() const { return scheme == "https"; }
  // For the Host header and error messages: host, bracketed where IPv6, with the port where it is
  // not the scheme's own.
  std::string authority() const;
};

// Absolute, http or https, a host of valid characters, a port of 1 … 65535, no user info, no
// control characters or spaces, at most 2048 characters. nullopt for anything else. Does not judge
// whether the host may be dialled: see address_guard.h.
std::optional<Url> parse_url(std::string_view text);

}  // namespace skyhook::net
