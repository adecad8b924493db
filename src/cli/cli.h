// The command line (contract §6): `skyhook serve`, `account create`, `publish`, `receive`.
#pragma once

#include <functional>
#include <string>

#include "config/config.h"

namespace skyhook::cli {

// What the commands do that work on the store itself. All return the exit status.
struct StoreCommands {
  // Runs the server until it is told to stop. The log is configured by then.
  std::function<int(const config::ServeConfig&)> serve;
  // Seals every secret of the configured store under another master key.
  std::function<int(const config::ServeConfig&, const std::string& new_key)> rekey;
  // Moves the embedded store to the shared one, both as configured; takes the mark of a move away.
  std::function<int(const config::ServeConfig&)> move;
  std::function<int(const config::ServeConfig&)> undo_move;
};

// Parses, runs one command and returns the exit status: 0, 1 where the command failed, 2 for a
// wrong flag or setting (one line on standard error, nothing opened).
int run(int argc, char** argv, const StoreCommands& store_commands);

}  // namespace skyhook::cli
