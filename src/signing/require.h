// For calls of OpenSSL that fail only where it is unusable itself: going on would mean weak
// secrets, or none signed.
#pragma once

#include <cstdlib>

namespace skyhook::signing {

inline void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace skyhook::signing
