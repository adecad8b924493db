// A server that takes one connection after another, reads what comes and sends prepared bytes; and
// a bare HTTP request.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace skyhook::cli {

class ScriptedServer {
 public:
  // `answer` is sent once a whole request was read; empty: the connection is closed at once. With
  // `hold`, it stays open afterwards until the server is destroyed.
  explicit ScriptedServer(std::string answer, bool hold = false);
  ~ScriptedServer();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  std::vector<std::string> requests() const;

 private:
  void run();
  void serve(int fd);

  const std::string answer_;
  const bool hold_;
  int listen_fd_ = -1;
  int stop_fd_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::thread thread_;
};

// With a Content-Length that fits.
std::string http_answer(int status, const std::string& body);
// POSTs to 127.0.0.1; the whole answer, empty where there was none.
std::string post(std::uint16_t port, const std::string& headers, const std::string& body);

}  // namespace skyhook::cli
