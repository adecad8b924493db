#include "api/call.h"

#include <algorithm>
#include <exception>

#include "logging/log.h"

namespace skyhook::api {

namespace {

constexpr std::string_view kUnexpected = "An unexpected error occurred. Please try again later.";
constexpr std::string_view kUnavailable =
    "The service is temporarily unavailable. Please try again later.";

net::ServerResponse json_response(int status, std::string body) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

// The number in a path, such as `{id}`: nothing but digits.
std::optional<std::int64_t> parse_id(std::string_view text) {
  const auto id = parse_whole_number(text);
  if (!id || *id <= 0 || text.front() == '+') return std::nullopt;
  return id;
}

}  // namespace

net::ServerResponse make_error(int status, std::string_view message) {
  JsonWriter json;
  json.begin_object().field("success", false).field("message", message).end_object();
  net::ServerResponse response = json_response(status, json.take());
  if (status == 503) {
    response.headers.emplace_back("Retry-After", std::to_string(kRetryAfterSeconds));
  }
  return response;
}

net::ServerResponse make_invalid(const FieldErrors& errors) {
  JsonWriter json;
  json.begin_object().field("success", false).field("message", kGivenDataInvalid);
  json.key("errors").begin_object();
  for (const auto& [field, messages] : errors.fields()) {
    json.key(field).begin_array();
    for (const std::string& message : messages) json.string(message);
    json.end_array();
  }
  json.end_object().end_object();
  return json_response(422, json.take());
}

net::ServerResponse Api::error_response(int status) {
  switch (status) {
    case 400:
      return make_error(status, "The request could not be understood.");
    case 408:
      return make_error(status, "The request took too long to arrive.");
    case 413:
      return make_error(status, "The request body is too large.");
    case 431:
      return make_error(status, "The request header is too large.");
    case 503:
      return make_error(status, kUnavailable);
    default:
      return make_error(status, kUnexpected);
  }
}

void Call::respond(net::ServerResponse response) {
  for (auto& header : common_headers()) response.headers.push_back(std::move(header));
  answered(response.status);
  responder_.respond(std::move(response));
}

void Call::answered(int status) const {
  services.metrics.api_request(status);
  if (!log::enabled(log::Level::debug)) return;
  const auto took = std::chrono::duration_cast<Micros>(services.clock.mono() - started_);
  log::debug("request", {{"request", id},
                         {"method", request.method},
                         {"path", request.path},
                         {"status", status},
                         {"duration_us", took.count()}});
}

std::vector<std::pair<std::string, std::string>> Call::common_headers() const {
  if (!rate) return {{"X-Request-Id", id}};
  return {{"X-Request-Id", id},
          {"X-RateLimit-Limit", std::to_string(rate->limit)},
          {"X-RateLimit-Remaining", std::to_string(rate->remaining)},
          {"X-RateLimit-Reset", std::to_string(rate->reset_at_s)}};
}

void Call::stream(const std::function<bool(net::Responder&)>& open) {
  if (!open(responder_)) return unavailable();
  answered(200);
}

void Call::succeed(int status, std::string_view data_json, std::string_view message,
                   std::string_view meta_json) {
  JsonWriter json;
  json.begin_object().field("success", true).key("data").raw(data_json).field("message", message);
  if (!meta_json.empty()) json.key("meta").raw(meta_json);
  json.end_object();
  respond(json_response(status, json.take()));
}

void Call::store_failed(const store::Error& error) {
  if (error.kind == store::Error::Kind::corrupt) {
    log::error("the store's data cannot be read", {{"request", id}, {"detail", error.detail}});
    return fail(500, kUnexpected);
  }
  unavailable();
}

void Call::unavailable() {
  respond(make_error(503, kUnavailable));
}

WebhookPtr Call::own_webhook() {
  const auto id = parse_id(parameters[0]);
  WebhookPtr webhook = id ? services.directory.webhook(WebhookId{*id}) : nullptr;
  if (webhook && webhook->webhook.account_id == account->id) return webhook;
  fail(404, kWebhookNotFound);
  return nullptr;
}

AccountPtr Call::named_account() {
  const auto id = parse_id(parameters[0]);
  AccountPtr named = id ? services.directory.account(AccountId{*id}) : nullptr;
  if (!named) fail(404, kAccountNotFound);
  return named;
}

bool Call::take_named_account() {
  account = named_account();
  operator_asks = true;
  std::rotate(parameters.begin(), parameters.begin() + 1, parameters.end());
  return account != nullptr;
}

void run_guarded(const CallPtr& call, const std::function<void(const CallPtr&)>& work) {
  try {
    work(call);
  } catch (const std::exception& problem) {
    // Out of memory, or a fault of ours; where the call was answered already, this is ignored.
    log::error("a request could not be served",
               {{"request", call->id}, {"path", call->request.path}, {"problem", problem.what()}});
    call->fail(500, kUnexpected);
  }
}

void run_blocking(const CallPtr& call, std::function<void(const CallPtr&)> work) {
  const bool taken = call->services.workers.try_submit(
      [call, work = std::move(work)] { run_guarded(call, work); });
  if (!taken) call->unavailable();
}

}  // namespace skyhook::api
