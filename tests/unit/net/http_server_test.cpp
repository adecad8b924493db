#include "net/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace skyhook::net {
namespace {

using namespace std::chrono_literals;

// A client socket that speaks bytes.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { ::close(fd_); }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  // Reads until `enough` says so, the other end closes, or a minute is over.
  template <class Enough>
  std::string read_until(Enough enough) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!enough(received_) && std::chrono::steady_clock::now() < deadline) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, 100) <= 0) continue;
      char piece[65536];
      const ssize_t n = ::recv(fd_, piece, sizeof(piece), 0);
      if (n <= 0) {
        closed = true;
        reset = n < 0;
        break;
      }
      received_.append(piece, static_cast<std::size_t>(n));
    }
    return std::exchange(received_, {});
  }
  // One whole answer with a Content-Length (of a GET).
  std::string read_answer() {
    std::string rest;
    std::string all = read_until([](const std::string& text) { return complete_at(text) > 0; });
    const std::size_t end = complete_at(all);
    if (end > 0) {
      received_ = all.substr(end);
      all.resize(end);
    }
    return all;
  }
  std::string read_to_end() {
    return read_until([](const std::string&) { return false; });
  }

  bool closed = false;
  bool reset = false;

 private:
  static std::size_t complete_at(const std::string& text) {
    const std::size_t head = text.find("\r\n\r\n");
    if (head == text.npos) return 0;
    const std::size_t field = text.find("Content-Length: ");
    const std::size_t length = field < head ? std::stoul(text.substr(field + 16, 20)) : 0;
    return text.size() >= head + 4 + length ? head + 4 + length : 0;
  }

  int fd_ = -1;
  std::string received_;
};

// A server on its own thread.
class Running {
 public:
  explicit Running(HttpServer::Handler handler, HttpServer::Options options = {},
                   HttpServer::Refusal refusal = {}) {
    std::string problem;
    const int fd = listen_tcp({"127.0.0.1", 0}, Port::exclusive, &problem);
    EXPECT_GE(fd, 0) << problem;
    port = bound_port(fd);
    const auto error = [](int status) {
      return ServerResponse{status, {{"Content-Type", "text/plain"}}, std::to_string(status)};
    };
    server_.emplace(loop, options, std::move(handler), error, std::move(refusal));
    loop.post([this, fd] { server_->serve(fd); });
    thread_ = std::thread([this] { loop.run(); });
  }
  ~Running() {
    loop.post([this] { server_.reset(); });
    loop.post([this] { loop.stop(); });
    thread_.join();
  }
  HttpServer& server() { return *server_; }

  SystemClock clock;
  Loop loop{clock};
  std::uint16_t port = 0;

 private:
  std::optional<HttpServer> server_;
  std::thread thread_;
};

// Answers with what it was asked.
void echo(ServerRequest request, Responder responder) {
  responder.respond(
      {.status = 200,
       .headers = {{"Content-Type", "text/plain"}},
       .body = request.method + " " + request.path + " ?" + request.query + " " + request.body});
}

std::string status_of(const std::string& answer) {
  return answer.size() > 12 ? answer.substr(9, 3) : "none";
}
std::string body_of(const std::string& answer) {
  const std::size_t head = answer.find("\r\n\r\n");
  return head == answer.npos ? "" : answer.substr(head + 4);
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  Running running(echo);
  Client client(running.port);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a%20b%2fc?x=%31 HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = client.read_answer();
    EXPECT_EQ(status_of(answer), "200");
    EXPECT_EQ(body_of(answer), "GET /a b%2Fc ?x=%31 ");
    EXPECT_NE(answer.find("\r\nDate: "), answer.npos);
    EXPECT_EQ(answer.find("\r\nConnection: "), answer.npos);
  }
  EXPECT_EQ(running.server().counters().accepted, 1u);
}

