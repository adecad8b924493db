// A raw server on 127.0.0.1 that does to each connection what a test's script says, over plain TCP
// or TLS.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace skyhook::net {

// The server's end of one connection; blocking, used by the script's thread.
class Peer {
 public:
  Peer(int fd, int number, SSL_CTX* tls);
  ~Peer();
  Peer(const Peer&) = delete;

  int number() const { return number_; }  // 1 for the first connection
  bool handshake();                       // true at once without TLS
  std::string server_name() const;        // as the client named it in its TLS hello
  // The next whole request (head and Content-Length body); empty where the client has gone.
  std::string read_request();
  bool write(std::string_view bytes);  // false where the client has gone
  void reset();                        // ends it with RST
  void end();                          // ends it in order
  void wait_for_client_to_close();     // reads until then

 private:
  long read_some(char* buffer, std::size_t size);

  int fd_;
  const int number_;
  SSL* ssl_ = nullptr;
  std::string unread_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;
  explicit ScriptedServer(Script script, SSL_CTX* tls = nullptr);
  ~ScriptedServer();

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void accept_all();

  const Script script_;
  SSL_CTX* const tls_;
  int listen_fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> open_;             // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_
  std::thread acceptor_;
};

// A certificate authority of the test's own and what it signs.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  const std::string& ca_file() const { return ca_file_; }
  struct Leaf {
    std::string subject_alt_name = "DNS:good.test,IP:127.0.0.1";
    long valid_from_seconds = -3600;
    long valid_until_seconds = 3600;
    bool self_signed = false;
  };
  std::shared_ptr<SSL_CTX> server_context(const Leaf& leaf, int version = 0) const;
  // A client's certificate and key, in PEM.
  struct Pem {
    std::string certificate;
    std::string key;
  };
  Pem client_pem(const char* name) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string ca_file_;
};

}  // namespace skyhook::net
