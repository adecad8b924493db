// Publishes to the server under test: a number of requests at once, as fast as it answers or at a
// rate, and the bare client that measures the limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/address_guard.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace skyhook::bench {

// Sends POSTs from a thread of its own, a bounded number at once.
class Poster {
 public:
  struct Options {
    int connections = 64;
    double rate = 0;  // posts a second; 0: as fast as answers come
  };
  struct Post {
    std::shared_ptr<const net::Url> url;
    std::string headers;
    std::string body;
  };
  struct Result {
    std::int64_t answered_2xx = 0;
    std::int64_t refused = 0;  // another answer, or none
    std::string first_refusal;
    std::vector<std::string> answers;  // bodies, in order of sending, where asked for
    std::int64_t thread_cpu_us = 0;
    Micros wall{0};
  };
  Poster(const Clock& clock, SSL_CTX* tls, Options options);

  // Sends `count` posts, made one by one by `make` (called on the sending thread), and waits for
  // all answers. `sent`, if given, is kept up to date for whoever shows progress.
  Result run(std::int64_t count, std::function<Post(std::int64_t)> make, bool keep_answers = false,
             std::atomic<std::int64_t>* sent = nullptr);

 private:
  const Clock& clock_;
  SSL_CTX* tls_;
  Options options_;
  net::AddressGuard guard_;
};

// CPU time of the calling thread.
std::int64_t thread_cpu_us();

}  // namespace skyhook::bench