TEST(HttpServer, HandsOverWhatItRefusesOnceItKnowsWhatWasAsked) {
  std::mutex mutex;
  std::vector<Responder> owed;
  Running running(echo, {.body_limit = 10},
                  [&](int status, ServerRequest request, Responder responder) {
                    request.path += " " + std::to_string(status);
                    if (request.path == "/later 413") {
                      const std::lock_guard lock(mutex);
                      return owed.push_back(std::move(responder));
                    }
                    responder.respond({.status = status, .headers = {}, .body = request.path});
                  });
  for (const auto& [request, body] : {
           std::pair{"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", "/a 413"},
           {"POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "/b 400"},
           {"GET /c HTTP/1.1\r\n\r\n", "/c 400"},
           {"\x16\x03\x01 is no HTTP", "400"},
       }) {
    Client client(running.port);
    client.send("GET /before HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(client.read_answer()), "200");
    client.send(request);
    EXPECT_EQ(body_of(client.read_answer()), body);
  }
  // It may be answered later, and is the connection's last one all the same.
  Client client(running.port);
  client.send("POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello");
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return !owed.empty();
  }));
  client.send(" world");
  owed.front().respond({.status = 413, .headers = {}, .body = "now"});
  EXPECT_EQ(body_of(client.read_to_end()), "now");
}

TEST(HttpServer, ReadsBodiesByLengthAndInChunks) {
  Running running(echo);
  Client client(running.port);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
  client.send("llo");
  EXPECT_EQ(body_of(client.read_answer()), "POST / ? hello");
  client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2;a=b\r\nhe\r\n3\r\nl");
  client.send("lo\r\n0\r\nTrailer: x\r\n\r");
  client.send("\n");
  EXPECT_EQ(body_of(client.read_answer()), "POST / ? hello");
}

TEST(HttpServer, ReadsARequestThatArrivesByteByByte) {
  Running running(echo);
  for (const std::string_view request :
       {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok",
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}) {
    Client client(running.port);
    for (const char c : request) client.send(std::string_view(&c, 1));
    EXPECT_EQ(body_of(client.read_answer()), "POST /x ? ok");
  }
}

TEST(HttpServer, ServesPipelinedRequestsInOrder) {
  Running running(echo);
  Client client(running.port);
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  client.send(requests);
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(body_of(client.read_answer()), "GET /" + std::to_string(i) + " ? ");
  }
}

TEST(HttpServer, PipelinedRequestsLetOthersGoFirst) {
  constexpr int kPipelined = 1000;
  std::atomic<int> handled = 0;
  std::atomic<int> handled_before_the_other = kPipelined;
  std::mutex mutex;
  std::optional<Client> other;  // guarded by mutex
  Running running([&](ServerRequest request, Responder responder) {
    if (request.path == "/other") {
      handled_before_the_other = handled.load();
    } else if (++handled == 1) {
      const std::lock_guard lock(mutex);
      other->send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    responder.respond({.status = 200, .headers = {}, .body = {}});
  });
  {
    const std::lock_guard lock(mutex);
    other.emplace(running.port);
  }
  Client client(running.port);
  std::string requests;
  for (int i = 0; i < kPipelined; ++i) requests += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < kPipelined; ++i) ASSERT_NE(client.read_answer(), "");
  EXPECT_NE(other->read_answer(), "");
  // It is read in the next turn, or where it was not accepted yet in the one after that.
  EXPECT_LE(handled_before_the_other, 100);
}

TEST(HttpServer, PipelinedRequestWaitsForAnAnswerFromAnotherThread) {
  std::mutex mutex;
  std::deque<Responder> owed;
  Running running([&](ServerRequest, Responder responder) {
    const std::lock_guard lock(mutex);
    owed.push_back(std::move(responder));
  });
  Client client(running.port);
  client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return owed.size();
  };
  ASSERT_TRUE(eventually([&] { return count() == 1; }));
  client.send("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const std::string_view body : {"one", "two", "three"}) {
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    Responder responder = [&] {
      const std::lock_guard lock(mutex);
      Responder first = std::move(owed.front());
      owed.pop_front();
      return first;
    }();
    responder.respond({.status = 200, .headers = {}, .body = std::string(body)});
    EXPECT_EQ(body_of(client.read_answer()), body);
  }
}

