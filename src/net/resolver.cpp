#include "net/resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace skyhook::net {
namespace {

constexpr int kTryTimeoutMs = 1000;  // doubled with every try; Options::timeout ends it all
constexpr int kTries = 3;
constexpr Millis kRetransmitCheck{50};

std::vector<IpAddress> addresses_of(const ares_addrinfo* info) {
  std::vector<IpAddress> result;
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    IpAddress address;
    if (node->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, node->ai_addr, sizeof v4);
      std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
    } else if (node->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, node->ai_addr, sizeof v6);
      address.is_v6 = true;
      std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    } else {
      continue;
    }
    result.push_back(address);
  }
  return result;
}

[[noreturn]] void die(const char* what, int status) {
  std::fprintf(stderr, "skyhook: resolver: %s: %s\n", what, ares_strerror(status));
  std::abort();
}

}  // namespace

struct Resolver::Impl {
  // A descriptor of c-ares, watched on its behalf.
  struct Socket final : IoHandler {
    Socket(Impl& owner, int descriptor) : impl(owner), fd(descriptor) {}
    void on_io(std::uint32_t events) override {
      // May destroy this.
      impl.process(events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
                   events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
    }
    Impl& impl;
    const int fd;
  };

  // One question under way. Everybody who asks for the same name meanwhile waits for the same
  // answer.
  struct Lookup {
    Impl* impl;
    std::string host;
    std::vector<Callback> waiting;  // empty once it was answered or has timed out
    Timer timeout;
  };

  Impl(Loop& event_loop, Options chosen) : loop(event_loop), options(std::move(chosen)) {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    open_channel();
    retransmit.on_expiry = [this] {
      process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      watch_the_clock();
    };
  }

  ~Impl() {
    closing = true;
    ares_destroy(channel);  // ends every look-up through on_answer
  }

  void open_channel() {
    ares_options wanted{};
    // Names are asked for as they are: no search domains (an empty list), no HOSTALIASES.
    wanted.flags = ARES_FLAG_NOALIASES;
    wanted.timeout = kTryTimeoutMs;
    wanted.tries = kTries;
    wanted.lookups = const_cast<char*>("fb");  // the hosts file, then the servers
    wanted.sock_state_cb = [](void* self, int fd, int readable, int writable) {
      static_cast<Impl*>(self)->on_socket_state(fd, readable != 0, writable != 0);
    };
    wanted.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
                     ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&channel, &wanted, mask);
    if (status != ARES_SUCCESS) die("cannot be made", status);
    if (options.servers.empty()) return;
    status = ares_set_servers_ports_csv(channel, options.servers.c_str());
    if (status != ARES_SUCCESS) die("bad list of servers", status);
  }

  void on_socket_state(int fd, bool readable, bool writable) {
    const std::uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
    const auto found = sockets.find(fd);
    if (events == 0) {
      if (found == sockets.end()) return;
      loop.unwatch(fd);
      sockets.erase(found);
    } else if (found != sockets.end()) {
      loop.rewatch(fd, events, found->second.get());
    } else {
      auto socket = std::make_unique<Socket>(*this, fd);
      loop.watch(fd, events, socket.get());
      sockets.emplace(fd, std::move(socket));
    }
  }

  void process(int read_fd, int write_fd) { ares_process_fd(channel, read_fd, write_fd); }

  void watch_the_clock() {
    if (in_flight > 0) loop.arm(retransmit, kRetransmitCheck);
  }

  void resolve(const std::string& host, Callback callback) {
    const auto literal = parse_ip(host);
    if (literal) return answer(std::move(callback), {*literal});
    // Never handed on: a library may read a number in a spelling of its own.
    if (ends_in_a_number(host)) return answer(std::move(callback), {});
    if (const auto found = by_host.find(host); found != by_host.end()) {
      found->second->waiting.push_back(std::move(callback));
      return;
    }
    if (in_flight >= options.in_flight_limit) return answer(std::move(callback), {});
    start(host, std::move(callback));
  }

  void start(const std::string& host, Callback callback) {
    auto* const lookup = new Lookup{this, host, {}, {}};  // owned by c-ares until on_answer
    lookup->waiting.push_back(std::move(callback));
    lookup->timeout.on_expiry = [this, lookup] { finish(*lookup, {}); };
    loop.arm(lookup->timeout, options.timeout);
    by_host.emplace(host, lookup);
    ++in_flight;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(
        channel, host.c_str(), nullptr, &hints,
        [](void* argument, int status, int, ares_addrinfo* info) {
          auto* const done = static_cast<Lookup*>(argument);
          done->impl->on_answer(std::unique_ptr<Lookup>(done), status, info);
        },
        lookup);
    watch_the_clock();
  }

  void on_answer(std::unique_ptr<Lookup> lookup, int status, ares_addrinfo* info) {
    --in_flight;
    std::vector<IpAddress> answer;
    if (status == ARES_SUCCESS && info != nullptr) answer = addresses_of(info);
    if (info != nullptr) ares_freeaddrinfo(info);
    if (!closing) finish(*lookup, answer);
  }

  void finish(Lookup& lookup, const std::vector<IpAddress>& result) {
    lookup.timeout.cancel();
    if (lookup.waiting.empty()) return;
    by_host.erase(lookup.host);
    for (Callback& callback : std::exchange(lookup.waiting, {})) {
      answer(std::move(callback), result);
    }
  }

  // Always from a round of its own: callers may be in the middle of something, and c-ares always
  // is.
  void answer(Callback callback, std::vector<IpAddress> result) {
    loop.post([alive = std::weak_ptr<int>(lifetime), callback = std::move(callback),
               result = std::move(result)]() mutable {
      if (!alive.expired()) callback(std::move(result));
    });
  }

  Loop& loop;
  const Options options;
  ares_channel channel = nullptr;
  bool closing = false;
  std::size_t in_flight = 0;
  Timer retransmit;
  std::unordered_map<std::string, Lookup*> by_host;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets;
  std::shared_ptr<int> lifetime = std::make_shared<int>();
};

Resolver::Resolver(Loop& loop, Options options)
    : impl_(std::make_unique<Impl>(loop, std::move(options))) {}

Resolver::~Resolver() = default;

void Resolver::resolve(const std::string& host, Callback callback) {
  impl_->resolve(host, std::move(callback));
}

}  // namespace skyhook::net
