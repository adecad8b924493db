#include "app/serve.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/api.h"
#include "api/live_streams.h"
#include "api/rate_exchange.h"
#include "app/gauges.h"
#include "app/housekeeping.h"
#include "app/kafka_source.h"
#include "app/network_threads.h"
#include "app/operator_token.h"
#include "base/version.h"
#include "base/worker_pool.h"
#include "cluster/node.h"
#include "dashboard/dashboard.h"
#include "delivery/couriers.h"
#include "directory/directory.h"
#include "domain/catalogue.h"
#include "intake/intake.h"
#include "logging/log.h"
#include "metrics/metrics.h"
#include "net/address_guard.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/url.h"
#include "notices/operator_account.h"
#include "notices/operator_events.h"
#include "signing/secrets.h"
#include "store/change_feed.h"
#include "store/observed_store.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"

namespace skyhook::app {

namespace {

constexpr int kCannotStart = 1;
constexpr int kWrongSetting = 2;
constexpr std::size_t kWorkers = 4;
// A node reads the others' changes each 250 ms (cluster/node.h), or soon after.
constexpr Millis kAccountPatience{2'000};

int refuse(int status, const std::string& message) {
  std::fprintf(stderr, "skyhook: %s\n", message.c_str());
  return status;
}

// SIGTERM and SIGINT are taken by the main thread alone; a peer that went away is an error code,
// not a signal.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a write that fails, as a full disk is
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Sockets need file descriptors: as many as the system lets this user have.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

net::AddressGuard make_guard(const config::ServeConfig& config) {
  net::AddressGuard::Options options{.exempt = {}, .own_addresses = net::interface_addresses()};
  for (const std::string& network : config.allow_networks) {
    if (const auto cidr = net::parse_cidr(network)) options.exempt.push_back(*cidr);
  }
  return net::AddressGuard(std::move(options));
}

delivery::Options delivery_options(const config::ServeConfig& config) {
  delivery::Options options;
  options.lanes.in_flight_limit = config.max_in_flight;
  options.lanes.in_flight_limit_per_lane = config.max_in_flight_per_webhook;
  options.lanes.lane_memory = config.lane_memory;
  options.lanes.memory_budget = static_cast<std::size_t>(config.memory_budget_mib) << 20;
  options.lanes.schedule = config.retry_schedule;
  options.sender.header_prefix = config.header_prefix;
  options.sender.user_agent = "Skyhook/" + std::string(kVersion);
  options.sender.timeout = config.timeout;
  options.sender.allow_http = config.allow_http;
  // As many as a lane may use at once, or a quick receiver would see its connections closed and
  // opened all the time.
  options.http.idle_per_key = static_cast<std::size_t>(config.max_in_flight_per_webhook);
  options.http.proxy = net::parse_proxy(config.proxy);
  options.names.servers = config.dns_servers;
  options.switch_off.after = config.switch_off_after;
  options.first_attempt_target = config.first_attempt_target;
  // Jitter needs to differ from node to node and start to start, not to be secret.
  options.jitter_seed = static_cast<std::uint64_t>(to_unix_micros(SystemClock{}.now()));
  return options;
}

Housekeeping::Options housekeeping_options(const config::ServeConfig& config) {
  Housekeeping::Options options;
  if (config.retention.count() > 0) options.retention = config.retention;
  return options;
}

// What one of `parts` servers may take of what all may together; the largest body at least.
net::HttpServer::Options share_of(net::HttpServer::Options options, std::size_t parts) {
  options.connection_limit = std::max<std::size_t>(1, options.connection_limit / parts);
  options.body_memory_limit = std::max(options.body_limit, options.body_memory_limit / parts);
  return options;
}

// The API's servers, one a network thread, each with a listening socket of its own on the same
// port, over which the system deals connections.
class ApiServers {
 public:
  ApiServers(const std::vector<net::Loop*>& loops, const net::HttpServer::Options& options,
             api::Api& api)
      : loops_(loops) {
    for (net::Loop* loop : loops) {
      servers_.push_back(std::make_unique<net::HttpServer>(
          *loop, share_of(options, loops.size()),
          [&api](net::ServerRequest request, net::Responder responder) {
            if (auto page = dashboard::serve(request)) return responder.respond(std::move(*page));
            api.handle(std::move(request), std::move(responder));
          },
          api::Api::error_response,
          [&api](int status, net::ServerRequest request, net::Responder responder) {
            api.refuse(status, std::move(request), std::move(responder));
          }));
    }
  }

  // Returns the port, or an error.
  Result<std::uint16_t, std::string> listen(net::ListenAddress address) {
    std::string error;
    if (servers_.size() > 1) {
      // A shared port would quietly be shared with another process too.
      const int probe = net::listen_tcp(address, net::Port::exclusive, &error);
      if (probe < 0) return Err{"cannot listen: " + error};
      ::close(probe);
    }
    const net::Port sharing = servers_.size() > 1 ? net::Port::shared : net::Port::exclusive;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      const int fd = net::listen_tcp(address, sharing, &error);
      if (fd < 0) return Err{"cannot listen: " + error};
      address.port = net::bound_port(fd);
      loops_[i]->post([server = servers_[i].get(), fd] { server->serve(fd); });
    }
    return address.port;
  }

  // Any thread.
  std::size_t open_connections() const {
    std::size_t open = 0;
    for (const auto& server : servers_) open += server->counters().open_connections;
    return open;
  }

  void drain(const std::function<void()>& done) {
    auto left = std::make_shared<std::atomic<std::size_t>>(servers_.size());
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      loops_[i]->post([server = servers_[i].get(), left, done] {
        server->drain([left, done] {
          if (left->fetch_sub(1) == 1) done();
        });
      });
    }
  }

