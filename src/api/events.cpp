// Publishing (contract §5): the hot path. A single event is read on the network thread and answered
// from the store's; no worker is in between.
#include <algorithm>

#include "api/handlers.h"
#include "api/publish_input.h"
#include "logging/log.h"

namespace skyhook::api {

namespace {

// A larger batch takes longer to read than a network thread should be held up.
constexpr std::size_t kReadHereBytes = intake::kEventBodyLimit;

void append_receipt(std::string& json, const store::EventReceipt& receipt) {
  json += R"({"id":")";
  json += receipt.uuid().to_string();
  json += R"(","deliveries":)";
  json += std::to_string(receipt.deliveries);
  json += '}';
}

// With the request's line and the attempts' lines: from a request to what came of it.
void log_accepted(const Call& call, const store::EventReceipt& receipt) {
  if (!log::enabled(log::Level::debug)) return;
  log::debug(receipt.replayed ? "event was accepted before" : "event accepted",
             {{"request", call.id},
              {"event", receipt.uuid().to_string()},
              {"deliveries", receipt.deliveries}});
}

void answer_conflict(Call& call, std::string_view field) {
  FieldErrors errors;
  errors.add(field, "The " + shown_name(field) + " was already used with another event.");
  call.invalid(errors);
}

void refuse(Call& call, const store::Error& error) {
  call.services.metrics.publish_refused();
  call.store_failed(error);
}

void answer_single(Call& call, const store::Result<store::PublishOutcome>& result) {
  if (!result) return refuse(call, result.error());
  const auto* receipts = std::get_if<std::vector<store::EventReceipt>>(&*result);
  if (receipts == nullptr) return answer_conflict(call, "idempotency_key");
  const store::EventReceipt& receipt = receipts->front();
  std::string data;
  append_receipt(data, receipt);
  log_accepted(call, receipt);
  if (receipt.replayed) return call.succeed(200, data, "Event was accepted before.");
  call.services.metrics.accepted(1, receipt.deliveries);
  call.succeed(202, data, "Event accepted.");
}

void answer_batch(Call& call, const store::Result<store::PublishOutcome>& result) {
  if (!result) return refuse(call, result.error());
  if (const auto* conflict = std::get_if<store::IdempotencyConflict>(&*result)) {
    return answer_conflict(call, "events." + std::to_string(conflict->index) + ".idempotency_key");
  }
  std::int64_t events = 0;
  std::int64_t deliveries = 0;
  std::string data = "[";
  for (const store::EventReceipt& receipt : std::get<std::vector<store::EventReceipt>>(*result)) {
    if (data.size() > 1) data += ',';
    append_receipt(data, receipt);
    log_accepted(call, receipt);
    if (receipt.replayed) continue;
    ++events;
    deliveries += receipt.deliveries;
  }
  data += ']';
  call.services.metrics.accepted(events, deliveries);
  call.succeed(202, data, "Events accepted.");
}

// The request's trace goes on with each of its events. What is no traceparent is left out, as the
// standard asks.
void keep_trace(const net::ServerRequest& request, std::vector<intake::PublishItem>& items) {
  const std::string* traceparent = request.header("traceparent");
  if (traceparent == nullptr || !is_traceparent(*traceparent)) return;
  for (intake::PublishItem& item : items) item.traceparent = *traceparent;
}

void publish_batch(const CallPtr& call) {
  const Directory& directory = call->services.directory;
  PublishInput input =
      read_publish_batch(call->request.body, call->services.catalogue,
                         [&](AccountId id) { return directory.account(id) != nullptr; });
  if (!input.is_json_object) return call->fail(400, kNotJson);
  if (!input.errors.empty()) return call->invalid(input.errors);
  call->request.body = {};  // the items hold what is needed of it
  keep_trace(call->request, input.items);
  call->services.intake.publish(
      std::move(input.items),
      [call](const store::Result<store::PublishOutcome>& result) { answer_batch(*call, result); });
}

}  // namespace

void publish_event(const CallPtr& call) {
  const Services& services = call->services;
  const AccountPtr account = call->named_account();
  if (!account) return;
  PublishInput input = read_publish(call->request.body, account->id, services.catalogue);
  if (!input.is_json_object) return call->fail(400, kNotJson);
  if (!input.errors.empty()) return call->invalid(input.errors);
  call->request.body = {};
  keep_trace(call->request, input.items);
  services.intake.publish(
      std::move(input.items),
      [call](const store::Result<store::PublishOutcome>& result) { answer_single(*call, result); });
}

void publish_events(const CallPtr& call) {
  if (call->request.body.size() <= kReadHereBytes) return publish_batch(call);
  run_blocking(call, publish_batch);
}

}  // namespace skyhook::api
