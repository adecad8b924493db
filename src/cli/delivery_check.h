// What a receiver does with a delivery, by the book: verify both signatures and recognise a
// delivery that it had before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "net/http_server.h"
#include "signing/signer.h"

namespace skyhook::cli {

inline constexpr Seconds kTimestampTolerance{300};  // of Standard Webhooks, either way

struct SignatureCheck {
  bool good = false;
  std::string reason;  // where it is not good: "missing", "does not match", …
};

struct DeliveryCheck {
  std::string event;          // of the vendor's header, else of the body; empty where unknown
  std::string delivery_id;    // of the vendor's header, else webhook-id; empty where unknown
  bool was_verified = false;  // a secret was known
  SignatureCheck vendor;
  SignatureCheck standard;

  bool good() const { return !was_verified || (vendor.good && standard.good); }
};

// Verifies against any of several secrets. Not thread-safe.
class DeliveryChecker {
 public:
  // `header_prefix` such as "X-Skylight-". Without secrets nothing is verified.
  DeliveryChecker(const std::vector<std::string>& secrets, std::string_view header_prefix);

  DeliveryCheck check(const net::ServerRequest& request, Timestamp now);

 private:
  SignatureCheck check_vendor(const net::ServerRequest& request);
  SignatureCheck check_standard(const net::ServerRequest& request, Timestamp now);

  std::vector<signing::Signer> signers_;
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
