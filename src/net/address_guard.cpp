#include "net/address_guard.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace skyhook::net {
namespace {

struct RawCidr {
  std::array<std::uint8_t, 16> base;
  int bits;
};

bool matches(const std::uint8_t* address, const std::uint8_t* base, int bits) {
  const int whole = bits / 8;
  if (std::memcmp(address, base, static_cast<std::size_t>(whole)) != 0) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return (address[whole] & mask) == (base[whole] & mask);
}

template <std::size_t n>
bool in_any(const IpAddress& address, const std::array<RawCidr, n>& networks) {
  return std::any_of(networks.begin(), networks.end(), [&](const RawCidr& network) {
    return matches(address.bytes.data(), network.base.data(), network.bits);
  });
}

// The IANA special-purpose registry (RFC 6890 and what was added since), multicast, the reserved
// class E, and the addresses where clouds serve credentials.
constexpr std::array<RawCidr, 17> kRefusedV4{{
    {{0}, 8},                   // "this network", RFC 791
    {{10}, 8},                  // private, RFC 1918
    {{100, 64}, 10},            // carrier-grade NAT, RFC 6598; Alibaba's metadata
    {{127}, 8},                 // loopback
    {{168, 63, 129, 16}, 32},   // Azure's host agent
    {{169, 254}, 16},           // link-local, RFC 3927; metadata of most clouds
    {{172, 16}, 12},            // private, RFC 1918
    {{192, 0, 0}, 24},          // IETF assignments, RFC 6890; Oracle's metadata
    {{192, 0, 2}, 24},          // documentation, RFC 5737
    {{192, 88, 99}, 24},        // 6to4 relays, RFC 7526
    {{192, 168}, 16},           // private, RFC 1918
    {{198, 18}, 15},            // benchmarks, RFC 2544
    {{198, 51, 100}, 24},       // documentation, RFC 5737
    {{203, 0, 113}, 24},        // documentation, RFC 5737
    {{224}, 4},                 // multicast
    {{240}, 4},                 // reserved
    {{255, 255, 255, 255}, 32}  // broadcast
}};

// Everything outside is refused: ::, ::1, ::/96, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48,
// 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8 and what IANA has not given out.
constexpr RawCidr kGlobalUnicastV6{{0x20}, 3};

constexpr std::array<RawCidr, 4> kRefusedV6{{
    {{0x20, 0x01}, 23},              // IETF assignments, RFC 2928, Teredo (2001::/32) among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation, RFC 3849
    {{0x20, 0x02}, 16},              // 6to4, RFC 3056
    {{0x3f, 0xff, 0x00}, 20},        // documentation, RFC 9637
}};

IpAddress v4_from(const std::uint8_t* bytes, std::uint8_t flip = 0) {
  IpAddress inner;
  for (std::size_t i = 0; i < 4; ++i) inner.bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ flip);
  return inner;
}

