#include "base/uuid.h"

#include <cstdlib>

namespace skyhook {
namespace {

constexpr std::int64_t kKeyLimit = std::int64_t{1} << 62;
constexpr std::size_t kTextLength = 36;
constexpr std::string_view kHexDigits = "0123456789abcdef";

constexpr bool is_dash_position(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

// -1 where `c` is no hex digit.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  Uuid uuid;
  std::size_t digit = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = uuid.bytes[digit / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++digit;
  }
  return uuid;
}

void put_big_endian(std::uint64_t value, std::uint8_t* to) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

}  // namespace

std::string Uuid::to_string() const {
  constexpr std::array<std::size_t, 5> kGroups{4, 2, 2, 2, 6};  // bytes between the dashes
  std::string text(kTextLength, '-');
  char* out = text.data();
  const std::uint8_t* byte = bytes.data();
  for (const std::size_t size : kGroups) {
    for (const std::uint8_t* const end = byte + size; byte != end; ++byte) {
      *out++ = kHexDigits[*byte >> 4];
      *out++ = kHexDigits[*byte & 0x0f];
    }
    ++out;  // the dash, or the end
  }
  return text;
}

Uuid make_uuid(Timestamp created_at, std::int64_t key) {
  const std::int64_t micros = to_unix_micros(created_at);
  if (key <= 0 || key >= kKeyLimit || micros < 0) std::abort();
  const auto millis = static_cast<std::uint64_t>(micros / 1000);
  // RFC 9562 §6.2, method 3: the fraction of the millisecond, scaled to 12 bits.
  const auto fraction = static_cast<std::uint64_t>(micros % 1000) * 4096 / 1000;
  Uuid uuid;
  put_big_endian(millis << 16 | std::uint64_t{7} << 12 | fraction, uuid.bytes.data());
  put_big_endian(std::uint64_t{1} << 63 | static_cast<std::uint64_t>(key), uuid.bytes.data() + 8);
  return uuid;
}

std::optional<std::int64_t> key_of_uuid(std::string_view text) {
  const auto uuid = parse_uuid(text);
  if (!uuid) return std::nullopt;
  const bool is_version_7 = uuid->bytes[6] >> 4 == 7;
  const bool is_rfc_variant = uuid->bytes[8] >> 6 == 2;
  if (!is_version_7 || !is_rfc_variant) return std::nullopt;
  std::uint64_t low = 0;
  for (std::size_t i = 8; i < 16; ++i) low = low << 8 | uuid->bytes[i];
  const auto key = static_cast<std::int64_t>(low & (static_cast<std::uint64_t>(kKeyLimit) - 1));
  if (key == 0) return std::nullopt;
  return key;
}

}  // namespace skyhook
