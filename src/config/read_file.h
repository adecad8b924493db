// Files that settings name, whole and bounded.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace skyhook::config {

// The error is the reason only, such as "No such file or directory".
Result<std::string, std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace skyhook::config
