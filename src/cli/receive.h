// `skyhook receive`: a receiver for people who integrate. Verifies, prints, and answers as it is
// told to.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace skyhook::cli {

struct Receive {
  std::string listen = "127.0.0.1:4000";
  std::vector<std::string> secrets;      // no secret and no public key: nothing is verified
  std::vector<std::string> public_keys;  // `whpk_…`, as Ed25519Verifier::from() takes them
  std::string header_prefix = "X-Skylight-";
  Millis delay{0};     // before each answer
  int status = 0;      // 0: 200 where the delivery is good, 401 where a signature is not
  int fail_first = 0;  // answer the first so many attempts of each delivery with `status`, or 500
  bool as_json = false;
};

inline constexpr Millis kReceiveDelayLimit = std::chrono::minutes{10};

// Until SIGINT or SIGTERM, or until nobody reads standard output any more. Returns the exit status:
// 1 where it cannot listen, 2 where the address is none.
int receive(const Receive& command);

// The status that the `times`-th attempt of a delivery gets; `good` as DeliveryCheck::good.
int answer_status(const Receive& command, int times, bool good);

}  // namespace skyhook::cli
