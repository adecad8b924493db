// A tiny receiver: verifies each delivery and prints it. One connection at a time, for reading and
// trying out; put the same few lines into your own server.
//
//   g++ -std=c++17 -Iinclude receiver.cpp -lcrypto -o receiver
//   SECRET=whsec_… ./receiver 3000          (DIALECT=vendor checks X-Skylight-Signature instead)
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <skyhook/webhook.hpp>
#include <string>

namespace {

struct Request {
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // raw
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool read_request(int fd, Request& request) {
  std::string received;
  char buffer[16384];
  const auto more = [&] {
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  };
  std::size_t head_end;
  while ((head_end = received.find("\r\n\r\n")) == std::string::npos) {
    if (received.size() > 65536 || !more()) return false;
  }
  for (std::size_t at = received.find("\r\n") + 2; at < head_end;) {
    const std::size_t end = received.find("\r\n", at);
    const std::size_t colon = received.find(':', at);
    if (colon < end) {
      const std::size_t value = received.find_first_not_of(' ', colon + 1);
      request.headers[lower(received.substr(at, colon - at))] = received.substr(value, end - value);
    }
    at = end + 2;
  }
  const std::size_t length = std::strtoul(request.headers["content-length"].c_str(), nullptr, 10);
  if (length > 1024 * 1024) return false;
  while (received.size() < head_end + 4 + length) {
    if (!more()) return false;
  }
  request.body = received.substr(head_end + 4, length);
  return true;
}

bool verified(Request& request, const std::string& secret, bool vendor) {
  auto& headers = request.headers;
  return vendor ? skyhook::webhook::verify_vendor(secret, headers["x-skylight-signature"],
                                                  request.body)
                : skyhook::webhook::verify_standard(secret, headers["webhook-id"],
                                                    headers["webhook-timestamp"],
                                                    headers["webhook-signature"], request.body);
}

}  // namespace

int main(int argc, char** argv) {
  const char* secret = std::getenv("SECRET");
  const char* dialect = std::getenv("DIALECT");
  if (argc < 2 || !secret)
    return std::fprintf(stderr, "usage: SECRET=whsec_... receiver PORT\n"), 2;
  const bool vendor = dialect && std::string(dialect) == "vendor";

  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) ||
      listen(listener, 64)) {
    return std::perror("listen"), 1;
  }
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    Request request;
    if (read_request(fd, request)) {
      const bool good = verified(request, secret, vendor);
      std::printf("%s %s\n", good ? "verified" : "refused", request.body.c_str());
      std::fflush(stdout);
      const std::string answer =
          std::string("HTTP/1.1 ") +
          (good ? "204 No Content" : "401 Unauthorized\r\nContent-Length: 0") +
          "\r\nConnection: close\r\n\r\n";
      if (write(fd, answer.data(), answer.size()) < 0) std::perror("write");
    }
    close(fd);
  }
}
