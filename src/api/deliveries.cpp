// The delivery log of a webhook, and what can be done about a delivery (contract §3, §7).
#include <algorithm>
#include <boost/json.hpp>

#include "api/handlers.h"
#include "api/text.h"
#include "store/shared.h"

namespace skyhook::api {

namespace {

// Far beyond any log, and far from overflowing an offset.
constexpr std::int64_t kLastPageEver = 1'000'000'000;
// Deliveries that come in numbers are dealt out this far apart; but all of them within an hour.
constexpr Micros kSpacing{50'000};
constexpr Micros kSpan = std::chrono::hours{1};
constexpr std::string_view kInFlight = "The delivery is in flight.";

void write_status_code(JsonWriter& json, const std::optional<int>& status) {
  json.key("response_status_code");
  if (status) {
    json.integer(*status);
  } else {
    json.null();
  }
}

// Raw header lines as a list of name and value: a name may come more than once.
void write_headers(JsonWriter& json, std::string_view lines) {
  json.begin_array();
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 2, lines.size()));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    json.begin_array().string(trimmed(line.substr(0, colon)));
    json.string(trimmed(line.substr(colon + 1))).end_array();
  }
  json.end_array();
}

void write_attempt(JsonWriter& json, const Attempt& attempt) {
  json.begin_object().field("number", std::int64_t{attempt.number});
  json.field("started_at", to_iso8601(attempt.started_at));
  json.field("duration_ms", static_cast<double>(attempt.duration.count()) / 1000);
  write_status_code(json, attempt.response_status);
  write_error(json, attempt.failure);
  json.field("error_detail", attempt.error_detail);
  const bool answered = attempt.response_status.has_value();
  json.key("response_headers");
  if (answered) {
    write_headers(json, attempt.response_headers);
  } else {
    json.null();
  }
  json.key("response_body");
  if (answered) {
    json.string(attempt.response_body);
  } else {
    json.null();
  }
  json.field("response_truncated", attempt.response_truncated).end_object();
}

