#include "delivery/lanes.h"

#include <algorithm>
#include <utility>

#include "delivery/pace.h"
#include "domain/webhook_options.h"

namespace skyhook::delivery {

namespace {

// What a waiting delivery costs in memory beside its event's data, roughly.
constexpr std::size_t kDeliveryOverhead = 256;

std::size_t bytes_of(const WaitingDelivery& delivery) {
  return kDeliveryOverhead + delivery.event->data.size();
}

bool ends_webhook(const Verdict& verdict) {
  const auto* gave_up = std::get_if<GaveUp>(&verdict);
  return gave_up != nullptr && gave_up->switch_webhook_off;
}

const WebhookOptions* options_of(const WebhookPtr& webhook) {
  return webhook ? webhook->webhook.options.get() : nullptr;
}

}  // namespace

struct Lanes::Lane {
  Lane(WebhookId webhook, int ceiling) : id(webhook), concurrency(ceiling) {}

  const WebhookId id;
  Concurrency concurrency;
  std::deque<WaitingDelivery> ready;
  int in_flight = 0;
  int suspect_in_flight = 0;  // of those, begun while the lane was suspect

  // The store still shows these as waiting.
  enum class Stage : std::uint8_t { ready, in_flight, recording };
  std::unordered_map<DeliveryId, Stage> held;
  // Settled while a load was under way, which may have read them as waiting before.
  std::unordered_set<DeliveryId> released_while_loading;
  // Held when the store had to be asked anew: it may have more to say of them once they are
  // released.
  std::unordered_set<DeliveryId> held_while_asking;
  bool loading = false;
  bool load_is_stale = false;  // what the load under way has read may not hold any more
  bool more_in_store =
      false;  // something due may be in the store that no load under way is sure to see
  std::optional<Timestamp> wake_at;     // entry in wakes_
  std::optional<Timestamp> gone_until;  // see kGonePatience

  std::optional<Pace> pace;           // of a webhook with a rate limit; then also:
  Micros interval{0};                 // between two attempts
  int paced_memory = 0;               // see kPacedMemory
  bool held_back = false;             // by the rate limit, until paced_at
  std::optional<Timestamp> paced_at;  // entry in paced_

  bool in_order = false;  // of a webhook that wants its deliveries one after the other; then also:
  bool is_blocked = false;  // what is next is not yet due: nothing to read until wake_at

  bool in_turn = false;  // entry in turn_
  bool starved = false;  // entry in starved_
  bool counted_as_shrunk = false;

