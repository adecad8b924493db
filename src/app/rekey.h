// `skyhook rekey`: seals every webhook secret anew under another master key.
#pragma once

#include <string>

#include "config/config.h"

namespace skyhook::app {

// From `config.master_key` (empty: the secrets are stored as they are) to `new_master_key`. No
// server may run on the store meanwhile: the embedded store refuses, and so does this where other
// nodes hold a lease. Interrupted, it goes on where it stopped when run again with the same keys.
// Prints what it did; returns the exit status: 1 where the store cannot be used, or a secret opens
// with neither key, 2 where a key is none.
int rekey(const config::ServeConfig& config, const std::string& new_master_key);

}  // namespace skyhook::app
