#include "net/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/time.h"
#include "scripted_server.h"

namespace skyhook::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers from a table, in a round of its own, as the contract of NameSource demands.
class TableOfNames final : public NameSource {
 public:
  explicit TableOfNames(Loop& loop) : loop_(loop) {}
  void resolve(const std::string& host, Callback callback) override {
    ++questions;
    std::vector<IpAddress> answer;
    if (const auto literal = parse_ip(host)) {
      answer = {*literal};
    } else {
      for (const std::string& text : table[host]) answer.push_back(parse_ip(text).value());
    }
    if (silent) return;
    loop_.post([callback = std::move(callback), answer] { callback(answer); });
  }
  std::map<std::string, std::vector<std::string>> table;
  int questions = 0;
  bool silent = false;

 private:
  Loop& loop_;
};

AddressGuard::Options loopback_exempted() {
  return {.exempt = {parse_cidr("127.0.0.0/8").value()}, .own_addresses = {}};
}

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() {
    std::string error;
    tls_ = make_client_tls({.ca_file = authority_.ca_file()}, &error);
    EXPECT_NE(tls_, nullptr) << error;
    names_.table["good.test"] = {"127.0.0.1"};
    names_.table["plain.test"] = {"127.0.0.1"};
    start({});
  }
  ~HttpClientTest() override {
    if (thread_.joinable()) stop();
  }

  void start(HttpClient::Options options) {
    if (client_ != nullptr) on_loop([&] { client_.reset(); });
    client_ = std::make_unique<HttpClient>(loop_, tls_.get(), guard_, names_, options);
    if (!thread_.joinable()) thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    on_loop([&] { client_.reset(); });
    loop_.stop();
    thread_.join();
  }

  void on_loop(const std::function<void()>& what) {
    if (!thread_.joinable()) return what();
    std::promise<void> done;
    loop_.post([&] {
      what();
      done.set_value();
    });
    done.get_future().get();
  }

  static ClientRequest request_to(const std::string& url, std::string body = "{\"a\":1}") {
    return {.pool_key = 7,
            .url = std::make_shared<const Url>(parse_url(url).value()),
            .headers = "Content-Type: application/json\r\n",
            .body = std::move(body),
            .timeout = Seconds{60}};
  }

  std::future<ClientResult> begin(ClientRequest request) {
    auto promise = std::make_shared<std::promise<ClientResult>>();
    auto future = promise->get_future();
    loop_.post([this, request = std::move(request), promise]() mutable {
      auto sending = std::make_shared<bool>(true);
      client_->send(std::move(request), [promise, sending](ClientResult result) {
        EXPECT_FALSE(*sending) << "completed from within send()";
        promise->set_value(std::move(result));
      });
      *sending = false;
    });
    return future;
  }
  ClientResult post(ClientRequest request) { return begin(std::move(request)).get(); }
  ClientResult post(const ScriptedServer& server) { return post(request_to(plain(server))); }

  static std::string plain(const ScriptedServer& server) {
    return "http://plain.test:" + std::to_string(server.port()) + "/hook?x=1";
  }
  static std::string secure(const ScriptedServer& server, const std::string& host = "good.test") {
    return "https://" + host + ":" + std::to_string(server.port()) + "/hook";
  }

  // One plain connection that gets `answer` after its request and is then held open or closed.
  ClientResult answer_with(std::string_view answer, bool close = false) {
    const ScriptedServer server([&](Peer& peer) {
      while (!peer.read_request().empty()) {
        if (!peer.write(answer) || close) return;
      }
    });
    return post(request_to(plain(server)));
  }

  HttpClient::Counters counters() {
    HttpClient::Counters result;
    on_loop([&] { result = client_->counters(); });
    return result;
  }
  // Polls, since the client learns of a closed socket when the loop gets to it.
  bool eventually_idle(std::size_t count) {
    for (int i = 0; i < 15'000; ++i) {
      if (counters().idle_connections == count) return true;
      std::this_thread::sleep_for(Millis{2});
    }
    return false;
  }

  const TestAuthority authority_;
  SystemClock clock_;
  Loop loop_{clock_};
  AddressGuard guard_{loopback_exempted()};
  TableOfNames names_{loop_};
  std::shared_ptr<SSL_CTX> tls_;
  std::unique_ptr<HttpClient> client_;
  std::thread thread_;
};

