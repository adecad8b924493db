// `skyhook serve`: makes every room, starts them in order, waits for the signal to stop, ends them
// in order.
#pragma once

#include "config/config.h"

namespace skyhook::app {

// Runs until SIGTERM or SIGINT. The exit status: 0 after an orderly end, 1 where it could not
// start, 2 for a setting that cannot be used.
int serve(const config::ServeConfig& config);

}  // namespace skyhook::app