  bool idle() const {
    return ready.empty() && held.empty() && !loading && !more_in_store && !wake_at && !in_turn &&
           !starved;
  }
};

Lanes::Lanes(World& world, Options options) : world_(world), options_(std::move(options)) {}
Lanes::~Lanes() = default;

Lanes::Lane* Lanes::find(WebhookId id) {
  const auto found = lanes_.find(id);
  return found == lanes_.end() ? nullptr : found->second.get();
}

Lanes::Lane& Lanes::lane(WebhookId id) {
  std::unique_ptr<Lane>& place = lanes_[id];
  if (!place) place = std::make_unique<Lane>(id, options_.in_flight_limit_per_lane);
  return *place;
}

// --- work comes in -----------------------------------------------------------------------------

void Lanes::add(std::vector<WaitingDelivery> fresh) {
  for (WaitingDelivery& delivery : fresh) {
    Lane& target = lane(delivery.webhook_id);
    if (target.in_order || delivery.is_ordered) {
      // Only the store knows what comes before it.
      if (!target.is_blocked) target.more_in_store = true;
      // Behind what the store already keeps for this lane, so that the older goes first.
    } else if (!target.more_in_store && has_room(target)) {
      take_into_memory(target, std::move(delivery));
    } else {
      target.more_in_store = true;
    }
    consider(target);
  }
  fill_slots();
}

int Lanes::memory_of(const Lane& target) const {
  return target.pace ? target.paced_memory : options_.lane_memory;
}

bool Lanes::has_room(const Lane& target) const {
  return static_cast<int>(target.ready.size()) < memory_of(target) &&
         ready_bytes_ < options_.memory_budget;
}

void Lanes::take_into_memory(Lane& target, WaitingDelivery delivery) {
  if (target.released_while_loading.contains(delivery.id)) return;
  if (!target.held.emplace(delivery.id, Lane::Stage::ready).second) return;
  ++ready_;
  ready_bytes_ += bytes_of(delivery);
  target.ready.push_back(std::move(delivery));
}

void Lanes::send_test(WaitingDelivery delivery, Settled settled) {
  if (closed_) return settled(std::nullopt);
  Lane& target = lane(delivery.webhook_id);
  waiters_[delivery.id] = std::move(settled);
  forget_ready(target, delivery.id);  // a load was quicker; it need not wait for its turn
  if (target.held.contains(delivery.id)) return;  // under way: its outcome serves the waiter
  const WebhookPtr webhook = world_.webhook(delivery.webhook_id);
  if (!webhook) {  // deleted since
    settle_waiter(delivery.id, std::nullopt);
    consider(target);
    return;
  }
  begin_attempt(target, std::move(delivery), webhook);
}

void Lanes::wake(WebhookId id) {
  ask_anew(lane(id));
  fill_slots();
}

void Lanes::ask_anew(Lane& target) {
  forget_ready(target);
  target.held_while_asking.clear();
  for (const auto& [id, stage] : target.held) target.held_while_asking.insert(id);
  target.more_in_store = true;
  consider(target);
}

void Lanes::forget_ready(Lane& target) {
  for (const WaitingDelivery& delivery : target.ready) {
    --ready_;
    ready_bytes_ -= bytes_of(delivery);
    target.held.erase(delivery.id);
  }
  target.ready.clear();
  target.load_is_stale = target.loading;
}

void Lanes::forget_ready(Lane& target, DeliveryId id) {
  const auto found = std::find_if(target.ready.begin(), target.ready.end(),
                                  [id](const WaitingDelivery& one) { return one.id == id; });
  if (found == target.ready.end()) return;
  --ready_;
  ready_bytes_ -= bytes_of(*found);
  target.held.erase(id);
  target.ready.erase(found);
}

void Lanes::on_time() {
  timer_.reset();
  const Timestamp now = world_.now();
  while (!paced_.empty()) {
    Lane& due = *find(paced_.begin()->second);
    const Timestamp at = pause_ends_at(due, now);
    if (at > now) {
      if (at != *due.paced_at) shorten_pauses(now);
      break;
    }
    end_pause(due);
    consider(due);
  }
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    const WebhookId id = wakes_.begin()->second;
    wakes_.erase(wakes_.begin());
    Lane& due = lane(id);
    due.wake_at.reset();
    due.is_blocked = false;
    due.more_in_store = true;
    consider(due);
  }
  fill_slots();
  set_timer();
}

void Lanes::look_again_later(WebhookId id) {
  schedule_wake(lane(id), world_.now() + kLoadRetryDelay);
}

void Lanes::webhook_changed(WebhookId id) {
  const WebhookPtr webhook = world_.webhook(id);
  Lane* changed = find(id);
  if (changed && changed->held_back) end_pause(*changed);  // the rate limit may have changed
  if (changed) changed->gone_until.reset();
  // What waited when it was switched off may wait there still.
  if (webhook && webhook->webhook.is_active) return wake(id);
  if (changed) consider(*changed);
  fill_slots();
}

// --- the store -----------------------------------------------------------------------------------

void Lanes::load_if_wanted(Lane& target) {
  if (closed_ || !target.more_in_store || target.loading || target.starved ||
      static_cast<int>(target.ready.size()) > memory_of(target) / 2)
    return;
  update_order(target, world_.webhook(target.id));
  if (ready_bytes_ >= options_.memory_budget) {
    target.starved = true;
    starved_.push_back(target.id);
    return;
  }
  target.loading = true;
  target.more_in_store = target.is_blocked = false;
  std::vector<DeliveryId> except;
  except.reserve(target.held.size());
  for (const auto& [id, stage] : target.held) except.push_back(id);
  std::sort(except.begin(), except.end());
  const int room = memory_of(target) - static_cast<int>(target.ready.size());
  if (target.in_order) {
    world_.load_in_order(target.id, std::move(except), room);
  } else {
    world_.load(target.id, std::move(except), room);
  }
}

void Lanes::loaded(WebhookId id, store::Result<store::WaitingPage> page) {
  Lane& target = lane(id);
  target.loading = false;
  const bool is_stale = std::exchange(target.load_is_stale, false);
  target.is_blocked = false;
  if (!page) {
    schedule_wake(target, world_.now() + kLoadRetryDelay);
  } else if (is_stale) {
    target.more_in_store = true;
  } else {
    if (page->more) target.more_in_store = true;
    for (WaitingDelivery& delivery : page->deliveries)
      take_into_memory(target, std::move(delivery));
    if (page->next_due_at) schedule_wake(target, *page->next_due_at);
    target.is_blocked = target.in_order && page->next_due_at.has_value();
  }
  target.released_while_loading.clear();
  consider(target);
  fill_slots();
}

