// A certificate that a client shows to a server which asks for one (mutual TLS), with its key.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

typedef struct ssl_st SSL;

namespace skyhook::net {

// Constant after construction; used by any thread.
class ClientCertificate {
 public:
  // What is wrong with which of both texts, as the rest of a sentence: "must be a PEM certificate."
  struct Fault {
    enum class Field { certificate, key };
    Field field;
    std::string_view reason;
  };
  using Ptr = std::shared_ptr<const ClientCertificate>;

  // `chain`: PEM, the client's certificate first, then those that vouch for it. `key`: PEM, the
  // private key of the first, not encrypted. Also a fault: a private key among the certificates, a
  // key that is not the certificate's or longer than kKeyBitsLimit, and what OpenSSL's security
  // level refuses, such as RSA of 1024 bits. When it expires is the caller's to judge.
  static Result<Ptr, Fault> parse(std::string_view chain, std::string_view key);

  std::string subject() const;      // RFC 2253, such as `CN=client,O=Example`
  std::string fingerprint() const;  // SHA-256 of the certificate, 64 hex digits
  Timestamp expires_at() const;
  // Shows it on `ssl`, which is about to begin its handshake. False where OpenSSL cannot.
  bool use(SSL* ssl) const;

  ~ClientCertificate();
  ClientCertificate(const ClientCertificate&) = delete;
  ClientCertificate& operator=(const ClientCertificate&) = delete;

  static constexpr std::size_t kChainLimit = 16 * 1024;  // bytes
  static constexpr std::size_t kKeyLimit = 8 * 1024;     // bytes
  static constexpr std::size_t kCertificatesLimit = 10;
  static constexpr int kKeyBitsLimit = 4096;

 private:
  struct Parts;
  explicit ClientCertificate(std::unique_ptr<Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace skyhook::net
