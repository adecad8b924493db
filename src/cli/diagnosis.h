// `skyhook verify`: is this delivery's signature right, and if not, which of the usual mistakes is
// it? Pure: the time is handed in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace skyhook::cli {

// `ed25519`: the asymmetric signatures of Standard Webhooks, `v1a`, in the same header.
enum class Dialect { vendor, standard, ed25519 };

// A delivery as a receiver got it.
struct ReceivedDelivery {
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // raw
};

struct DiagnosisInput {
  // As the receiver has them; what belongs to an empty one is not judged.
  std::string secret;
  std::string public_key;  // `whpk_…`, one that Ed25519Verifier::from() takes
  ReceivedDelivery delivery;
  std::string computed;  // what the receiver's own code computed with `secret`; empty: not known
  std::string header_prefix = "X-Skylight-";
  Timestamp now;
  Seconds standard_tolerance{300};
  // The vendor's timestamp is of the delivery's creation: it must outlive the retry schedule.
  Seconds vendor_tolerance{24 * 3600};
};

enum class Mistake {
  none,
  missing_header,  // no signature, id or timestamp
  old_timestamp,
  future_timestamp,
  bad_timestamp,        // not whole Unix seconds; milliseconds, say
  missing_prefix,       // no `sha256=`, `v1,` or `v1a,` before the digest
  wrong_dialect,        // the digest belongs to the other header
  wrong_encoding,       // base64 for hex, upper case, …
  wrong_key,            // the right secret, used in a wrong form
  wrong_text,           // not what is to be signed: id or timestamp left out
  reserialised_body,    // parsed and written again
  changed_white_space,  // line ends changed, a newline lost or added
  wrong_secret,         // none of the above explains it: another secret or key, or another body
};
// Such as "reserialised_body".
std::string_view to_string(Mistake mistake);

struct Finding {
  Dialect dialect = Dialect::standard;
  bool about_computed = false;  // about the value that the receiver computed, not about the header
  Mistake mistake = Mistake::none;
  std::string explanation;  // what it is and what to do, for people
};

struct Diagnosis {
  bool valid = false;  // every signature that was judged is right
  std::vector<Finding> findings;
};
Diagnosis diagnose(const DiagnosisInput& input);

}  // namespace skyhook::cli
