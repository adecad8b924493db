#include "intake/intake.h"

#include <memory>
#include <utility>

#include "domain/webhook_options.h"
#include "signing/secrets.h"

namespace skyhook::intake {

namespace {

// The hash by which a repeated idempotency key is told from a reused one. A NUL cannot stand in a
// type.
Sha256 request_hash(const PublishItem& item) {
  std::string text = item.type;
  text.push_back('\0');
  text += item.data;
  return signing::sha256(text);
}

WaitingDelivery make_delivery(std::int64_t id, const Webhook& webhook, const EventPtr& event) {
  return {.id = DeliveryId{id},
          .webhook_id = webhook.id,
          .event = event,
          .created_at = event->created_at,
          .due_at = event->created_at,
          .is_ordered = wants_order(webhook)};
}

// Hands on what was stored: a replayed event (known idempotency key) was stored and handed on the
// first time.
std::vector<WaitingDelivery> deliveries_stored(std::vector<store::NewEvent>& events,
                                               const std::vector<store::EventReceipt>& receipts) {
  std::vector<WaitingDelivery> fresh;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (receipts[i].replayed) continue;
    for (WaitingDelivery& delivery : events[i].deliveries) fresh.push_back(std::move(delivery));
  }
  return fresh;
}

}  // namespace

Intake::Intake(Directory& directory, store::Store& store, delivery::Dispatcher& dispatcher,
               const Clock& clock)
    : directory_(directory), store_(store), dispatcher_(dispatcher), clock_(clock) {}

void Intake::publish(std::vector<PublishItem> items, store::PublishCallback done) {
  const Timestamp now = clock_.now();
  // The store takes one copy; the other is handed on after the commit. Both share the event.
  std::vector<store::NewEvent> events;
  events.reserve(items.size());
  for (PublishItem& item : items) {
    const std::vector<WebhookPtr> subscribers =
        directory_.subscribers(item.account, item.type, item.data);
    std::int64_t next_id = store_.take_ids(1 + static_cast<std::int64_t>(subscribers.size()));

    store::NewEvent fresh;
    if (item.idempotency_key) {
      fresh.idempotency_key = {.key = std::move(*item.idempotency_key),
                               .request_hash = request_hash(item)};
    }
    fresh.event = std::make_shared<const Event>(Event{.id = EventId{next_id++},
                                                      .account_id = item.account,
                                                      .type = std::move(item.type),
                                                      .data = std::move(item.data),
                                                      .created_at = now,
                                                      .traceparent = std::move(item.traceparent)});
    fresh.deliveries.reserve(subscribers.size());
    for (const WebhookPtr& subscriber : subscribers) {
      fresh.deliveries.push_back(make_delivery(next_id++, subscriber->webhook, fresh.event));
    }
    events.push_back(std::move(fresh));
  }

  auto handed_on = std::make_shared<std::vector<store::NewEvent>>(events);
  store_.publish(std::move(events), [this, handed_on, done = std::move(done)](
                                        store::Result<store::PublishOutcome> result) {
    if (result) {
      if (const auto* receipts = std::get_if<std::vector<store::EventReceipt>>(&*result)) {
        dispatcher_.hand_over(deliveries_stored(*handed_on, *receipts));
      }
    }
    done(std::move(result));
  });
}

void Intake::send_test(const WebhookPtr& webhook, std::string data,
                       std::function<void(std::optional<delivery::SettledAttempt>)> settled) {
  const std::int64_t id = store_.take_ids(2);
  const auto event = std::make_shared<const Event>(Event{.id = EventId{id},
                                                         .account_id = webhook->webhook.account_id,
                                                         .type = std::string(kTestEventType),
                                                         .data = std::move(data),
                                                         .created_at = clock_.now()});
  WaitingDelivery delivery = make_delivery(id + 1, webhook->webhook, event);
  delivery.is_test = true;
  delivery.is_ordered = false;  // it goes out at once

  std::vector<store::NewEvent> events;
  events.push_back({.event = event, .deliveries = {delivery}, .idempotency_key = std::nullopt});
  store_.publish(std::move(events),
                 [this, delivery = std::move(delivery), settled = std::move(settled)](
                     const store::Result<store::PublishOutcome>& result) {
                   if (result) {
                     dispatcher_.send_test(delivery, settled);
                   } else {
                     settled(std::nullopt);
                   }
                 });
}

}  // namespace skyhook::intake
