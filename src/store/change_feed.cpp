#include "store/change_feed.h"

#include <unordered_set>
#include <utility>

namespace skyhook::store {

void ChangeFeed::note(const std::vector<Change>& changes) {
  if (changes.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!watched_elsewhere_.empty()) {
    for (const Change& change : changes) keep(change);
  }
  add(changes);
}

void ChangeFeed::note_from_others(const std::vector<Change>& changes) {
  if (changes.empty()) return;
  const std::lock_guard lock(mutex_);
  add(changes);
}

void ChangeFeed::add(const std::vector<Change>& changes) {
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

void ChangeFeed::keep(const Change& change) {
  if (!watched_elsewhere_.contains(change.webhook)) return;
  constexpr DeliveryId kMany{};
  std::set<DeliveryId>& of_webhook = kept_[change.webhook];
  if (of_webhook.contains(kMany)) return;
  if (change.delivery == kMany || of_webhook.size() >= kKeptOfWebhook)
    of_webhook = {kMany};
  else
    of_webhook.insert(change.delivery);
}

void ChangeFeed::watch(WebhookId webhook) {
  const std::lock_guard lock(mutex_);
  ++watchers_[webhook];
}

void ChangeFeed::unwatch(WebhookId webhook) {
  const std::lock_guard lock(mutex_);
  const auto found = watchers_.find(webhook);
  if (found != watchers_.end() && --found->second == 0) watchers_.erase(found);
}

std::vector<WebhookId> ChangeFeed::watched() const {
  const std::lock_guard lock(mutex_);
  std::vector<WebhookId> webhooks;
  for (const auto& [webhook, count] : watchers_) webhooks.push_back(webhook);
  return webhooks;
}

void ChangeFeed::keep_for_others(std::set<WebhookId> webhooks) {
  const std::lock_guard lock(mutex_);
  watched_elsewhere_ = std::move(webhooks);
}

std::vector<Change> ChangeFeed::take_kept() {
  const std::lock_guard lock(mutex_);
  std::vector<Change> taken;
  for (const auto& [webhook, deliveries] : kept_) {
    for (const DeliveryId delivery : deliveries) taken.push_back({webhook, delivery});
  }
  kept_.clear();
  return taken;
}

void ChangeFeed::keep_again(const std::vector<Change>& taken) {
  const std::lock_guard lock(mutex_);
  for (const Change& change : taken) keep(change);
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
