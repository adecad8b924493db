// The commands of an account: what was delivered, and once more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/api_call.h"

namespace skyhook::cli {

// The account's only webhook where none is named; otherwise a message tells which there are.
std::optional<std::int64_t> choose_webhook(const Access& access, std::int64_t named,
                                           int& exit_status);

struct Deliveries {
  std::int64_t webhook = 0;  // 0: the account's only one
  std::string delivery_id;   // one of them in full; empty: the log
  std::string status;        // "", "pending", "delivered" or "failed"
  int limit = 25;            // 1 … 100
  bool as_json = false;
};
int list_deliveries(const Access& access, const Deliveries& command);

struct Retry {
  std::int64_t webhook = 0;
  std::string delivery_id;
  bool as_json = false;
};
int retry(const Access& access, const Retry& command);

struct Replay {
  std::int64_t webhook = 0;
  std::string since;       // ISO 8601
  std::string until;       // the same; empty: now
  std::int64_t after = 0;  // where to go on
  bool is_dry_run = false;
  bool as_json = false;
};
// Request by request until the span is done. On failure it says where to go on.
int replay(const Access& access, const Replay& command);

// Is the server ready to take writes? For container health checks.
int health(const std::string& server);

}  // namespace skyhook::cli