TEST(HttpServer, AnswersHeadWithoutBodyAnd204WithoutLength) {
  Running running([](ServerRequest request, Responder responder) {
    if (request.path == "/none") {
      responder.respond({.status = 204, .headers = {}, .body = ""});
    } else {
      responder.respond({.status = 200, .headers = {}, .body = "12345"});
    }
  });
  Client client(running.port);
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n");
  client.end_sending();
  const std::string answers = client.read_to_end();
  EXPECT_NE(answers.find("Content-Length: 5\r\n\r\nHTTP/1.1 204"), answers.npos) << answers;
  EXPECT_EQ(answers.find("Content-Length", answers.find("204")), answers.npos);
}

TEST(HttpServer, ContinuesWhenAsked) {
  Running running(echo);
  Client client(running.port);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until([](const std::string& t) { return t.ends_with("\r\n\r\n"); }),
            "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(body_of(client.read_answer()), "POST / ? ok");
}

TEST(HttpServer, ClosesAfterTheAnswerWhereAsked) {
  Running running(echo);
  for (const std::string_view request :
       {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    Client client(running.port);
    client.send(request);
    const std::string answer = client.read_to_end();
    EXPECT_EQ(status_of(answer), "200");
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), answer.npos);
    EXPECT_TRUE(client.closed);
  }
  Client client(running.port);
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(client.read_answer().find("\r\nConnection: keep-alive\r\n"), std::string::npos);
}

TEST(HttpServer, RefusesWhatCouldBeReadInTwoWays) {
  Running running(echo);
  const std::string_view bad[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
      "\x16\x03\x01\x02",
  };
  for (const std::string_view request : bad) {
    Client client(running.port);
    client.send(request);
    client.end_sending();
    const std::string answer = client.read_to_end();
    EXPECT_EQ(status_of(answer), "400") << request;
    EXPECT_EQ(body_of(answer), "400");
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), answer.npos);
  }
}

TEST(HttpServer, AcceptsTheAbsoluteForm) {
  Running running(echo);
  Client client(running.port);
  client.send("GET http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "GET /b ?c ");
}

TEST(HttpServer, LimitsTheHead) {
  Running running(echo, {.head_limit = 1024});
  Client large(running.port);
  large.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_of(large.read_to_end()), "431");
  Client endless(running.port);
  endless.send("GET /" + std::string(2000, 'x'));
  EXPECT_EQ(status_of(endless.read_to_end()), "431");
  Client many(running.port);
  std::string request = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 120; ++i) request += "a:b\r\n";
  many.send(request + "\r\n");
  EXPECT_EQ(status_of(many.read_to_end()), "431");
}

TEST(HttpServer, AnswersAnOversizedBodyWithoutAReset) {
  Running running(echo, {.body_limit = 1000});
  for (const bool chunked : {false, true}) {
    Client client(running.port);
    const std::string body(4 * 1024 * 1024, 'x');
    const bool sent =
        chunked
            ? client.send(
                  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "400000\r\n" +
                  body + "\r\n0\r\n\r\n")
            : client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n" + body);
    EXPECT_TRUE(sent);
    client.end_sending();
    EXPECT_EQ(status_of(client.read_to_end()), "413");
    EXPECT_FALSE(client.reset);
  }
}

