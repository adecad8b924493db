// The operator's own event types, as settings give them, become those of the catalogue.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace skyhook::config {

inline constexpr std::size_t kOwnEventTypeLimit = 1000;
inline constexpr std::size_t kExampleBytesLimit = 64 * 1024;
inline constexpr std::size_t kCatalogueBytesLimit = 1024 * 1024;  // schemas and examples together

// As it was given. `schema` and `example` are JSON, or `@` and the name of a file that holds it.
struct EventTypeEntry {
  std::string name;
  std::string description;
  std::string schema;
  std::string example;
  bool is_checked = false;
};

// Puts all of them into the config, in place of those that are there. Files are looked for in
// `folder`. What is wrong otherwise: "has 'invoice.paid' twice".
std::optional<std::string> set_event_types(ServeConfig& config,
                                           const std::vector<EventTypeEntry>& entries,
                                           const std::string& folder);

}  // namespace skyhook::config
