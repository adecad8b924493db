// Where deliveries may connect (contract §4, last but one item): public addresses only, judged
// after resolution, on the very address that is dialled.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skyhook::net {

// An IPv4 or IPv6 address in network byte order.
struct IpAddress {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4 uses the first four
  bool operator==(const IpAddress&) const = default;
  std::string to_string() const;
};
// Strict spellings only: dotted quad of four decimals without leading zeros, or RFC 4291 text
// without a zone id.
std::optional<IpAddress> parse_ip(std::string_view text);
// True where some reader would take `host` for an IPv4 address in whatever spelling (decimal,
// octal, hex, short, mixed): its last label is a number, as the WHATWG URL standard decides it. No
// public name ends so. Strict dotted quads are among them.
bool ends_in_a_number(std::string_view host);

// A network such as 10.0.0.0/8.
struct Cidr {
  IpAddress base;
  int prefix_bits = 0;
  bool contains(const IpAddress& address) const;
};
std::optional<Cidr> parse_cidr(std::string_view text);  // a bare address counts as /32 or /128

// Constant after construction; thread-safe.
class AddressGuard {
 public:
  struct Options {
    std::vector<Cidr> exempt;              // --allow-network
    std::vector<IpAddress> own_addresses;  // the host's own, public or not: refused unless exempted
  };
  explicit AddressGuard(Options options);

  // Exemptions are judged on the address as it is written: an exempted 127.0.0.0/8 does not open
  // ::ffff:127.0.0.1. An IPv6 address that wraps an IPv4 one is allowed only where it is exempted
  // itself and the address inside is allowed.
  bool allows(const IpAddress& address) const;
  // The whole answer is refused where any address in it is (an empty one too).
  bool allows_all(const std::vector<IpAddress>& answer) const;
  // For validation (contract §3, create): false where `host` (of a Url, or with a trailing dot) is
  // a literal of an address that is not allowed, a number in any spelling but the strict one
  // (readers differ over what it means), has characters that no name has (percent signs, zone ids,
  // brackets, anything beyond ASCII), or is a name that can never be public: one label,
  // `localhost`,
  // `*.local`, `*.internal`, … Where networks are exempted, local names pass: their addresses are
  // judged when dialled.
  bool allows_host(std::string_view host) const;

 private:
  const Options options_;
};

// Addresses of this machine's interfaces, for Options::own_addresses.
std::vector<IpAddress> interface_addresses();

}  // namespace skyhook::net