void Lanes::feed_starved() {
  // All of them, once there is room for half a budget: they take turns by asking again.
  if (starved_.empty() || ready_bytes_ > options_.memory_budget / 2) return;
  const std::deque<WebhookId> hungry = std::exchange(starved_, {});
  for (const WebhookId id : hungry) {
    Lane* target = find(id);
    if (!target) continue;
    target->starved = false;
    consider(*target);
  }
}

void Lanes::schedule_wake(Lane& target, Timestamp due_at) {
  if (target.wake_at && *target.wake_at <= due_at) return;
  if (target.wake_at) wakes_.erase({*target.wake_at, target.id});
  target.wake_at = due_at;
  wakes_.insert({due_at, target.id});
  set_timer();
}

void Lanes::set_timer() {
  std::optional<Timestamp> earliest;
  if (!wakes_.empty()) earliest = wakes_.begin()->first;
  if (!paced_.empty() && (!earliest || paced_.begin()->first < *earliest)) {
    earliest = paced_.begin()->first;
  }
  if (earliest == timer_) return;
  timer_ = earliest;
  world_.wake_at(earliest);
}

// --- strict order --------------------------------------------------------------------------------

bool Lanes::update_order(Lane& target, const WebhookPtr& webhook) {
  const bool wanted = webhook && wants_order(webhook->webhook);
  if (wanted == target.in_order) return false;
  target.in_order = wanted;
  target.is_blocked = false;
  forget_ready(target);
  target.more_in_store = true;
  return true;
}

bool Lanes::waits_for_its_turn(const Lane& target) const {
  // What is held and not ready is under way, or its outcome is not yet durable.
  return target.in_order && target.held.size() > target.ready.size();
}

// --- the rate limit ------------------------------------------------------------------------------

void Lanes::schedule_pace(Lane& target, Timestamp at) {
  if (target.paced_at) paced_.erase({*target.paced_at, target.id});
  target.paced_at = at;
  paced_.insert({at, target.id});
  set_timer();
}

// Sooner than was asked for where the clock was set back meanwhile.
Timestamp Lanes::pause_ends_at(Lane& target, Timestamp now) {
  return target.held_back && target.pace ? target.pace->next(now, target.interval)
                                         : *target.paced_at;
}

void Lanes::shorten_pauses(Timestamp now) {
  for (const auto& [asked_for, id] : std::set(paced_)) {
    Lane& target = *find(id);
    schedule_pace(target, pause_ends_at(target, now));
  }
}

void Lanes::end_pause(Lane& target) {
  if (target.paced_at) paced_.erase({*target.paced_at, target.id});
  target.paced_at.reset();
  target.held_back = false;
}

bool Lanes::update_pace(Lane& target, const WebhookPtr& webhook) {
  const WebhookOptions* options = options_of(webhook);
  if (options == nullptr || !options->rate_limit) {
    target.pace.reset();
    return false;
  }
  // Of what is in order, one node sends all.
  const double share = options->ordered ? 1 : world_.rate_share();
  const double per_second = *options->rate_limit * share;
  if (!target.pace) target.pace.emplace();
  target.interval = Pace::interval_of(per_second);
  target.paced_memory =
      std::clamp(static_cast<int>(per_second * kPacedMemory.count()), 1, options_.lane_memory);
  return true;
}

bool Lanes::hold_back(Lane& target, const WebhookPtr& webhook) {
  if (!update_pace(target, webhook)) return false;
  const Timestamp now = world_.now();
  const Timestamp next = target.pace->next(now, target.interval);
  if (next <= now) return false;
  while (static_cast<int>(target.ready.size()) > target.paced_memory) drop_last_ready(target);
  target.held_back = true;
  schedule_pace(target, next);
  return true;
}

// A lane that was forgotten would begin anew: so it stays until there is nothing to remember.
bool Lanes::remembers_pace(Lane& target) {
  if (!target.pace || target.pace->rested_at() <= world_.now()) return false;
  if (!target.paced_at) schedule_pace(target, target.pace->rested_at());
  return true;
}

void Lanes::drop_last_ready(Lane& target) {
  const WaitingDelivery& last = target.ready.back();
  --ready_;
  ready_bytes_ -= bytes_of(last);
  release(target, last.id);
  target.ready.pop_back();
  target.more_in_store = true;
}

// --- slots
// -----------------------------------------------------------------------------------------

