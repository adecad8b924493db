// What a receiver does with a delivery, by the book: verify its signatures and recognise a
// delivery that it had before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "net/http_server.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::cli {

inline constexpr Seconds kTimestampTolerance{300};  // of Standard Webhooks, either way

struct SignatureCheck {
  bool good = false;
  std::string reason;  // where it is not good: "missing", "does not match", …
};

struct DeliveryCheck {
  std::string event;        // of the vendor's header, else of the body; empty where unknown
  std::string delivery_id;  // of the vendor's header, else webhook-id; empty where unknown
  // nullopt: no secret, or no public key, was known to check it with.
  std::optional<SignatureCheck> vendor;
  std::optional<SignatureCheck> standard;
  std::optional<SignatureCheck> ed25519;

  bool was_verified() const { return vendor || standard || ed25519; }
  // Everything that could be checked is right.
  bool good() const {
    return (!vendor || vendor->good) && (!standard || standard->good) &&
           (!ed25519 || ed25519->good);
  }
};

// Verifies against any of several secrets, and any of several public keys. Not thread-safe.
class DeliveryChecker {
 public:
  // `header_prefix` such as "X-Skylight-". Without keys nothing is verified. Precondition: each of
  // `public_keys` is one that Ed25519Verifier::from() takes.
  DeliveryChecker(const std::vector<std::string>& secrets,
                  const std::vector<std::string>& public_keys, std::string_view header_prefix);

  DeliveryCheck check(const net::ServerRequest& request, Timestamp now);

 private:
  SignatureCheck check_vendor(const net::ServerRequest& request);
  SignatureCheck check_standard(const net::ServerRequest& request, Timestamp now);
  SignatureCheck check_ed25519(const net::ServerRequest& request, Timestamp now) const;

  std::vector<signing::Signer> signers_;
  std::vector<signing::Ed25519Verifier> verifiers_;
  const std::string prefix_;  // lower case
};

// How often each delivery came and whether it was answered with success before. Keeps the latest
// `limit` ids.
class SeenDeliveries {
 public:
  static constexpr std::size_t kLimit = 100'000;
  explicit SeenDeliveries(std::size_t limit = kLimit) : limit_(limit) {}

  struct Seen {
    int times = 1;              // this one included
    bool was_accepted = false;  // an earlier one was answered 2xx: this is a duplicate
  };
  // An empty id is never recognised.
  Seen note(const std::string& delivery_id);
  void accepted(const std::string& delivery_id);

 private:
  const std::size_t limit_;
  std::unordered_map<std::string, Seen> seen_;
  std::deque<std::string> oldest_first_;
};

}  // namespace skyhook::cli
