// The flags of the commands for people who integrate: verify, trigger, listen, deliveries, retry,
// replay, health.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cli/api_call.h"

namespace CLI {
class App;
}

namespace skyhook::cli {

class IntegratorCommands {
 public:
  struct Surroundings {
    const std::map<std::string, std::string>& environment;
    std::function<std::string()> default_server;  // where no flag names one
    // Sets what is run once the command line is parsed.
    std::function<void(std::function<int()>)> choose;
    // The flags of the operator API, and a run with what they say.
    std::function<void(CLI::App&)> add_operator_access;
    std::function<int(const std::function<int(const Access&)>&)> with_operator_access;
  };
  IntegratorCommands(CLI::App& app, Surroundings surroundings);
  ~IntegratorCommands();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skyhook::cli
