// The command line (contract §6): `skyhook serve`, `account create`, `publish`, `receive`.
#pragma once

#include <functional>
#include <string>

#include "config/config.h"

namespace skyhook::cli {

// Runs the server until it is told to stop; returns the exit status. The log is configured by then.
using ServeFunction = std::function<int(const config::ServeConfig&)>;
// Seals every secret of the configured store under another master key; returns the exit status.
using RekeyFunction = std::function<int(const config::ServeConfig&, const std::string& new_key)>;

// Parses, runs one command and returns the exit status: 0, 1 where the command failed, 2 for a
// wrong flag or setting (one line on standard error, nothing opened).
int run(int argc, char** argv, const ServeFunction& serve, const RekeyFunction& rekey);

}  // namespace skyhook::cli