// ---- Requests and answers ----

TEST_F(HttpClientTest, SendsThePostAndKeepsTheAnswer) {
  std::string seen;
  const ScriptedServer server([&](Peer& peer) {
    seen = peer.read_request();
    peer.write(
        "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nX-Thing: a\r\nContent-Length: 5\r\n\r\nhello");
    peer.wait_for_client_to_close();
  });
  const ClientResult result = post(server);
  EXPECT_EQ(seen, "POST /hook?x=1 HTTP/1.1\r\nHost: plain.test:" + std::to_string(server.port()) +
                      "\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
  EXPECT_EQ(result.failure, FailureReason::none);
  EXPECT_EQ(result.status, 503);
  EXPECT_EQ(result.headers, "Retry-After: 120\r\nX-Thing: a\r\nContent-Length: 5\r\n");
  EXPECT_EQ(result.body, "hello");
  EXPECT_FALSE(result.body_truncated);
  EXPECT_EQ(result.retry_after, "120");
  EXPECT_GT(result.duration.count(), 0);
}

TEST_F(HttpClientTest, ReadsEveryFraming) {
  EXPECT_EQ(answer_with("HTTP/1.1 204 No Content\r\n\r\n").status, 204);
  EXPECT_EQ(answer_with("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n").status, 304);
  const ClientResult chunked = answer_with(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: "
      "1\r\n\r\n");
  EXPECT_EQ(chunked.failure, FailureReason::none);
  EXPECT_EQ(chunked.body, "abcde");
  EXPECT_EQ(chunked.headers, "Transfer-Encoding: chunked\r\n");
  const ClientResult until_close = answer_with("HTTP/1.1 200 OK\r\n\r\nto the end", true);
  EXPECT_EQ(until_close.failure, FailureReason::none);
  EXPECT_EQ(until_close.body, "to the end");
  EXPECT_EQ(answer_with("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", true).body, "x");
}

TEST_F(HttpClientTest, ReadsAnAnswerByteByByte) {
  const ScriptedServer server([&](Peer& peer) {
    peer.read_request();
    for (const char c : std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")) {
      peer.write({&c, 1});
    }
    peer.wait_for_client_to_close();
  });
  const ClientResult result = post(server);
  EXPECT_EQ(result.failure, FailureReason::none) << result.error_detail;
  EXPECT_EQ(result.body, "abc");
  EXPECT_EQ(result.headers, "A: b\r\nTransfer-Encoding: chunked\r\n");
}

TEST_F(HttpClientTest, SkipsInterimAnswers) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const ClientResult result = answer_with(interim + "HTTP/1.1 102 P\r\n\r\n" + std::string(kOk));
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.headers, "Content-Length: 2\r\n");
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += interim;
  EXPECT_EQ(answer_with(endless).failure, FailureReason::bad_response);
  EXPECT_EQ(answer_with("HTTP/1.1 101 Switching\r\n\r\n").failure, FailureReason::bad_response);
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  const ScriptedServer target([](Peer& peer) { peer.read_request(); });
  const ClientResult result = answer_with("HTTP/1.1 302 Found\r\nLocation: " + plain(target) +
                                          "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(result.status, 302);
  EXPECT_EQ(target.connections(), 0);
}

TEST_F(HttpClientTest, RefusesWhatIsNotHttp) {
  for (const char* garbage :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcde\r\n0\r\n\r\n"}) {
    EXPECT_EQ(answer_with(garbage).failure, FailureReason::bad_response) << garbage;
  }
}

