// In place of the built page, where the build had no Node.js or was told to leave the page out.
#include "dashboard/assets.h"

namespace skyhook::dashboard {

std::span<const Asset> assets() {
  return {};
}

}  // namespace skyhook::dashboard
