#include "net/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/response_reader.h"
#include "net/tls.h"

namespace skyhook::net {
namespace {

// Read and TLS-write buffers, shared by all connections of a client.
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kTlsRecord = 16 * 1024;
constexpr std::size_t kRoutesTried = 8;
// A handshake gives its turn away after this long, so that servers which never answer do not hold
// up the others.
constexpr Millis kHandshakeTurn{500};
// TLS sessions kept: in all, and for one key (TLS 1.3 servers hand out two a connection, for one
// use each).
constexpr std::size_t kTicketLimit = 4096;
constexpr std::size_t kTicketsPerKey = 16;
constexpr std::size_t kDetailLimit = 200;
constexpr std::size_t kProxyAnswerLimit = 8 * 1024;

bool same_origin(const Url& a, const Url& b) {
  return &a == &b || (a.port == b.port && a.scheme == b.scheme && a.host == b.host);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress result;
  if (address.is_v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.length = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.length = sizeof v4;
  }
  return result;
}

// Errors of this machine's own limits: no fault of the receiver.
bool is_own_limit(int error, bool is_v6) {
  // Without a free port, that is; where IPv6 is switched off, it is what connecting there comes to.
  if (error == EADDRNOTAVAIL) return !is_v6;
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EAGAIN;
}

// One way to the receiver.
struct Route {
  IpAddress address;  // that is dialled
  std::uint16_t port = 0;
  std::string tunnel_to;  // what the proxy at that address is asked for; empty: no proxy
};

// As CONNECT wants it (RFC 9112 §3.2.3).
std::string authority_of(const IpAddress& address, std::uint16_t port) {
  const std::string text = address.to_string();
  return (address.is_v6 ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

// What a read or write on a connection came to.
enum class Io { done, would_block, ended, failed, refused };  // refused: by a TLS alert

}  // namespace

class HttpClient::Impl {
 public:
  Impl(Loop& loop, SSL_CTX* tls, const AddressGuard& guard, NameSource& names, Options options)
      : loop_(loop),
        tls_(tls),
        guard_(guard),
        names_(names),
        options_(std::move(options)),
        limits_{.head = options.response_head_limit,
                .body = options.response_body_limit,
                .headers_kept = options.response_headers_kept,
                .body_kept = options.response_body_kept} {}

  ~Impl() {
    for (Connection& connection : active_) shut(connection, false);
    for (Connection& connection : idle_) shut(connection, true);
  }

  void send(ClientRequest request, Callback callback);
  void forget(std::int64_t pool_key);

  Counters counters() const {
    return {.connections_opened = opened_,
            .connections_reused = reused_,
            .tls_resumed = tls_resumed_,
            .open_connections = open_,
            .idle_connections = idle_count_};
  }

 private:
  struct Connection;
  struct Exchange;
  using Connections = std::list<Connection>;
  using Exchanges = std::list<Exchange>;

  // A request on its way, from send() to its callback.
  struct Exchange {
    Exchange(ClientRequest what, Callback whom, const ResponseReader::Limits& limits)
        : request(std::move(what)), callback(std::move(whom)), reader(limits) {}
    std::size_t size() const { return head.size() + request.body.size(); }

    ClientRequest request;
    Callback callback;
    Exchanges::iterator self;
    MonoTime started;
    Timer deadline;
    std::string head;
    std::size_t sent = 0;
    std::vector<Route> routes;  // all to vetted addresses
    std::size_t next_route = 0;
    std::shared_ptr<int> resolving;  // dies with this; the resolver's callback looks at it
    Connection* connection = nullptr;
    bool retried = false;
    bool answer_began = false;
    ResponseReader reader;
  };

  enum class Phase { connecting, tunnelling, queued, handshaking, busy, idle };

  // A socket, from connect(2) to close(2); `exchange` is null exactly while it is idle.
  struct Connection final : IoHandler, TlsSessionKeeper {
    Connection(Impl& owner, int descriptor) : impl(owner), fd(descriptor) {}
    void on_io(std::uint32_t events) override { impl.on_io(*this, events); }
    void keep_session(SslSessionPtr session) override {
      impl.keep_session(*this, std::move(session));
    }

    Impl& impl;
    const int fd;
    Connections::iterator self;
    Phase phase = Phase::connecting;
    std::int64_t pool_key = 0;
    std::string tunnel_to;     // see Route
    std::string proxy_answer;  // as far as it has come, while tunnelling
    std::shared_ptr<const Url> url;
    ClientCertificate::Ptr certificate;
    MonoTime opened;
    SslPtr ssl;
    Exchange* exchange = nullptr;
    Timer timer;  // by phase: the address's share, the handshake's turn, the idle timeout
    std::uint32_t watched = 0;
    bool holds_turn = false;
    bool reused = false;
    bool write_failed = false;
  };

  struct Sessions {
    bool are_of(const Connection& connection) const {
      return same_origin(*url, *connection.url) && certificate == connection.certificate;
    }
    std::shared_ptr<const Url> url;
    ClientCertificate::Ptr certificate;
    std::vector<SslSessionPtr> tickets;  // newest last
    std::list<std::int64_t>::iterator age;
  };

  // Beginning
  void start_fresh(Exchange& exchange);
  void on_names(Exchange& exchange, std::vector<IpAddress> answer);
  Connection* take_idle(const ClientRequest& request);
  void on_proxy_names(Exchange& exchange, const std::vector<IpAddress>& targets,
                      const std::vector<IpAddress>& proxies);
  void connect_next(Exchange& exchange, FailureReason reason, std::string failure);
  int open_socket(const IpAddress& address);
  void on_connected(Connection& connection);
  void ask_proxy(Connection& connection);
  void hear_proxy(Connection& connection);
  void on_proxy_failed(Connection& connection, FailureReason reason, std::string failure);
  void on_reached(Connection& connection);

  // TLS
  void begin_handshake(Connection& connection);
  void continue_handshake(Connection& connection);
  void end_turn(Connection& connection);
  void grant_turns();
  void offer_session(Connection& connection);
  void keep_session(Connection& connection, SslSessionPtr session);
  void drop_sessions(std::int64_t pool_key);

  // Request and answer
  void on_io(Connection& connection, std::uint32_t events);
  void use(Connection& connection, Exchange& exchange);
  void write_request(Connection& connection);
  Io write_some(Connection& connection, Exchange& exchange, std::size_t& written);
  void read_answer(Connection& connection);
  Io read_some(Connection& connection, std::size_t& received);
  void on_lost(Connection& connection, const std::string& detail);
  void on_refused(Connection& connection);
  void on_idle_io(Connection& connection);
  void expect(Connection& connection, std::uint32_t events);

  // Ending
  void complete(Exchange& exchange, FailureReason failure, const std::string& detail);
  void on_deadline(Exchange& exchange);
  void release(Connection& connection, const Exchange& exchange);
  void make_idle(Connection& connection);
  void close_idle(Connection& connection);
  void close(Connection& connection, bool in_order);
  void shut(Connection& connection, bool in_order);

  Loop& loop_;
  SSL_CTX* const tls_;
  const AddressGuard& guard_;
  NameSource& names_;
  const Options options_;
  const ResponseReader::Limits limits_;
  // Written on the loop's thread, read on any.
  std::atomic<std::uint64_t> opened_{0}, reused_{0}, tls_resumed_{0};
  std::atomic<std::size_t> open_{0}, idle_count_{0};
  Exchanges exchanges_;
  Connections active_;
  Connections idle_;  // longest idle first
  std::unordered_map<std::int64_t, std::vector<Connection*>> idle_by_key_;
  std::size_t turns_taken_ = 0;
  std::deque<Connection*> waiting_for_turn_;
  std::unordered_map<std::int64_t, Sessions> sessions_;
  std::size_t tickets_kept_ = 0;
  std::list<std::int64_t> session_ages_;  // oldest first
  std::vector<char> read_buffer_ = std::vector<char>(kReadSize);
  std::string record_;  // head and body joined for one TLS record
  std::shared_ptr<int> lifetime_ = std::make_shared<int>();
};

// ---- Beginning
void HttpClient::Impl::send(ClientRequest request, Callback callback) {
  Exchange& exchange = exchanges_.emplace_back(std::move(request), std::move(callback), limits_);
  exchange.self = std::prev(exchanges_.end());
  exchange.started = loop_.clock().mono();
  exchange.deadline.on_expiry = [this, &exchange] { on_deadline(exchange); };
  loop_.arm(exchange.deadline, exchange.request.timeout);

  const ClientRequest& what = exchange.request;
  std::string& head = exchange.head;
  const std::string authority = what.url->authority();
  head.reserve(what.url->target.size() + authority.size() + what.headers.size() + 80);
  head.append("POST ").append(what.url->target).append(" HTTP/1.1\r\nHost: ").append(authority);
  head.append("\r\n").append(what.headers).append("Content-Length: ");
  head.append(std::to_string(what.body.size()));
  head.append(what.pool_key == 0 ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");

  if (Connection* const idle = take_idle(what)) {
    use(*idle, exchange);
  } else {
    start_fresh(exchange);
  }
}

// The youngest idle connection of that key and origin: the likeliest to be alive still.
HttpClient::Impl::Connection* HttpClient::Impl::take_idle(const ClientRequest& request) {
  const auto found = idle_by_key_.find(request.pool_key);
  if (found == idle_by_key_.end()) return nullptr;
  std::vector<Connection*>& candidates = found->second;
  for (std::size_t i = candidates.size(); i-- > 0;) {
    Connection& connection = *candidates[i];
    if (!same_origin(*connection.url, *request.url) ||
        connection.certificate != request.certificate) {
      continue;
    }
    candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(i));
    active_.splice(active_.end(), idle_, connection.self);
    --idle_count_;
    connection.timer.cancel();
    connection.reused = true;
    ++reused_;
    return &connection;
  }
  return nullptr;
}

void HttpClient::Impl::start_fresh(Exchange& exchange) {
  exchange.resolving = std::make_shared<int>();
  names_.resolve(exchange.request.url->host,
                 [this, &exchange,
                  alive = std::weak_ptr<int>(exchange.resolving)](std::vector<IpAddress> answer) {
                   if (!alive.expired()) on_names(exchange, std::move(answer));
                 });
}

void HttpClient::Impl::on_names(Exchange& exchange, std::vector<IpAddress> answer) {
  exchange.resolving.reset();
  if (answer.empty()) {
    complete(exchange, FailureReason::dns, "the name did not resolve");
    return;
  }
  if (!guard_.allows_all(answer)) {
    complete(exchange, FailureReason::blocked_address,
             "the host has an address that may not be connected to");
    return;
  }
  if (options_.proxy) {
    exchange.resolving = std::make_shared<int>();
    names_.resolve(options_.proxy->host,
                   [this, &exchange, alive = std::weak_ptr<int>(exchange.resolving),
                    targets = std::move(answer)](const std::vector<IpAddress>& proxies) {
                     if (!alive.expired()) on_proxy_names(exchange, targets, proxies);
                   });
    return;
  }
  for (const IpAddress& address : answer) {
    if (exchange.routes.size() == kRoutesTried) break;
    exchange.routes.push_back(
        {.address = address, .port = exchange.request.url->port, .tunnel_to = {}});
  }
  connect_next(exchange, FailureReason::connect, "");
}

void HttpClient::Impl::on_proxy_names(Exchange& exchange, const std::vector<IpAddress>& targets,
                                      const std::vector<IpAddress>& proxies) {
  exchange.resolving.reset();
  if (proxies.empty()) {
    return complete(exchange, FailureReason::internal, "the proxy's name did not resolve");
  }
  for (const IpAddress& target : targets) {
    for (const IpAddress& proxy : proxies) {
      if (exchange.routes.size() == kRoutesTried) break;
      exchange.routes.push_back({.address = proxy,
                                 .port = options_.proxy->port,
                                 .tunnel_to = authority_of(target, exchange.request.url->port)});
    }
  }
  connect_next(exchange, FailureReason::connect, "");
}

// Tries the routes that are left, one after the other; `reason` and `failure` are what became of
// the one before.
void HttpClient::Impl::connect_next(Exchange& exchange, FailureReason reason, std::string failure) {
  while (exchange.next_route < exchange.routes.size()) {
    const Route& route = exchange.routes[exchange.next_route++];
    reason = options_.proxy ? FailureReason::internal : FailureReason::connect;
    const std::string_view whose = options_.proxy ? "the proxy: " : "";
    const int fd = open_socket(route.address);
    if (fd < 0) {
      const int error = errno;
      failure = std::string(whose) + std::strerror(error);
      if (is_own_limit(error, route.address.is_v6))
        return complete(exchange, FailureReason::internal, failure);
      continue;  // no such address family here
    }
    const SocketAddress target = socket_address(route.address, route.port);
    if (::connect(fd, target.get(), target.length) != 0 && errno != EINPROGRESS) {
      const int error = errno;
      ::close(fd);
      failure = std::string(whose) + std::strerror(error);
      if (is_own_limit(error, route.address.is_v6))
        return complete(exchange, FailureReason::internal, failure);
      continue;
    }
    Connection& connection = active_.emplace_back(*this, fd);
    connection.self = std::prev(active_.end());
    ++open_;
    connection.pool_key = exchange.request.pool_key;
    connection.tunnel_to = route.tunnel_to;
    connection.url = exchange.request.url;
    connection.certificate = exchange.request.certificate;
    connection.opened = loop_.mono();
    connection.exchange = &exchange;
    exchange.connection = &connection;
    connection.watched = EPOLLOUT;
    loop_.watch(fd, EPOLLOUT, &connection);
    if (exchange.next_route < exchange.routes.size()) {
      connection.timer.on_expiry = [this, &connection] {
        Exchange& waiting = *connection.exchange;
        close(connection, false);
        connect_next(waiting, FailureReason::connect, "timed out");
      };
      loop_.arm(connection.timer, options_.connect_share);
    }
    return;
  }
  return complete(exchange, reason, failure);
}

// A non-blocking socket; -1 and errno. At the limit of descriptors, idle connections make room.
int HttpClient::Impl::open_socket(const IpAddress& address) {
  const int family = address.is_v6 ? AF_INET6 : AF_INET;
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = ::socket(family, type, 0);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE) && !idle_.empty()) {
    close_idle(idle_.front());
    fd = ::socket(family, type, 0);
  }
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void HttpClient::Impl::on_connected(Connection& connection) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (connection.tunnel_to.empty()) {
    if (error == 0) return on_reached(connection);
    Exchange& exchange = *connection.exchange;
    close(connection, false);
    return connect_next(exchange, FailureReason::connect, std::strerror(error));
  }
  if (error == 0) return ask_proxy(connection);
  return on_proxy_failed(connection, FailureReason::internal, std::strerror(error));
}

void HttpClient::Impl::ask_proxy(Connection& connection) {
  connection.phase = Phase::tunnelling;
  std::string request = "CONNECT " + connection.tunnel_to + " HTTP/1.1\r\nHost: ";
  request += connection.tunnel_to + "\r\n";
  if (!options_.proxy->authorization.empty()) {
    request += "Proxy-Authorization: " + options_.proxy->authorization + "\r\n";
  }
  request += "\r\n";
  // A socket that is new takes it whole.
  const auto sent = ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) {
    return on_proxy_failed(connection, FailureReason::internal, "it takes no request");
  }
  expect(connection, EPOLLIN);
}