TEST_F(HttpClientTest, LimitsTheHead) {
  const std::string head = "HTTP/1.1 200 OK\r\nX: ";
  EXPECT_EQ(answer_with(head + std::string(1 << 20, 'x')).failure, FailureReason::bad_response);
  EXPECT_EQ(answer_with(std::string(1 << 20, 'x')).failure, FailureReason::bad_response);
  std::string many;
  for (int i = 0; i < 600; ++i)
    many += "Header-" + std::to_string(i) + ": " + std::string(80, 'v') + "\r\n";
  const ClientResult result =
      answer_with("HTTP/1.1 200 OK\r\n" + many + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(result.failure, FailureReason::none) << result.error_detail;
  EXPECT_LE(result.headers.size(), 16u * 1024);
  EXPECT_GE(result.headers.size(), 15u * 1024);
  EXPECT_TRUE(result.headers.ends_with("\r\n"));
}

TEST_F(HttpClientTest, KeepsTheFirstPartOfALargeBodyAndReadsTheRestOff) {
  const std::string body(1 << 20, 'b');
  const ClientResult result = answer_with(
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(result.failure, FailureReason::none);
  EXPECT_EQ(result.body, body.substr(0, 16 * 1024));
  EXPECT_TRUE(result.body_truncated);
  EXPECT_EQ(answer_with("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n").failure,
            FailureReason::bad_response);
}

TEST_F(HttpClientTest, EndsAnEndlessBodyAtItsLimit) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const bool chunked = std::string(head).find("chunked") != std::string::npos;
    const ScriptedServer server([&](Peer& peer) {
      peer.read_request();
      peer.write(head);
      const std::string piece(64 * 1024, 'e');
      while (peer.write(chunked ? "10000\r\n" + piece + "\r\n" : piece)) {
      }
    });
    const ClientResult result = post(server);
    EXPECT_EQ(result.failure, FailureReason::bad_response);
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.body.size(), 16u * 1024);
  }
}

TEST_F(HttpClientTest, SendsLargeBodiesWhole) {
  const std::string body(3 << 20, 'q');
  const auto context = authority_.server_context({});
  for (SSL_CTX* const tls : {static_cast<SSL_CTX*>(nullptr), context.get()}) {
    std::string seen;
    const ScriptedServer server(
        [&](Peer& peer) {
          seen = peer.read_request();
          peer.write(kOk);
          peer.wait_for_client_to_close();
        },
        tls);
    const ClientResult result =
        post(request_to(tls == nullptr ? plain(server) : secure(server), body));
    EXPECT_EQ(result.status, 200) << result.error_detail;
    EXPECT_TRUE(seen.ends_with("\r\n\r\n" + body));
  }
}

TEST_F(HttpClientTest, TakesAnAnswerThatComesBeforeTheRequestIsSent) {
  for (const bool close : {false, true}) {
    std::promise<void> done;
    const ScriptedServer server([&](Peer& peer) {
      peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
      if (!close) done.get_future().wait();
    });
    const ClientResult result = post(request_to(plain(server), std::string(32 << 20, 'q')));
    if (!close) {
      EXPECT_EQ(result.failure, FailureReason::none);
      EXPECT_EQ(result.status, 413);
      done.set_value();
    } else {
      // The reset that follows may overtake the answer.
      EXPECT_TRUE(result.status == 413 || result.failure == FailureReason::reset);
    }
    EXPECT_EQ(counters().idle_connections, 0u);
  }
}

// ---- Failures ----

TEST_F(HttpClientTest, NamesThatDoNotResolve) {
  EXPECT_EQ(post(request_to("http://nowhere.test/")).failure, FailureReason::dns);
}

