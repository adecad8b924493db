// The dispatcher over all network threads: each webhook is pinned to one courier, so that its lane
// needs no lock.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "delivery/courier.h"
#include "delivery/dispatcher.h"
#include "delivery/janitor.h"
#include "delivery/switch_off.h"

namespace skyhook::delivery {

class Couriers final : public Dispatcher {
 public:
  // One courier a loop; `loops` and what `rooms` refers to outlive this. Construct and destroy
  // while no loop runs. Limits in `options.lanes` are the node's; each courier gets its share.
  Couriers(const std::vector<net::Loop*>& loops, Rooms rooms, const Options& options);
  ~Couriers() override;

  // Before the loops run; `notices` outlives this. Without it the operator is told nothing.
  void tell(Notices& notices);

  void hand_over(std::vector<WaitingDelivery> deliveries) override;
  void send_test(WaitingDelivery delivery,
                 std::function<void(std::optional<SettledAttempt>)> settled) override;
  void wake(WebhookId webhook) override;
  void ask_in_flight(WebhookId webhook, DeliveryId delivery,
                     std::function<void(bool)> answer) override;
  void end_waiting(WebhookId webhook, std::function<void(bool)> done) override {
    janitor_.end_waiting(webhook, std::move(done));
  }
  void webhook_changed(WebhookId id, WebhookPtr webhook) override;
  void ownership_changed() override;
  DispatcherStats stats() const override;

  // Any thread: no new attempts; `done` runs on a network thread once nothing is under way and
  // every outcome is durable.
  void drain(const std::function<void()>& done);
  // Any thread: whoever still waits for an outcome, or for an end, is told that there will be none.
  void abandon_waiters();

 private:
  Courier& courier_of(WebhookId id);
  // Runs `task(courier)` on the thread of the webhook's courier.
  template <class Task>
  void on_courier(WebhookId id, Task task);

  Janitor janitor_;
  SwitchOff switch_off_;
  std::vector<std::unique_ptr<Courier>> couriers_;  // constant after construction
};

}  // namespace skyhook::delivery
