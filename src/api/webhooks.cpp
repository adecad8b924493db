// The webhooks of an account (contract §3).
#include <boost/json.hpp>

#include "api/handlers.h"
#include "api/text.h"
#include "api/webhook_options.h"
#include "signing/secrets.h"

namespace skyhook::api {

namespace {

OptionRules option_rules(const Services& services, WebhookOptionsPtr present) {
  return {.header_prefix = services.header_prefix,
          .present = std::move(present),
          .now = services.clock.now()};
}

UrlRules url_rules(const Services& services) {
  return {.allow_http = services.allow_http, .guard = &services.guard};
}

void write_events(JsonWriter& json, const std::vector<std::string>& events) {
  json.key("events").begin_array();
  for (const std::string& event : events) json.string(event);
  json.end_array();
}

// What an answer shows beyond the seed's fields; nullopt where the request's query asks for it
// wrongly, which was answered.
struct Shown {
  bool options = false;
};
std::optional<Shown> shown_by(const CallPtr& call) {
  FieldErrors errors;
  const Shown shown{.options = read_include(Query(call->request.query), "options", errors)};
  if (errors.empty()) return shown;
  call->invalid(errors);
  return std::nullopt;
}

// The fields of the webhook object; `secret` only where it has just been made.
void write_webhook_fields(JsonWriter& json, const Webhook& webhook, Shown shown,
                          std::string_view secret = {}) {
  json.field("id", webhook.id.value).field("name", webhook.name).field("url", webhook.url);
  if (!secret.empty()) json.field("secret", secret);
  write_events(json, webhook.events);
  json.field("is_active", webhook.is_active);
  json.field("created_at", to_iso8601(webhook.created_at));
  json.field("updated_at", to_iso8601(webhook.updated_at));
  if (!shown.options) return;
  json.key("options");
  write_options(json, webhook.options);
}

std::string webhook_json(const Webhook& webhook, Shown shown, std::string_view secret = {}) {
  JsonWriter json;
  json.begin_object();
  write_webhook_fields(json, webhook, shown, secret);
  json.end_object();
  return json.take();
}

void clear_switched_off(WebhookOptions& options) {
  options.switched_off.reset();
}

void change_webhook(Webhook& present, const WebhookInput& wanted, const OptionsChange& options) {
  if (wanted.name) present.name = *wanted.name;
  if (wanted.url) present.url = *wanted.url;
  if (wanted.events) present.events = *wanted.events;
  if (wanted.is_active) present.is_active = *wanted.is_active;
  present.options = with_change(present.options, options);
  if (present.is_active) present.options = with_change(present.options, clear_switched_off);
}

// Clients that send every POST with a body send an empty list where there is nothing to say.
bool has_no_fields(std::string_view body) {
  return body.empty() || trimmed(body) == "[]";
}

}  // namespace

void list_webhooks(const CallPtr& call) {
  const auto shown = shown_by(call);
  if (!shown) return;
  const auto webhooks = call->services.directory.webhooks_of(call->account->id);
  std::vector<WebhookId> ids;
  ids.reserve(webhooks.size());
  for (const WebhookPtr& entry : webhooks) ids.push_back(entry->webhook.id);
  const auto totals = call->services.store.totals(ids);
  if (!totals) return call->store_failed(totals.error());
  JsonWriter json;
  json.begin_array();
  for (std::size_t i = 0; i < webhooks.size(); ++i) {
    json.begin_object();
    write_webhook_fields(json, webhooks[i]->webhook, *shown);
    json.field("delivery_logs_count", (*totals)[i].all()).end_object();
  }
  json.end_array();
  call->succeed(200, json.take(), "Webhooks retrieved successfully.");
}

void create_webhook(const CallPtr& call) {
  const auto input = parse_object(call->request.body);
  if (!input) return call->fail(400, kNotJson);
  const auto shown = shown_by(call);
  if (!shown) return;
  FieldErrors errors;
  WebhookInput wanted = read_webhook(*input, Presence::required, url_rules(call->services),
                                     call->services.catalogue, errors);
  const OptionsChange options = read_options(*input, option_rules(call->services, nullptr), errors);
  if (!errors.empty()) return call->invalid(errors);
  const std::string secret = signing::make_webhook_secret();
  const auto created =
      call->services.directory.create_webhook({.account_id = call->account->id,
                                               .name = std::move(*wanted.name),
                                               .url = std::move(*wanted.url),
                                               .events = std::move(*wanted.events),
                                               .is_active = wanted.is_active.value_or(true),
                                               .sealed_secret = {},
                                               .now = call->services.clock.now(),
                                               .options = with_change(nullptr, options)},
                                              secret);
  if (!created) return call->store_failed(created.error());
  // The account was deleted in this very moment.
  if (*created == nullptr) return call->fail(404, kAccountNotFound);
  call->succeed(201, webhook_json((*created)->webhook, *shown, secret),
                "Webhook created. Store the secret securely — it won't be shown again.");
}

void get_webhook(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const auto shown = shown_by(call);
  if (!shown) return;
  call->succeed(200, webhook_json(webhook->webhook, *shown), "Webhook retrieved successfully.");
}

namespace {

// Tries again once nothing waits for the webhook, which is switched off and was changed last then.
void end_waiting_and_update(const CallPtr& call, WebhookId id, Timestamp updated_at);

// `ended_at`: the webhook's updated_at when what waited for it, switched off as it was, had ended.
void try_update(const CallPtr& call, std::optional<Timestamp> ended_at) {
  const auto input = parse_object(call->request.body);
  if (!input) return call->fail(400, kNotJson);
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const auto shown = shown_by(call);
  if (!shown) return;
  FieldErrors errors;
  const WebhookInput wanted = read_webhook(*input, Presence::optional, url_rules(call->services),
                                           call->services.catalogue, errors);
  const auto read_options_for = [&](const Webhook& present) {
    return read_options(*input, option_rules(call->services, present.options), errors);
  };
  if (!errors.empty()) {
    read_options_for(webhook->webhook);  // for their errors in the same answer
    return call->invalid(errors);
  }
  // What waited when it was switched off has ended before it is on again, however soon that is and
  // however much it was.
  std::optional<Timestamp> must_end;
  const auto change = [&](Webhook& present) {
    must_end.reset();
    if (wanted.is_active.value_or(false) && !present.is_active && ended_at != present.updated_at) {
      must_end = present.updated_at;
      return false;
    }
    // Some options refer to what the webhook has, which another node may have changed.
    const OptionsChange options = read_options_for(present);
    if (!errors.empty()) return false;
    change_webhook(present, wanted, options);
    return true;
  };
  const auto updated = call->services.directory.update_webhook(webhook->webhook.id,
                                                               call->services.clock.now(), change);
  if (must_end) return end_waiting_and_update(call, webhook->webhook.id, *must_end);
  if (!updated) return call->store_failed(updated.error());
  if (*updated == nullptr) return call->fail(404, kWebhookNotFound);
  if (!errors.empty()) return call->invalid(errors);
  call->succeed(200, webhook_json((*updated)->webhook, *shown), "Webhook updated successfully.");
}

void end_waiting_and_update(const CallPtr& call, WebhookId id, Timestamp updated_at) {
  call->services.dispatcher.end_waiting(id, [call, updated_at](bool ended) {
    if (!ended) return call->unavailable();
    run_blocking(call, [updated_at](const CallPtr& again) { try_update(again, updated_at); });
  });
}

}  // namespace

void update_webhook(const CallPtr& call) {
  try_update(call, std::nullopt);
}

void delete_webhook(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  const auto deleted = call->services.directory.delete_webhook(webhook->webhook.id);
  if (!deleted) return call->store_failed(deleted.error());
  if (!*deleted) return call->fail(404, kWebhookNotFound);
  call->no_content();
}

void test_webhook(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  JsonWriter data;
  data.begin_object();
  data.field("message", "This is a test delivery from " + call->services.sender_name +
                            " to verify your webhook endpoint.");
  data.field("webhook_id", webhook->webhook.id.value);
  data.field("webhook_name", webhook->webhook.name).end_object();
  call->services.intake.send_test(
      webhook, data.take(), [call](std::optional<delivery::SettledAttempt> settled) {
        if (!settled) return call->unavailable();
        const auto* delivered = std::get_if<Delivered>(&settled->verdict);
        const WaitingDelivery& delivery = settled->delivery;
        DeliveryEntry entry;
        entry.id = delivery.id;
        entry.event_type = delivery.event->type;
        entry.attempt_number = settled->attempt.number;
        entry.response_status = settled->attempt.response_status;
        entry.status = delivered != nullptr ? DeliveryStatus::delivered : DeliveryStatus::failed;
        if (delivered != nullptr) entry.delivered_at = delivered->at;
        entry.created_at = delivery.created_at;
        JsonWriter json;
        json.begin_object();
        write_entry_fields(json, entry);
        json.end_object();
        call->succeed(200, json.take(), "Test webhook sent.");
      });
}

void regenerate_secret(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  FieldErrors errors;
  Millis grace{0};
  if (!has_no_fields(call->request.body)) {
    const auto input = parse_object(call->request.body);
    if (!input) return call->fail(400, kNotJson);
    grace = read_grace_period(*input, errors);
  }
  if (!errors.empty()) return call->invalid(errors);
  const std::string secret = signing::make_webhook_secret();
  const Timestamp now = call->services.clock.now();
  const auto updated =
      call->services.directory.update_webhook(webhook->webhook.id, now, [&](Webhook& present) {
        present.options = with_change(present.options, [&](WebhookOptions& options) {
          options.previous_secret.reset();
          if (grace.count() > 0) options.previous_secret = {present.secret, now + grace};
        });
        present.secret = secret;
        return true;
      });
  if (!updated) return call->store_failed(updated.error());
  if (*updated == nullptr) return call->fail(404, kWebhookNotFound);
  JsonWriter json;
  json.begin_object().field("secret", secret);
  if (grace.count() > 0) json.field("previous_secret_expires_at", to_iso8601(now + grace));
  json.end_object();
  call->succeed(200, json.take(), "Secret regenerated. Update your signature verification code.");
}

namespace {

// Valid JSON, or null where there is none.
void write_raw(JsonWriter& json, std::string_view name, const std::string& value) {
  json.key(name);
  if (value.empty()) {
    json.null();
  } else {
    json.raw(value);
  }
}

}  // namespace

void list_event_types(const CallPtr& call) {
  FieldErrors errors;
  const bool with_schema = read_include(Query(call->request.query), "schema", errors);
  if (!errors.empty()) return call->invalid(errors);
  JsonWriter json;
  json.begin_array();
  for (const EventType& type : call->services.catalogue.types()) {
    json.begin_object();
    json.field("event", type.name).field("description", type.description);
    if (with_schema) {
      write_raw(json, "schema", type.schema);
      write_raw(json, "example", type.example);
      json.field("is_checked", static_cast<bool>(type.check));
    }
    json.end_object();
  }
  json.end_array();
  call->succeed(200, json.take(), "Available webhook events.");
}

}  // namespace skyhook::api