TEST_F(HttpClientTest, RefusedConnections) {
  std::uint16_t port = 0;
  {
    const ScriptedServer server([](Peer&) {});
    port = server.port();
  }
  const ClientResult result = post(request_to("http://127.0.0.1:" + std::to_string(port) + "/"));
  EXPECT_EQ(result.failure, FailureReason::connect);
  EXPECT_EQ(result.error_detail, "Connection refused");
  EXPECT_EQ(counters().open_connections, 0u);
}

TEST_F(HttpClientTest, TriesTheNextVettedAddress) {
  const ScriptedServer server([](Peer& peer) {
    peer.read_request();
    peer.write(kOk);
  });
  names_.table["plain.test"] = {"127.0.0.2", "127.0.0.3", "127.0.0.1"};
  EXPECT_EQ(post(server).status, 200);
}

// A listener whose queue is full: connecting neither succeeds nor fails.
class BlackHole {
 public:
  BlackHole(const char* address, std::uint16_t port) {
    name_.sin_family = AF_INET;
    name_.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &name_.sin_addr);
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(sockets_[0], get(), sizeof name_), 0);
    EXPECT_EQ(::listen(sockets_[0], 0), 0);
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(sockets_.back(), get(), sizeof name_);
    }
  }
  ~BlackHole() {
    for (const int fd : sockets_) ::close(fd);
  }

 private:
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name_); }
  sockaddr_in name_{};
  std::vector<int> sockets_;
};

TEST_F(HttpClientTest, GivesASilentAddressItsShareOnly) {
  start({.connect_share = Millis{100}});
  const ScriptedServer server([](Peer& peer) {
    peer.read_request();
    peer.write(kOk);
  });
  const BlackHole hole("127.0.0.2", server.port());
  names_.table["plain.test"] = {"127.0.0.2", "127.0.0.1"};
  const ClientResult result = post(server);
  EXPECT_EQ(result.status, 200) << result.error_detail;
  EXPECT_GE(result.duration, Millis{100});
  names_.table["plain.test"] = {"127.0.0.2"};
  on_loop([&] { client_->forget(7); });
  ClientRequest request = request_to(plain(server));
  request.timeout = Millis{200};
  EXPECT_EQ(post(std::move(request)).failure, FailureReason::timeout);
}