void HttpClient::Impl::hear_proxy(Connection& connection) {
  std::size_t received = 0;
  const Io io = read_some(connection, received);
  if (io == Io::would_block) return;
  std::string& answer = connection.proxy_answer;
  if (io == Io::done) answer.append(read_buffer_.data(), received);
  if (io != Io::done || answer.size() > kProxyAnswerLimit) {
    return on_proxy_failed(connection, FailureReason::internal, "it gave no answer");
  }
  if (answer.find("\r\n\r\n") == std::string::npos) return;
  const auto status = read_proxy_answer(answer);
  if (!status)
    return on_proxy_failed(connection, FailureReason::internal, "its answer is not HTTP");
  if (*status == 407) {
    return on_proxy_failed(connection, FailureReason::internal, "it wants other credentials");
  }
  if (*status / 100 != 2) {
    return on_proxy_failed(connection, FailureReason::connect,
                           "it answered " + std::to_string(*status));
  }
  answer = {};
  return on_reached(connection);
}

void HttpClient::Impl::on_proxy_failed(Connection& connection, FailureReason reason,
                                       std::string failure) {
  Exchange& exchange = *connection.exchange;
  close(connection, false);
  return connect_next(exchange, reason, "the proxy: " + std::move(failure));
}

// The connection to the receiver is there, itself or through the proxy.
void HttpClient::Impl::on_reached(Connection& connection) {
  connection.timer.cancel();
  ++opened_;
  if (!connection.url->is_tls()) return use(connection, *connection.exchange);
  if (turns_taken_ < options_.handshake_limit) return begin_handshake(connection);
  connection.phase = Phase::queued;
  waiting_for_turn_.push_back(&connection);
  expect(connection, 0);  // only its end is of interest now; epoll reports that always
}

