// What the operator is told of deliveries (docs/operator-events.md), as far as this room sees it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "directory/directory.h"
#include "domain/delivery.h"
#include "domain/webhook_options.h"

namespace skyhook::delivery {

// A delivery whose last attempt failed. Tests of a webhook, and what ends because its webhook is
// off, are none.
struct FailedDelivery {
  WebhookPtr webhook;
  Uuid delivery;
  Uuid event;
  std::string event_type;
  Attempt attempt;
};

// Any thread; no call blocks. `done` runs once, on any thread: true once it is durable that the
// operator will be told, or where there is nothing to tell; false where the store could not take
// it. So what is told first and recorded afterwards is told at least once, whatever happens in
// between; the same is not told twice within a day.
class Notices {
 public:
  using Done = std::function<void(bool)>;
  virtual ~Notices() = default;
  virtual void deliveries_failed(std::vector<FailedDelivery> failed, Done done) = 0;
  virtual void switched_off(const Webhook& webhook, const SwitchedOff& why, Done done) = 0;
};

}  // namespace skyhook::delivery