TEST_F(HttpClientTest, GuardRefusesAnAnswerWithOneForbiddenAddress) {
  const ScriptedServer server([](Peer&) {});
  for (const std::vector<std::string>& answer : {std::vector<std::string>{"127.0.0.1", "10.0.0.1"},
                                                 {"10.0.0.1", "127.0.0.1"},
                                                 {"::1"},
                                                 {"::ffff:127.0.0.1"},
                                                 {"127.0.0.1", "64:ff9b::7f00:1"}}) {
    names_.table["plain.test"] = answer;
    EXPECT_EQ(post(server).failure, FailureReason::blocked_address);
  }
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(post(request_to("http://[::1]:" + port + "/")).failure, FailureReason::blocked_address);
  EXPECT_EQ(post(request_to("http://0.0.0.0:" + port + "/")).failure,
            FailureReason::blocked_address);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpClientTest, TellsTimeoutFromSlowAnswer) {
  const struct {
    std::string_view sent;
    FailureReason expected;
  } cases[] = {
      {"", FailureReason::timeout},
      {"HTTP/1.1 2", FailureReason::response_too_slow},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", FailureReason::response_too_slow}};
  for (const auto& [sent, expected] : cases) {
    const ScriptedServer server([&](Peer& peer) {
      peer.read_request();
      if (!sent.empty()) peer.write(sent);
      peer.wait_for_client_to_close();
    });
    ClientResult result;
    // Again where the machine was held up for so long that the server said nothing in time.
    for (int i = 0; i < 5 && result.failure != expected; ++i) {
      ClientRequest request = request_to(plain(server));
      request.timeout = Millis{500};
      const MonoTime before = clock_.mono();
      result = post(std::move(request));
      EXPECT_GE(clock_.mono() - before, Millis{499});
    }
    EXPECT_EQ(result.failure, expected);
    EXPECT_EQ(counters().open_connections, 0u);
  }
}

TEST_F(HttpClientTest, TheDeadlineCoversTheName) {
  names_.silent = true;
  ClientRequest request = request_to("http://plain.test/");
  request.timeout = Millis{50};
  EXPECT_EQ(post(std::move(request)).failure, FailureReason::timeout);
}

TEST_F(HttpClientTest, ResetsBeforeAndWithinTheAnswer) {
  for (const std::string_view sent :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    for (const bool reset : {true, false}) {
      const ScriptedServer server([&](Peer& peer) {
        peer.read_request();
        if (!sent.empty()) peer.write(sent);
        if (reset) peer.reset();
      });
      EXPECT_EQ(post(server).failure, FailureReason::reset) << sent;
      EXPECT_EQ(server.connections(), 1) << "a fresh connection is not retried";
    }
  }
}

TEST_F(HttpClientTest, OutOfDescriptorsIsOurOwnFault) {
  const ScriptedServer server([](Peer& peer) { peer.wait_for_client_to_close(); });
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  ClientResult result;
  on_loop([&] {
    const rlimit none{3, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  });
  result = post(request_to("http://127.0.0.1:" + std::to_string(server.port()) + "/"));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(result.failure, FailureReason::internal);
}

// ---- The pool ----

class EchoServer : public ScriptedServer {
 public:
  explicit EchoServer(SSL_CTX* tls = nullptr, int requests = 1 << 30)
      : ScriptedServer(
            [requests](Peer& peer) {
              for (int i = 0; i < requests && !peer.read_request().empty(); ++i) peer.write(kOk);
            },
            tls) {}
};

TEST_F(HttpClientTest, ReusesConnectionsOfTheSameKeyAndOrigin) {
  const EchoServer server;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(post(server).status, 200);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(counters().connections_opened, 1u);
  EXPECT_EQ(counters().connections_reused, 9u);
  EXPECT_EQ(counters().idle_connections, 1u);
  EXPECT_EQ(names_.questions, 1);

  ClientRequest other_key = request_to(plain(server));
  other_key.pool_key = 8;
  EXPECT_EQ(post(std::move(other_key)).status, 200);
  EXPECT_EQ(server.connections(), 2);
  ClientRequest other_origin =
      request_to("http://127.0.0.1:" + std::to_string(server.port()) + "/");
  EXPECT_EQ(post(std::move(other_origin)).status, 200);
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(HttpClientTest, KeyZeroIsNotKept) {
  std::string seen;
  const ScriptedServer server([&](Peer& peer) {
    seen = peer.read_request();
    peer.write(kOk);
    peer.wait_for_client_to_close();
  });
  ClientRequest request = request_to(plain(server));
  request.pool_key = 0;
  EXPECT_EQ(post(std::move(request)).status, 200);
  EXPECT_THAT(seen, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(counters().open_connections, 0u);
}

TEST_F(HttpClientTest, DoesNotKeepWhatTheServerWillClose) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                             "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nsomething more"}) {
    EXPECT_EQ(answer_with(answer).status, 200);
    EXPECT_EQ(counters().open_connections, 0u) << answer;
  }
}

TEST_F(HttpClientTest, DropsIdleConnectionsThatTheServerCloses) {
  const EchoServer server(nullptr, 1);
  EXPECT_EQ(post(server).status, 200);
  EXPECT_TRUE(eventually_idle(0));
  EXPECT_EQ(post(server).status, 200);
  EXPECT_EQ(counters().connections_reused, 0u);
}

TEST_F(HttpClientTest, RetriesOnceWhereAReusedConnectionDies) {
  for (const bool reset : {true, false}) {
    int requests = 0;
    const ScriptedServer server([&](Peer& peer) {
      const bool first = peer.number() == 1;
      while (!peer.read_request().empty()) {
        ++requests;
        if (first && requests == 2) return reset ? peer.reset() : peer.end();
        peer.write(kOk);
      }
    });
    EXPECT_EQ(post(server).status, 200);
    const ClientResult result = post(server);
    EXPECT_EQ(result.status, 200) << result.error_detail;
    EXPECT_EQ(server.connections(), 2);
    EXPECT_EQ(requests, 3);
    on_loop([&] { client_->forget(7); });
  }
}

TEST_F(HttpClientTest, DoesNotRetryOnceAnAnswerBegan) {
  int requests = 0;
  const ScriptedServer server([&](Peer& peer) {
    while (!peer.read_request().empty()) {
      if (++requests == 2) {
        peer.write("HTTP/1.1 200 OK\r\n");
        return;
      }
      peer.write(kOk);
    }
  });
  EXPECT_EQ(post(server).status, 200);
  EXPECT_EQ(post(server).failure, FailureReason::reset);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ForgetsAKey) {
  const EchoServer server;
  EXPECT_EQ(post(server).status, 200);
  on_loop([&] { client_->forget(8); });
  EXPECT_EQ(counters().idle_connections, 1u);
  on_loop([&] { client_->forget(7); });
  EXPECT_EQ(counters().open_connections, 0u);
  EXPECT_EQ(post(server).status, 200);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, LimitsIdleConnections) {
  start({.idle_limit = 3, .idle_per_key = 2});
  const EchoServer server;
  const auto round = [&](std::int64_t key, int count) {
    std::vector<std::future<ClientResult>> results;
    for (int i = 0; i < count; ++i) {
      ClientRequest request = request_to(plain(server));
      request.pool_key = key;
      results.push_back(begin(std::move(request)));
    }
    for (auto& result : results) EXPECT_EQ(result.get().status, 200);
  };
  round(1, 4);
  EXPECT_EQ(counters().idle_connections, 2u);
  round(2, 1);
  EXPECT_EQ(counters().idle_connections, 3u);
  round(3, 1);
  EXPECT_EQ(counters().idle_connections, 3u);
  EXPECT_EQ(counters().open_connections, 3u);
}

TEST_F(HttpClientTest, ClosesIdleConnectionsInTime) {
  start({.idle_timeout = Millis{50}});
  const EchoServer server;
  EXPECT_EQ(post(server).status, 200);
  EXPECT_TRUE(eventually_idle(0));
  start({.connection_lifetime = Millis{0}});
  EXPECT_EQ(post(server).status, 200);
  EXPECT_EQ(counters().open_connections, 0u);
}

TEST_F(HttpClientTest, MayBeDestroyedWithEverythingUnderWay) {
  const ScriptedServer hanging([](Peer& peer) { peer.wait_for_client_to_close(); });
  const EchoServer server;
  EXPECT_EQ(post(server).status, 200);
  on_loop([&] {
    for (int i = 0; i < 10; ++i) {
      client_->send(request_to(plain(hanging)), [](ClientResult) { FAIL(); });
    }
  });
  on_loop([&] { client_.reset(); });
  client_ = nullptr;
  start({});
}

TEST_F(HttpClientTest, ACallbackMayDestroyTheClient) {
  const EchoServer server;
  std::promise<void> done;
  loop_.post([&] {
    client_->send(request_to(plain(server)), [&](ClientResult) {
      client_.reset();
      done.set_value();
    });
  });
  done.get_future().get();
  start({});
}

// ---- TLS ----

TEST_F(HttpClientTest, SpeaksTlsAndResumesSessions) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    start({});
    const auto context = authority_.server_context({}, version);
    const EchoServer server(context.get());
    EXPECT_EQ(post(request_to(secure(server))).status, 200);
    EXPECT_EQ(post(request_to(secure(server))).status, 200);
    EXPECT_EQ(counters().connections_reused, 1u);
    EXPECT_EQ(counters().tls_resumed, 0u);
    const EchoServer closing(context.get(), 1);
    ClientRequest request = request_to(secure(closing));
    EXPECT_EQ(post(request).status, 200);
    EXPECT_TRUE(eventually_idle(1));
    EXPECT_EQ(post(request).status, 200);
    EXPECT_EQ(counters().tls_resumed, 1u) << version;
  }
}

