// The HTTP API (contract §1–§3, §5, §7): routes, authentication, limits, validation, answers.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/time.h"
#include "base/worker_pool.h"
#include "delivery/dispatcher.h"
#include "directory/directory.h"
#include "domain/catalogue.h"
#include "domain/verdict.h"
#include "intake/intake.h"
#include "metrics/metrics.h"
#include "net/address_guard.h"
#include "net/http_server.h"
#include "notices/operator_events.h"
#include "store/store.h"

namespace skyhook::api {

class LiveStreams;
class RateLimiter;

// What the API works on and how it is set. Everything referred to outlives the Api.
struct Services {
  Directory& directory;
  store::Store& store;
  intake::Intake& intake;
  delivery::Dispatcher& dispatcher;
  const Catalogue& catalogue;
  WorkerPool& workers;  // for calls that block
  const Clock& clock;
  metrics::Metrics& metrics;
  const net::AddressGuard& guard;             // judges the hosts of webhook URLs
  std::string operator_token;                 // not empty
  RateLimiter& limiter;                       // of accounts' requests
  bool allow_http = false;                    // webhook URLs may be plain http
  std::string sender_name = "SkyLight Chat";  // in the test message
  bool open_metrics = false;                  // /metrics without the operator token
  const std::atomic<bool>& stopping;          // true: /readyz answers 503
  // How deliveries are made, for those who integrate.
  std::string header_prefix = "X-Skylight-";
  RetrySchedule retry_schedule;
  Millis timeout{30'000};
  LiveStreams* live = nullptr;                 // nullptr: there is no live stream
  notices::OperatorEvents* notices = nullptr;  // nullptr: the operator is told nothing
};

class Api {
 public:
  explicit Api(Services services);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Any thread; never blocks. Answers through `responder`, now or later, on any thread. The
  // workers, the store, the dispatcher and a RateExchange stop before the Api is destroyed.
  void handle(net::ServerRequest request, net::Responder responder);

  // The same for a request that the HTTP server refuses with `status`, before its body was read.
  void refuse(int status, net::ServerRequest request, net::Responder responder);
  // The API's shape for an error that the HTTP server finds by itself.
  static net::ServerResponse error_response(int status);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skyhook::api
