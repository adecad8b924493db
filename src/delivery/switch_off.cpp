#include "delivery/switch_off.h"

#include <algorithm>

#include "logging/log.h"

namespace skyhook::delivery {

namespace {

// The time is measured in so many steps at most: it is late by one of them at most.
constexpr int kStepsOfTime = 120;
constexpr Seconds kShortestStep{60};  // of what the store keeps

}  // namespace

std::optional<Timestamp> failing_since(const std::vector<store::StatsStep>& steps, Seconds step,
                                       Timestamp not_before) {
  std::optional<Timestamp> since;
  for (const store::StatsStep& one : steps) {
    if (one.delivered > 0 || one.start < not_before) {
      since.reset();
    } else if (one.failed_attempts > 0 && !since) {
      since = one.start + step;
    }
  }
  return since;
}

Seconds SwitchOff::step() const {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(options_.after / kStepsOfTime);
  return std::max<Seconds>(kShortestStep, minutes);
}

void SwitchOff::gone(WebhookId id, Timestamp now) {
  workers_.submit([this, id, now] {
    const WebhookPtr webhook = directory_.webhook(id);
    if (!webhook) return;
    switch_off(webhook,
               {.reason = SwitchedOff::Reason::gone, .at = now, .failing_since = std::nullopt});
  });
}

void SwitchOff::attempt_failed(WebhookId id, FailureReason reason, Timestamp now) {
  if (options_.after.count() == 0) return;
  if (reason == FailureReason::internal) return note_own_trouble(id, now);
  if (look_is_due(id, now)) workers_.submit([this, id, now] { look(id, now); });
}

bool SwitchOff::look_is_due(WebhookId id, Timestamp now) {
  std::lock_guard lock(mutex_);
  const auto known = next_look_.find(id);
  const bool is_known = known != next_look_.end() && known->second.asked_at <= now;
  if (is_known && now < known->second.due_at) return false;
  if (next_look_.size() >= kRememberedLimit) next_look_.clear();
  next_look_[id] = {.asked_at = now, .due_at = now + step()};
  return true;
}

void SwitchOff::look_again_at(WebhookId id, Timestamp now, Timestamp at) {
  std::lock_guard lock(mutex_);
  next_look_[id] = {.asked_at = now, .due_at = at};
}

// With the webhook, so that it outlives restarts and every node knows. A step ahead, so that
// trouble that lasts is written once a step and not with each attempt.
void SwitchOff::note_own_trouble(WebhookId id, Timestamp now) {
  const Timestamp until = now + step();
  {
    std::lock_guard lock(mutex_);
    const auto known = own_trouble_.find(id);
    if (known != own_trouble_.end() && now < known->second && known->second <= until) return;
    if (own_trouble_.size() >= kRememberedLimit) own_trouble_.clear();
    own_trouble_[id] = until;
  }
  workers_.submit([this, id, until] { store_own_trouble(id, until); });
}

void SwitchOff::store_own_trouble(WebhookId id, Timestamp until) {
  // No change of its owner's: updated_at moves by the least step only.
  const auto changed = directory_.update_webhook(id, Timestamp{}, [until](Webhook& present) {
    if (!present.is_active) return false;  // switched on, it gets the whole time anew
    present.options = with_change(
        present.options, [until](WebhookOptions& options) { options.own_trouble_until = until; });
    return true;
  });
  if (changed) return;
  log::debug("trouble of our own could not be noted yet", {{"webhook", id.value}});
  std::lock_guard lock(mutex_);
  own_trouble_.erase(id);  // the next such failure leads here again
}

// A webhook that was changed gets the whole time anew, and so does one after trouble of our own.
Timestamp SwitchOff::counts_from(const Webhook& webhook, Timestamp now) {
  Timestamp from = webhook.updated_at;
  // Later than this only where the clock was set back since.
  const Timestamp latest = now + step();
  const auto consider = [&](Timestamp until) {
    if (until <= latest) from = std::max(from, until);
  };
  if (webhook.options) consider(webhook.options->own_trouble_until.value_or(Timestamp{}));
  std::lock_guard lock(mutex_);
  if (const auto known = own_trouble_.find(webhook.id); known != own_trouble_.end()) {
    consider(known->second);
  }
  return from;
}

void SwitchOff::look(WebhookId id, Timestamp now) {
  const WebhookPtr webhook = directory_.webhook(id);
  if (!webhook || !webhook->webhook.is_active) return;
  const auto steps = store_.stats({id}, now - 2 * options_.after, now + step(), step());
  if (!steps) return;  // the next failure looks again
  const auto since = failing_since(*steps, step(), counts_from(webhook->webhook, now));
  if (!since) return;
  if (now - *since < options_.after) return look_again_at(id, now, *since + options_.after);
  switch_off(webhook, {.reason = SwitchedOff::Reason::failing, .at = now, .failing_since = *since});
}

void SwitchOff::switch_off(const WebhookPtr& webhook, const SwitchedOff& why) {
  if (!webhook->webhook.is_active) return;
  if (notices_ == nullptr) return store_switch_off(webhook->webhook, why);
  notices_->switched_off(webhook->webhook, why, [this, webhook, why](bool told) {
    // Where it could not be told, the next failure leads here again.
    if (told) workers_.submit([this, webhook, why] { store_switch_off(webhook->webhook, why); });
  });
}

void SwitchOff::store_switch_off(const Webhook& seen, const SwitchedOff& why) {
  bool is_due = false;
  const auto changed = directory_.update_webhook(seen.id, why.at, [&](Webhook& present) {
    // Changed meanwhile: what it was switched off for may hold no more.
    is_due = present.is_active && present.updated_at == seen.updated_at;
    if (!is_due) return false;
    present.is_active = false;
    present.options =
        with_change(present.options, [&](WebhookOptions& options) { options.switched_off = why; });
    return true;
  });
  // Nothing is lost where that failed: the next failure leads here again.
  if (!changed) {
    log::warn("webhook could not be switched off yet", {{"webhook", seen.id.value}});
  } else if (is_due && *changed) {
    log::info("webhook switched off",
              {{"webhook", seen.id.value}, {"reason", to_string(why.reason)}});
  }
}

}  // namespace skyhook::delivery
