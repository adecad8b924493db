#include "store/postgres/registry.h"

#include <algorithm>

namespace skyhook::store::postgres {

bool Registry::add(const std::vector<NewEvent>& events, MonoTime now) {
  std::lock_guard lock(mutex_);
  for (const NewEvent& event : events) {
    for (const WaitingDelivery& delivery : event.deliveries) {
      if (!delivery.is_ordered && delivery.id < promise_here_) return false;
    }
  }
  for (const NewEvent& event : events) {
    for (const WaitingDelivery& delivery : event.deliveries) {
      if (delivery.is_ordered) continue;  // written with a row of its own, as if parked
      entries_.emplace_hint(entries_.end(), delivery.id.value,
                            Entry{delivery.webhook_id, event.event->account_id, delivery.due_at,
                                  now, State::writing});
      auto& ids = by_webhook_[delivery.webhook_id];
      ids.insert(ids.end(), delivery.id.value);
    }
  }
  return true;
}

void Registry::set_state(const std::vector<NewEvent>& events, State state) {
  std::lock_guard lock(mutex_);
  for (const NewEvent& event : events) {
    for (const WaitingDelivery& delivery : event.deliveries) {
      const auto entry = entries_.find(delivery.id.value);
      if (entry == entries_.end()) continue;
      const bool doubted = state == State::fresh && entry->second.in_doubt;
      entry->second.state = doubted ? State::uncertain : state;
    }
  }
}

void Registry::committed(const std::vector<NewEvent>& events) {
  set_state(events, State::fresh);
}
void Registry::uncertain(const std::vector<NewEvent>& events) {
  set_state(events, State::uncertain);
  const bool any_ordered = std::ranges::any_of(events, [](const NewEvent& event) {
    return std::ranges::any_of(event.deliveries, &WaitingDelivery::is_ordered);
  });
  std::lock_guard lock(mutex_);
  if (any_ordered) looks_in_doubt_ = kLooksInDoubt;
}

bool Registry::order_in_doubt() {
  std::lock_guard lock(mutex_);
  return looks_in_doubt_ > 0 && looks_in_doubt_-- > 0;
}

void Registry::erase(Entries::iterator entry) {
  const auto ids = by_webhook_.find(entry->second.webhook);
  if (ids != by_webhook_.end()) {
    ids->second.erase(entry->first);
    if (ids->second.empty()) by_webhook_.erase(ids);
  }
  entries_.erase(entry);
}

void Registry::dropped(const std::vector<NewEvent>& events) {
  std::lock_guard lock(mutex_);
  for (const NewEvent& event : events) {
    for (const WaitingDelivery& delivery : event.deliveries) {
      const auto entry = entries_.find(delivery.id.value);
      if (entry != entries_.end()) erase(entry);
    }
  }
}

Registry::Claim Registry::claim(DeliveryId id) {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id.value);
  if (entry == entries_.end() || entry->second.state != State::fresh) return Claim::none;
  entry->second.state = State::settling;
  return Claim::fresh;
}

void Registry::settled(const std::vector<DeliveryId>& ids) {
  std::lock_guard lock(mutex_);
  for (const DeliveryId id : ids) {
    const auto entry = entries_.find(id.value);
    if (entry != entries_.end()) erase(entry);
  }
}

void Registry::unclaim(const std::vector<DeliveryId>& ids, bool certain) {
  std::lock_guard lock(mutex_);
  for (const DeliveryId id : ids) {
    const auto entry = entries_.find(id.value);
    if (entry != entries_.end() && entry->second.state == State::settling) {
      entry->second.state = certain ? State::fresh : State::uncertain;
    }
  }
}