 private:
  const std::vector<net::Loop*>& loops_;
  std::vector<std::unique_ptr<net::HttpServer>> servers_;
};

// Something that happens once, on another thread.
class Occasion {
 public:
  void happen() {
    {
      std::lock_guard lock(mutex_);
      happened_ = true;
    }
    wake_.notify_all();
  }
  // False where it did not happen by then.
  bool wait_until(MonoTime deadline) {
    std::unique_lock lock(mutex_);
    return wake_.wait_until(lock, deadline, [this] { return happened_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool happened_ = false;  // guarded by mutex_
};

std::optional<std::string> operator_webhook_problem(const config::ServeConfig& config,
                                                    const net::AddressGuard& guard) {
  if (config.operator_webhook.empty()) return std::nullopt;
  if (config.operator_webhook_secret.empty()) {
    return "operator_webhook_secret: give the secret that operator_webhook verifies with";
  }
  const auto url = net::parse_url(config.operator_webhook);
  if (url && !url->is_tls() && !config.allow_http) {
    return "operator_webhook: give an https URL; plain http is for development (allow_http)";
  }
  if (url && !guard.allows_host(url->host)) {
    return "operator_webhook: nothing is delivered to '" + url->host + "' (allow_networks)";
  }
  return std::nullopt;
}

store::Result<std::unique_ptr<store::Store>> open_store(const config::ServeConfig& config,
                                                        const Catalogue& catalogue,
                                                        const Clock& clock,
                                                        metrics::Metrics& metrics) {
  if (config.database_url.empty()) {
    return store::sqlite::open({.data_dir = config.data_dir, .clock = clock, .metrics = &metrics});
  }
  std::vector<std::string> event_types;
  for (const EventType& type : catalogue.types()) event_types.push_back(type.name);
  return store::postgres::open({.database_url = config.database_url,
                                .clock = clock,
                                .metrics = &metrics,
                                .version = std::string(kVersion),
                                .event_types = std::move(event_types)});
}

}  // namespace

int serve(const config::ServeConfig& config) {
  log::configure(config.log_level, config.log_format);
  const sigset_t stop_signals = block_signals();
  raise_file_limit();
  ::umask(0077);
  const SystemClock clock;

  // Everything that can be wrong with the settings, before anything is opened.
  const auto listen_address = net::parse_listen_address(config.listen);
  if (!listen_address)
    return refuse(kWrongSetting,
                  "listen: '" + config.listen + "' is not an address such as 127.0.0.1:8080");
  signing::SecretBox box;
  if (!config.master_key.empty()) {
    const auto keyed = signing::SecretBox::from_master_key(config.master_key);
    if (!keyed)
      return refuse(kWrongSetting, "master_key: give 32 bytes, as 64 hex digits or as base64");
    box = *keyed;
  }
  if (config.retention.count() > 0 && config.switch_off_after > config.retention) {
    return refuse(kWrongSetting,
                  "switch_off_after: give no more than retention, which is how long it is known "
                  "when deliveries failed");
  }
  const net::AddressGuard guard = make_guard(config);
  if (const auto problem = operator_webhook_problem(config, guard)) {
    return refuse(kWrongSetting, *problem);
  }
  if (!config.database_url.empty() && config.operator_token.empty()) {
    return refuse(kWrongSetting,
                  "operator_token: nodes that share a database need one that you give to all of "
                  "them; set SKYHOOK_OPERATOR_TOKEN");
  }
  std::string error;
  const std::shared_ptr<SSL_CTX> tls = net::make_client_tls({.ca_file = config.ca_file}, &error);
  if (!tls) return refuse(kWrongSetting, "ca_file: " + error);
  const auto from_kafka = kafka_options(config);
  if (!from_kafka) return refuse(kWrongSetting, from_kafka.error());

  metrics::Metrics metrics;
  const Catalogue catalogue(config.event_types);
  auto store = open_store(config, catalogue, clock, metrics);
  if (!store) return refuse(kCannotStart, store.error().detail);
  store::ChangeFeed changes;
  *store = std::make_unique<store::ObservedStore>(std::move(*store), changes);
  const auto token = operator_token(config.operator_token, config.data_dir);
  if (!token) return refuse(kCannotStart, token.error());

  Directory directory(**store, box);
  const auto unopened = directory.load();
  if (!unopened)
    return refuse(kCannotStart, "the store cannot be read: " + unopened.error().detail);
  if (*unopened > 0) {
    return refuse(kCannotStart, std::to_string(*unopened) +
                                    " webhook secrets in the store"
                                    " do not open with this master key (SKYHOOK_MASTER_KEY): give "
                                    "the one they were stored under; where a `skyhook rekey` was "
                                    "interrupted, run `skyhook rekey` again with the same keys");
  }

  const auto operators = notices::prepare_operator_account(
      directory, **store,
      {.url = config.operator_webhook, .secret = config.operator_webhook_secret}, clock.now());
  if (!operators) {
    return refuse(kCannotStart,
                  "the store cannot take the operator's account: " + operators.error().detail);
  }

  NetworkThreads network(config.network_threads, clock);
  WorkerPool workers({.name = "worker", .threads = kWorkers});
  delivery::Couriers couriers(network.loops(),
                              {directory, **store, workers, metrics, guard, tls.get()},
                              delivery_options(config));
  directory.observe_webhooks([&couriers](WebhookId id, WebhookPtr webhook) {
    couriers.webhook_changed(id, std::move(webhook));
  });
  intake::Intake intake(directory, **store, couriers, clock);
  std::optional<notices::OperatorEvents> notices;
  if (*operators) {
    notices.emplace(directory, intake, clock, (*operators)->id);
    couriers.tell(*notices);
  }

  std::atomic<bool> stopping{false};
  std::optional<api::LiveStreams> live;
  live.emplace(changes, **store, directory,
               static_cast<std::uint64_t>(to_unix_micros(clock.now())));
  api::RateLimiter limiter(config.rate_limit);
  std::optional<api::RateExchange> rate_exchange;
  api::Api api({.directory = directory,
                .store = **store,
                .intake = intake,
                .dispatcher = couriers,
                .catalogue = catalogue,
                .workers = workers,
                .clock = clock,
                .metrics = metrics,
                .guard = guard,
                .operator_token = token->token,
                .limiter = limiter,
                .allow_http = config.allow_http,
                .sender_name = config.sender_name,
                .open_metrics = config.open_metrics,
                .stopping = stopping,
                .header_prefix = config.header_prefix,
                .retry_schedule = config.retry_schedule,
                .timeout = config.timeout,
                .live = &*live,
                .notices = notices ? &*notices : nullptr});
  ApiServers servers(network.loops(),
                     {.connection_limit = static_cast<std::size_t>(config.max_connections)}, api);

  register_gauges(metrics, {.dispatcher = couriers,
                            .store = **store,
                            .clock = clock,
                            .api_connections = [&servers] { return servers.open_connections(); },
                            .in_flight_limit = config.max_in_flight});

  // What was waiting or in flight when the last process ended goes on before anything new is taken.
  const auto waiting = (*store)->webhooks_with_waiting();
  if (!waiting) return refuse(kCannotStart, "the store cannot be read: " + waiting.error().detail);
  for (const WebhookId id : *waiting) couriers.wake(id);
  network.start();
  std::optional<cluster::Node> node;
  if (store::Shared* shared = (*store)->shared()) {
    node.emplace(**store, directory, couriers, changes);
    if (limiter.enabled()) rate_exchange.emplace(limiter, *shared, clock);
  }
  std::optional<kafka::Source> source;
  // Nothing may call back into a room that is gone: threads end before rooms, the store's own last.
  const auto end_threads = [&] {
    if (source) source->stop(clock.mono());
    node.reset();
    rate_exchange.reset();
    network.stop();
    workers.stop();
    live.reset();
    store->reset();
  };
  if (*from_kafka) {
    source.emplace(
        **from_kafka,
        kafka::Source::World{
            .publish = [&intake](auto items,
                                 auto done) { intake.publish(std::move(items), std::move(done)); },
            .account_exists =
                [&directory](AccountId id) { return directory.account(id) != nullptr; },
            .catalogue = catalogue,
            .metrics = metrics,
            .account_patience = node ? kAccountPatience : Millis{0}});
    register_kafka(metrics, *source);
  }
  const auto port = servers.listen(*listen_address);
  if (!port) {
    end_threads();
    return refuse(kCannotStart, port.error());
  }
  std::optional<Housekeeping> housekeeping;
  housekeeping.emplace(**store, directory, clock, housekeeping_options(config));
  log::info("skyhook is ready",
            {{"listen", listen_address->host + ":" + std::to_string(*port)},
             {"data", config.database_url.empty() ? config.data_dir : "the shared database"},
             {"version", kVersion},
             {"webhooks", directory.webhook_count()},
             {"webhooks_with_waiting", waiting->size()}});
  if (!token->file.empty()) log::info("the operator token is in a file", {{"file", token->file}});

  int signal_number = 0;
  sigwait(&stop_signals, &signal_number);
  log::info("stopping: no new requests, what is in flight finishes");
  stopping = true;
  const MonoTime deadline = clock.mono() + config.shutdown_timeout;
  Occasion answered, delivered;
  servers.drain([&answered] { answered.happen(); });
  couriers.drain([&delivered] { delivered.happen(); });
  if (source) source->stop(deadline);
  const bool all_delivered = delivered.wait_until(deadline);
  couriers.abandon_waiters();
  const bool all_answered = answered.wait_until(deadline);
  if (!all_delivered)
    log::warn("attempts under way were abandoned; their deliveries wait for the next start");
  if (!all_answered) log::warn("some clients did not take their answers in time");
  housekeeping.reset();
  end_threads();
  log::info("stopped");
  return 0;
}

}  // namespace skyhook::app
