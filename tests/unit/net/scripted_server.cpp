#include "scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <utility>

namespace skyhook::net {

Peer::Peer(int fd, int number, SSL_CTX* tls) : fd_(fd), number_(number) {
  if (tls != nullptr) {
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd_);
  }
}

Peer::~Peer() {
  end();
  SSL_free(ssl_);
}

bool Peer::handshake() {
  return ssl_ == nullptr || SSL_accept(ssl_) == 1;
}

std::string Peer::server_name() const {
  const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

long Peer::read_some(char* buffer, std::size_t size) {
  if (fd_ < 0) return 0;
  if (ssl_ != nullptr) return SSL_read(ssl_, buffer, static_cast<int>(size));
  return ::recv(fd_, buffer, size, 0);
}

std::string Peer::read_request() {
  char buffer[16384];
  while (true) {
    const std::size_t head_end = unread_.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      const std::size_t field = unread_.find("Content-Length: ");
      const std::size_t whole =
          head_end + 4 +
          (field < head_end ? std::strtoul(unread_.c_str() + field + 16, nullptr, 10) : 0);
      if (unread_.size() >= whole) {
        std::string request = unread_.substr(0, whole);
        unread_.erase(0, whole);
        return request;
      }
    }
    const long bytes = read_some(buffer, sizeof buffer);
    if (bytes <= 0) return {};
    unread_.append(buffer, static_cast<std::size_t>(bytes));
  }
}

bool Peer::write(std::string_view bytes) {
  if (fd_ < 0) return false;
  if (ssl_ != nullptr) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Peer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(fd_, -1));
}

void Peer::end() {
  if (fd_ < 0) return;
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  ::close(std::exchange(fd_, -1));
}

void Peer::wait_for_client_to_close() {
  char buffer[16384];
  while (read_some(buffer, sizeof buffer) > 0) {
  }
}

ScriptedServer::ScriptedServer(Script script, SSL_CTX* tls)
    : script_(std::move(script)), tls_(tls) {
  ::signal(SIGPIPE, SIG_IGN);  // for OpenSSL on the server's side
  listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listen_fd_, 256);
  socklen_t length = sizeof address;
  ::getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listen_fd_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int fd : open_) ::close(fd);
  ::close(listen_fd_);
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int number = ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(::dup(fd));  // to wake a script that waits, when the server ends
    const std::size_t slot = open_.size() - 1;
    threads_.emplace_back([this, fd, number, slot] {
      {
        Peer peer(fd, number, tls_);
        if (peer.handshake()) script_(peer);
        // A dup would keep the connection open.
        const std::lock_guard slot_lock(mutex_);
        ::close(open_[slot]);
        open_[slot] = ::dup(listen_fd_);
      }
    });
  }
}

namespace {

EVP_PKEY* new_key() {
  return EVP_EC_gen("P-256");
}

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* new_certificate(EVP_PKEY* key, const char* name, long from, long until) {
  static std::atomic<long> serial{1};
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), until);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_pubkey(certificate, key);
  return certificate;
}

}  // namespace

TestAuthority::TestAuthority() : key_(new_key()) {
  certificate_ = new_certificate(key_, "test authority", -86400, 86400);
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign");
  X509_sign(certificate_, key_, EVP_sha256());
  char path[] = "/tmp/skyhook-test-ca-XXXXXX";
  FILE* const file = ::fdopen(::mkstemp(path), "w");
  PEM_write_X509(file, certificate_);
  std::fclose(file);
  ca_file_ = path;
}

TestAuthority::~TestAuthority() {
  ::unlink(ca_file_.c_str());
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

TestAuthority::Pem TestAuthority::client_pem(const char* name) const {
  EVP_PKEY* const key = new_key();
  X509* const certificate = new_certificate(key, name, -3600, 3600);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  X509_sign(certificate, key_, EVP_sha256());
  const auto text_of = [](const auto& write) {
    BIO* const out = BIO_new(BIO_s_mem());
    write(out);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(out);
    return pem;
  };
  Pem pem{text_of([&](BIO* out) { PEM_write_bio_X509(out, certificate); }), text_of([&](BIO* out) {
            PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pem;
}

std::shared_ptr<SSL_CTX> TestAuthority::server_context(const Leaf& leaf, int version) const {
  EVP_PKEY* const key = new_key();
  X509* const certificate =
      new_certificate(key, "leaf", leaf.valid_from_seconds, leaf.valid_until_seconds);
  X509* const issuer = leaf.self_signed ? certificate : certificate_;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  add_extension(certificate, issuer, NID_subject_alt_name, leaf.subject_alt_name.c_str());
  X509_sign(certificate, leaf.self_signed ? key : key_, EVP_sha256());
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), certificate);
  SSL_CTX_use_PrivateKey(context.get(), key);
  const unsigned char id[] = "test";
  SSL_CTX_set_session_id_context(context.get(), id, 4);
  if (version != 0) {
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_security_level(context.get(), 0);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

}  // namespace skyhook::net