std::string entries_json(const std::vector<DeliveryEntry>& entries) {
  JsonWriter json;
  json.begin_array();
  for (const DeliveryEntry& entry : entries) {
    json.begin_object();
    write_entry_fields(json, entry);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

std::string entry_json(const DeliveryEntry& entry) {
  JsonWriter json;
  json.begin_object();
  write_entry_fields(json, entry);
  json.end_object();
  return json.take();
}

std::string detail_json(const store::DeliveryDetail& detail) {
  JsonWriter json;
  json.begin_object();
  write_entry_fields(json, detail.entry);
  json.field("event_id", detail.event->uuid().to_string());
  write_time(json, "next_attempt_at", detail.entry.next_attempt_at);
  json.field("payload", delivery_body(*detail.event, detail.entry.uuid(), detail.entry.created_at));
  json.key("attempts").begin_array();
  for (const Attempt& attempt : detail.attempts) write_attempt(json, attempt);
  json.end_array();
  // Of the last attempt; or, where it failed while it waited, why.
  write_error(json, detail.entry.failure);
  json.end_object();
  return json.take();
}

void list_page(Call& call, WebhookId webhook, const DeliveriesInput& input,
               const store::DeliveryFilter& filter) {
  const int per_page = input.page.per_page;
  const auto page = call.services.store.deliveries(
      webhook, filter, std::min(input.page.page, kLastPageEver), per_page);
  if (!page) return call.store_failed(page.error());
  JsonWriter meta;
  meta.begin_object().field("current_page", input.page.page);
  meta.field("last_page", std::max<std::int64_t>(1, (page->total + per_page - 1) / per_page));
  meta.field("per_page", std::int64_t{per_page}).field("total", page->total).end_object();
  call.succeed(200, entries_json(page->entries), "Delivery logs retrieved successfully.",
               meta.take());
}

void walk(Call& call, WebhookId webhook, const DeliveriesInput& input,
          const store::DeliveryFilter& filter) {
  const int limit = input.page.per_page;
  const auto page =
      call.services.store.deliveries_before(webhook, filter, DeliveryId{*input.before_id}, limit);
  if (!page) return call.store_failed(page.error());
  JsonWriter meta;
  meta.begin_object().field("per_page", std::int64_t{limit}).key("next_before_id");
  if (page->entries.size() == static_cast<std::size_t>(limit)) {
    meta.integer(page->entries.back().id.value);
  } else if (page->searched_to) {
    meta.integer(page->searched_to->value);  // the search goes on from there
  } else {
    meta.null();
  }
  meta.end_object();
  call.succeed(200, entries_json(page->entries), "Delivery logs retrieved successfully.",
               meta.take());
}

// The delivery that `{delivery_id}` names; else answers and is nullopt.
std::optional<store::DeliveryDetail> find_delivery(Call& call, WebhookId webhook) {
  const std::string& uuid = call.parameters[1];
  const auto key = key_of_uuid(uuid);
  if (!key) {
    call.fail(404, kDeliveryNotFound);
    return std::nullopt;
  }
  auto detail = call.services.store.delivery(webhook, DeliveryId{*key});
  if (!detail) {
    call.store_failed(detail.error());
    return std::nullopt;
  }
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  const bool found = *detail && std::ranges::equal((*detail)->entry.uuid().to_string(), uuid, same);
  if (!found) {
    call.fail(404, kDeliveryNotFound);
    return std::nullopt;
  }
  return std::move(*detail);
}

void reopen(const CallPtr& call, WebhookId webhook, DeliveryId delivery) {
  const Services& services = call->services;
  // Not here; but another node may have it.
  if (store::Shared* shared = services.store.shared()) {
    const auto in_flight = shared->in_flight_elsewhere(webhook, delivery);
    if (!in_flight) return call->store_failed(in_flight.error());
    if (*in_flight) return call->fail(409, kInFlight);
  }
  const auto entry = services.store.reopen(webhook, delivery, services.clock.now());
  services.dispatcher.wake(webhook);  // also where only the answer was lost
  if (!entry) return call->store_failed(entry.error());
  if (!*entry) return call->fail(404, kDeliveryNotFound);
  call->succeed(202, entry_json(**entry), "Delivery will be retried.");
}

}  // namespace

Micros spacing_of(std::int64_t deliveries) {
  return std::min(kSpacing, kSpan / std::max<std::int64_t>(1, deliveries));
}

void write_time(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& time) {
  json.key(name);
  if (time) {
    json.string(to_iso8601(*time));
  } else {
    json.null();
  }
}

void write_error(JsonWriter& json, FailureReason failure) {
  json.key("error");
  if (failure == FailureReason::none) {
    json.null();
  } else {
    json.string(to_string(failure));
  }
}

void write_entry_fields(JsonWriter& json, const DeliveryEntry& entry) {
  json.field("id", entry.id.value).field("event_type", entry.event_type);
  json.field("delivery_id", entry.uuid().to_string());
  json.field("attempt_number", std::int64_t{entry.attempt_number});
  write_status_code(json, entry.response_status);
  json.field("status", to_string(entry.status));
  write_time(json, "delivered_at", entry.delivered_at);
  json.field("created_at", to_iso8601(entry.created_at));
}

void list_deliveries(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  FieldErrors errors;
  DeliveriesInput input = read_deliveries(Query(call->request.query), errors);
  if (!errors.empty()) return call->invalid(errors);
  const store::DeliveryFilter filter{.status = input.status,
                                     .event_type = std::move(input.event_type),
                                     .from = input.from,
                                     .until = input.until};
  if (input.before_id) return walk(*call, webhook->webhook.id, input, filter);
  list_page(*call, webhook->webhook.id, input, filter);
}

void get_delivery(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const auto detail = find_delivery(*call, webhook->webhook.id);
  if (!detail) return;
  call->succeed(200, detail_json(*detail), "Delivery retrieved successfully.");
}

void retry_delivery(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const auto detail = find_delivery(*call, webhook->webhook.id);
  if (!detail) return;
  if (!webhook->webhook.is_active) return call->fail(409, "The webhook is not active.");
  const WebhookId id = webhook->webhook.id;
  const DeliveryId delivery = detail->entry.id;
  call->services.dispatcher.ask_in_flight(id, delivery, [call, id, delivery](bool in_flight) {
    if (in_flight) return call->fail(409, kInFlight);
    run_blocking(call, [id, delivery](const CallPtr& later) { reopen(later, id, delivery); });
  });
}

void recover_deliveries(const CallPtr& call) {
  const auto body = parse_object(call->request.body);
  if (!body) return call->fail(400, kNotJson);
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const Services& services = call->services;
  const Timestamp now = services.clock.now();
  FieldErrors errors;
  const RecoverInput input = read_recover(*body, now, errors);
  if (!errors.empty()) return call->invalid(errors);
  const WebhookId id = webhook->webhook.id;
  const auto failed = services.store.count_failed(id, input.since, input.until);
  if (!failed) return call->store_failed(failed.error());
  JsonWriter json;
  if (input.dry_run) {
    json.begin_object().field("would_recover", *failed).end_object();
    return call->succeed(200, json.take(), "Nothing was changed.");
  }
  if (!webhook->webhook.is_active) return call->fail(409, "The webhook is not active.");
  const auto recovered =
      services.store.reopen_failed(id, input.since, input.until, now, spacing_of(*failed));
  services.dispatcher.wake(id);  // also where a part was reopened before the store failed
  if (!recovered) return call->store_failed(recovered.error());
  json.begin_object().field("recovered", *recovered).end_object();
  call->succeed(202, json.take(), "Failed deliveries will be retried.");
}

}  // namespace skyhook::api
