// An account: a customer of the platform, who owns webhooks and one API key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "domain/ids.h"

namespace skyhook {

using Sha256 = std::array<std::uint8_t, 32>;

struct Account {
  AccountId id;
  std::string name;  // 1 … 255 characters
  bool is_active = true;
  std::vector<std::string> allowed_origins;  // empty, or containing "*": every origin may call
  Sha256 api_key_hash{};                     // the key itself is never stored
  Timestamp created_at;
  Timestamp updated_at;
  // How soon after its publish an event's first attempt is to begin; nullopt: the service's target.
  std::optional<Millis> first_attempt_target;
};

inline constexpr Millis kShortestFirstAttemptTarget{1};
inline constexpr Millis kLongestFirstAttemptTarget = std::chrono::hours{1};

// Contract §1: may a request with this `Origin` (else the origin of its `Referer`; empty where it
// has neither) use the account's key? A request that carries neither header is allowed only where
// no origin is listed, or `*` is.
bool origin_allowed(const Account& account, std::string_view origin);

}  // namespace skyhook
