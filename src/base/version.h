// The version of this build, as CMakeLists.txt states it.
#pragma once

#include <string_view>

namespace skyhook {

inline constexpr std::string_view kVersion = SKYHOOK_VERSION;

}  // namespace skyhook
