#include "delivery/janitor.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "logging/log.h"

namespace skyhook::delivery {

void Janitor::fail_waiting(WebhookId id, std::function<void()> store_failed) {
  bool is_first = false;
  {
    std::lock_guard lock(mutex_);
    ending(id, is_first).store_failed = std::move(store_failed);
  }
  if (is_first) go_on(id);
}

void Janitor::end_waiting(WebhookId id, Done done) {
  bool is_taken = false;
  bool is_first = false;
  {
    std::lock_guard lock(mutex_);
    is_taken = !abandoned_ && callers_ < kCallersLimit;
    if (is_taken) {
      ++callers_;
      ending(id, is_first).callers.push_back(std::move(done));
    }
  }
  if (!is_taken) return done(false);
  if (is_first) go_on(id);
}

void Janitor::abandon_callers() {
  std::vector<Done> callers;
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    callers_ = 0;
    for (auto& [id, present] : under_way_) {
      std::ranges::move(std::exchange(present.callers, {}), std::back_inserter(callers));
    }
  }
  for (const Done& done : callers) done(false);
}

Janitor::Ending& Janitor::ending(WebhookId id, bool& is_first) {
  const auto [found, is_new] = under_way_.try_emplace(id);
  is_first = is_new;
  found->second.again = !is_new;
  return found->second;
}

void Janitor::go_on(WebhookId id) {
  workers_.submit([this, id] { step(id); });
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

// Of an active webhook there is nothing to end.
bool Janitor::waits_elsewhere(WebhookId id) {
  const WebhookPtr webhook = directory_.webhook(id);
  if (!webhook || webhook->webhook.is_active) return false;
  const auto totals = store_.totals({id});
  return !totals || totals->front().pending > 0;
}

bool Janitor::is_patient(Ending& ending) {
  return !ending.callers.empty() && ending.looks_elsewhere++ < kLooksElsewhere;
}

void Janitor::look_again_later(WebhookId id) {
  {
    std::lock_guard lock(mutex_);
    patient_.push_back(id);
  }
  loop_.post([this] {
    if (!look_again_.armed()) loop_.arm(look_again_, kLookElsewhereEvery);
  });
}

void Janitor::look_again() {
  std::vector<WebhookId> patient;
  {
    std::lock_guard lock(mutex_);
    patient.swap(patient_);
  }
  for (const WebhookId id : patient) go_on(id);
}

void Janitor::step(WebhookId id) {
  const auto ended = end_chunk(id);
  const bool others_left = ended == 0 && store_.shared() != nullptr && waits_elsewhere(id);
  bool looks_again = false;
  std::optional<Ending> over;
  {
    std::lock_guard lock(mutex_);
    Ending& present = under_way_[id];
    const bool goes_on = ended && (*ended > 0 || std::exchange(present.again, false));
    looks_again = !goes_on && others_left && is_patient(present);
    if (!goes_on && !looks_again) {
      callers_ -= present.callers.size();
      over = std::move(present);
      under_way_.erase(id);
    }
  }
  if (looks_again) return look_again_later(id);
  if (!over) return go_on(id);
  if (!ended && over->store_failed) over->store_failed();
  if (others_left && !over->callers.empty()) {
    log::warn("a webhook is switched on although another node has not ended what waited for it",
              {{"webhook", id.value}});
  }
  for (const Done& done : over->callers) done(ended.has_value());
}

}  // namespace skyhook::delivery
