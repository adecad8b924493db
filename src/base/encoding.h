// Hex and base64 (RFC 4648), as signatures and secrets need them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skyhook {

std::string to_hex(std::span<const std::uint8_t> bytes);     // lower case
std::string to_base64(std::span<const std::uint8_t> bytes);  // standard alphabet, padded
// Strict: standard alphabet, padding optional (complete where present), no white space; nullopt
// otherwise. Unused bits of the last character are ignored.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace skyhook
