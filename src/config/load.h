// Flags, environment and a TOML file become one validated ServeConfig (contract §6): flags win over
// the environment, the environment over the file. Nothing is opened but the file itself and the
// files that hold secrets.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace skyhook::config {

struct Input {
  std::map<std::string, std::string> flags;  // setting name -> text as given
  std::map<std::string, std::string>
      environment;                        // the whole of it; an empty value counts as not set
  std::string file;                       // of --config; empty: $SKYHOOK_CONFIG, else none
  std::set<std::string> other_variables;  // SKYHOOK_… names that mean something elsewhere
};

struct Loaded {
  ServeConfig config;
  std::vector<std::string> warnings;  // one line each, for the log
};

// The error is one line that names where the value came from, and the value unless it is a secret:
// "SKYHOOK_TIMEOUT: '30 parsecs' is not a duration such as 30s or 2m".
Result<Loaded, std::string> load(const Input& input);

inline constexpr std::size_t kConfigFileLimit = 1024 * 1024;  // bytes
inline constexpr std::size_t kSecretFileLimit = 4096;         // bytes

}  // namespace skyhook::config