TEST_F(HttpClientTest, KeepsWhatWasBegunWithAnotherCertificateApart) {
  const auto certificate = [&](const char* name) {
    const TestAuthority::Pem pem = authority_.client_pem(name);
    return *ClientCertificate::parse(pem.certificate, pem.key);
  };
  const auto one = certificate("one");
  const auto two = certificate("two");
  EXPECT_EQ(one->subject(), "CN=one");
  EXPECT_NE(one->fingerprint(), two->fingerprint());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    start({});
    const auto context = authority_.server_context({}, version);
    const EchoServer server(context.get());
    const EchoServer closing(context.get(), 1);
    for (const auto& shown : {one, two, ClientCertificate::Ptr{}, one}) {
      ClientRequest request = request_to(secure(server));
      request.certificate = shown;
      EXPECT_EQ(post(request).status, 200);
      ClientRequest again = request_to(secure(closing));
      again.certificate = shown;
      EXPECT_EQ(post(again).status, 200);
    }
    // The last found the first one's connection, and no session: there is one certificate's at a
    // time.
    EXPECT_EQ(counters().connections_reused, 1u);
    EXPECT_EQ(counters().tls_resumed, 0u) << version;
  }
}

TEST_F(HttpClientTest, SendsTheServersNameUnlessItIsALiteral) {
  const auto context = authority_.server_context({});
  std::string name;
  const ScriptedServer server(
      [&](Peer& peer) {
        name = peer.server_name();
        peer.read_request();
        peer.write(kOk);
      },
      context.get());
  EXPECT_EQ(post(request_to(secure(server))).status, 200);
  EXPECT_EQ(name, "good.test");
  EXPECT_EQ(post(request_to(secure(server, "127.0.0.1"))).status, 200);
  EXPECT_EQ(name, "");
}

