// `skyhook trigger`: a realistic event of any kind, published through a server or sent straight to
// a receiver under development.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/api_call.h"

namespace skyhook::cli {

struct Trigger {
  std::string event;
  std::string data;  // JSON, @FILE or @-; empty: the event's sample, or the operator's example
  std::int64_t account = 0;
  bool as_json = false;
  // Straight to a receiver, without a server:
  std::string to;  // its URL
  std::string secret;
  std::string ed25519_key;  // `whsk_…`, signs too; empty: none
  std::string header_prefix = "X-Skylight-";
};
// Publishes for the account. Each returns the exit status.
int trigger_through_server(const Access& access, const Trigger& command);
int trigger_directly(const Trigger& command);
// Every event that there is a sample for, with it.
int list_samples();

}  // namespace skyhook::cli
