// What the limit is measured with: a client that sends what the server sends, and has nothing
// behind it. It does what no sender can leave out: a delivery of its own for each POST, with its
// UUID, its body and both signatures, over kept connections, and every answer parsed. It has no
// API, no store, no lanes, no retries and no log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/publisher.h"
#include "net/url.h"
#include "signing/signer.h"

namespace skyhook::bench {

class BareClient {
 public:
  // `event_type` and `data_bytes`: as in the events that the server was given.
  BareClient(std::shared_ptr<const net::Url> url, std::string event_type, int data_bytes);

  // The next POST. One thread at a time.
  Poster::Post make(std::int64_t sequence);

 private:
  const std::shared_ptr<const net::Url> url_;
  const std::string event_type_;
  const int data_bytes_;
  const SystemClock clock_;
  signing::Signer signer_;
};

}  // namespace skyhook::bench
