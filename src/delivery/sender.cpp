#include "delivery/sender.h"

#include <utility>

#include "domain/webhook_options.h"

namespace skyhook::delivery {

bool Sender::may_dial(const WebhookEntry& webhook) const {
  return webhook.url && (webhook.url->is_tls() || options_.allow_http);
}

Sender::Keyed& Sender::keyed(const Webhook& webhook) {
  const auto found = signers_.find(webhook.id);
  if (found != signers_.end() && found->second.secret == webhook.secret) return found->second;
  if (signers_.size() >= kSignerLimit) signers_.clear();
  Keyed keyed{.secret = webhook.secret, .signer = signing::Signer(webhook.secret)};
  return signers_.insert_or_assign(webhook.id, std::move(keyed)).first->second;
}

signing::Signatures Sender::sign(const Webhook& webhook, std::string_view id, Timestamp now,
                                 std::string_view body) {
  const std::int64_t time_s = to_unix_seconds(now);
  Keyed& keys = keyed(webhook);
  signing::Signatures signatures = keys.signer.sign(id, time_s, body);
  const WebhookOptions* options = webhook.options.get();
  if (options == nullptr) return signatures;
  if (options->previous_secret && now < options->previous_secret->until) {
    // Keyed anew each time, which costs a microsecond: it is for a few days only.
    signing::Signer previous(options->previous_secret->secret);
    signatures.standard += ' ' + previous.sign(id, time_s, body).standard;
  }
  if (!options->ed25519.empty()) {
    if (keys.ed25519 != options->ed25519) {
      keys.ed25519 = options->ed25519;
      keys.asymmetric = signing::Ed25519Signer::from(keys.ed25519);
    }
    if (keys.asymmetric) signatures.standard += ' ' + keys.asymmetric->sign(id, time_s, body);
  }
  return signatures;
}

net::ClientRequest Sender::make_request(const WaitingDelivery& delivery,
                                        const WebhookEntry& webhook, Timestamp now) {
  const Uuid uuid = delivery.uuid();
  const std::string id = uuid.to_string();
  const std::string created = std::to_string(to_unix_seconds(delivery.created_at));

  net::ClientRequest request;
  request.body = delivery_body(*delivery.event, uuid, delivery.created_at);
  const signing::Signatures signatures = sign(webhook.webhook, id, now, request.body);

  std::string& headers = request.headers;
  headers.reserve(640);
  const auto add = [&headers](std::string_view prefix, std::string_view name,
                              std::string_view value) {
    headers.append(prefix).append(name).append(": ").append(value).append("\r\n");
  };
  add("", "Content-Type", "application/json");
  add("", "User-Agent", options_.user_agent);
  add(options_.header_prefix, "Event", delivery.event->type);
  add(options_.header_prefix, "Delivery", id);
  add(options_.header_prefix, "Timestamp", created);
  add(options_.header_prefix, "Signature", signatures.vendor);
  add("", "webhook-id", id);
  add("", "webhook-timestamp", std::to_string(to_unix_seconds(now)));
  add("", "webhook-signature", signatures.standard);
  if (!delivery.event->traceparent.empty()) add("", "traceparent", delivery.event->traceparent);

  request.pool_key = delivery.webhook_id.value;
  request.url = webhook.url;
  request.certificate = webhook.certificate;
  request.timeout = options_.timeout;
  if (const WebhookOptions* options = webhook.webhook.options.get()) {
    for (const CustomHeader& header : options->headers) {
      // The operator may have chosen another prefix since: there is one of each name.
      if (is_reserved_header(header.name, options_.header_prefix)) continue;
      add("", header.name, header.value);
    }
    if (options->timeout) request.timeout = *options->timeout;
  }
  return request;
}

AttemptReport Sender::make_report(const WaitingDelivery& delivery, net::ClientResult result,
                                  Timestamp started_at, Timestamp now) {
  AttemptReport report;
  Attempt& attempt = report.attempt;
  attempt.number = delivery.attempts_made + 1;
  attempt.started_at = started_at;
  attempt.duration = result.duration;
  if (result.status != 0) attempt.response_status = result.status;
  const bool success = result.failure == FailureReason::none && result.status / 100 == 2;
  attempt.failure = success || result.failure != FailureReason::none ? result.failure
                                                                     : FailureReason::http_status;
  attempt.error_detail = std::move(result.error_detail);
  attempt.response_headers = std::move(result.headers);
  attempt.response_body = std::move(result.body);
  attempt.response_truncated = result.body_truncated;
  if (result.status == 429 || result.status == 503)
    report.retry_after = parse_retry_after(result.retry_after, now);
  return report;
}

}  // namespace skyhook::delivery
