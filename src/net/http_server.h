// HTTP/1.1 (RFC 9112) for the API and the dashboard: small, strict, bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/loop.h"

namespace skyhook::net {

struct ServerRequest {
  std::string method;  // as sent, such as "GET"
  std::string path;    // percent-decoded once, without the query
  std::string query;   // raw, without '?'
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
  std::string remote_address;

  // The first header of that (lower-case) name; nullptr where absent.
  const std::string* header(std::string_view lower_case_name) const;
};

struct ServerResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>>
      headers;  // without Content-Length, Date and Connection
  std::string body;
};

// The body of an answer that goes on, such as server-sent events. Thread-safe; keeps nothing alive.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  // Queues `chunk`; false where the client is gone or has more than 1 MiB unread (it is then
  // closed).
  virtual bool write(std::string chunk) = 0;
  virtual void close() = 0;
};

// The one answer that a request is owed. Movable, may be kept and used on any thread. Destroyed
// unused, it answers 500.
class Responder {
 public:
  class Connection;
  Responder(std::shared_ptr<Connection> connection, std::uint64_t request_number);
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  ~Responder();

  void respond(ServerResponse response);
  // Sends the head now, then chunks.
  std::shared_ptr<ResponseStream> stream(ServerResponse head);

 private:
  std::shared_ptr<Connection> connection_;
  std::uint64_t request_number_ = 0;
};

// Belongs to one loop, which outlives it and every Responder and ResponseStream. Requests of one
// connection are answered in order; the next is not read before the one before is answered.
class HttpServer {
 public:
  struct Options {
    std::size_t head_limit = 16 * 1024;         // 431 past it
    std::size_t body_limit = 16 * 1024 * 1024;  // 413 past it; a route may set a smaller one
    // Bytes of request bodies larger than 256 KiB that are being read, over all connections: 503
    // past it.
    std::size_t body_memory_limit = 256 * 1024 * 1024;
    std::size_t connection_limit = 10'000;  // past it the connection that waits longest for a
                                            // request is closed, else the new one gets 503
    Millis head_timeout{10'000};            // first byte to complete head: 408
    Millis body_timeout{60'000};            // complete head to complete body: 408
    Millis idle_timeout{75'000};
    Millis write_timeout{60'000};  // a client that does not read its answer is closed
  };
  struct Counters {
    std::size_t open_connections = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
  };
  using Handler = std::function<void(ServerRequest, Responder)>;
  // Bodies of the errors that the server answers by itself (400, 408, 413, 431, 500, 503), so that
  // they have the API's shape.
  using ErrorBody = std::function<ServerResponse(int status)>;
  // Answers with `status` in the server's place a request that it refuses although it knows already
  // what was asked: a body that is too large, broken or late. The body is not whole.
  using Refusal = std::function<void(int status, ServerRequest, Responder)>;

  HttpServer(Loop& loop, Options options, Handler handler, ErrorBody error_body,
             Refusal refusal = {});
  ~HttpServer();

  // Loop thread. Takes ownership of a listening, non-blocking socket (see listen_tcp). Several
  // servers may listen on the same port, each with its own socket (SO_REUSEPORT).
  void serve(int listen_fd);
  // Loop thread. Stops accepting, closes idle connections, lets requests under way finish; `done`
  // when none is left.
  void drain(std::function<void()> done);
  Counters counters() const;  // any thread

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

struct ListenAddress {
  std::string host;        // literal or name
  std::uint16_t port = 0;  // 0: any free one
};
std::optional<ListenAddress> parse_listen_address(
    std::string_view text);  // `127.0.0.1:8080`, `[::1]:8080`, `:8080` (all)
// May other sockets listen on the same port? `shared` is for the several network threads of one
// process (SO_REUSEPORT); a second process that asks for an exclusive port which is taken is told
// so.
enum class Port { exclusive, shared };
// A listening, non-blocking socket; -1 and a message where it cannot be had.
int listen_tcp(const ListenAddress& address, Port port, std::string* error);
std::uint16_t bound_port(int listen_fd);

}  // namespace skyhook::net
