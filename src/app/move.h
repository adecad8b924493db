// `skyhook move`: from an embedded store to a shared one.
#pragma once

#include "config/config.h"

namespace skyhook::app {

// Moves all of config.data_dir to config.database_url, telling how far it is on standard output.
// Returns the exit status: 0 once all of it is there (also where an earlier run did it), 1 where it
// could not be done, with the reason on standard error.
int move(const config::ServeConfig& config);

// Takes the mark of a move from config.data_dir, so that it is served again.
int undo_move(const config::ServeConfig& config);

}  // namespace skyhook::app
