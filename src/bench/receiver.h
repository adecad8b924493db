// A receiver that costs as little as possible, so that what is measured is the sender: it finds the
// end of each request and answers a fixed text. How it behaves is in the path: /ok/7, /slow/7,
// /fail/7, /hang/7, /reset/7.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "net/http_server.h"
#include "net/loop.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace skyhook::bench {

class Receiver {
 public:
  // Listens on a free port of 127.0.0.1, with TLS where `tls` is given. `event_limit`: sequence
  // numbers are below it.
  Receiver(const Clock& clock, std::shared_ptr<SSL_CTX> tls, std::int64_t event_limit);
  ~Receiver();

  std::uint16_t port() const { return port_; }
  // Distinct events that were answered 2xx, and answers 2xx beyond the first for an event.
  std::int64_t received() const { return received_.load(std::memory_order_relaxed); }
  std::int64_t duplicates() const { return duplicates_.load(std::memory_order_relaxed); }
  std::int64_t connections() const { return connections_.load(std::memory_order_relaxed); }
  // Microseconds from each event's stamp to its receipt so far, unsorted. Any thread.
  std::vector<std::int32_t> latencies_us();
  // Forgets what was received. Any thread.
  void reset();
  void stop();

 private:
  class Connection;
  class Listener;
  friend class Connection;
  void note(std::string_view body);
  // Runs `task` on the receiver's thread and waits for it.
  void on_thread(const std::function<void()>& task);

  std::shared_ptr<SSL_CTX> tls_;
  net::Loop loop_;
  std::unique_ptr<Listener> listener_;
  std::unordered_map<int, std::unique_ptr<Connection>> open_;
  std::uint16_t port_ = 0;
  std::atomic<std::int64_t> received_{0}, duplicates_{0}, connections_{0};
  std::vector<bool> seen_;
  std::vector<std::int32_t> latencies_us_;
  std::thread thread_;
};

// The stamp that every event's data begins with: `{"n":<sequence>,"t":<microseconds, monotonic>`.
std::string stamped_data(std::int64_t sequence, std::int64_t monotonic_us, int bytes);
std::int64_t monotonic_us();

// A certificate authority and a server certificate of its own for 127.0.0.1; the authority is
// written to `ca_file`.
std::shared_ptr<SSL_CTX> make_receiver_tls(const std::string& ca_file);

}  // namespace skyhook::bench