// ---- TLS
void HttpClient::Impl::begin_handshake(Connection& connection) {
  ++turns_taken_;
  connection.holds_turn = true;
  connection.phase = Phase::handshaking;
  connection.timer.on_expiry = [this, &connection] { end_turn(connection); };
  loop_.arm(connection.timer, kHandshakeTurn);
  connection.ssl = make_client_ssl(tls_, connection.fd, *connection.url, &connection);
  if (connection.ssl == nullptr) {
    return complete(*connection.exchange, FailureReason::internal, "OpenSSL is out of memory");
  }
  if (connection.certificate && !connection.certificate->use(connection.ssl.get())) {
    return complete(*connection.exchange, FailureReason::internal,
                    "OpenSSL cannot use the client certificate");
  }
  offer_session(connection);
  return continue_handshake(connection);
}

void HttpClient::Impl::continue_handshake(Connection& connection) {
  SSL* const ssl = connection.ssl.get();
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl);
  if (result == 1) {
    end_turn(connection);
    connection.timer.cancel();
    if (SSL_session_reused(ssl) == 1) ++tls_resumed_;
    return use(connection, *connection.exchange);
  }
  const int reason = SSL_get_error(ssl, result);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
    expect(connection, reason == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
    return;
  }
  drop_sessions(connection.pool_key);
  return complete(*connection.exchange, FailureReason::tls, tls_error(ssl));
}

