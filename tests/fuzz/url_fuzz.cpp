// URLs and the address guard. What is parsed reads back; no spelling of an address that is not
// public gets past validation, and none that the system's own readers would take for an address.
#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>

#include "fuzz.h"
#include "net/address_guard.h"
#include "net/http_server.h"
#include "net/proxy.h"
#include "net/url.h"

namespace skyhook::fuzz {
namespace {

constexpr std::size_t kUrlLimit = 2048;
constexpr std::size_t kLongestHost = 255;

// Networks that must never be dialled, told anew rather than taken from the guard.
bool is_surely_private(std::uint32_t host_order) {
  const auto in = [&](std::uint32_t base, int bits) {
    return host_order >> (32 - bits) == base >> (32 - bits);
  };
  return in(0x00000000, 8) || in(0x0a000000, 8) || in(0x7f000000, 8) || in(0xa9fe0000, 16) ||
         in(0xac100000, 12) || in(0xc0a80000, 16) || in(0x64400000, 10) || in(0xe0000000, 3);
}

const net::AddressGuard& guard() {
  static const net::AddressGuard strict{{}};
  return strict;
}

void check_host(const std::string& host) {
  if (!guard().allows_host(host)) return;
  require(host.find('%') == std::string::npos && host.find('\0') == std::string::npos,
          "no zone id, no escape, no NUL");
  in_addr legacy{};
  if (::inet_aton(host.c_str(), &legacy) != 0) {
    require(!is_surely_private(ntohl(legacy.s_addr)), "no private address in inet_aton's spelling");
    require(net::parse_ip(host).has_value(), "an address only in its strict spelling");
  }
  // What the resolver's library takes for a literal without asking anybody.
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    net::IpAddress address;
    if (entry->ai_family == AF_INET) {
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr, 4);
    } else {
      address.is_v6 = true;
      std::memcpy(address.bytes.data(),
                  &reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr, 16);
    }
    require(guard().allows(address), "a literal is judged as what it means");
  }
  ::freeaddrinfo(found);
}

void check_address(const std::string& text) {
  const auto address = net::parse_ip(text);
  if (!address) return;
  require(net::parse_ip(address->to_string()) == address, "an address reads back");
  require(guard().allows_host(text) == guard().allows(*address), "a literal is its address");
  const std::uint8_t* b = address->bytes.data();
  const std::uint32_t v4 = static_cast<std::uint32_t>(b[0]) << 24 |
                           static_cast<std::uint32_t>(b[1]) << 16 |
                           static_cast<std::uint32_t>(b[2]) << 8 | b[3];
  if (!address->is_v6 && is_surely_private(v4)) require(!guard().allows(*address), "private");
  if (address->is_v6 && (b[0] >> 5) != 1) require(!guard().allows(*address), "not global unicast");
}

void check_network(const std::string& text) {
  const auto network = net::parse_cidr(text);
  if (!network) return;
  require(network->prefix_bits >= 0 && network->prefix_bits <= (network->base.is_v6 ? 128 : 32),
          "a prefix fits");
  require(network->contains(network->base), "a network holds its base");
  const auto again =
      net::parse_cidr(network->base.to_string() + "/" + std::to_string(network->prefix_bits));
  require(again && again->base == network->base && again->prefix_bits == network->prefix_bits,
          "a network reads back");
}

void check_url(const std::string& text) {
  const auto url = net::parse_url(text);
  if (!url) return;
  require(url->scheme == "http" || url->scheme == "https", "http or https");
  require(url->port != 0 && url->target.starts_with('/'), "a port and a target");
  require((url->scheme + url->authority() + url->target)
                      .find_first_of(std::string_view("\r\n\t \0#@\\\"<>", 10), 0) ==
                  std::string::npos ||
              url->target.find('@') != std::string::npos,
          "nothing that splits a request");
  require(url->host.find('@') == std::string::npos, "no user info");
  require(url->host_is_ipv6 == (url->host.find(':') != std::string::npos), "v6 is marked");
  const std::string written = url->scheme + "://" + url->authority() + url->target;
  if (written.size() <= kUrlLimit) {
    const auto again = net::parse_url(written);
    require(again && again->scheme == url->scheme && again->host == url->host &&
                again->port == url->port && again->target == url->target,
            "a URL reads back");
  }
  check_host(url->host);
}

void check_proxy(const std::string& text) {
  if (const auto proxy = net::parse_proxy("http://" + text)) {
    require(!proxy->host.empty() && proxy->port != 0, "a proxy has a host and a port");
    require(proxy->authorization.find_first_of("\r\n") == std::string::npos, "and ends no line");
  }
  if (const auto status = net::read_proxy_answer(text)) {
    require(*status >= 100 && *status <= 999, "three digits");
    require(*status / 100 != 2 || text.ends_with("\r\n\r\n"), "a tunnel is empty at first");
  }
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  check_url(text);
  check_url("https://" + text + "/");
  if (text.size() <= kLongestHost) check_host(text);
  check_address(text);
  check_network(text);
  check_proxy(text);
  if (const auto listen = net::parse_listen_address(text)) {
    require(listen->host.find('\0') == std::string::npos, "no NUL in a listen address");
  }
  return 0;
}