TEST(HttpServer, SharesAMemoryLimitAmongLargeBodies) {
  Running running(echo, {.body_memory_limit = 1024 * 1024});
  Client holder(running.port);
  holder.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(900'000, 'x'));
  Client large(running.port);
  large.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n" +
             std::string(900'000, 'x'));
  Client small(running.port);
  small.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
  EXPECT_EQ(status_of(small.read_answer()), "200");
  // Both do not fit while the holder is not done: one has to yield, and gives its memory back.
  const std::string second = status_of(large.read_answer());
  if (second == "503") holder.send(std::string(100'000, 'x'));
  const std::string first = status_of(holder.read_answer());
  EXPECT_TRUE((first == "200" && second == "503") || (first == "503" && second == "200"))
      << first << second;
  Client again(running.port);
  again.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n" +
             std::string(900'000, 'x'));
  EXPECT_EQ(status_of(again.read_answer()), "200");
}

// Each with one short limit, so that no other is over before a client on a busy machine sends.
TEST(HttpServer, TimesOut) {
  Running short_idle(echo, {.idle_timeout = 50ms});
  Client idle(short_idle.port);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(idle.closed);
  Running short_head(echo, {.head_timeout = 50ms});
  Client half_head(short_head.port);
  half_head.send("GET / HT");
  EXPECT_EQ(status_of(half_head.read_to_end()), "408");
  Running short_body(echo, {.body_timeout = 50ms});
  Client half_body(short_body.port);
  half_body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
  EXPECT_EQ(status_of(half_body.read_to_end()), "408");
}

TEST(HttpServer, ClosesAClientThatDoesNotReadItsAnswer) {
  Running running(
      [](ServerRequest, Responder responder) {
        responder.respond({.status = 200, .headers = {}, .body = std::string(32 << 20, 'x')});
      },
      {.write_timeout = 50ms});
  Client client(running.port, 4096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return running.server().counters().accepted == 1; }));
  EXPECT_TRUE(eventually([&] { return running.server().counters().open_connections == 0; }));
}

TEST(HttpServer, ALargeAnswerArrivesWhole) {
  Running running([](ServerRequest, Responder responder) {
    responder.respond({.status = 200, .headers = {}, .body = std::string(16 << 20, 'x')});
  });
  Client client(running.port, 256 * 1024);  // far less than the answer: many writes
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()).size(), 16u << 20);
}

TEST(HttpServer, ClosesTheLongestWaitingConnectionAtTheLimit) {
  Running running(echo, {.connection_limit = 2});
  Client first(running.port);
  first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(first.read_answer()), "200");
  Client second(running.port);
  second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(second.read_answer()), "200");
  Client third(running.port);
  third.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(third.read_answer()), "200");
  EXPECT_EQ(first.read_to_end(), "");
  EXPECT_TRUE(first.closed);
  EXPECT_EQ(running.server().counters().open_connections, 2u);
}

TEST(HttpServer, RefusesAtTheLimitWhereAllAreBusy) {
  std::mutex mutex;
  std::vector<Responder> owed;
  Running running(
      [&](ServerRequest, Responder responder) {
        const std::lock_guard lock(mutex);
        owed.push_back(std::move(responder));
      },
      {.connection_limit = 1});
  Client busy(running.port);
  busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return owed.size() == 1;
  }));
  Client refused(running.port);
  EXPECT_EQ(status_of(refused.read_to_end()), "503");
  EXPECT_EQ(running.server().counters().refused, 1u);
  owed.clear();  // unused: answers 500
  EXPECT_EQ(status_of(busy.read_answer()), "500");
}

TEST(HttpServer, AnAnswerForAClientThatLeftIsDropped) {
  std::promise<Responder> owed;
  Running running(
      [&](ServerRequest, Responder responder) { owed.set_value(std::move(responder)); });
  auto client = std::make_unique<Client>(running.port);
  client->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  Responder responder = owed.get_future().get();
  client.reset();
  responder.respond({.status = 200, .headers = {}, .body = "late"});
  EXPECT_TRUE(eventually([&] { return running.server().counters().open_connections == 0; }));
}

