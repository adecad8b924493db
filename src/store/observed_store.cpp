#include "store/observed_store.h"

namespace skyhook::store {

void ObservedStore::publish(std::vector<NewEvent> events, PublishCallback done) {
  // By event, since one whose idempotency key was known stored nothing.
  std::vector<std::vector<Change>> changes;
  changes.reserve(events.size());
  for (const NewEvent& event : events) {
    auto& of_event = changes.emplace_back();
    of_event.reserve(event.deliveries.size());
    for (const WaitingDelivery& delivery : event.deliveries) {
      of_event.push_back({delivery.webhook_id, delivery.id});
    }
  }
  behind_->publish(std::move(events), [this, changes = std::move(changes),
                                       done = std::move(done)](Result<PublishOutcome> result) {
    if (result.ok()) {
      if (const auto* receipts = std::get_if<std::vector<EventReceipt>>(&result.value())) {
        std::vector<Change> stored;
        for (std::size_t i = 0; i < receipts->size() && i < changes.size(); ++i) {
          if ((*receipts)[i].replayed) continue;
          stored.insert(stored.end(), changes[i].begin(), changes[i].end());
        }
        feed_.note(stored);
      }
    }
    done(std::move(result));
  });
}

void ObservedStore::record(std::vector<AttemptOutcome> outcomes, RecordCallback done) {
  std::vector<Change> changes;
  changes.reserve(outcomes.size());
  for (const AttemptOutcome& outcome : outcomes) {
    changes.push_back({outcome.webhook_id, outcome.delivery_id});
  }
  behind_->record(std::move(outcomes), [this, changes = std::move(changes),
                                        done = std::move(done)](Result<Done> result) {
    if (result.ok()) feed_.note(changes);
    done(std::move(result));
  });
}

Result<int> ObservedStore::fail_waiting(WebhookId webhook, FailureReason reason, int limit) {
  auto result = behind_->fail_waiting(webhook, reason, limit);
  if (result.ok() && *result > 0) note_many(webhook);
  return result;
}

Result<std::optional<DeliveryEntry>> ObservedStore::reopen(WebhookId webhook, DeliveryId id,
                                                           Timestamp due_at) {
  auto result = behind_->reopen(webhook, id, due_at);
  if (result.ok() && result->has_value()) feed_.note({{webhook, id}});
  return result;
}

Result<std::int64_t> ObservedStore::reopen_failed(WebhookId webhook, Timestamp from,
                                                  Timestamp until, Timestamp first_due,
                                                  Micros spacing) {
  auto result = behind_->reopen_failed(webhook, from, until, first_due, spacing);
  if (result.ok() && *result > 0) note_many(webhook);
  return result;
}

Result<std::int64_t> ObservedStore::replay(const Replay& replay,
                                           const std::vector<EventPtr>& events) {
  auto result = behind_->replay(replay, events);
  if (result.ok() && *result > 0) note_many(replay.webhook);
  return result;
}

}  // namespace skyhook::store
