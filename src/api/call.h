// One request on its way through the API: what was asked, by whom, and how it is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/json_writer.h"
#include "api/rate_limit.h"
#include "api/routes.h"
#include "api/validation.h"

namespace skyhook::api {

inline constexpr std::string_view kGivenDataInvalid = "The given data was invalid.";
inline constexpr std::string_view kWebhookNotFound = "Webhook not found.";
inline constexpr std::string_view kAccountNotFound = "Account not found.";
inline constexpr std::string_view kDeliveryNotFound = "Delivery not found.";
inline constexpr std::string_view kNotJson = "The request body must be a JSON object.";
inline constexpr std::int64_t kRetryAfterSeconds = 1;  // of a 503

// The bodies of errors, `{"success":false,"message":…}` and its extensions.
net::ServerResponse make_error(int status, std::string_view message);
net::ServerResponse make_invalid(const FieldErrors& errors);

// Used by one thread at a time; handed from the network thread to workers and callbacks. Answers
// once.
class Call {
 public:
  Call(const Services& services_, std::string id_, net::ServerRequest request_,
       net::Responder responder)
      : services(services_),
        id(std::move(id_)),
        request(std::move(request_)),
        started_(services.clock.mono()),
        responder_(std::move(responder)) {}

  const Services& services;
  const std::string id;  // what the log and the answer call it, see RequestIds
  net::ServerRequest request;
  RouteParameters parameters;     // on routes of Access::for_account without the account's
  AccountPtr account;             // who asks, or which account the operator asks about
  bool operator_asks = false;     // on routes of Access::for_account
  std::optional<RateState> rate;  // see common_headers()

  void respond(net::ServerResponse response);
  // `{"success":true,"data":…,"message":…}`, with `meta` (JSON) where given.
  void succeed(int status, std::string_view data_json, std::string_view message,
               std::string_view meta_json = {});
  void no_content() { respond({.status = 204, .headers = {}, .body = {}}); }
  void fail(int status, std::string_view message) { respond(make_error(status, message)); }
  void invalid(const FieldErrors& errors) { respond(make_invalid(errors)); }
  // 503 or 500, by what the store said.
  void store_failed(const store::Error& error);
  // 503 with Retry-After: try again soon.
  void unavailable();

  // The webhook of `{id}` where it is the account's own; else answers 404 and is nullptr.
  WebhookPtr own_webhook();
  // What every answer carries: X-Request-Id, and X-RateLimit-… where there is a limit.
  std::vector<std::pair<std::string, std::string>> common_headers() const;
  // Answers with a stream that `open` begins; 503 where it could not.
  void stream(const std::function<bool(net::Responder&)>& open);
  // The account of `{id}`; else answers 404 and is nullptr.
  AccountPtr named_account();
  // Makes the account of the first parameter the one that is asked about, and takes that parameter
  // away; else answers 404 and is false.
  bool take_named_account();

 private:
  void answered(int status) const;  // counts and logs it

  const MonoTime started_;
  net::Responder responder_;
};

using CallPtr = std::shared_ptr<Call>;

// Runs `work` on a worker; answers 503 where none is free to take it, and 500 where it throws.
void run_blocking(const CallPtr& call, std::function<void(const CallPtr&)> work);
// Runs `work` here; answers 500 where it throws.
void run_guarded(const CallPtr& call, const std::function<void(const CallPtr&)>& work);

}  // namespace skyhook::api
