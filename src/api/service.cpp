// What is open to all: probes, metrics, the API's own description.
#include "api/handlers.h"
#include "apidocs/apidocs.h"

namespace skyhook::api {

namespace {

std::string state_json(std::string_view state) {
  JsonWriter json;
  json.begin_object().field("status", state).end_object();
  return json.take();
}

}  // namespace

void health(const CallPtr& call) {
  call->succeed(200, state_json("alive"), "Alive.");
}

void readiness(const CallPtr& call) {
  if (call->services.stopping) return call->unavailable();
  const auto writable = call->services.store.check_writable();
  if (!writable) return call->unavailable();
  call->succeed(200, state_json("ready"), "Ready.");
}

void metrics_text(const CallPtr& call) {
  call->respond({.status = 200,
                 .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                 .body = call->services.metrics.render()});
}

void openapi_document(const CallPtr& call) {
  call->respond({.status = 200,
                 .headers = {{"Content-Type", "application/json"}},
                 .body = apidocs::openapi_document(call->services.catalogue)});
}

void docs_page(const CallPtr& call) {
  call->respond({.status = 200,
                 .headers = {{"Content-Type", "text/html; charset=utf-8"},
                             {"Content-Security-Policy", std::string(apidocs::page_policy())},
                             {"X-Content-Type-Options", "nosniff"}},
                 .body = std::string(apidocs::page())});
}

}  // namespace skyhook::api
