#include "cli/api_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/version.h"
#include "net/address_guard.h"

namespace skyhook::cli {
namespace {

namespace http = boost::beast::http;
using Failure = std::optional<std::string>;

constexpr std::uint32_t kHeadLimit = 64 * 1024;

struct AddressesFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
struct TlsContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct TlsFree {
  void operator()(SSL* tls) const { SSL_free(tls); }
};

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// Until when to wait: one for each exchange, passed along.
class Deadline {
 public:
  explicit Deadline(Millis timeout) : timeout_(timeout) { restart(); }
  void restart() { end_ = clock().mono() + timeout_; }
  // False: the time is over.
  bool wait(int fd, short events) const {
    for (;;) {
      const auto left = std::chrono::ceil<Millis>(end_ - clock().mono());
      if (left.count() <= 0) return false;
      pollfd poll_fd{.fd = fd, .events = events, .revents = 0};
      const int ready =
          ::poll(&poll_fd, 1, static_cast<int>(std::min<Millis>(left, Seconds{3600}).count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

 private:
  static const Clock& clock() {
    static const SystemClock system;
    return system;
  }
  Millis timeout_;
  MonoTime end_;
};

class ResponseParser final : public http::basic_parser<false> {
 public:
  ResponseParser() {
    header_limit(kHeadLimit);
    body_limit(kApiResponseLimit);
    eager(true);
  }
  ApiResponse response;

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int status, string_view, int, error_code&) override {
    response.status = status;
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    response.headers.emplace_back(std::move(lower), std::string(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override {
    response.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    response.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
};

std::string tls_reason(const SSL* tls) {
  const long verified = SSL_get_verify_result(tls);
  if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection ended" : reason;
}

// One connection and one exchange on it.
class Exchange {
 public:
  Exchange(const net::Url& url, Millis connect_timeout, Millis timeout)
      : url_(url), connect_timeout_(connect_timeout), timeout_(timeout), deadline_(timeout) {}

  using OnBody = std::function<bool(std::string_view)>;

  // With `on_body` as a stream: the deadline begins anew with each piece.
  Result<ApiResponse, std::string> run(const std::string& request, const OnBody& on_body) {
    if (Failure failure = connect()) return Err{*failure};
    if (Failure failure = url_.is_tls() ? begin_tls() : std::nullopt) return Err{*failure};
    if (Failure failure = write(request)) return Err{*failure};
    return read(on_body);
  }

 private:
  std::string where() const { return url_.scheme + "://" + url_.authority(); }
  std::string nobody_there() const {
    return "no server answers at " + where() +
           ": start one with 'skyhook serve', or name another with --server";
  }
  std::string too_slow() const {
    return "the server at " + where() + " did not answer within " + format_duration(timeout_);
  }
  std::string cut_off() const { return "the server at " + where() + " ended the connection"; }

  Failure connect() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(url_.port);
    const int status = ::getaddrinfo(url_.host.c_str(), port.c_str(), &hints, &found);
    if (status != 0) return "cannot resolve " + url_.host + ": " + ::gai_strerror(status);
    const std::unique_ptr<addrinfo, AddressesFree> addresses(found);
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
      if (try_connect(*address)) return std::nullopt;
    }
    return nobody_there();
  }

  bool try_connect(const addrinfo& address) {
    Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd() < 0) return false;
    const int on = 1;
    ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) {
      if (errno != EINPROGRESS) return false;
      const Deadline connect_deadline(std::min(connect_timeout_, timeout_));
      if (!connect_deadline.wait(socket.fd(), POLLOUT)) return false;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return false;
    }
    socket_ = std::move(socket);
    return true;
  }

  Failure begin_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (context_ == nullptr || SSL_CTX_set_default_verify_paths(context_.get()) != 1) {
      return "TLS is not available: the system's certificates cannot be read";
    }
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    tls_.reset(SSL_new(context_.get()));
    if (tls_ == nullptr || SSL_set_fd(tls_.get(), socket_.fd()) != 1) return "TLS is not available";
    if (net::parse_ip(url_.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), url_.host.c_str());
    } else {
      SSL_set1_host(tls_.get(), url_.host.c_str());
      SSL_set_tlsext_host_name(tls_.get(), url_.host.c_str());
    }
    for (;;) {
      ERR_clear_error();
      const int result = SSL_connect(tls_.get());
      if (result == 1) return std::nullopt;
      if (!would_block(result))
        return "no trusted TLS at " + where() + ": " + tls_reason(tls_.get());
      if (!wait_for_tls(result)) return too_slow();
    }
  }

  bool would_block(int result) const {
    const int error = SSL_get_error(tls_.get(), result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }
  bool wait_for_tls(int result) const {
    const bool wants_write = SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_WRITE;
    return deadline_.wait(socket_.fd(), wants_write ? POLLOUT : POLLIN);
  }

  Failure write(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t written = 0;
      if (tls_) {
        ERR_clear_error();
        const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written);
        if (result != 1 && !would_block(result)) return cut_off();
        if (result != 1 && !wait_for_tls(result)) return too_slow();
      } else {
        const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
          // It may have answered before it read everything (413): that answer says more.
          return std::nullopt;
        }
        if (sent < 0 && !deadline_.wait(socket_.fd(), POLLOUT)) return too_slow();
        written = sent < 0 ? 0 : static_cast<std::size_t>(sent);
      }
      bytes.remove_prefix(written);
    }
    return std::nullopt;
  }