std::vector<Registry::Fresh> Registry::due(WebhookId webhook, Timestamp now,
                                           const std::vector<DeliveryId>& except,
                                           std::size_t limit) const {
  // Ids follow creation, so that the first ones are due first; a few more are looked at for those
  // that are not.
  const std::size_t looked_at = limit + except.size() + 1'000;
  std::vector<Fresh> found;
  {
    std::lock_guard lock(mutex_);
    const auto ids = by_webhook_.find(webhook);
    if (ids == by_webhook_.end()) return found;
    for (const std::int64_t id : ids->second) {
      if (found.size() >= looked_at) break;
      const auto entry = entries_.find(id);
      const State state = entry->second.state;
      if (state != State::fresh && state != State::settling && state != State::parking) continue;
      if (entry->second.due_at > now) continue;
      if (std::binary_search(except.begin(), except.end(), DeliveryId{id})) continue;
      found.push_back(fresh_of(*entry));
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Fresh& a, const Fresh& b) { return a.due_at < b.due_at; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

std::optional<Timestamp> Registry::next_due(WebhookId webhook, Timestamp after) const {
  std::lock_guard lock(mutex_);
  std::optional<Timestamp> earliest;
  const auto ids = by_webhook_.find(webhook);
  if (ids == by_webhook_.end()) return earliest;
  for (const std::int64_t id : ids->second) {
    const Entry& entry = entries_.find(id)->second;
    if (entry.due_at > after && (!earliest || entry.due_at < *earliest)) earliest = entry.due_at;
  }
  return earliest;
}

std::vector<Registry::Fresh> Registry::take_for_parking(MonoTime before, std::size_t keep,
                                                        std::size_t limit) {
  std::lock_guard lock(mutex_);
  std::vector<Fresh> taken;
  std::size_t excess = entries_.size() > keep ? entries_.size() - keep : 0;
  for (auto& entry : entries_) {
    if (taken.size() >= limit) break;
    State& state = entry.second.state;
    if (excess > 0) {
      --excess;
    } else if (state != State::uncertain && entry.second.since >= before) {
      // Later ids were added later, give or take a moment; uncertain ones age as well.
      break;
    }
    if (state != State::fresh && state != State::uncertain) continue;
    taken.push_back(fresh_of(entry));
    taken.back().uncertain = state == State::uncertain;
    state = State::parking;
  }
  return taken;
}

std::vector<Registry::Fresh> Registry::take_below(DeliveryId end, std::size_t limit) {
  std::lock_guard lock(mutex_);
  std::vector<Fresh> taken;
  for (auto& entry : entries_) {
    if (taken.size() >= limit || entry.first >= end.value) break;
    if (entry.second.state != State::fresh) continue;
    entry.second.state = State::parking;
    taken.push_back(fresh_of(entry));
  }
  return taken;
}

bool Registry::holds_below(DeliveryId end) const {
  std::lock_guard lock(mutex_);
  return !entries_.empty() && entries_.begin()->first < end.value;
}

std::vector<Registry::Fresh> Registry::take_of(WebhookId webhook, std::size_t limit) {
  std::lock_guard lock(mutex_);
  std::vector<Fresh> taken;
  const auto ids = by_webhook_.find(webhook);
  if (ids == by_webhook_.end()) return taken;
  for (const std::int64_t id : ids->second) {
    if (taken.size() >= limit) break;
    const auto entry = entries_.find(id);
    if (entry->second.state != State::fresh) continue;
    entry->second.state = State::parking;
    taken.push_back(fresh_of(*entry));
  }
  return taken;
}

std::optional<Registry::Fresh> Registry::take(DeliveryId id) {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id.value);
  if (entry == entries_.end() || entry->second.state != State::fresh) return std::nullopt;
  entry->second.state = State::parking;
  return fresh_of(*entry);
}

void Registry::parked(const std::vector<Fresh>& taken) {
  std::lock_guard lock(mutex_);
  for (const Fresh& one : taken) {
    const auto entry = entries_.find(one.id.value);
    if (entry != entries_.end()) erase(entry);
  }
}

void Registry::unpark(const std::vector<Fresh>& taken) {
  std::lock_guard lock(mutex_);
  for (const Fresh& one : taken) {
    const auto entry = entries_.find(one.id.value);
    // Parking finds out by itself what is there.
    if (entry != entries_.end() && entry->second.state == State::parking) {
      entry->second.state = State::uncertain;
    }
  }
}

void Registry::forget(WebhookId webhook) {
  std::lock_guard lock(mutex_);
  const auto ids = by_webhook_.find(webhook);
  if (ids == by_webhook_.end()) return;
  for (const std::int64_t id : ids->second) entries_.erase(id);
  by_webhook_.erase(ids);
}

void Registry::clear() {
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto present = entry++;
    if (present->second.state == State::writing) {
      present->second.in_doubt = true;
    } else {
      erase(present);
    }
  }
}

DeliveryId Registry::promise(DeliveryId unused) {
  std::lock_guard lock(mutex_);
  promise_ = unused;
  if (!entries_.empty()) promise_ = std::min(promise_, DeliveryId{entries_.begin()->first});
  promise_here_ = std::max(promise_here_, promise_);
  return promise_;
}

void Registry::promise_taken() {
  std::lock_guard lock(mutex_);
  promise_here_ = promise_;
}

std::size_t Registry::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace skyhook::store::postgres
