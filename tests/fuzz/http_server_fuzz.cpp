// A whole server, over a real socket: whatever a client sends, every request that reaches the
// handler is answered, the answers are well-formed, an error is the last of them, and the
// connection ends once the client has nothing more to say.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "net/http_server.h"
#include "net/response_reader.h"

namespace skyhook::fuzz {
namespace {

constexpr std::size_t kHeadLimit = 1024;
constexpr std::size_t kBodyLimit = 2048;
constexpr std::size_t kInputLimit = 16 * 1024;  // fits the socket's buffer: one write is enough

// A client's end of a connection, on the server's own loop.
class Client final : public net::IoHandler {
 public:
  Client(net::Loop& loop, int fd) : loop_(loop), fd_(fd) { loop_.watch(fd_, EPOLLIN, this); }
  ~Client() override { close(); }
  void on_io(std::uint32_t) override {
    char buffer[4096];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
      received.append(buffer, static_cast<std::size_t>(got));
    } else {
      close();
      loop_.stop();
    }
  }
  std::string received;

 private:
  void close() {
    if (fd_ < 0) return;
    loop_.unwatch(fd_);
    ::close(fd_);
    fd_ = -1;
  }
  net::Loop& loop_;
  int fd_;
};

// A listening socket with an address of the kernel's choice, and a client connected to it.
struct Sockets {
  int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  Sockets() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    require(::bind(listening, any, length) == 0 && ::listen(listening, 1) == 0, "a socket");
    length = sizeof address;
    require(::getsockname(listening, any, &length) == 0, "a name");
    require(::connect(client, any, length) == 0, "a connection");
  }
};

// How many answers there are; the last of them may be an error.
int count_answers(std::string_view received, int& errors) {
  int answers = 0;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  while (!received.empty()) {
    if (received.starts_with(kContinue)) {
      received.remove_prefix(kContinue.size());
      continue;
    }
    require(errors == 0, "an error is the last answer");
    const std::size_t head = received.find("\r\n\r\n");
    require(head != received.npos, "a whole head");
    // Every body here is two bytes long, of answers to HEAD none.
    const bool has_body = received.substr(head + 4).starts_with("{}");
    const std::string_view answer = received.substr(0, head + 4);
    net::ResponseReader reader({});
    require(reader.feed(std::string(answer) + "{}") == net::ResponseReader::State::complete,
            "a well-formed answer");
    ++answers;
    if (reader.answer().status != 200) ++errors;
    received.remove_prefix(answer.size() + (has_body ? 2 : 0));
  }
  return answers;
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  if (text.size() > kInputLimit) return 0;
  static const SystemClock clock;
  net::Loop loop(clock);
  net::HttpServer::Options options;
  options.head_limit = kHeadLimit;
  options.body_limit = kBodyLimit;
  int handled = 0;
  const auto error_body = [](int status) { return net::ServerResponse{status, {}, "{}"}; };
  net::HttpServer server(
      loop, options,
      [&](net::ServerRequest request, net::Responder responder) {
        ++handled;
        require(request.body.size() <= kBodyLimit, "no body past the limit");
        responder.respond({200, {}, "{}"});
      },
      error_body);
  const Sockets sockets;
  server.serve(sockets.listening);
  {
    Client client(loop, sockets.client);
    (void)::send(sockets.client, text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(sockets.client, SHUT_WR);
    loop.run();
    int errors = 0;
    const int answers = count_answers(client.received, errors);
    require(answers == handled + errors, "every request is answered once");
  }
  return 0;
}