void HttpClient::Impl::end_turn(Connection& connection) {
  if (!std::exchange(connection.holds_turn, false)) return;
  --turns_taken_;
  if (waiting_for_turn_.empty()) return;
  // Later: a handshake that begins may fail at once, and its callback may do anything.
  loop_.post([this, alive = std::weak_ptr<int>(lifetime_)] {
    if (!alive.expired()) grant_turns();
  });
}

void HttpClient::Impl::grant_turns() {
  const std::weak_ptr<int> alive = lifetime_;
  while (!alive.expired() && turns_taken_ < options_.handshake_limit &&
         !waiting_for_turn_.empty()) {
    Connection& next = *waiting_for_turn_.front();
    waiting_for_turn_.pop_front();
    begin_handshake(next);
  }
}

void HttpClient::Impl::offer_session(Connection& connection) {
  const auto found = sessions_.find(connection.pool_key);
  if (found == sessions_.end() || !found->second.are_of(connection)) return;
  std::vector<SslSessionPtr>& tickets = found->second.tickets;
  bool offered = false;
  while (!offered && !tickets.empty()) {
    SSL_SESSION* const newest = tickets.back().get();
    offered = SSL_SESSION_is_resumable(newest) == 1;
    if (offered) SSL_set_session(connection.ssl.get(), newest);
    // RFC 8446 §C.4: a ticket of TLS 1.3 is used once. Sessions of TLS 1.2 may be used again.
    if (offered && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION) return;
    tickets.pop_back();
    --tickets_kept_;
  }
  if (tickets.empty()) drop_sessions(connection.pool_key);
}

