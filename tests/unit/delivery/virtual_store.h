// A store that exists only in memory and keeps what it was given over every crash of the process:
// the parts of store.h that lanes depend on, with the same meaning.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/store.h"

namespace skyhook::delivery::simulation {

class VirtualStore {
 public:
  struct Row {
    WebhookId webhook_id;
    std::string type, data;
    Timestamp created_at, due_at;
    DeliveryStatus status = DeliveryStatus::pending;
    int attempts_made = 0, schedule_position = 0;
    bool is_test = false;
  };

  void publish(const std::vector<WaitingDelivery>& deliveries);
  void record(const store::AttemptOutcome& outcome);
  store::WaitingPage waiting(WebhookId webhook, Timestamp now,
                             const std::vector<DeliveryId>& except, int limit) const;
  store::WaitingPage waiting_in_order(WebhookId webhook, Timestamp now,
                                      const std::vector<DeliveryId>& except, int limit) const;
  std::vector<WebhookId> webhooks_with_waiting() const;
  int fail_waiting(WebhookId webhook, int limit);
  // False where it does not exist.
  bool reopen(DeliveryId id, Timestamp due_at);
  // Another node took it over, and delivered it.
  void delivered_elsewhere(DeliveryId id) { settle(id, DeliveryStatus::delivered); }
  void remove(WebhookId webhook);

  const Row* find(DeliveryId id) const;
  bool has_waiting(WebhookId webhook) const { return waiting_.contains(webhook); }
  const std::map<DeliveryId, Row>& rows() const { return rows_; }

 private:
  WaitingDelivery read(DeliveryId id) const;
  void wait(DeliveryId id, Row& row, Timestamp due_at);
  void stop_waiting(DeliveryId id, const Row& row);
  void settle(DeliveryId id, DeliveryStatus status);

  std::map<DeliveryId, Row> rows_;
  // Pending deliveries of each webhook that has any, in the order in which they are due.
  std::map<WebhookId, std::set<std::pair<Timestamp, DeliveryId>>> waiting_;
};

}  // namespace skyhook::delivery::simulation
