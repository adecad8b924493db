// Figures: of one webhook over time (contract §7), and of the whole service (contract §5).
#include "api/handlers.h"

namespace skyhook::api {

namespace {

void write_optional(JsonWriter& json, std::string_view name, const std::optional<double>& value) {
  json.key(name);
  if (value) {
    json.number(*value);
  } else {
    json.null();
  }
}

void write_quantiles(JsonWriter& json, std::string_view name, double p50, double p95, double p99) {
  json.key(name).begin_object();
  json.field("p50", p50).field("p95", p95).field("p99", p99).end_object();
}

void write_queue(JsonWriter& json, const store::QueueStats& queue, Timestamp now) {
  json.field("queue_depth", queue.totals.pending);
  json.key("oldest_waiting_at");
  if (queue.oldest_waiting_created_at) {
    json.string(to_iso8601(*queue.oldest_waiting_created_at));
  } else {
    json.null();
  }
  const Micros waited =
      queue.oldest_waiting_created_at ? now - *queue.oldest_waiting_created_at : Micros{0};
  json.field("oldest_waiting_seconds", static_cast<double>(waited.count()) / 1e6);
  json.key("deliveries").begin_object().field("pending", queue.totals.pending);
  json.field("delivered", queue.totals.delivered).field("failed", queue.totals.failed);
  json.end_object();
}

void write_counters(JsonWriter& json, const metrics::Metrics::Snapshot& counted) {
  json.key("since_start").begin_object();
  json.field("events_accepted", counted.events_accepted);
  json.field("deliveries_accepted", counted.deliveries_accepted);
  json.field("attempts", counted.attempts);
  json.field("attempts_succeeded", counted.attempts_succeeded);
  json.field("deliveries_delivered", counted.deliveries_delivered);
  json.field("deliveries_failed", counted.deliveries_failed);
  write_quantiles(json, "attempt_duration_ms", counted.attempt_p50_ms, counted.attempt_p95_ms,
                  counted.attempt_p99_ms);
  write_quantiles(json, "first_attempt_latency_ms", counted.first_attempt_p50_ms,
                  counted.first_attempt_p95_ms, counted.first_attempt_p99_ms);
  json.end_object();
}

void write_dispatcher(JsonWriter& json, const delivery::DispatcherStats& stats) {
  const auto field = [&](std::string_view name, auto value) {
    json.field(name, static_cast<std::int64_t>(value));
  };
  field("lanes", stats.lanes);
  field("shrunk_lanes", stats.shrunk_lanes);
  field("in_flight", stats.in_flight);
  field("ready_in_memory", stats.ready_in_memory);
  field("open_connections", stats.open_connections);
  field("idle_connections", stats.idle_connections);
  field("connections_opened", stats.connections_opened);
  field("connections_reused", stats.connections_reused);
}

}  // namespace

void write_settings(JsonWriter& json, const Services& services) {
  json.key("settings").begin_object().field("header_prefix", services.header_prefix);
  json.key("retry_schedule_s").begin_array();
  for (const Millis delay : services.retry_schedule.delays) {
    json.number(static_cast<double>(delay.count()) / 1000);
  }
  json.end_array().field("timeout_ms", std::int64_t{services.timeout.count()}).end_object();
}

std::string steps_json(const std::vector<store::StatsStep>& steps,
                       const std::vector<store::AccountStep>* accounts) {
  JsonWriter json;
  json.begin_array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const store::StatsStep& step = steps[i];
    json.begin_object().field("start", to_iso8601(step.start));
    if (accounts != nullptr) json.field("events", accounts->at(i).events);
    json.field("delivered", step.delivered).field("failed_attempts", step.failed_attempts);
    json.field("failed", step.failed);
    write_optional(json, "duration_p50_ms", step.duration_p50_ms);
    write_optional(json, "duration_p95_ms", step.duration_p95_ms);
    if (accounts != nullptr) {
      const store::AccountStep& account = accounts->at(i);
      json.field("first_attempts", account.first_attempts);
      json.field("first_attempts_late", account.late);
      write_optional(json, "first_attempt_p50_ms", account.latency_p50_ms);
      write_optional(json, "first_attempt_p95_ms", account.latency_p95_ms);
    }
    json.end_object();
  }
  json.end_array();
  return json.take();
}

void webhook_stats(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  FieldErrors errors;
  const StatsInput input =
      read_stats(Query(call->request.query), call->services.clock.now(), errors);
  if (!errors.empty()) return call->invalid(errors);
  const auto steps =
      call->services.store.stats({webhook->webhook.id}, input.from, input.until, input.step);
  if (!steps) return call->store_failed(steps.error());
  call->succeed(200, steps_json(*steps), "Statistics retrieved successfully.");
}

void operator_stats(const CallPtr& call) {
  const Services& services = call->services;
  const auto queue = services.store.queue_stats();
  if (!queue) return call->store_failed(queue.error());
  JsonWriter json;
  json.begin_object();
  json.field("accounts", static_cast<std::int64_t>(services.directory.account_count()));
  json.field("webhooks", static_cast<std::int64_t>(services.directory.webhook_count()));
  write_queue(json, *queue, services.clock.now());
  write_dispatcher(json, services.dispatcher.stats());
  write_counters(json, services.metrics.snapshot());
  write_settings(json, services);
  json.end_object();
  call->succeed(200, json.take(), "Statistics retrieved successfully.");
}

}  // namespace skyhook::api
