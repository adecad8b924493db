#include "bench/bench.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "bench/bare_client.h"
#include "bench/publisher.h"
#include "bench/receiver.h"
#include "bench/server_process.h"
#include "net/url.h"

namespace skyhook::bench {

namespace {

constexpr const char* kEvent = "contact.created";
constexpr int kSetupConnections = 32;
constexpr Millis kPoll{20};
constexpr Millis kProgressEvery{1000};

struct Latency {
  double p50_ms = 0, p90_ms = 0, p99_ms = 0, max_ms = 0;
};

struct Measured {
  std::int64_t acknowledged = 0, refused = 0, expected = 0, received = 0, duplicates = 0,
               connections = 0;
  double accepted_per_s = 0, delivered_per_s = 0;
  double cpu_us_per_event = 0;   // of the server's process
  double limit_us_per_post = 0;  // CPU of the bare client's thread
  double memory_peak_mib = 0;
  Latency latency;
};

Latency summarise(std::vector<std::int32_t> latencies_us) {
  if (latencies_us.empty()) return {};
  std::sort(latencies_us.begin(), latencies_us.end());
  const auto at = [&](double share) {
    const auto index =
        static_cast<std::size_t>(share * static_cast<double>(latencies_us.size() - 1));
    return latencies_us[index] / 1000.0;
  };
  return {.p50_ms = at(0.5), .p90_ms = at(0.9), .p99_ms = at(0.99), .max_ms = at(1.0)};
}

// One line on standard error, rewritten each second, while something long is under way.
class Progress {
 public:
  explicit Progress(std::function<std::string()> text)
      : thread_([this, text = std::move(text)] {
          Millis slept{0};
          while (!done_) {
            std::this_thread::sleep_for(kPoll);
            slept += kPoll;
            if (slept % kProgressEvery < kPoll)
              std::fprintf(stderr, "\r  %s\x1b[K", text().c_str());
          }
          std::fprintf(stderr, "\r\x1b[K");
        }) {}
  ~Progress() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}
  int run();

 private:
  std::string behaviour_of(int webhook) const;
  bool answers(int webhook) const {
    return behaviour_of(webhook) == "ok" || behaviour_of(webhook) == "slow";
  }
  bool set_up(const ServerProcess& server);
  Poster::Post publish_request(std::int64_t request) const;
  void measure_server(ServerProcess& server);
  void wait_for_deliveries();
  void measure_limit();
  void print() const;

  const Options options_;
  const SystemClock clock_;
  std::shared_ptr<SSL_CTX> client_tls_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<std::int64_t> accounts_;
  std::shared_ptr<const net::Url> events_url_;
  std::string headers_;
  Measured measured_;
};

std::shared_ptr<const net::Url> url_of(const std::string& text) {
  return std::make_shared<const net::Url>(*net::parse_url(text));
}

// Misbehaving webhooks come first; of one webhook, it is the one.
std::string Bench::behaviour_of(int webhook) const {
  const double place = (webhook + 0.5) / options_.webhooks;
  double edge = 0;
  const std::pair<const char*, double> shares[] = {{"slow", options_.slow},
                                                   {"fail", options_.failing},
                                                   {"hang", options_.hanging},
                                                   {"reset", options_.resetting}};
  for (const auto& [name, share] : shares) {
    edge += share;
    if (place < edge) return name;
  }
  return "ok";
}

bool Bench::set_up(const ServerProcess& server) {
  headers_ =
      "Content-Type: application/json\r\nAuthorization: Bearer " + server.operator_token() + "\r\n";
  Poster poster(clock_, client_tls_.get(), {.connections = kSetupConnections});
  const auto accounts_url = url_of(server.url() + "/operator/v1/accounts");
  const auto webhooks_url = url_of(server.url() + "/api/v1/webhooks");
  std::atomic<std::int64_t> sent{0};
  std::vector<std::string> keys(static_cast<std::size_t>(options_.webhooks));
  accounts_.resize(keys.size());
  const Progress progress([&] {
    return "setting up webhooks: " + std::to_string(sent / 2) + " of " +
           std::to_string(options_.webhooks);
  });

  const auto made = poster.run(
      options_.webhooks,
      [&](std::int64_t i) {
        return Poster::Post{accounts_url, headers_,
                            R"({"name":"bench )" + std::to_string(i) + "\"}"};
      },
      true, &sent);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    boost::system::error_code error;
    const auto answer = boost::json::parse(made.answers[i], error);
    if (error || made.refused > 0) {
      std::fprintf(stderr, "an account could not be created: %s\n", made.first_refusal.c_str());
      return false;
    }
    accounts_[i] = answer.at("data").at("id").as_int64();
    keys[i] = answer.at("data").at("api_key").as_string().c_str();
  }
  const std::string base = std::string(options_.tls ? "https" : "http") +
                           "://127.0.0.1:" + std::to_string(receiver_->port()) + "/";
  const auto hooked = poster.run(options_.webhooks, [&](std::int64_t i) {
    return Poster::Post{
        webhooks_url,
        "Content-Type: application/json\r\nX-Api-Key: " + keys[static_cast<std::size_t>(i)] +
            "\r\n",
        R"({"name":"bench","events":[")" + std::string(kEvent) + R"("],"url":")" + base +
            behaviour_of(static_cast<int>(i)) + "/" + std::to_string(i) + "\"}"};
  });
  if (hooked.refused > 0) {
    std::fprintf(stderr, "a webhook could not be created: %s\n", hooked.first_refusal.c_str());
    return false;
  }
  return true;
}

