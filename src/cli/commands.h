// The commands that talk to a running server. Each prints its result to standard output, errors to
// standard error, and returns the exit status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/api_call.h"

namespace skyhook::cli {

struct AccountCreate {
  std::string name;
  bool as_json = false;
};
int create_account(const Access& access, const AccountCreate& command);

struct Publish {
  std::int64_t account = 0;
  std::string event;
  std::string data;  // JSON; or @FILE, or @- for standard input
  std::optional<std::string> idempotency_key;
  bool as_json = false;
};
int publish(const Access& access, const Publish& command);

}  // namespace skyhook::cli
