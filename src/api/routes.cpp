#include "api/routes.h"

#include <algorithm>
#include <iterator>

#include "api/handlers.h"

namespace skyhook::api {

namespace {

constexpr std::size_t kNoBody = 0;
constexpr bool kOptionalBody = true;
constexpr std::size_t kFormLimit = 1024 * 1024;
constexpr std::size_t kBatchLimit = 16 * 1024 * 1024;

constexpr auto kAccount = Access::account;
constexpr auto kOperator = Access::operators;
constexpr auto kForAccount = Access::for_account;
constexpr auto kOpen = Access::open;
constexpr auto kHere = Runs::here;
constexpr auto kWorker = Runs::on_worker;

// Patterns without parameters stand before those that they would match.
constexpr std::array kRoutes{
    Route{"POST", "/operator/v1/accounts/{id}/events", kOperator, kHere, intake::kEventBodyLimit,
          publish_event},
    Route{"POST", "/operator/v1/events", kOperator, kHere, kBatchLimit, publish_events},

    Route{"GET", "/api/v1/webhooks", kAccount, kWorker, kNoBody, list_webhooks},
    Route{"POST", "/api/v1/webhooks", kAccount, kWorker, kFormLimit, create_webhook},
    Route{"GET", "/api/v1/account", kAccount, kHere, kNoBody, get_own_account},
    Route{"GET", "/api/v1/stats", kAccount, kWorker, kNoBody, account_stats},
    Route{"GET", "/api/v1/webhooks/health", kAccount, kWorker, kNoBody, webhooks_health},
    Route{"GET", "/api/v1/webhooks/events", kAccount, kHere, kNoBody, list_event_types},
    Route{"GET", "/api/v1/webhooks/{id}", kAccount, kHere, kNoBody, get_webhook},
    Route{"PUT", "/api/v1/webhooks/{id}", kAccount, kWorker, kFormLimit, update_webhook},
    Route{"DELETE", "/api/v1/webhooks/{id}", kAccount, kWorker, kNoBody, delete_webhook},
    Route{"POST", "/api/v1/webhooks/{id}/test", kAccount, kHere, kNoBody, test_webhook},
    Route{"POST", "/api/v1/webhooks/{id}/regenerate-secret", kAccount, kWorker, kFormLimit,
          regenerate_secret, kOptionalBody},
    Route{"GET", "/api/v1/webhooks/{id}/deliveries", kAccount, kWorker, kNoBody, list_deliveries},
    Route{"GET", "/api/v1/webhooks/{id}/deliveries/stream", kAccount, kHere, kNoBody,
          stream_deliveries},
    Route{"GET", "/api/v1/webhooks/{id}/deliveries/{delivery_id}", kAccount, kWorker, kNoBody,
          get_delivery},
    Route{"POST", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry", kAccount, kWorker,
          kNoBody, retry_delivery},
    Route{"POST", "/api/v1/webhooks/{id}/recover", kAccount, kWorker, kFormLimit,
          recover_deliveries},
    Route{"POST", "/api/v1/webhooks/{id}/replay", kAccount, kWorker, kFormLimit, replay_events},
    Route{"GET", "/api/v1/webhooks/{id}/stats", kAccount, kWorker, kNoBody, webhook_stats},

    Route{"GET", "/operator/v1/accounts", kOperator, kWorker, kNoBody, list_accounts},
    Route{"POST", "/operator/v1/accounts", kOperator, kWorker, kFormLimit, create_account},
    Route{"GET", "/operator/v1/accounts/health", kOperator, kWorker, kNoBody, accounts_health},
    Route{"GET", "/operator/v1/accounts/{account_id}/stats", kForAccount, kWorker, kNoBody,
          account_stats},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks", kForAccount, kWorker, kNoBody,
          list_webhooks},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/health", kForAccount, kWorker,
          kNoBody, webhooks_health},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/{id}", kForAccount, kHere, kNoBody,
          get_webhook},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/{id}/stats", kForAccount, kWorker,
          kNoBody, webhook_stats},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/{id}/deliveries", kForAccount,
          kWorker, kNoBody, list_deliveries},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/{id}/deliveries/stream", kForAccount,
          kHere, kNoBody, stream_deliveries},
    Route{"GET", "/operator/v1/accounts/{account_id}/webhooks/{id}/deliveries/{delivery_id}",
          kForAccount, kWorker, kNoBody, get_delivery},
    Route{"POST", "/operator/v1/accounts/{account_id}/webhooks/{id}/deliveries/{delivery_id}/retry",
          kForAccount, kWorker, kNoBody, retry_delivery},
    Route{"POST", "/operator/v1/accounts/{account_id}/webhooks/{id}/recover", kForAccount, kWorker,
          kFormLimit, recover_deliveries},
    Route{"POST", "/operator/v1/accounts/{account_id}/webhooks/{id}/replay", kForAccount, kWorker,
          kFormLimit, replay_events},
    Route{"GET", "/operator/v1/accounts/{id}", kOperator, kHere, kNoBody, get_account},
    Route{"PUT", "/operator/v1/accounts/{id}", kOperator, kWorker, kFormLimit, update_account},
    Route{"DELETE", "/operator/v1/accounts/{id}", kOperator, kWorker, kNoBody, delete_account},
    Route{"POST", "/operator/v1/accounts/{id}/regenerate-key", kOperator, kWorker, kNoBody,
          regenerate_key},
    Route{"GET", "/operator/v1/stats", kOperator, kWorker, kNoBody, operator_stats},
    Route{"GET", "/operator/v1/stats/history", kOperator, kWorker, kNoBody, service_stats},
    Route{"GET", "/operator/v1/event-types", kOperator, kHere, kNoBody, list_event_types},
    Route{"GET", "/operator/v1/nodes", kOperator, kWorker, kNoBody, list_nodes},

    Route{"GET", "/healthz", kOpen, kHere, kNoBody, health},
    Route{"GET", "/readyz", kOpen, kWorker, kNoBody, readiness},
    Route{"GET", "/metrics", Access::metrics, kWorker, kNoBody, metrics_text},
    Route{"GET", "/openapi.json", kOpen, kHere, kNoBody, openapi_document},
    Route{"GET", "/docs", kOpen, kHere, kNoBody, docs_page},
};

// The first segment of `rest`, which is taken off it with its slash.
std::string_view next_segment(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return segment;
}

bool matches(std::string_view pattern, std::string_view path, RouteParameters& parameters) {
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) return false;
  std::size_t used = 0;
  while (!pattern.empty()) {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view given = next_segment(path);
    if (!wanted.empty() && wanted.front() == '{') {
      if (given.empty()) return false;
      parameters[used++] = given;
    } else if (wanted != given) {
      return false;
    }
  }
  return path.empty();
}

std::string methods_of(std::string_view pattern) {
  std::string methods;
  for (const Route& route : kRoutes) {
    if (route.pattern != pattern) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method;
    if (route.method == "GET") methods += ", HEAD";
  }
  return methods;
}

}  // namespace

RouteList all_routes() {
  return {kRoutes.data(), kRoutes.size()};
}

std::optional<RouteMatch> match_route(std::string_view method, std::string_view path) {
  RouteMatch match;
  const auto first = std::ranges::find_if(
      kRoutes, [&](const Route& route) { return matches(route.pattern, path, match.parameters); });
  if (first == kRoutes.end()) return std::nullopt;
  match.access = first->access;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    if (route.method == wanted && route.pattern == first->pattern) match.route = &route;
  }
  if (match.route == nullptr) match.allow = methods_of(first->pattern);
  return match;
}

}  // namespace skyhook::api
