// A small real DNS server on 127.0.0.1 (UDP), answering what a test tells it to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/address_guard.h"

namespace skyhook::net {

class DnsServer {
 public:
  struct Zone {
    std::vector<std::string> addresses;  // IPv4 and IPv6
    bool silent = false;                 // never answers
  };

  DnsServer() {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsServer() {
    stopping_ = true;
    thread_.join();
    ::close(fd_);
  }

  std::string servers() const { return "127.0.0.1:" + std::to_string(port_); }
  void set(const std::string& name, Zone zone) {
    const std::lock_guard lock(mutex_);
    zones_[name] = std::move(zone);
  }
  int questions() const { return questions_; }

 private:
  void serve() {
    while (!stopping_) {
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      std::uint8_t packet[1500];
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const auto bytes =
          ::recvfrom(fd_, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (bytes < 17) continue;
      const std::string answer = answer_to({packet, packet + bytes});
      if (answer.empty()) continue;
      ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

  std::string answer_to(const std::vector<std::uint8_t>& question) {
    ++questions_;
    std::string name;
    std::size_t at = 12;
    while (at < question.size() && question[at] != 0) {
      if (!name.empty()) name += '.';
      name.append(reinterpret_cast<const char*>(&question[at + 1]), question[at]);
      at += question[at] + 1U;
    }
    const int type = question[at + 1] << 8 | question[at + 2];
    const std::size_t end = at + 5;
    const std::lock_guard lock(mutex_);
    const auto zone = zones_.find(name);
    if (zone != zones_.end() && zone->second.silent) return {};
    std::string records;
    int count = 0;
    if (zone != zones_.end()) {
      for (const std::string& text : zone->second.addresses) {
        const IpAddress address = parse_ip(text).value();
        if ((type == 28) != address.is_v6) continue;
        const std::size_t size = address.is_v6 ? 16 : 4;
        const char head[] = {'\xc0', 12, 0, static_cast<char>(type), 0, 1, 0, 0,
                             0,      1,  0, static_cast<char>(size)};
        records.append(head, sizeof head);
        records.append(reinterpret_cast<const char*>(address.bytes.data()), size);
        ++count;
      }
    }
    std::string reply(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end));
    reply[2] = '\x85';
    reply[3] = zone == zones_.end() ? '\x83' : '\x80';
    reply[6] = 0;
    reply[7] = static_cast<char>(count);
    reply[8] = reply[9] = reply[10] = reply[11] = 0;
    return reply + records;
  }

  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> questions_{0};
  std::mutex mutex_;
  std::map<std::string, Zone> zones_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::net
