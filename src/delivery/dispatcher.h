// The delivery room's front door: takes accepted deliveries from any thread and gives each to the
// network thread that its webhook is pinned to, where the webhook's lane sends it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "directory/directory.h"
#include "domain/delivery.h"
#include "domain/ids.h"

namespace skyhook::delivery {

// What the outcome of a test call, or of any delivery that someone waits for, tells.
struct SettledAttempt {
  WaitingDelivery delivery;
  Attempt attempt;
  Verdict verdict;
};

// What is happening now, summed over all network threads; for stats and metrics.
struct DispatcherStats {
  std::size_t lanes = 0;
  std::size_t shrunk_lanes = 0;  // concurrency below its start value
  std::size_t in_flight = 0;
  std::size_t ready_in_memory = 0;
  std::size_t open_connections = 0;
  std::size_t idle_connections = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_reused = 0;
};

// All calls: any thread.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  // Fresh deliveries, already durable. What a lane has no room for is left in the store, where the
  // lane finds it again.
  virtual void hand_over(std::vector<WaitingDelivery> deliveries) = 0;

  // Sends a durable test delivery at once, past the lane's queue, also to an inactive webhook;
  // `settled` runs on a network thread after the outcome is durable, once; or with nullopt where
  // the process is stopping or the store failed.
  virtual void send_test(WaitingDelivery delivery,
                         std::function<void(std::optional<SettledAttempt>)> settled) = 0;

  // The webhook has work in the store that is due now or soon (after a reopen, at start, after a
  // take-over): its lane looks.
  virtual void wake(WebhookId webhook) = 0;

  // `answer` runs on a network thread, once: is an attempt of the delivery under way? See
  // Lanes::ask_in_flight.
  virtual void ask_in_flight(WebhookId webhook, DeliveryId delivery,
                             std::function<void(bool)> answer) = 0;

  // Ends what waits for a webhook that is switched off, as it ends by itself soon after the switch.
  // `done` runs once nothing waits any more, with false where that could not be brought about; see
  // Janitor::end_waiting.
  virtual void end_waiting(WebhookId webhook, std::function<void(bool)> done) = 0;

  // From Directory::observe_webhooks. nullptr: deleted.
  virtual void webhook_changed(WebhookId id, WebhookPtr webhook) = 0;

  // The node's lease (store/shared.h) was renewed after attempts had to stop, or was lost and the
  // node began anew: what is in memory is forgotten where it is no longer this node's, and lanes
  // look into the store again.
  virtual void ownership_changed() {}

  virtual DispatcherStats stats() const = 0;
};

}  // namespace skyhook::delivery
