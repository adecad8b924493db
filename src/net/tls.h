// What the HTTP client needs of OpenSSL beyond its context: within the net room only.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/url.h"

namespace skyhook::net {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

struct SslSessionDeleter {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslSessionDeleter>;

// Where a connection hands in the sessions that its server offers for resumption.
class TlsSessionKeeper {
 public:
  virtual ~TlsSessionKeeper() = default;
  virtual void keep_session(SslSessionPtr session) = 0;
};

// A client's side of a connection to `url` over the non-blocking socket `fd` (not owned): server
// name (RFC 6066) unless the host is a literal, certificate verified against the host. `keeper`
// outlives it. Null where OpenSSL has no memory.
SslPtr make_client_ssl(SSL_CTX* context, int fd, const Url& url, TlsSessionKeeper* keeper);

// One line about why the last operation on `ssl` failed, from the verification's result or the
// thread's error queue.
std::string tls_error(const SSL* ssl);

}  // namespace skyhook::net