TEST(HttpServer, StreamsInChunksUntilClosed) {
  std::promise<std::shared_ptr<ResponseStream>> started;
  Running running([&](ServerRequest request, Responder responder) {
    if (request.path == "/next") return echo(std::move(request), std::move(responder));
    started.set_value(responder.stream(
        {.status = 200, .headers = {{"Content-Type", "text/event-stream"}}, .body = ""}));
  });
  Client client(running.port);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = started.get_future().get();
  EXPECT_TRUE(stream->write("data: 1\n\n"));
  const std::string begun =
      client.read_until([](const std::string& t) { return t.find("data: 1") != t.npos; });
  EXPECT_NE(begun.find("Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"), begun.npos);
  EXPECT_TRUE(stream->write("x"));
  stream->close();
  EXPECT_FALSE(stream->write("y"));
  EXPECT_EQ(client.read_until([](const std::string& t) { return t.ends_with("0\r\n\r\n"); }),
            "1\r\nx\r\n0\r\n\r\n");
  client.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "GET /next ? ");
}

TEST(HttpServer, AStreamNoticesAClientThatLeft) {
  std::promise<std::shared_ptr<ResponseStream>> started;
  Running running([&](ServerRequest, Responder responder) {
    started.set_value(responder.stream({.status = 200, .headers = {}, .body = ""}));
  });
  auto client = std::make_unique<Client>(running.port);
  client->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = started.get_future().get();
  EXPECT_TRUE(stream->write("x"));
  client.reset();
  EXPECT_TRUE(eventually([&] { return !stream->write("x"); }));
}

TEST(HttpServer, AStreamThatIsNotReadIsClosed) {
  std::promise<std::shared_ptr<ResponseStream>> started;
  Running running([&](ServerRequest, Responder responder) {
    started.set_value(responder.stream({.status = 200, .headers = {}, .body = ""}));
  });
  Client client(running.port, 4096);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = started.get_future().get();
  const std::string chunk(64 * 1024, 'x');
  std::size_t written = 0;
  EXPECT_TRUE(eventually([&] {
    written += chunk.size();
    return !stream->write(chunk);
  }));
  EXPECT_GE(written, 1024u * 1024);
  EXPECT_TRUE(eventually([&] { return running.server().counters().open_connections == 0; }));
}

TEST(HttpServer, DrainsAfterWhatIsUnderWay) {
  std::promise<Responder> owed;
  Running running(
      [&](ServerRequest, Responder responder) { owed.set_value(std::move(responder)); });
  Client idle(running.port);
  Client busy(running.port);
  busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  Responder responder = owed.get_future().get();
  ASSERT_TRUE(eventually([&] { return running.server().counters().open_connections == 2; }));
  std::promise<void> drained;
  running.loop.post([&] { running.server().drain([&] { drained.set_value(); }); });
  EXPECT_EQ(idle.read_to_end(), "");
  auto finished = drained.get_future();
  EXPECT_EQ(finished.wait_for(0s), std::future_status::timeout);
  responder.respond({.status = 200, .headers = {}, .body = "done"});
  const std::string answer = busy.read_to_end();
  EXPECT_EQ(body_of(answer), "done");
  EXPECT_NE(answer.find("Connection: close"), answer.npos);
  EXPECT_EQ(finished.wait_for(60s), std::future_status::ready);
}

TEST(ListenAddress, IsParsedStrictly) {
  const auto v4 = parse_listen_address("127.0.0.1:8080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 8080);
  EXPECT_EQ(parse_listen_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen_address(":80")->host, "");
  for (const std::string_view bad : {"", "80", "a:", "a:b", "a:65536", "::1:80", "[]:1", "a:-1"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
  EXPECT_FALSE(parse_listen_address(std::string_view("127.0.0.1\0x:80", 14)));
}

TEST(ListenAddress, ATakenPortIsAMessage) {
  std::string error;
  EXPECT_EQ(listen_tcp({"192.0.2.1", 1}, Port::exclusive, &error), -1);
  EXPECT_NE(error, "");
}

}  // namespace
}  // namespace skyhook::net
