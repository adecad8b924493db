#include "store/change_feed.h"

#include <unordered_set>
#include <utility>

namespace skyhook::store {

void ChangeFeed::note(const std::vector<Change>& changes) {
  if (changes.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const Change& change : changes) {
    if (ring_.size() < kRemembered) {
      ring_.push_back(change);
    } else {
      ring_[position_ % kRemembered] = change;
    }
    ++position_;
  }
  if (changed_) changed_();
}

std::uint64_t ChangeFeed::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

ChangeFeed::Missed ChangeFeed::since(std::uint64_t position, WebhookId webhook) const {
  const std::lock_guard lock(mutex_);
  Missed missed{.position = position_, .deliveries = {}, .everything = false};
  if (position > position_ || position_ - position > ring_.size()) {
    missed.everything = true;
    return missed;
  }
  std::unordered_set<DeliveryId> seen;
  for (; position < position_; ++position) {
    const Change& change = ring_[position % kRemembered];
    if (change.webhook != webhook) continue;
    if (change.delivery.value == 0) {
      missed.everything = true;
    } else if (seen.insert(change.delivery).second) {
      missed.deliveries.push_back(change.delivery);
    }
  }
  return missed;
}

void ChangeFeed::observe(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(changed);
}

}  // namespace skyhook::store
