// `skyhook listen`: an account's deliveries, live, to a laptop. It needs the account's key only and
// no open port: it follows the delivery log of the account's webhooks (woken by the live stream,
// certain by walking the log), fetches each payload, signs it anew and posts it to a local URL.
// docs/integrating.md describes the design.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/time.h"
#include "cli/api_call.h"

namespace skyhook::cli {

struct Listen {
  std::string forward;           // http://127.0.0.1:3000/hook
  std::int64_t webhook = 0;      // 0: all of the account's
  std::set<std::string> events;  // empty: all
  std::string secret;            // signs what is forwarded; empty: one is made and printed
  std::string ed25519_key;  // `whsk_…`, signs too; "new": one is made and printed; empty: none
  std::string header_prefix = "X-Skylight-";
  std::string state_file;  // where the position is kept; empty: nowhere
  bool as_json = false;
};

// A stop of at most this long loses nothing, whether the network, the server or this command was
// away.
inline constexpr Seconds kResumeWithin = std::chrono::minutes{15};
// How long a delivery waits for something to listen at the local URL.
inline constexpr Seconds kForwardPatience = std::chrono::minutes{10};
// Followed at once; an account with more names one.
inline constexpr std::size_t kFollowedWebhooksLimit = 32;

// In place of an Ed25519 key: one is to be made.
inline constexpr std::string_view kNewKey = "new";

// Until SIGINT or SIGTERM, or until there is nothing left to follow: the key is refused, or the
// named webhook is gone.
int listen(const Access& access, const Listen& command);

}  // namespace skyhook::cli