void HttpClient::Impl::keep_session(Connection& connection, SslSessionPtr session) {
  const std::int64_t key = connection.pool_key;
  if (key == 0) return;
  auto found = sessions_.find(key);
  if (found != sessions_.end() && !found->second.are_of(connection)) {
    drop_sessions(key);
    found = sessions_.end();
  }
  if (found == sessions_.end()) {
    session_ages_.push_back(key);
    found = sessions_
                .emplace(
                    key,
                    Sessions{
                        connection.url, connection.certificate, {}, std::prev(session_ages_.end())})
                .first;
  }
  session_ages_.splice(session_ages_.end(), session_ages_, found->second.age);
  std::vector<SslSessionPtr>& tickets = found->second.tickets;
  if (tickets.size() >= kTicketsPerKey) {
    tickets.erase(tickets.begin());
    --tickets_kept_;
  }
  tickets.push_back(std::move(session));
  if (++tickets_kept_ > kTicketLimit) drop_sessions(session_ages_.front());
}

void HttpClient::Impl::drop_sessions(std::int64_t pool_key) {
  const auto found = sessions_.find(pool_key);
  if (found == sessions_.end()) return;
  tickets_kept_ -= found->second.tickets.size();
  session_ages_.erase(found->second.age);
  sessions_.erase(found);
}