void Lanes::consider(Lane& target) {
  end_if_inactive(target);
  if (may_send(target) && !target.in_turn) {
    target.in_turn = true;
    turn_.push_back(target.id);
  }
  load_if_wanted(target);
  if (is_gone(target)) schedule_wake(target, *target.gone_until);
  const bool shrunk = target.concurrency.shrunk();
  if (shrunk != target.counted_as_shrunk) {
    shrunk ? ++shrunk_lanes_ : --shrunk_lanes_;
    target.counted_as_shrunk = shrunk;
  }
  if (target.idle() && !remembers_pace(target)) {
    end_pause(target);
    if (shrunk) --shrunk_lanes_;
    lanes_.erase(target.id);
  }
}

void Lanes::end_if_inactive(Lane& target) {
  if (target.ready.empty() && !target.more_in_store && !target.loading) return;
  const WebhookPtr webhook = world_.webhook(target.id);
  if (webhook && webhook->webhook.is_active) return;
  // A test goes out to an inactive webhook too; one that is still here was left by a crash, and
  // ends like the rest.
  forget_ready(target);
  target.more_in_store = false;
  if (webhook) world_.fail_waiting(target.id);
}

void Lanes::release(Lane& target, DeliveryId id) {
  target.held.erase(id);
  if (target.held_while_asking.erase(id) > 0) target.more_in_store = true;
  if (target.loading) target.released_while_loading.insert(id);
}

bool Lanes::may_send(const Lane& target) const {
  return !target.ready.empty() && !target.held_back && !is_gone(target) &&
         !waits_for_its_turn(target) && target.in_flight < target.concurrency.limit();
}

bool Lanes::is_gone(const Lane& target) const {
  if (!target.gone_until) return false;
  const Micros left = *target.gone_until - world_.now();
  return left > Micros{0} && left <= kGonePatience;  // more where the clock was set back
}

bool Lanes::slot_free_for(const Lane& target) const {
  const int free = options_.in_flight_limit - in_flight_;
  // Never more than what is left for everybody else: however many receivers hang, some slots stay
  // free.
  if (target.in_flight >= free) return false;
  return !target.concurrency.suspect() || suspect_in_flight_ < options_.in_flight_limit / 2;
}

void Lanes::fill_slots() {
  if (closed_ || !world_.may_deliver()) return;
  feed_starved();
  std::size_t passed_over = 0;
  while (passed_over < turn_.size() && passed_over < kPassedOverLimit &&
         in_flight_ < options_.in_flight_limit && unrecorded_ < options_.unrecorded_limit) {
    const WebhookId id = turn_.front();
    turn_.pop_front();
    Lane& next = *find(id);  // a lane in turn is not idle, so it is there
    next.in_turn = false;
    if (may_send(next) && !slot_free_for(next)) {
      next.in_turn = true;
      turn_.push_back(id);
      ++passed_over;
      continue;
    }
    if (may_send(next)) start_next(next);
    consider(next);
  }
}

void Lanes::start_next(Lane& target) {
  WebhookPtr webhook = world_.webhook(target.id);
  if (!webhook || !webhook->webhook.is_active) return;  // consider() ends what waits
  if (update_order(target, webhook) || hold_back(target, webhook)) return;
  WaitingDelivery delivery = std::move(target.ready.front());
  target.ready.pop_front();
  --ready_;
  ready_bytes_ -= bytes_of(delivery);
  begin_attempt(target, std::move(delivery), std::move(webhook));
}

void Lanes::begin_attempt(Lane& target, WaitingDelivery delivery, WebhookPtr webhook) {
  if (update_pace(target, webhook)) target.pace->begin(world_.now(), target.interval);
  target.held[delivery.id] = Lane::Stage::in_flight;
  ++target.in_flight;
  ++in_flight_;
  if (target.concurrency.suspect()) {
    ++target.suspect_in_flight;
    ++suspect_in_flight_;
  }
  world_.attempt(std::move(delivery), std::move(webhook));
}

// --- outcomes
// --------------------------------------------------------------------------------------

