// An HTTP proxy that deliveries go through (RFC 9110 §9.3.6: CONNECT).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook::net {

struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  // the value of Proxy-Authorization; empty: none
};

// `http://[user:password@]host[:port]`, user and password percent-encoded where need be. nullopt
// for anything else.
std::optional<Proxy> parse_proxy(std::string_view text);

// The status of a whole answer to CONNECT, from its status line to the empty line; nullopt where it
// is none, or something follows: before the client has spoken there is nothing to say.
std::optional<int> read_proxy_answer(std::string_view answer);

}  // namespace skyhook::net
