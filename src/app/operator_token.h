// The operator's token: from the settings, else made on first start and kept in the data directory
// (contract §1).
#pragma once

#include <string>

#include "base/result.h"

namespace skyhook::app {

struct OperatorToken {
  std::string token;
  std::string file;  // where it is kept; empty where it came from the settings
};

// The error is one line for people. The file has mode 0600.
Result<OperatorToken, std::string> operator_token(const std::string& configured,
                                                  const std::string& data_dir);

}  // namespace skyhook::app
