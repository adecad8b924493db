#include "bench/receiver.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <future>
#include <stdexcept>

namespace skyhook::bench {

namespace {

constexpr std::string_view kAnswerOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kAnswerFail =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno";
constexpr Millis kSlowAnswer{500};

std::int64_t number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  std::int64_t value = -1;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + label.size(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::int64_t monotonic_us() {
  return std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string stamped_data(std::int64_t sequence, std::int64_t stamp_us, int bytes) {
  std::string data =
      "{\"n\":" + std::to_string(sequence) + ",\"t\":" + std::to_string(stamp_us) + ",\"pad\":\"";
  const auto size = static_cast<std::size_t>(bytes);
  if (data.size() + 2 < size) data.append(size - data.size() - 2, 'x');
  return data + "\"}";
}

class Receiver::Connection final : public net::IoHandler {
 public:
  Connection(Receiver& receiver, int fd)
      : receiver_(receiver), fd_(fd), later_([this] { send(kAnswerOk); }) {
    if (receiver.tls_) {
      ssl_ = SSL_new(receiver.tls_.get());
      SSL_set_fd(ssl_, fd);
      SSL_set_accept_state(ssl_);
    }
    receiver_.loop_.watch(fd_, EPOLLIN, this);
  }
  ~Connection() override {
    receiver_.loop_.unwatch(fd_);
    if (ssl_) SSL_free(ssl_);
    ::close(fd_);
  }

  void on_io(std::uint32_t) override {
    char buffer[64 * 1024];
    for (;;) {
      const ssize_t length = receive(buffer, sizeof buffer);
      if (length == 0) return close();
      if (length < 0) return;
      input_.append(buffer, static_cast<std::size_t>(length));
      if (!take_requests()) return;
      if (!ssl_ && length < static_cast<ssize_t>(sizeof buffer)) return;
    }
  }

 private:
  // Bytes read; 0: closed or broken; -1: nothing now.
  ssize_t receive(char* buffer, std::size_t size) {
    if (!ssl_) {
      const ssize_t length = ::read(fd_, buffer, size);
      return length < 0 && errno != EAGAIN ? 0 : length;
    }
    ERR_clear_error();
    const int length = SSL_read(ssl_, buffer, static_cast<int>(size));
    if (length > 0) return length;
    const int reason = SSL_get_error(ssl_, length);
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? -1 : 0;
  }

  // False where the connection is gone.
  bool take_requests() {
    for (;;) {
      const auto head_end = input_.find("\r\n\r\n");
      if (head_end == std::string::npos) return true;
      const std::string_view head(input_.data(), head_end);
      const auto body_bytes = static_cast<std::size_t>(
          std::max<std::int64_t>(0, number_after(head, "Content-Length: ")));
      if (input_.size() < head_end + 4 + body_bytes) return true;
      const std::string_view body = std::string_view(input_).substr(head_end + 4, body_bytes);
      if (!answer(head, body)) return false;
      input_.erase(0, head_end + 4 + body_bytes);
    }
  }

  bool answer(std::string_view head, std::string_view body) {
    const std::string_view path = head.substr(head.find(' ') + 1);
    if (path.starts_with("/hang/")) return true;
    if (path.starts_with("/fail/")) return send(kAnswerFail), true;
    if (path.starts_with("/reset/")) {
      const linger hard{.l_onoff = 1, .l_linger = 0};
      setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      return close(), false;
    }
    receiver_.note(body);
    if (path.starts_with("/slow/")) {
      receiver_.loop_.arm(later_, kSlowAnswer);
    } else {
      send(kAnswerOk);
    }
    return true;
  }

  void send(std::string_view text) {
    // A fixed answer of a few bytes always fits into an empty socket buffer; where it does not, the
    // peer is gone.
    if (ssl_) {
      SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    } else {
      (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    }
  }

  void close() { receiver_.open_.erase(fd_); }

  Receiver& receiver_;
  const int fd_;
  SSL* ssl_ = nullptr;
  std::string input_;
  net::Timer later_;
};

class Receiver::Listener final : public net::IoHandler {
 public:
  Listener(Receiver& receiver, int fd) : receiver_(receiver), fd_(fd) {}
  ~Listener() override { ::close(fd_); }
  void on_io(std::uint32_t) override {
    for (;;) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      receiver_.connections_.fetch_add(1, std::memory_order_relaxed);
      receiver_.open_[fd] = std::make_unique<Connection>(receiver_, fd);
    }
  }
  int fd() const { return fd_; }

 private:
  Receiver& receiver_;
  const int fd_;
};

Receiver::Receiver(const Clock& clock, std::shared_ptr<SSL_CTX> tls, std::int64_t event_limit)
    : tls_(std::move(tls)), loop_(clock), seen_(static_cast<std::size_t>(event_limit)) {
  latencies_us_.reserve(static_cast<std::size_t>(event_limit));
  std::string error;
  const int fd = net::listen_tcp({.host = "127.0.0.1", .port = 0}, net::Port::exclusive, &error);
  if (fd < 0) throw std::runtime_error("the receiver cannot listen: " + error);
  port_ = net::bound_port(fd);
  listener_ = std::make_unique<Listener>(*this, fd);
  thread_ = std::thread([this] {
    loop_.watch(listener_->fd(), EPOLLIN, listener_.get());
    loop_.run();
  });
  pthread_setname_np(thread_.native_handle(), "receiver");
}

Receiver::~Receiver() {
  stop();
}

void Receiver::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
  open_.clear();
}

void Receiver::on_thread(const std::function<void()>& task) {
  std::promise<void> done;
  loop_.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

std::vector<std::int32_t> Receiver::latencies_us() {
  std::vector<std::int32_t> copy;
  on_thread([&] { copy = latencies_us_; });
  return copy;
}

void Receiver::reset() {
  on_thread([this] {
    seen_.assign(seen_.size(), false);
    latencies_us_.clear();
    received_ = 0;
    duplicates_ = 0;
    connections_ = 0;
  });
}

void Receiver::note(std::string_view body) {
  const std::int64_t sequence = number_after(body, "\"n\":");
  if (sequence < 0 || sequence >= static_cast<std::int64_t>(seen_.size())) return;
  if (seen_[static_cast<std::size_t>(sequence)]) {
    duplicates_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  seen_[static_cast<std::size_t>(sequence)] = true;
  latencies_us_.push_back(static_cast<std::int32_t>(monotonic_us() - number_after(body, "\"t\":")));
  received_.fetch_add(1, std::memory_order_relaxed);
}

namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

CertificatePtr make_certificate(const char* name, EVP_PKEY* key, X509* issuer,
                                EVP_PKEY* issuer_key) {
  CertificatePtr certificate(X509_new(), X509_free);
  X509* raw = certificate.get();
  X509_set_version(raw, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), issuer ? 2 : 1);
  X509_gmtime_adj(X509_getm_notBefore(raw), -3600);
  X509_gmtime_adj(X509_getm_notAfter(raw), 7 * 24 * 3600);
  X509_set_pubkey(raw, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* signer = issuer ? issuer : raw;
  X509_set_issuer_name(raw, X509_get_subject_name(signer));
  add_extension(raw, signer, NID_basic_constraints,
                issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (issuer) add_extension(raw, signer, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_sign(raw, issuer_key ? issuer_key : key, EVP_sha256());
  return certificate;
}

}  // namespace

std::shared_ptr<SSL_CTX> make_receiver_tls(const std::string& ca_file) {
  const KeyPtr ca_key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const CertificatePtr ca = make_certificate("Skyhook bench CA", ca_key.get(), nullptr, nullptr);
  const CertificatePtr certificate =
      make_certificate("127.0.0.1", key.get(), ca.get(), ca_key.get());
  std::FILE* file = std::fopen(ca_file.c_str(), "w");
  if (!file) throw std::runtime_error("cannot write " + ca_file + ": " + std::strerror(errno));
  PEM_write_X509(file, ca.get());
  std::fclose(file);
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  return context;
}

}  // namespace skyhook::bench
