#include "scripted_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace skyhook::cli {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_whole_request(const std::string& text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const std::size_t length = text.find("Content-Length: ");
  if (length == std::string::npos) return true;
  return text.size() >= head + 4 + std::strtoul(text.c_str() + length + 16, nullptr, 10);
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

ScriptedServer::ScriptedServer(std::string answer, bool hold)
    : answer_(std::move(answer)), hold_(hold) {
  listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listen_fd_, generic, size) != 0 || ::listen(listen_fd_, 16) != 0) std::abort();
  ::getsockname(listen_fd_, generic, &size);
  port_ = ntohs(address.sin_port);
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  ::eventfd_write(stop_fd_, 1);
  thread_.join();
  ::close(listen_fd_);
  ::close(stop_fd_);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::run() {
  for (;;) {
    std::array<pollfd, 2> fds{{{listen_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serve(fd);
    ::close(fd);
  }
}

void ScriptedServer::serve(int fd) {
  if (answer_.empty() && !hold_) return;
  std::string request;
  std::array<char, 4096> chunk{};
  while (!is_whole_request(request)) {
    const ssize_t bytes = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (bytes <= 0) return;
    request.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  send_all(fd, answer_);
  if (!hold_) return;
  pollfd stop{.fd = stop_fd_, .events = POLLIN, .revents = 0};
  ::poll(&stop, 1, -1);
}

std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string post(std::uint16_t port, const std::string& headers, const std::string& body) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    send_all(fd, "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + headers +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::array<char, 4096> chunk{};
    for (ssize_t bytes = 1; bytes > 0;) {
      bytes = ::recv(fd, chunk.data(), chunk.size(), 0);
      if (bytes > 0) answer.append(chunk.data(), static_cast<std::size_t>(bytes));
    }
  }
  ::close(fd);
  return answer;
}

}  // namespace skyhook::cli
