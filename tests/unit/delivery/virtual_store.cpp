#include "virtual_store.h"

#include <algorithm>

namespace skyhook::delivery::simulation {

void VirtualStore::wait(DeliveryId id, Row& row, Timestamp due_at) {
  row.status = DeliveryStatus::pending;
  row.due_at = due_at;
  waiting_[row.webhook_id].insert({due_at, id});
}

void VirtualStore::stop_waiting(DeliveryId id, const Row& row) {
  const auto found = waiting_.find(row.webhook_id);
  if (found == waiting_.end()) return;
  found->second.erase({row.due_at, id});
  if (found->second.empty()) waiting_.erase(found);
}

void VirtualStore::settle(DeliveryId id, DeliveryStatus status) {
  Row& row = rows_.at(id);
  stop_waiting(id, row);
  row.status = status;
}

const VirtualStore::Row* VirtualStore::find(DeliveryId id) const {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

void VirtualStore::publish(const std::vector<WaitingDelivery>& deliveries) {
  for (const WaitingDelivery& delivery : deliveries) {
    Row& row = rows_[delivery.id];
    row = {.webhook_id = delivery.webhook_id,
           .type = delivery.event->type,
           .data = delivery.event->data,
           .created_at = delivery.created_at,
           .is_test = delivery.is_test};
    wait(delivery.id, row, delivery.due_at);
  }
}

void VirtualStore::record(const store::AttemptOutcome& outcome) {
  const auto found = rows_.find(outcome.delivery_id);
  if (found == rows_.end()) return;
  Row& row = found->second;
  const bool delivered = std::holds_alternative<Delivered>(outcome.verdict);
  if (row.status != DeliveryStatus::pending && !delivered) return;
  row.attempts_made = outcome.attempt.number;
  if (delivered) return settle(outcome.delivery_id, DeliveryStatus::delivered);
  if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
    stop_waiting(outcome.delivery_id, row);
    ++row.schedule_position;
    return wait(outcome.delivery_id, row, retry->at);
  }
  settle(outcome.delivery_id, DeliveryStatus::failed);
}

store::WaitingPage VirtualStore::waiting(WebhookId webhook, Timestamp now,
                                         const std::vector<DeliveryId>& except, int limit) const {
  store::WaitingPage page;
  const auto found = waiting_.find(webhook);
  if (found == waiting_.end()) return page;
  for (const auto& [due_at, id] : found->second) {
    if (due_at > now) {
      page.next_due_at = due_at;
      break;
    }
    if (std::binary_search(except.begin(), except.end(), id)) continue;
    if (static_cast<int>(page.deliveries.size()) == limit) {
      page.more = true;
      break;
    }
    page.deliveries.push_back(read(id));
  }
  return page;
}

store::WaitingPage VirtualStore::waiting_in_order(WebhookId webhook, Timestamp now,
                                                  const std::vector<DeliveryId>& except,
                                                  int limit) const {
  store::WaitingPage page;
  const auto found = waiting_.find(webhook);
  if (found == waiting_.end()) return page;
  std::map<DeliveryId, Timestamp> in_order;
  for (const auto& [due_at, id] : found->second) in_order[id] = due_at;
  for (const auto& [id, due_at] : in_order) {
    if (std::binary_search(except.begin(), except.end(), id)) continue;
    if (due_at > now) {
      page.next_due_at = due_at;
      break;
    }
    if (static_cast<int>(page.deliveries.size()) == limit) {
      page.more = true;
      break;
    }
    page.deliveries.push_back(read(id));
  }
  return page;
}

WaitingDelivery VirtualStore::read(DeliveryId id) const {
  const Row& row = rows_.at(id);
  // An event of its own, as one that was read back: nothing is shared with what was published.
  return {.id = id,
          .webhook_id = row.webhook_id,
          .event = std::make_shared<const Event>(Event{.id = EventId{id.value},
                                                       .type = row.type,
                                                       .data = row.data,
                                                       .created_at = row.created_at}),
          .created_at = row.created_at,
          .due_at = row.due_at,
          .attempts_made = row.attempts_made,
          .schedule_position = row.schedule_position,
          .is_test = row.is_test};
}

std::vector<WebhookId> VirtualStore::webhooks_with_waiting() const {
  std::vector<WebhookId> ids;
  for (const auto& [id, deliveries] : waiting_) ids.push_back(id);
  return ids;
}

int VirtualStore::fail_waiting(WebhookId webhook, int limit) {
  int ended = 0;
  for (; ended < limit && has_waiting(webhook); ++ended) {
    settle(waiting_.at(webhook).begin()->second, DeliveryStatus::failed);
  }
  return ended;
}

bool VirtualStore::reopen(DeliveryId id, Timestamp due_at) {
  const auto found = rows_.find(id);
  if (found == rows_.end()) return false;
  stop_waiting(id, found->second);
  found->second.schedule_position = 0;
  wait(id, found->second, due_at);
  return true;
}

void VirtualStore::remove(WebhookId webhook) {
  std::erase_if(rows_, [&](const auto& entry) { return entry.second.webhook_id == webhook; });
  waiting_.erase(webhook);
}

}  // namespace skyhook::delivery::simulation