void Lanes::attempt_finished(WaitingDelivery delivery, AttemptReport report) {
  Lane& target = lane(delivery.webhook_id);
  target.held[delivery.id] = Lane::Stage::recording;
  --target.in_flight;
  --in_flight_;
  if (target.suspect_in_flight > 0) {
    --target.suspect_in_flight;
    --suspect_in_flight_;
  }
  const Attempt& attempt = report.attempt;
  target.concurrency.on_outcome(attempt.failure, attempt.response_status.value_or(0),
                                attempt.duration);

  const WebhookPtr webhook = world_.webhook(target.id);
  const WebhookOptions* own = options_of(webhook);
  const Verdict verdict =
      judge({.attempt = attempt,
             .schedule_position = delivery.schedule_position,
             .is_test = delivery.is_test,
             .webhook_is_active = webhook && webhook->webhook.is_active,
             .retry_after = report.retry_after,
             .now = world_.now(),
             .jitter = world_.jitter(),
             .url_has_changed =
                 webhook && report.webhook && report.webhook->webhook.url != webhook->webhook.url},
            own && own->retry_schedule ? *own->retry_schedule : options_.schedule);
  ++unrecorded_;
  if (std::holds_alternative<GaveUp>(verdict) && !delivery.is_test && webhook &&
      webhook->webhook.is_active) {
    world_.gave_up(delivery, webhook, attempt);
  }
  if (ends_webhook(verdict)) target.gone_until = world_.now() + kGonePatience;
  const DeliveryId id = delivery.id;
  if (delivery.is_test) {  // also where nobody waits: somebody may yet
    unrecorded_tests_.emplace(id, SettledAttempt{std::move(delivery), attempt, verdict});
  }
  world_.record({.delivery_id = id,
                 .webhook_id = target.id,
                 .attempt = std::move(report.attempt),
                 .verdict = verdict,
                 .first = report.first});
  consider(target);
  fill_slots();
}

void Lanes::recorded(const store::AttemptOutcome& outcome) {
  --unrecorded_;
  Lane& target = lane(outcome.webhook_id);
  release(target, outcome.delivery_id);
  if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
    schedule_wake(target, retry->at);
    if (target.in_order) {
      forget_ready(target);  // all of it comes after the one that waits now
      target.is_blocked = true;
    }
  }
  // Not before: what waits is ended with the webhook, and this delivery must end as gone, its
  // attempt in the log.
  if (ends_webhook(outcome.verdict)) {
    target.gone_until = world_.now() + kGonePatience;
    world_.switch_off(target.id);
  }
  if (const auto test = unrecorded_tests_.find(outcome.delivery_id);
      test != unrecorded_tests_.end()) {
    SettledAttempt settled = std::move(test->second);
    unrecorded_tests_.erase(test);
    settle_waiter(outcome.delivery_id, std::move(settled));
  }
  answer_askers(outcome.delivery_id);
  consider(target);
  fill_slots();
}

void Lanes::answer_askers(DeliveryId id) {
  const auto asked = askers_.find(id);
  if (asked == askers_.end()) return;
  const std::vector<InFlight> answers = std::move(asked->second);
  askers_.erase(asked);
  for (const InFlight& answer : answers) answer(false);
}

void Lanes::settle_waiter(DeliveryId id, std::optional<SettledAttempt> settled) {
  const auto waiter = waiters_.find(id);
  if (waiter == waiters_.end()) return;
  const Settled notify = std::move(waiter->second);
  waiters_.erase(waiter);
  notify(std::move(settled));
}

void Lanes::start_anew() {
  std::vector<WebhookId> ids;
  ids.reserve(lanes_.size());
  for (const auto& [id, lane] : lanes_) ids.push_back(id);
  for (const WebhookId id : ids) ask_anew(*find(id));
  fill_slots();
}

void Lanes::close() {
  closed_ = true;
}

void Lanes::abandon_waiters() {
  for (auto& [id, notify] : std::exchange(waiters_, {})) notify(std::nullopt);
  for (auto& [id, answers] : std::exchange(askers_, {})) {
    for (const InFlight& answer : answers) answer(true);
  }
}

void Lanes::ask_in_flight(WebhookId webhook, DeliveryId delivery, InFlight answer) {
  const Lane* const asked = find(webhook);
  if (asked == nullptr) return answer(false);
  const auto held = asked->held.find(delivery);
  if (held == asked->held.end() || held->second == Lane::Stage::ready) return answer(false);
  if (held->second == Lane::Stage::in_flight || !world_.may_deliver()) return answer(true);
  askers_[delivery].push_back(std::move(answer));
}

Lanes::Stats Lanes::stats() const {
  return {.lanes = lanes_.size(),
          .shrunk_lanes = shrunk_lanes_,
          .ready = ready_,
          .in_flight = in_flight_,
          .unrecorded = unrecorded_,
          .ready_bytes = ready_bytes_,
          .held_back = paced_.size()};
}

}  // namespace skyhook::delivery