// ---- Request and answer
void HttpClient::Impl::on_io(Connection& connection, std::uint32_t events) {
  switch (connection.phase) {
    case Phase::connecting:
      on_connected(connection);
      return;
    case Phase::tunnelling:
      hear_proxy(connection);
      return;
    case Phase::queued:
      complete(*connection.exchange, FailureReason::tls, "connection lost");
      return;
    case Phase::handshaking:
      continue_handshake(connection);
      return;
    case Phase::idle:
      on_idle_io(connection);
      return;
    case Phase::busy:
      break;
  }
  const Exchange& exchange = *connection.exchange;
  if (exchange.sent < exchange.size() && !connection.write_failed) write_request(connection);
  if ((events & ~EPOLLOUT) != 0) read_answer(connection);
}

void HttpClient::Impl::use(Connection& connection, Exchange& exchange) {
  connection.phase = Phase::busy;
  connection.exchange = &exchange;
  exchange.connection = &connection;
  exchange.sent = 0;
  write_request(connection);
}

void HttpClient::Impl::write_request(Connection& connection) {
  Exchange& exchange = *connection.exchange;
  while (exchange.sent < exchange.size()) {
    std::size_t written = 0;
    const Io io = write_some(connection, exchange, written);
    exchange.sent += written;
    if (io == Io::would_block) {
      expect(connection, EPOLLIN | EPOLLOUT);
      return;
    }
    if (io != Io::done) {
      // The server may have answered before it closed. Reading tells, in the next round, since
      // send() must not complete anything by itself.
      connection.write_failed = true;
      break;
    }
  }
  expect(connection, EPOLLIN);
}

