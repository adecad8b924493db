// What a request is called, in the log and in its answer (X-Request-Id), so that one finds the
// other.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "net/http_server.h"

namespace skyhook::api {

inline constexpr std::size_t kRequestIdLimit = 64;  // characters of an id that a client chose

// Thread-safe.
class RequestIds {
 public:
  // `start` differs from process to process, such as the time in microseconds.
  explicit RequestIds(std::uint64_t start) : start_(start) {}

  // The X-Request-Id that came with the request, where it is 1 to kRequestIdLimit letters, digits,
  // '.', '_' or '-'; else a new one, `<start>-<number>` in hex.
  std::string of(const net::ServerRequest& request);

 private:
  const std::uint64_t start_;
  std::atomic<std::uint64_t> number_{0};
};

}  // namespace skyhook::api
