// UUIDs that carry their row's integer key, so that no random-key index is needed (RFC 9562,
// version 7: 48 bits of Unix milliseconds, 12 bits of sub-millisecond fraction, 62 bits that here
// hold the integer).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace skyhook {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  // 36 characters, lower case, with dashes.
  std::string to_string() const;
  bool operator==(const Uuid&) const = default;
};

// The UUID of row `key` created at `created_at`. Precondition: 0 < key < 2^62, created_at after
// 1970.
Uuid make_uuid(Timestamp created_at, std::int64_t key);
// The integer key inside. It says nothing of whether such a row exists: callers load the row and
// compare make_uuid(row.created_at, row.key) with what was asked for. nullopt where `text` is no
// such UUID.
std::optional<std::int64_t> key_of_uuid(std::string_view text);

}  // namespace skyhook