Io HttpClient::Impl::write_some(Connection& connection, Exchange& exchange, std::size_t& written) {
  const std::string& head = exchange.head;
  const std::string& body = exchange.request.body;
  const std::size_t from_body = exchange.sent > head.size() ? exchange.sent - head.size() : 0;
  const std::size_t from_head = std::min(exchange.sent, head.size());
  if (connection.ssl == nullptr) {
    std::array<iovec, 2> parts{
        {{const_cast<char*>(head.data()) + from_head, head.size() - from_head},
         {const_cast<char*>(body.data()) + from_body, body.size() - from_body}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const auto sent = ::sendmsg(connection.fd, &message, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? Io::would_block : Io::failed;
    written = static_cast<std::size_t>(sent);
    return Io::done;
  }
  // Joined for one record. After a would_block the same bytes are offered again, as OpenSSL
  // demands.
  record_.assign(head, from_head, kTlsRecord);
  record_.append(body, from_body, kTlsRecord - record_.size());
  ERR_clear_error();
  const int result = SSL_write_ex(connection.ssl.get(), record_.data(), record_.size(), &written);
  if (result == 1) return Io::done;
  written = 0;
  const int reason = SSL_get_error(connection.ssl.get(), result);
  return reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ ? Io::would_block
                                                                         : Io::failed;
}

// One read an event: the loop is level-triggered, and an endless answer must not keep the others
// waiting.
void HttpClient::Impl::read_answer(Connection& connection) {
  Exchange& exchange = *connection.exchange;
  std::size_t received = 0;
  switch (read_some(connection, received)) {
    case Io::would_block:
      return;
    case Io::failed:
      return on_lost(connection, "connection reset");
    case Io::refused:
      return on_refused(connection);
    case Io::ended:
      if (exchange.reader.end() == ResponseReader::State::complete) {
        return complete(exchange, FailureReason::none, "");
      }
      return on_lost(connection, "connection closed before a complete answer");
    case Io::done:
      break;
  }
  exchange.answer_began = true;
  switch (exchange.reader.feed({read_buffer_.data(), received})) {
    case ResponseReader::State::reading:
      return;
    case ResponseReader::State::complete:
      return complete(exchange, FailureReason::none, "");
    case ResponseReader::State::bad:
      break;
  }
  return complete(exchange, FailureReason::bad_response, exchange.reader.error());
}

Io HttpClient::Impl::read_some(Connection& connection, std::size_t& received) {
  if (connection.ssl == nullptr) {
    const auto bytes = ::recv(connection.fd, read_buffer_.data(), read_buffer_.size(), 0);
    if (bytes < 0) return errno == EAGAIN || errno == EINTR ? Io::would_block : Io::failed;
    received = static_cast<std::size_t>(bytes);
    return bytes == 0 ? Io::ended : Io::done;
  }
  // The buffer holds any record whole, so that nothing stays behind in OpenSSL where epoll does not
  // see it.
  SSL* const ssl = connection.ssl.get();
  ERR_clear_error();
  const int result = SSL_read_ex(ssl, read_buffer_.data(), read_buffer_.size(), &received);
  if (result == 1) return Io::done;
  const int reason = SSL_get_error(ssl, result);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return Io::would_block;
  if (reason == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET) {
    return Io::refused;
  }
  return reason == SSL_ERROR_ZERO_RETURN ? Io::ended : Io::failed;
}

// In TLS 1.3 a client is done before the server has judged its certificate: that it wants another,
// or one at all, comes as an alert in place of the answer.
void HttpClient::Impl::on_refused(Connection& connection) {
  const std::string detail = tls_error(connection.ssl.get());
  if (connection.reused) return on_lost(connection, detail);
  drop_sessions(connection.pool_key);
  return complete(*connection.exchange, FailureReason::tls, detail);
}

// The connection ended too early. Where it had been idle and nothing of an answer came, the server
// most likely closed it before it saw the request: once, the request goes out anew on a fresh
// connection. Deliveries are at least once, so it may.
void HttpClient::Impl::on_lost(Connection& connection, const std::string& detail) {
  Exchange& exchange = *connection.exchange;
  if (!connection.reused || exchange.answer_began || exchange.retried) {
    return complete(exchange, FailureReason::reset, detail);
  }
  exchange.retried = true;
  close(connection, false);
  start_fresh(exchange);
}

// A server that closes, or talks out of turn. TLS servers may hand in session tickets at any time.
void HttpClient::Impl::on_idle_io(Connection& connection) {
  std::size_t received = 0;
  if (connection.ssl != nullptr && read_some(connection, received) == Io::would_block) return;
  close_idle(connection);
}

// Changes what epoll watches, where it differs.
void HttpClient::Impl::expect(Connection& connection, std::uint32_t events) {
  if (connection.watched == events) return;
  connection.watched = events;
  loop_.rewatch(connection.fd, events, &connection);
}

// ---- Ending
// The last act of an exchange: whoever calls it returns at once, since the callback may do
// anything.
void HttpClient::Impl::complete(Exchange& exchange, FailureReason failure,
                                const std::string& detail) {
  ResponseReader::Answer& answer = exchange.reader.answer();
  ClientResult result{
      .failure = failure,
      .error_detail = detail.substr(0, kDetailLimit),
      .duration = std::chrono::duration_cast<Micros>(loop_.clock().mono() - exchange.started),
      .status = answer.status,
      .headers = std::move(answer.headers),
      .body = std::move(answer.body),
      .body_truncated = answer.body_truncated,
      .retry_after = std::move(answer.retry_after)};
  if (exchange.connection != nullptr) {
    Connection& connection = *exchange.connection;
    if (failure == FailureReason::none) {
      release(connection, exchange);
    } else {
      close(connection, false);
    }
  }
  const Callback callback = std::move(exchange.callback);
  exchanges_.erase(exchange.self);
  callback(std::move(result));
}

void HttpClient::Impl::on_deadline(Exchange& exchange) {
  const Connection* const connection = exchange.connection;
  if (options_.proxy && connection != nullptr && connection->phase == Phase::connecting) {
    complete(exchange, FailureReason::internal, "the proxy: timed out");
  } else if (exchange.answer_began) {
    complete(exchange, FailureReason::response_too_slow,
             "the answer was not complete by the deadline");
  } else {
    complete(exchange, FailureReason::timeout, "nothing arrived by the deadline");
  }
}

// After a complete answer: keeps the connection for the next request, where it can be.
void HttpClient::Impl::release(Connection& connection, const Exchange& exchange) {
  const bool whole = exchange.sent == exchange.size() && exchange.reader.keep_alive();
  const bool young = loop_.mono() - connection.opened < options_.connection_lifetime;
  if (whole && young && connection.pool_key != 0 && options_.idle_limit > 0 &&
      options_.idle_per_key > 0) {
    make_idle(connection);
  } else {
    close(connection, whole);
  }
}

void HttpClient::Impl::make_idle(Connection& connection) {
  std::vector<Connection*>& same_key = idle_by_key_[connection.pool_key];
  if (same_key.size() >= options_.idle_per_key) {
    close_idle(*same_key.front());
  } else if (idle_.size() >= options_.idle_limit) {
    close_idle(idle_.front());
  }
  connection.exchange->connection = nullptr;
  connection.exchange = nullptr;
  connection.phase = Phase::idle;
  idle_.splice(idle_.end(), active_, connection.self);
  ++idle_count_;
  idle_by_key_[connection.pool_key].push_back(&connection);
  connection.timer.on_expiry = [this, &connection] { close_idle(connection); };
  loop_.arm(connection.timer, options_.idle_timeout);
}

void HttpClient::Impl::close_idle(Connection& connection) {
  const auto found = idle_by_key_.find(connection.pool_key);
  std::erase(found->second, &connection);
  if (found->second.empty()) idle_by_key_.erase(found);
  shut(connection, true);
  idle_.erase(connection.self);
  --idle_count_;
  --open_;
}

// Closes and destroys a connection that is not idle; its exchange goes on without.
void HttpClient::Impl::close(Connection& connection, bool in_order) {
  connection.exchange->connection = nullptr;
  if (connection.phase == Phase::queued) std::erase(waiting_for_turn_, &connection);
  end_turn(connection);
  shut(connection, in_order);
  active_.erase(connection.self);
  --open_;
}

// In order: TLS says goodbye (RFC 8446 §6.1). Otherwise nothing is sent any more. Either way the
// session stays usable, which OpenSSL takes away from connections that were never shut down.
void HttpClient::Impl::shut(Connection& connection, bool in_order) {
  loop_.unwatch(connection.fd);
  if (connection.ssl != nullptr) {
    SSL_set_quiet_shutdown(connection.ssl.get(), in_order ? 0 : 1);
    SSL_shutdown(connection.ssl.get());
    ERR_clear_error();
  }
  ::close(connection.fd);
}

void HttpClient::Impl::forget(std::int64_t pool_key) {
  drop_sessions(pool_key);
  const auto found = idle_by_key_.find(pool_key);
  if (found == idle_by_key_.end()) return;
  for (Connection* const connection : std::vector<Connection*>(found->second)) {
    close_idle(*connection);
  }
}

HttpClient::HttpClient(Loop& loop, SSL_CTX* tls, const AddressGuard& guard, NameSource& names,
                       Options options)
    : impl_(std::make_unique<Impl>(loop, tls, guard, names, std::move(options))) {}

HttpClient::~HttpClient() = default;

void HttpClient::send(ClientRequest request, Callback callback) {
  impl_->send(std::move(request), std::move(callback));
}

void HttpClient::forget(std::int64_t pool_key) {
  impl_->forget(pool_key);
}

HttpClient::Counters HttpClient::counters() const {
  return impl_->counters();
}

}  // namespace skyhook::net