TEST_F(HttpClientTest, VerifiesCertificates) {
  const struct {
    TestAuthority::Leaf leaf;
    const char* host;
    const char* detail;
  } cases[] = {
      {{.valid_until_seconds = -60}, "good.test", "certificate has expired"},
      {{.valid_from_seconds = 60}, "good.test", "certificate is not yet valid"},
      {{.subject_alt_name = "DNS:other.test"}, "good.test", "hostname mismatch"},
      {{.subject_alt_name = "DNS:good.test"}, "127.0.0.1", "IP address mismatch"},
      {{.self_signed = true}, "good.test", "self-signed certificate"},
  };
  for (const auto& [leaf, host, detail] : cases) {
    bool reached = false;
    const auto context = authority_.server_context(leaf);
    const ScriptedServer server([&](Peer& peer) { reached = !peer.read_request().empty(); },
                                context.get());
    const ClientResult result = post(request_to(secure(server, host)));
    EXPECT_EQ(result.failure, FailureReason::tls);
    EXPECT_THAT(result.error_detail, HasSubstr(detail));
    EXPECT_FALSE(reached) << "no request goes to an unverified server";
  }
  const auto context = authority_.server_context({});
  const EchoServer server(context.get());
  EXPECT_EQ(post(request_to(secure(server, "127.0.0.1"))).status, 200);
}

TEST_F(HttpClientTest, RefusesOldTlsAndWhatIsNotTls) {
  const auto old = authority_.server_context({}, TLS1_1_VERSION);
  const EchoServer server(old.get());
  EXPECT_EQ(post(request_to(secure(server))).failure, FailureReason::tls);
  const ScriptedServer plain_server([](Peer& peer) {
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_client_to_close();
  });
  EXPECT_EQ(post(request_to(secure(plain_server))).failure, FailureReason::tls);
  const ScriptedServer closing([](Peer& peer) { peer.end(); });
  EXPECT_EQ(post(request_to(secure(closing))).failure, FailureReason::tls);
}