Poster::Post Bench::publish_request(std::int64_t request) const {
  const std::int64_t first = request * options_.batch;
  const std::int64_t last = std::min(first + options_.batch, options_.events);
  const std::int64_t now_us = monotonic_us();
  const auto account_of = [&](std::int64_t event) {
    return std::to_string(accounts_[static_cast<std::size_t>(event) % accounts_.size()]);
  };
  const auto fields = [&](std::int64_t event) {
    return R"("event":")" + std::string(kEvent) + R"(","data":)" +
           stamped_data(event, now_us, options_.data_bytes);
  };
  if (options_.batch == 1) {
    net::Url url = *events_url_;
    url.target = "/operator/v1/accounts/" + account_of(first) + "/events";
    return {std::make_shared<const net::Url>(std::move(url)), headers_, "{" + fields(first) + "}"};
  }
  std::string body = R"({"events":[)";
  for (std::int64_t event = first; event < last; ++event) {
    if (event > first) body += ',';
    body += R"({"account_id":)" + account_of(event) + "," + fields(event) + "}";
  }
  return {events_url_, headers_, body + "]}"};
}

void Bench::wait_for_deliveries() {
  // Gives up when nothing arrived for that long.
  std::int64_t seen = -1;
  MonoTime since = clock_.mono();
  while (receiver_->received() < measured_.expected) {
    if (receiver_->received() != seen) {
      seen = receiver_->received();
      since = clock_.mono();
    }
    if (clock_.mono() - since > options_.give_up_after) return;
    std::this_thread::sleep_for(kPoll);
  }
}

void Bench::measure_server(ServerProcess& server) {
  events_url_ = url_of(server.url() + "/operator/v1/events");
  const std::int64_t requests = (options_.events + options_.batch - 1) / options_.batch;
  for (std::int64_t event = 0; event < options_.events; ++event) {
    if (answers(static_cast<int>(event % options_.webhooks))) ++measured_.expected;
  }
  std::atomic<std::int64_t> sent{0};
  const std::int64_t cpu_before_us = server.cpu_us();
  const std::int64_t began_us = monotonic_us();
  {
    const Progress progress([&] {
      return "published " + std::to_string(std::min(sent * options_.batch, options_.events)) +
             ", received " + std::to_string(receiver_->received()) + " of " +
             std::to_string(options_.events);
    });
    Poster poster(clock_, client_tls_.get(),
                  {.connections = options_.connections, .rate = options_.rate / options_.batch});
    const auto published = poster.run(
        requests, [this](std::int64_t i) { return publish_request(i); }, false, &sent);
    measured_.acknowledged = std::min(published.answered_2xx * options_.batch, options_.events);
    measured_.refused = published.refused;
    measured_.accepted_per_s = static_cast<double>(measured_.acknowledged) * 1e6 /
                               static_cast<double>(published.wall.count());
    if (published.refused > 0)
      std::fprintf(stderr, "\n  a publish was refused: %s\n", published.first_refusal.c_str());
    wait_for_deliveries();
  }
  const double wall_s = static_cast<double>(monotonic_us() - began_us) / 1e6;
  // Outcomes are recorded a moment after the last answer: they belong to the bill.
  std::this_thread::sleep_for(Millis{300});
  measured_.cpu_us_per_event =
      static_cast<double>(server.cpu_us() - cpu_before_us) / static_cast<double>(options_.events);
  measured_.memory_peak_mib = static_cast<double>(server.peak_memory_kib()) / 1024;
  measured_.received = receiver_->received();
  measured_.duplicates = receiver_->duplicates();
  measured_.connections = receiver_->connections();
  measured_.delivered_per_s = static_cast<double>(measured_.received) / wall_s;
}

// What the server sent, sent by a bare client to the same receiver, as many at once.
void Bench::measure_limit() {
  const std::string base = std::string(options_.tls ? "https" : "http") +
                           "://127.0.0.1:" + std::to_string(receiver_->port());
  BareClient client(url_of(base + "/ok/limit"), kEvent, options_.data_bytes);
  receiver_->reset();
  Poster poster(clock_, client_tls_.get(), {.connections = options_.connections});
  const auto result =
      poster.run(options_.events, [&](std::int64_t event) { return client.make(event); });
  if (result.refused > 0) {
    std::fprintf(stderr, "skyhook bench: the bare client failed: %s\n",
                 result.first_refusal.c_str());
    return;
  }
  measured_.limit_us_per_post =
      static_cast<double>(result.thread_cpu_us) / static_cast<double>(options_.events);
}

