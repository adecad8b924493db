// Names to addresses, without a thread: c-ares on the loop. One slow name does not hold another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "net/address_guard.h"
#include "net/loop.h"

namespace skyhook::net {

// What a connection needs of name resolution; tests hand in one whose answers change.
class NameSource {
 public:
  virtual ~NameSource() = default;
  using Callback = std::function<void(std::vector<IpAddress>)>;  // empty: it did not resolve
  // Loop thread. All A and AAAA addresses of `host` (which may be a literal: answered as it is).
  // The callback runs later on the loop's thread, once; it is dropped where the source is destroyed
  // first.
  virtual void resolve(const std::string& host, Callback callback) = 0;
};

// c-ares, asking for names as they are: no search domains. Hosts file first. Nothing is cached:
// questions for a name that is being looked up already share its answer. A number that is not a
// strict literal (see ends_in_a_number) does not resolve. Aborts at construction where `servers`
// cannot be read.
class Resolver final : public NameSource {
 public:
  struct Options {
    Millis timeout{5000};  // of the whole look-up
    std::string servers;   // "127.0.0.1:5353,…"; empty: the system's configuration
                           // (/etc/resolv.conf, /etc/hosts)
    std::size_t in_flight_limit =
        1024;  // look-ups at once; further ones fail to resolve and the attempt is retried
  };
  Resolver(Loop& loop, Options options);
  ~Resolver() override;
  void resolve(const std::string& host, Callback callback) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skyhook::net
