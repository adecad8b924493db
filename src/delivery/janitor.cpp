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

bool Janitor::end_waiting(WebhookId id) {
  for (int chunk = 0; chunk < kChunksInACall; ++chunk) {
    const auto ended = end_chunk(id);
    if (!ended) return false;
    if (*ended == 0) return true;
  }
  return false;
}

std::optional<int> Janitor::end_chunk(WebhookId id) {
  std::optional<int> ended = 0;
  directory_.while_inactive(id, [&] {
    const auto result = store_.fail_waiting(id, FailureReason::webhook_inactive, kChunk);
    if (result) {
      ended = *result;
    } else {
      ended.reset();
      log::warn("waiting deliveries of a switched-off webhook could not be ended yet",
                {{"webhook", id.value}, {"reason", result.error().detail}});
    }
  });
  for (int i = 0; i < ended.value_or(0); ++i) metrics_.settled(DeliveryStatus::failed);
  return ended;
}

void Janitor::step(WebhookId id, const std::function<void()>& store_failed) {
  const auto ended = end_chunk(id);
  bool go_on = ended.value_or(0) > 0;
  if (!go_on) {
    std::lock_guard lock(mutex_);
    go_on = again_.erase(id) > 0 && ended;
    if (!go_on) under_way_.erase(id);
  }
  if (go_on) workers_.submit([this, id, store_failed] { step(id, store_failed); });
  if (!ended) store_failed();
}

}  // namespace skyhook::delivery
