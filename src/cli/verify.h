// `skyhook verify`: why does my signature not match?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/diagnosis.h"

namespace skyhook::cli {

struct Verify {
  std::string secret;                // empty: only what the public key verifies is judged
  std::string public_key;            // `whpk_…`; empty: none
  std::string request;               // a whole HTTP request: @FILE or @-; or else:
  std::string body;                  // text, @FILE or @-
  std::vector<std::string> headers;  // "Name: value"
  std::string computed;
  std::string header_prefix = "X-Skylight-";
  Seconds tolerance{300};
  bool ignore_age = false;  // judge at the time of the attempt, for an old copy
  bool as_json = false;
};
// Prints the findings; 0 where the delivery is right, 1 where not, 2 where the input is none.
int verify(const Verify& command);

// Headers and body of a raw HTTP/1.1 request; lines may end in LF alone. nullopt where there is no
// empty line after the head.
std::optional<ReceivedDelivery> parse_raw_request(std::string_view text);

}  // namespace skyhook::cli