TEST_F(HttpClientTest, AHangingHandshakeTimesOut) {
  const ScriptedServer hanging([](Peer& peer) { peer.wait_for_client_to_close(); });
  ClientRequest stuck = request_to(secure(hanging));
  stuck.timeout = Millis{50};
  EXPECT_EQ(post(std::move(stuck)).failure, FailureReason::timeout);
}

TEST_F(HttpClientTest, AHangingHandshakeHoldsNobodyUp) {
  start({.handshake_limit = 1});
  std::promise<void> others_are_done;
  const std::shared_future<void> gate = others_are_done.get_future().share();
  const ScriptedServer hanging([gate](Peer&) { gate.wait(); });
  const auto context = authority_.server_context({});
  const EchoServer server(context.get());
  auto first = begin(request_to(secure(hanging)));
  std::vector<std::future<ClientResult>> others;
  for (int i = 0; i < 5; ++i) others.push_back(begin(request_to(secure(server))));
  for (auto& other : others) EXPECT_EQ(other.get().status, 200);
  EXPECT_EQ(first.wait_for(Millis{0}), std::future_status::timeout);
  others_are_done.set_value();
  EXPECT_NE(first.get().failure, FailureReason::none);
}

// What a delivery holds while its server keeps silent: a hang must stay cheap.
TEST_F(HttpClientTest, AHangingTlsDeliveryIsSmall) {
  constexpr int kDeliveries = 100;
  start({.handshake_limit = kDeliveries});
  const auto context = authority_.server_context({});
  std::atomic<int> requests{0};
  std::promise<void> measured;
  const std::shared_future<void> gate = measured.get_future().share();
  const ScriptedServer hanging(
      [&, gate](Peer& peer) {
        peer.read_request();
        ++requests;
        gate.wait();  // the server frees nothing before
      },
      context.get());
  for (int i = 0; i < kDeliveries; ++i) {
    loop_.post([&, request = request_to(secure(hanging), std::string(1024, 'x'))] {
      client_->send(request, [](ClientResult) {});
    });
  }
  while (requests < kDeliveries) std::this_thread::yield();
  std::size_t held = 0;
  on_loop([&] {
    const std::size_t before = ::mallinfo2().uordblks;
    client_.reset();
    held = before - ::mallinfo2().uordblks;
  });
  measured.set_value();
  start({});
  RecordProperty("bytes_held_by_one", static_cast<int>(held / kDeliveries));
  EXPECT_LT(held / kDeliveries, 64u * 1024);
}

TEST_F(HttpClientTest, RetriesOnceOverTlsToo) {
  const auto context = authority_.server_context({});
  int requests = 0;
  const ScriptedServer server(
      [&](Peer& peer) {
        while (!peer.read_request().empty()) {
          if (++requests == 2) return peer.reset();
          peer.write(kOk);
        }
      },
      context.get());
  EXPECT_EQ(post(request_to(secure(server))).status, 200);
  EXPECT_EQ(post(request_to(secure(server))).status, 200);
  EXPECT_EQ(requests, 3);
}

TEST_F(HttpClientTest, ReadsLargeAnswersOverTls) {
  const auto context = authority_.server_context({});
  const std::string body(1 << 20, 'b');
  const ScriptedServer server(
      [&](Peer& peer) {
        while (!peer.read_request().empty()) {
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\n\r\n");
          peer.write(body);
        }
      },
      context.get());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(post(request_to(secure(server))).body_truncated);
  EXPECT_EQ(counters().connections_reused, 2u);
}

TEST(ClientTls, SaysWhichFileItCannotRead) {
  std::string error;
  EXPECT_EQ(make_client_tls({.ca_file = "/nonexistent/ca.pem"}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace skyhook::net
