// Sends one POST and reads its answer, within one absolute deadline, over a pooled connection to a
// vetted address.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "domain/delivery.h"
#include "net/address_guard.h"
#include "net/client_certificate.h"
#include "net/loop.h"
#include "net/proxy.h"
#include "net/resolver.h"
#include "net/url.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace skyhook::net {

struct ClientRequest {
  // Idle connections are kept for, and only reused by, the same key and origin: a webhook's id for
  // deliveries. 0: no reuse.
  std::int64_t pool_key = 0;
  std::shared_ptr<const Url> url;
  // Shown to a server that asks for one; nullptr: none is. A connection, or a TLS session, that was
  // begun with another object of the kind is not used.
  ClientCertificate::Ptr certificate = nullptr;
  std::string headers;  // `Name: value\r\n` lines, without Host, Content-Length and Connection,
                        // which the client adds
  std::string body;
  Millis timeout{30000};  // for everything: name, connect, handshake, request, the complete answer
};

// What came of it. `failure` is `none` exactly where a complete answer arrived, whatever its
// status.
struct ClientResult {
  FailureReason failure = FailureReason::none;
  std::string error_detail;  // one line for people, e.g. OpenSSL's reason
  Micros duration{0};
  int status = 0;       // 0 where no status line arrived
  std::string headers;  // raw lines, the first 16 KiB
  std::string body;     // the first 16 KiB; the rest is read off (up to the deadline) but not kept
  bool body_truncated = false;
  std::string retry_after;  // the header's value, empty where absent
};

// Belongs to one loop. Sends HTTP/1.1 (RFC 9112); follows no redirects; connects only where `guard`
// allows every address of the name. An idle connection that turns out dead before any byte of the
// answer came makes the request go out once more, on a fresh one: the receiver may have seen it
// twice, as after any failed attempt. Raises no SIGPIPE.
class HttpClient {
 public:
  struct Options {
    std::size_t response_body_kept = 16 * 1024;
    std::size_t response_headers_kept = 16 * 1024;
    std::size_t response_head_limit = 64 * 1024;  // a larger head is a bad_response
    std::uint64_t response_body_limit =
        16 * 1024 * 1024;  // a larger body ends the attempt as bad_response
    std::size_t idle_limit =
        1024;  // idle connections kept by this client; past it the oldest is closed
    std::size_t idle_per_key = 16;
    Millis idle_timeout{30000};
    Millis connection_lifetime{
        300000};  // then it is closed after its answer, so that a changed DNS answer is followed
    // TLS handshakes that are begun at a time; further ones wait for their turn, within their
    // deadline. A handshake gives its turn away after half a second, so that servers which never
    // answer do not hold up the others.
    std::size_t handshake_limit = 64;
    // While the name has further addresses, one that does not answer may take this much of the
    // deadline.
    Millis connect_share{5000};
    // What all connections go through. The guard judges the host of the URL all the same, and the
    // proxy is told the address that was judged, never the name; the proxy itself is dialled as it
    // is configured. Where it cannot be reached, or does not take the credentials, the failure is
    // `internal`; where it cannot reach the address, `connect`.
    std::optional<Proxy> proxy = std::nullopt;
  };
  struct Counters {
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_reused = 0;
    std::uint64_t tls_resumed = 0;
    std::size_t open_connections = 0;
    std::size_t idle_connections = 0;
  };
  using Callback = std::function<void(ClientResult)>;

  // `tls` (one a process, see make_client_tls), `guard` and `names` outlive the client.
  HttpClient(Loop& loop, SSL_CTX* tls, const AddressGuard& guard, NameSource& names,
             Options options);
  ~HttpClient();  // closes everything; callbacks of what is under way are not called

  // Loop thread. The callback runs later on the loop's thread, exactly once, at the latest one
  // wheel tick after the deadline.
  void send(ClientRequest request, Callback callback);
  // Closes idle connections of the key, for a changed or deleted webhook.
  void forget(std::int64_t pool_key);
  Counters counters() const;  // any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct ClientTlsOptions {
  std::string ca_file;  // PEM; empty: the system's store
};
// TLS 1.2 or later, verification on; sessions are kept by the clients. Null, and a line in `error`,
// where the certificates cannot be read. May be shared by clients of several threads.
std::shared_ptr<SSL_CTX> make_client_tls(const ClientTlsOptions& options, std::string* error);

}  // namespace skyhook::net
