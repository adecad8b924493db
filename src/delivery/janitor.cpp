#include "delivery/janitor.h"

#include "logging/log.h"

namespace skyhook::delivery {

void Janitor::fail_waiting(WebhookId id, std::function<void()> store_failed) {
  {
    std::lock_guard lock(mutex_);
    if (!under_way_.insert(id).second) {
      again_.insert(id);
      return;
    }
  }
  workers_.submit([this, id, store_failed = std::move(store_failed)] { step(id, store_failed); });
}

void Janitor::step(WebhookId id, const std::function<void()>& store_failed) {
  int ended = 0;
  bool failed = false;
  directory_.while_inactive(id, [&] {
    const auto result = store_.fail_waiting(id, FailureReason::webhook_inactive, kChunk);
    if (result) {
      ended = *result;
    } else {
      failed = true;
      log::warn("waiting deliveries of a switched-off webhook could not be ended yet",
                {{"webhook", id.value}, {"reason", result.error().detail}});
    }
  });
  for (int i = 0; i < ended; ++i) metrics_.settled(DeliveryStatus::failed);

  bool go_on = ended > 0;
  if (!go_on) {
    std::lock_guard lock(mutex_);
    go_on = again_.erase(id) > 0 && !failed;
    if (!go_on) under_way_.erase(id);
  }
  if (go_on) workers_.submit([this, id, store_failed] { step(id, store_failed); });
  if (failed) store_failed();
}

}  // namespace skyhook::delivery