void Bench::print() const {
  const Measured& m = measured_;
  const double ratio = m.limit_us_per_post > 0 ? m.cpu_us_per_event / m.limit_us_per_post : 0;
  if (options_.json) {
    const boost::json::object report{{"events", options_.events},
                                     {"batch", options_.batch},
                                     {"rate", options_.rate},
                                     {"connections", options_.connections},
                                     {"webhooks", options_.webhooks},
                                     {"data_bytes", options_.data_bytes},
                                     {"slow", options_.slow},
                                     {"failing", options_.failing},
                                     {"hanging", options_.hanging},
                                     {"resetting", options_.resetting},
                                     {"tls", options_.tls},
                                     {"acknowledged", m.acknowledged},
                                     {"refused_requests", m.refused},
                                     {"expected", m.expected},
                                     {"received", m.received},
                                     {"duplicates", m.duplicates},
                                     {"accepted_per_s", m.accepted_per_s},
                                     {"delivered_per_s", m.delivered_per_s},
                                     {"latency_ms",
                                      {{"p50", m.latency.p50_ms},
                                       {"p90", m.latency.p90_ms},
                                       {"p99", m.latency.p99_ms},
                                       {"max", m.latency.max_ms}}},
                                     {"cpu_us_per_event", m.cpu_us_per_event},
                                     {"limit_cpu_us_per_post", m.limit_us_per_post},
                                     {"ratio", ratio},
                                     {"memory_peak_mib", m.memory_peak_mib},
                                     {"connections_opened", m.connections}};
    std::printf("%s\n", boost::json::serialize(report).c_str());
    return;
  }
  const auto count = [](const char* name, std::int64_t value) {
    std::printf("  %-34s %14lld\n", name, static_cast<long long>(value));
  };
  const auto figure = [](const char* name, double value, const char* unit) {
    std::printf("  %-34s %14.1f %s\n", name, value, unit);
  };
  std::printf("skyhook bench: %lld events, %d a request, %d requests at once, %d webhooks%s\n",
              static_cast<long long>(options_.events), options_.batch, options_.connections,
              options_.webhooks, options_.tls ? ", TLS" : "");
  count("acknowledged", m.acknowledged);
  count("refused requests", m.refused);
  count("received", m.received);
  count("expected", m.expected);
  count("duplicates", m.duplicates);
  count("connections opened to the receiver", m.connections);
  figure("accepted", m.accepted_per_s, "/s");
  figure("delivered", m.delivered_per_s, "/s");
  figure("publish to receipt, p50", m.latency.p50_ms, "ms");
  figure("publish to receipt, p90", m.latency.p90_ms, "ms");
  figure("publish to receipt, p99", m.latency.p99_ms, "ms");
  figure("publish to receipt, max", m.latency.max_ms, "ms");
  if (m.cpu_us_per_event > 0) figure("CPU of the server", m.cpu_us_per_event, "us an event");
  if (m.limit_us_per_post > 0)
    figure("the limit: CPU of a bare client", m.limit_us_per_post, "us a POST");
  if (ratio > 0) figure("server : limit", ratio, "x");
  if (m.memory_peak_mib > 0) figure("peak memory of the server", m.memory_peak_mib, "MiB");
}

int Bench::run() {
  const std::string ca_file =
      options_.tls ? "/tmp/skyhook-bench-ca-" + std::to_string(::getpid()) + ".pem" : "";
  std::shared_ptr<SSL_CTX> receiver_tls;
  if (options_.tls) receiver_tls = make_receiver_tls(ca_file);
  std::string error;
  client_tls_ = net::make_client_tls({.ca_file = ca_file}, &error);
  receiver_ = std::make_unique<Receiver>(clock_, receiver_tls, options_.events);

  auto server = ServerProcess::start(options_, ca_file);
  if (!server) {
    std::fprintf(stderr, "skyhook bench: %s\n", server.error().c_str());
    return 1;
  }
  if (!set_up(*server)) return 1;
  measure_server(*server);
  measured_.latency = summarise(receiver_->latencies_us());
  const int ended = server->stop();
  if (options_.limit) measure_limit();
  receiver_->stop();
  if (options_.tls) std::remove(ca_file.c_str());
  print();
  if (ended != 0) std::fprintf(stderr, "skyhook bench: the server ended with status %d\n", ended);
  const bool complete =
      measured_.received >= measured_.expected - measured_.refused * options_.batch;
  return ended == 0 && complete ? 0 : 1;
}

}  // namespace

int run(const Options& options) {
  try {
    return Bench(options).run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "skyhook bench: %s\n", failure.what());
    return 1;
  }
}

}  // namespace skyhook::bench
