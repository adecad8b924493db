#include "api/api.h"

#include <algorithm>
#include <utility>

#include "api/call.h"
#include "api/rate_limit.h"
#include "api/request_id.h"
#include "api/routes.h"
#include "api/text.h"
#include "signing/secrets.h"

namespace skyhook::api {

namespace {

constexpr std::string_view kAccountApi = "/api/v1";

// The token of `Authorization: Bearer …`; empty where there is none.
std::string_view bearer_token(const net::ServerRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string* value = request.header("authorization");
  if (value == nullptr || value->size() <= kScheme.size()) return {};
  const bool is_bearer = std::equal(kScheme.begin(), kScheme.end(), value->begin(),
                                    [](char wanted, char c) { return (c | 0x20) == wanted; });
  return is_bearer ? trimmed(std::string_view(*value).substr(kScheme.size())) : std::string_view();
}

std::string_view account_key(const net::ServerRequest& request) {
  const std::string_view token = bearer_token(request);
  if (!token.empty()) return token;
  const std::string* key = request.header("x-api-key");
  return key != nullptr ? trimmed(*key) : std::string_view();
}

std::string_view asking_origin(const net::ServerRequest& request) {
  const std::string* origin = request.header("origin");
  if (origin == nullptr) origin = request.header("referer");
  return origin != nullptr ? std::string_view(*origin) : std::string_view();
}

bool is_json(const net::ServerRequest& request) {
  constexpr std::string_view kJson = "application/json";
  const std::string* type = request.header("content-type");
  if (type == nullptr) return false;
  const std::string_view media = trimmed(std::string_view(*type).substr(0, type->find(';')));
  return media.size() == kJson.size() &&
         std::equal(kJson.begin(), kJson.end(), media.begin(), [](char wanted, char c) {
           return (c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) == wanted;
         });
}

bool is_account_path(std::string_view path) {
  return path.starts_with(kAccountApi) &&
         (path.size() == kAccountApi.size() || path[kAccountApi.size()] == '/');
}

void refuse_unauthenticated(Call& call) {
  auto response = make_error(401, "Unauthenticated. Please provide a valid API key.");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  call.respond(std::move(response));
}

void refuse_too_many(Call& call) {
  JsonWriter json;
  json.begin_object().field("success", false);
  json.field("message", "Too many requests. Please slow down.");
  json.field("retry_after", call.rate->retry_after_s).end_object();
  call.respond({.status = 429,
                .headers = {{"Content-Type", "application/json"},
                            {"Retry-After", std::to_string(call.rate->retry_after_s)}},
                .body = json.take()});
}

void refuse_method(Call& call, const std::string& allow) {
  auto response = make_error(405, "The method is not allowed for this path.");
  response.headers.emplace_back("Allow", allow);
  call.respond(std::move(response));
}

}  // namespace

struct Api::Impl {
  explicit Impl(Services given)
      : services(std::move(given)),
        ids(static_cast<std::uint64_t>(to_unix_micros(services.clock.now()))) {}

  CallPtr make_call(net::ServerRequest request, net::Responder responder);
  void identify(Call& call);
  using Next = std::function<void(const CallPtr&)>;
  void count(const CallPtr& call, Next next);
  void serve(const CallPtr& call);
  bool admit(Call& call, Access access);
  bool admit_account(Call& call);
  bool admit_operator(Call& call);
  bool admit_body(Call& call, const Route& route);

  const Services services;
  RequestIds ids;
};

Api::Api(Services services) : impl_(std::make_unique<Impl>(std::move(services))) {}
Api::~Api() = default;

void Api::Impl::identify(Call& call) {
  if (!is_account_path(call.request.path)) return;
  const std::string_view key = account_key(call.request);
  if (!key.empty()) call.account = services.directory.account_by_key(signing::sha256(key));
}

// What is left of the limit is known before anything is answered, since every answer of the account
// API tells it.
void Api::Impl::count(const CallPtr& call, Next next) {
  RateLimiter& limiter = services.limiter;
  if (!limiter.enabled() || !is_account_path(call->request.path)) return next(call);
  const Timestamp now = services.clock.now();
  if (!call->account) {
    call->rate = limiter.untouched(now);
    return next(call);
  }
  limiter.count(call->account->id, now, [call, next = std::move(next)](RateState state) {
    call->rate = state;
    run_guarded(call, next);
  });
}

bool Api::Impl::admit_account(Call& call) {
  if (!call.account) {
    refuse_unauthenticated(call);
  } else if (!call.account->is_active) {
    call.fail(403, "This account is inactive.");
  } else if (!origin_allowed(*call.account, asking_origin(call.request))) {
    call.fail(403, "Request origin is not allowed.");
  } else if (call.rate && !call.rate->allowed) {
    if (services.notices != nullptr) {
      services.notices->account_limited(*call.account, call.rate->limit);
    }
    refuse_too_many(call);
  } else {
    return true;
  }
  return false;
}

bool Api::Impl::admit(Call& call, Access access) {
  switch (access) {
    case Access::open:
      return true;
    case Access::account:
      return admit_account(call);
    case Access::metrics:
      return services.open_metrics || admit_operator(call);
    case Access::operators:
    case Access::for_account:
      return admit_operator(call);
  }
  return false;
}

bool Api::Impl::admit_operator(Call& call) {
  if (signing::equal_in_constant_time(bearer_token(call.request), services.operator_token)) {
    return true;
  }
  refuse_unauthenticated(call);
  return false;
}

bool Api::Impl::admit_body(Call& call, const Route& route) {
  if (route.body_limit == 0 || (route.body_is_optional && call.request.body.empty())) return true;
  if (call.request.body.size() > route.body_limit) {
    call.respond(Api::error_response(413));
    return false;
  }
  if (!is_json(call.request)) {
    call.fail(415, "The request body must be application/json.");
    return false;
  }
  return true;
}

CallPtr Api::Impl::make_call(net::ServerRequest request, net::Responder responder) {
  std::string id = ids.of(request);
  return std::make_shared<Call>(services, std::move(id), std::move(request), std::move(responder));
}

void Api::Impl::serve(const CallPtr& call) {
  auto match = match_route(call->request.method, call->request.path);
  if (!match) return call->fail(404, "Not found.");
  if (!admit(*call, match->access)) return;
  if (match->route == nullptr) return refuse_method(*call, match->allow);
  if (!admit_body(*call, *match->route)) return;
  call->parameters = std::move(match->parameters);
  if (match->access == Access::for_account && !call->take_named_account()) return;
  if (match->route->runs == Runs::here) return match->route->handler(call);
  run_blocking(call, match->route->handler);
}

void Api::handle(net::ServerRequest request, net::Responder responder) {
  const auto call = impl_->make_call(std::move(request), std::move(responder));
  run_guarded(call, [this](const CallPtr& guarded) {
    impl_->identify(*guarded);
    impl_->count(guarded, [this](const CallPtr& counted) { impl_->serve(counted); });
  });
}

void Api::refuse(int status, net::ServerRequest request, net::Responder responder) {
  request.body = {};
  const auto call = impl_->make_call(std::move(request), std::move(responder));
  run_guarded(call, [this, status](const CallPtr& guarded) {
    impl_->identify(*guarded);
    impl_->count(guarded,
                 [status](const CallPtr& counted) { counted->respond(error_response(status)); });
  });
}

}  // namespace skyhook::api
