// CPU time of the client's thread for one keep-alive POST (1 KiB body), plain and over TLS, and for
// one TLS connection.
//
//   http_client_bench [requests]

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "base/time.h"
#include "net/http_client.h"
#include "scripted_server.h"

namespace skyhook::net {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 02 Mar 2026 10:00:00 GMT\r\nContent-Type: "
    "application/json\r\nContent-Length: 2\r\n\r\n{}";

double thread_cpu_micros() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
}

class Loopback final : public NameSource {
 public:
  explicit Loopback(Loop& loop) : loop_(loop) {}
  void resolve(const std::string&, Callback callback) override {
    loop_.post([callback = std::move(callback)] { callback({*parse_ip("127.0.0.1")}); });
  }

 private:
  Loop& loop_;
};

struct Run {
  const char* name;
  std::string url;
  int requests;
  int in_flight;
  std::int64_t pool_key = 1;
  Millis connection_lifetime{300000};
};

// Keeps `in_flight` requests under way until all are answered.
class Bench {
 public:
  Bench(Loop& loop, HttpClient& client, const Run& run)
      : loop_(loop),
        client_(client),
        run_(run),
        url_(std::make_shared<const Url>(*parse_url(run.url))) {}

  void start() {
    for (int i = 0; i < run_.in_flight; ++i) send();
  }

 private:
  void send() {
    if (sent_ == run_.requests) return;
    ++sent_;
    client_.send({.pool_key = run_.pool_key,
                  .url = url_,
                  .headers = headers_,
                  .body = body_,
                  .timeout = Millis{30000}},
                 [this](ClientResult result) {
                   if (result.failure != FailureReason::none || result.status != 200) {
                     std::fprintf(stderr, "failed: %s\n", result.error_detail.c_str());
                     std::exit(1);
                   }
                   if (++answered_ == run_.requests) return loop_.stop();
                   send();
                 });
  }

  Loop& loop_;
  HttpClient& client_;
  const Run run_;
  const std::shared_ptr<const Url> url_;
  const std::string headers_ =
      "Content-Type: application/json\r\nUser-Agent: bench\r\nX-Signature: " +
      std::string(64, 'a') + "\r\n";
  const std::string body_ = "{\"data\":\"" + std::string(1013, 'x') + "\"}";
  int sent_ = 0;
  int answered_ = 0;
};

void measure(const Run& run, SSL_CTX* tls) {
  const SystemClock clock;
  Loop loop(clock);
  const AddressGuard guard({.exempt = {*parse_cidr("127.0.0.0/8")}, .own_addresses = {}});
  Loopback names(loop);
  HttpClient client(loop, tls, guard, names,
                    {.idle_per_key = 64, .connection_lifetime = run.connection_lifetime});
  Bench bench(loop, client, run);
  bench.start();
  const double before = thread_cpu_micros();
  const MonoTime started = clock.mono();
  loop.run();
  const double cpu = thread_cpu_micros() - before;
  const std::chrono::duration<double, std::micro> wall = clock.mono() - started;
  std::printf("%-28s %8.2f us CPU  %8.2f us wall  (%d requests, %llu connections, %llu resumed)\n",
              run.name, cpu / run.requests, wall.count() / run.requests, run.requests,
              static_cast<unsigned long long>(client.counters().connections_opened),
              static_cast<unsigned long long>(client.counters().tls_resumed));
}

}  // namespace
}  // namespace skyhook::net

int main(int argc, char** argv) {
  using namespace skyhook::net;
  const int requests = argc > 1 ? std::atoi(argv[1]) : 100'000;
  const TestAuthority authority;
  std::string error;
  const auto tls = make_client_tls({.ca_file = authority.ca_file()}, &error);
  const auto context = authority.server_context({});
  const auto script = [](Peer& peer) {
    while (!peer.read_request().empty() && peer.write(kAnswer)) {
    }
  };
  const ScriptedServer plain(script);
  const ScriptedServer secure(script, context.get());
  const std::string plain_url = "http://good.test:" + std::to_string(plain.port()) + "/hook";
  const std::string secure_url = "https://good.test:" + std::to_string(secure.port()) + "/hook";
  for (const int in_flight : {1, 16}) {
    measure({"plain keep-alive", plain_url, requests, in_flight}, tls.get());
    measure({"TLS keep-alive", secure_url, requests, in_flight}, tls.get());
  }
  measure({"TLS, a connection each", secure_url, requests / 100, 16, 0}, tls.get());
  measure({"TLS, each resumed", secure_url, requests / 100, 16, 1, skyhook::Millis{0}}, tls.get());
  return 0;
}
