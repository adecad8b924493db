// A delivery as the service would send it (contract §4), for sending one to a receiver under
// development: signed here, with a secret that the receiver knows.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "cli/api_client.h"

namespace skyhook::cli {

struct SignedDelivery {
  std::string event;
  std::string delivery_id;
  std::string body;  // the exact body of the delivery
  std::string secret;
  std::string ed25519_key;  // `whsk_…`, signs too; empty: none
  std::string header_prefix = "X-Skylight-";
  Timestamp sent_at;  // of this attempt
};

// The request to the URL that the client was made for.
ApiRequest to_request(const SignedDelivery& delivery);
// The body of a delivery of `data` (contract §4).
std::string make_delivery_body(std::string_view event, std::string_view delivery_id,
                               Timestamp created_at, std::string_view data);
// A random UUID (RFC 9562, version 4).
std::string make_random_uuid();

}  // namespace skyhook::cli