  struct Read {
    std::size_t bytes = 0;  // 0: the end
  };
  Result<Read, std::string> read_some(char* to, std::size_t size) {
    for (;;) {
      if (tls_) {
        std::size_t bytes = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(tls_.get(), to, size, &bytes);
        if (result == 1) return Read{bytes};
        if (!would_block(result)) return Read{0};
        if (!wait_for_tls(result)) return Err{too_slow()};
      } else {
        const ssize_t bytes = ::recv(socket_.fd(), to, size, 0);
        if (bytes >= 0) return Read{static_cast<std::size_t>(bytes)};
        if (errno != EAGAIN && errno != EINTR) return Err{cut_off()};
        if (!deadline_.wait(socket_.fd(), POLLIN)) return Err{too_slow()};
      }
    }
  }

  Result<ApiResponse, std::string> read(const OnBody& on_body) {
    ResponseParser parser;
    if (on_body) parser.body_limit(boost::none);
    std::string pending;
    std::array<char, 16 * 1024> chunk{};
    while (!parser.is_done()) {
      const auto read = read_some(chunk.data(), chunk.size());
      if (!read) return Err{read.error()};
      boost::beast::error_code error;
      if (read->bytes == 0) {
        if (!parser.got_some()) return Err{cut_off()};
        parser.put_eof(error);
        if (error) return Err{cut_off()};
        break;
      }
      pending.append(chunk.data(), read->bytes);
      const std::size_t used = parser.put(boost::asio::buffer(pending), error);
      pending.erase(0, used);
      if (error && error != http::error::need_more) {
        return Err{"what answers at " + where() + " is no Skyhook server (" + error.message() +
                   ")"};
      }
      if (on_body && is_success(parser.response.status)) {
        deadline_.restart();
        const std::string piece = std::exchange(parser.response.body, {});
        if (!piece.empty() && !on_body(piece)) break;
      }
    }
    return std::move(parser.response);
  }

  static bool is_success(int status) { return status >= 200 && status <= 299; }

  const net::Url& url_;
  const Millis connect_timeout_;
  const Millis timeout_;
  Deadline deadline_;
  Socket socket_;
  std::unique_ptr<SSL_CTX, TlsContextFree> context_;
  std::unique_ptr<SSL, TlsFree> tls_;
};

}  // namespace

Result<ApiClient, std::string> ApiClient::make(Options options) {
  auto url = net::parse_url(options.server);
  if (!url) {
    return Err{"--server: '" + options.server + "' is not a URL such as http://127.0.0.1:8080"};
  }
  const bool is_token_clean = std::ranges::all_of(
      options.token, [](char c) { return c > ' ' && static_cast<unsigned char>(c) < 0x7f; });
  if (!is_token_clean) return Err{std::string("the token holds characters that no token has")};
  return ApiClient(std::move(options), *std::move(url));
}

ApiClient::ApiClient(Options options, net::Url url)
    : options_(std::move(options)), url_(std::move(url)) {}

std::string ApiClient::head(const ApiRequest& request) const {
  std::string target = url_.target;
  if (!request.path.empty()) {
    target = target.substr(0, target.find('?'));
    while (target.ends_with('/')) target.pop_back();
    target += request.path;
  }
  std::string text = request.method + " " + target + " HTTP/1.1\r\nHost: " + url_.authority() +
                     "\r\nUser-Agent: Skyhook/" + std::string(kVersion) +
                     "\r\nAccept: */*\r\nConnection: close\r\n";
  if (!options_.token.empty()) text += "Authorization: Bearer " + options_.token + "\r\n";
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  text += request.headers;
  return text + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
}

Result<ApiResponse, std::string> ApiClient::send(const ApiRequest& request) const {
  return Exchange(url_, options_.connect_timeout, options_.timeout)
      .run(head(request) + request.body, nullptr);
}

Result<ApiResponse, std::string> ApiClient::stream(
    const ApiRequest& request, const std::function<bool(std::string_view)>& on_body) const {
  return Exchange(url_, options_.connect_timeout, options_.timeout)
      .run(head(request) + request.body, on_body);
}

}  // namespace skyhook::cli