bool is_isatap(const std::uint8_t* b) {
  return (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
}

// The IPv4 address that an IPv6 address stands for, where some machine on the way would unwrap it.
std::optional<IpAddress> wrapped_v4(const IpAddress& address) {
  if (!address.is_v6) return std::nullopt;
  static constexpr std::array<RawCidr, 4> kInLastFour{{
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},  // mapped, RFC 4291
      {{0}, 96},                                         // compatible, RFC 4291; :: and ::1 too
      {{0x00, 0x64, 0xff, 0x9b}, 96},                    // NAT64, RFC 6052
      {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48},        // NAT64 for local use, RFC 8215
  }};
  static constexpr std::array<RawCidr, 1> kSixToFour{{{{0x20, 0x02}, 16}}};
  static constexpr std::array<RawCidr, 1> kTeredo{{{{0x20, 0x01, 0, 0}, 32}}};
  const std::uint8_t* const b = address.bytes.data();
  const IpAddress loopback{true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  if (address == loopback || address == IpAddress{true, {}}) return std::nullopt;
  if (in_any(address, kInLastFour) || is_isatap(b)) return v4_from(b + 12);
  if (in_any(address, kSixToFour)) return v4_from(b + 2);
  if (in_any(address, kTeredo)) return v4_from(b + 12, 0xff);  // RFC 4380 §4: the client, inverted
  return std::nullopt;
}

bool is_public(const IpAddress& address) {
  if (!address.is_v6) return !in_any(address, kRefusedV4);
  return matches(address.bytes.data(), kGlobalUnicastV6.base.data(), kGlobalUnicastV6.bits) &&
         !in_any(address, kRefusedV6);
}

std::string_view last_label(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

bool is_under(std::string_view host, std::string_view zone) {
  return host == zone || (host.size() > zone.size() && host.ends_with(zone) &&
                          host[host.size() - zone.size() - 1] == '.');
}

// Names that are never delegated in the public DNS, or mean the machine itself: RFC 6761, RFC 6762
// (and its appendix G), RFC 8375, ICANN's reservation of .internal, Kubernetes.
bool is_local_name(std::string_view host) {
  static constexpr std::array<std::string_view, 14> kLocalZones{
      "localhost", "localdomain", "local", "internal", "intranet", "lan",           "home",
      "home.arpa", "corp",        "mail",  "private",  "svc",      "ip6-localhost", "ip6-loopback"};
  return host.find('.') == std::string_view::npos ||
         std::any_of(kLocalZones.begin(), kLocalZones.end(),
                     [&](std::string_view zone) { return is_under(host, zone); });
}

bool has_name_characters_only(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  terminated[text.copy(terminated, text.size())] = '\0';
  IpAddress address;
  address.is_v6 = text.find(':') != std::string_view::npos;
  if (::inet_pton(address.is_v6 ? AF_INET6 : AF_INET, terminated, address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

bool ends_in_a_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string_view label = last_label(host);
  const bool is_hex = label.starts_with("0x") || label.starts_with("0X");
  if (is_hex) label.remove_prefix(2);
  if (label.empty()) return is_hex;
  return std::all_of(label.begin(), label.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (is_hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
  });
}

bool Cidr::contains(const IpAddress& address) const {
  return address.is_v6 == base.is_v6 &&
         matches(address.bytes.data(), base.bytes.data(), prefix_bits);
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = parse_ip(text.substr(0, slash));
  if (!base) return std::nullopt;
  const int most = base->is_v6 ? 128 : 32;
  if (slash == std::string_view::npos) return Cidr{*base, most};
  const std::string_view digits = text.substr(slash + 1);
  int bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > most) {
    return std::nullopt;
  }
  return Cidr{*base, bits};
}

AddressGuard::AddressGuard(Options options) : options_(std::move(options)) {}

bool AddressGuard::allows(const IpAddress& address) const {
  const bool exempted = std::any_of(options_.exempt.begin(), options_.exempt.end(),
                                    [&](const Cidr& network) { return network.contains(address); });
  // A wrapped address is refused, public or not. Where an operator exempts the wrapping network
  // (such as NAT64's, on a host without IPv4), the address inside must be allowed as well.
  if (const auto inner = wrapped_v4(address)) return exempted && allows(*inner);
  if (exempted) return true;
  const auto& own = options_.own_addresses;
  return is_public(address) && std::find(own.begin(), own.end(), address) == own.end();
}

bool AddressGuard::allows_all(const std::vector<IpAddress>& answer) const {
  return !answer.empty() && std::all_of(answer.begin(), answer.end(),
                                        [&](const IpAddress& address) { return allows(address); });
}

bool AddressGuard::allows_host(std::string_view host) const {
  if (const auto address = parse_ip(host)) return allows(*address);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (name.ends_with('.')) name.pop_back();
  if (!has_name_characters_only(name) || ends_in_a_number(name)) return false;
  // Where networks are exempted, local names may well point there: the addresses decide, when they
  // are dialled.
  return !options_.exempt.empty() || !is_local_name(name);
}

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> result;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return result;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    IpAddress address;
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, entry->ifa_addr, sizeof v4);
      std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, entry->ifa_addr, sizeof v6);
      address.is_v6 = true;
      std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    } else {
      continue;
    }
    if (std::find(result.begin(), result.end(), address) == result.end()) {
      result.push_back(address);
    }
  }
  ::freeifaddrs(list);
  return result;
}

}  // namespace skyhook::net
