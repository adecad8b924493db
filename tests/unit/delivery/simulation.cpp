#include "simulation.h"

#include <algorithm>
#include <utility>

#include "delivery/pace.h"
#include "domain/webhook_options.h"

namespace skyhook::delivery::simulation {

namespace {

constexpr int kChunk = 20;  // deliveries ended at a time for a switched-off webhook
constexpr Micros kEndPatience = Seconds{10};  // of an orderly end, for what is in flight
// Failures in a row after which a lane of any size is down to one at a time.
constexpr int kOverloadsUntilOne = 3;

std::shared_ptr<WebhookEntry> make_webhook(WebhookId id, int generation) {
  auto entry = std::make_shared<WebhookEntry>();
  const std::string name = std::to_string(id.value) + "-" + std::to_string(generation);
  entry->webhook.id = id;
  entry->webhook.is_active = true;
  entry->webhook.secret = "whsec_" + name;
  entry->url = std::make_shared<net::Url>(
      net::Url{.scheme = "https", .host = "example.com", .port = 443, .target = "/" + name});
  return entry;
}

void set_order(WebhookEntry& entry, bool ordered) {
  entry.webhook.options = with_change(
      entry.webhook.options, [ordered](WebhookOptions& options) { options.ordered = ordered; });
}

}  // namespace

Report& Report::operator+=(const Report& other) {
  attempts += other.attempts;
  delivered += other.delivered;
  failed += other.failed;
  duplicates += other.duplicates;
  tests_answered += other.tests_answered;
  reopened += other.reopened;
  retry_after_heeded += other.retry_after_heeded;
  gone += other.gone;
  crashes += other.crashes;
  orderly_ends += other.orderly_ends;
  abandoned_ends += other.abandoned_ends;
  taken_over += other.taken_over;
  sending_stopped += other.sending_stopped;
  held_back += other.held_back;
  in_order += other.in_order;
  return *this;
}

Simulation::Simulation(Options options)
    : options_(std::move(options)),
      random_(options_.seed),
      promises_(clock_, store_, options_.lanes.schedule.delays),
      sender_({.user_agent = "Skyhook/0"}) {
  for (int i = 1; i <= options_.webhooks; ++i) {
    auto entry = make_webhook(WebhookId{i}, 0);
    if (options_.rate_limits) give_options(*entry);
    if (options_.orders && chance(0.5)) set_order(*entry, true);
    directory_[WebhookId{i}] = std::move(entry);
    moods_[WebhookId{i}] = some_mood(random_);
  }
}

Simulation::~Simulation() = default;

void Simulation::require(bool holds, const char* otherwise) {
  if (!holds) throw Violation(otherwise);
}

void Simulation::later(Micros delay, std::function<void()> task, Of owner) {
  future_.push_back(
      {clock_.steady() + delay, ++order_, owner == Of::process ? life_ : 0, std::move(task)});
  std::push_heap(future_.begin(), future_.end(), std::greater<>{});
}

Micros Simulation::some_time() {
  return between(Millis{0}, std::chrono::duration_cast<Millis>(options_.publishing_for));
}

void Simulation::at_some_time(int times, const std::function<void()>& task) {
  for (int i = 0; i < times; ++i) later(some_time(), task, Of::world);
}

// --- the history
// ----------------------------------------------------------------------------------

void Simulation::plan() {
  at_some_time(options_.publishes, [this] { publish(); });
  at_some_time(options_.tests, [this] { publish_test(); });
  at_some_time(options_.reopens, [this] { chance(0.8) ? reopen_one() : recover(some_webhook()); });
  at_some_time(options_.rotations, [this] { rotate(); });
  if (options_.orders) at_some_time(3, [this] { switch_order(); });
  at_some_time(options_.crashes, [this] { crash(); });
  at_some_time(options_.orderly_ends, [this] { end_in_order(); });
  at_some_time(options_.lost_leases, [this] { lose_lease(); });
  if (options_.clock_jumps) at_some_time(1, [this] { jump_and_back(); });
  for (int i = 0; i < options_.outages; ++i) {
    const Timestamp begin = clock_.steady() + some_time();
    outages_.emplace_back(begin, begin + between(Millis{100}, Millis{8000}));
  }
  for (const auto& [id, mood] : moods_) {
    at_some_time(3, [this, webhook = id] { moods_[webhook] = some_mood(random_); });
    if (!options_.switching || !chance(0.4)) continue;
    at_some_time(1, [this, webhook = id] {
      set_active(webhook, false);
      if (chance(0.7))  // soon, so that it meets what the switch has begun
        later(
            between(Millis{0}, Millis{40}), [this, webhook] { set_active(webhook, true); },
            Of::world);
      if (chance(0.2))
        later(
            some_time(), [this, webhook] { delete_webhook(webhook); }, Of::world);
    });
  }
}

Report Simulation::run() {
  try {
    plan();
    start_process();
    play();
    check_end();
    promises_.check_end();
  } catch (const Violation& violation) {
    throw Violation("seed " + std::to_string(options_.seed) + " at " + to_iso8601(clock_.steady()) +
                    ": " + violation.what());
  }
  for (const auto& [id, row] : store_.rows()) {
    row.status == DeliveryStatus::delivered ? ++report_.delivered : ++report_.failed;
  }
  report_.duplicates = promises_.duplicates();
  return report_;
}

void Simulation::play() {
  while (!future_.empty()) {
    std::pop_heap(future_.begin(), future_.end(), std::greater<>{});
    const Happening next = std::move(future_.back());
    future_.pop_back();
    if (next.life != 0 && next.life != life_) continue;
    clock_.advance_to(next.at);
    next.task();
    check_lanes();
  }
}

WaitingDelivery Simulation::make_delivery(WebhookId id, std::string type) {
  const std::int64_t key = next_id_++;
  const auto event = std::make_shared<const Event>(Event{
      .id = EventId{key},
      .type = std::move(type),
      .data = "{\"id\": " + std::string(random_.next() % 200, '1') + std::to_string(key) + "}",
      .created_at = now()});
  return {.id = DeliveryId{key},
          .webhook_id = id,
          .event = event,
          .created_at = now(),
          .due_at = now(),
          .is_ordered = wants_order(directory_.at(id)->webhook)};
}

void Simulation::publish() {
  if (closed_) return;
  std::vector<WaitingDelivery> fresh;
  for (int i = chance(0.1) ? 12 : 1; i > 0; --i) {
    for (const auto& [id, entry] : directory_) {
      if (entry->webhook.is_active && chance(0.5))
        fresh.push_back(make_delivery(id, "contact.created"));
    }
  }
  // Durable after a moment; a crash before that was never acknowledged and is nobody's promise.
  later(between(Millis{0}, Millis{5}), [this, fresh, since = clock_.steady()] {
    std::vector<WaitingDelivery> stored = fresh;
    std::erase_if(stored, [&](const auto& one) { return !directory_.contains(one.webhook_id); });
    store_.publish(stored);
    for (const WaitingDelivery& delivery : stored) promises_.accepted(delivery, since);
    ++handing_over_;
    later(between(Millis{0}, Millis{1}), [this, stored] {
      --handing_over_;
      lanes_->add(stored);
    });
  });
}

void Simulation::publish_test() {
  const auto id = some_webhook();
  if (closed_ || !id) return;
  WaitingDelivery test = make_delivery(*id, std::string(kTestEventType));
  test.is_test = true;
  later(between(Millis{0}, Millis{5}), [this, test, since = clock_.steady()] {
    if (!directory_.contains(test.webhook_id)) return;
    store_.publish({test});
    promises_.accepted(test, since);
    if (chance(0.5)) lanes_->wake(test.webhook_id);  // a load may be quicker
    later(between(Millis{0}, Millis{1}), [this, test] {
      unanswered_tests_.insert(test.id);
      lanes_->send_test(test, [this, id = test.id](const auto& settled) {
        require(unanswered_tests_.erase(id) == 1, "a test call is answered twice");
        report_.tests_answered += settled.has_value();
      });
      require(!directory_.contains(test.webhook_id) || closed_ || promises_.is_under_way(test.id),
              "a test is not sent at once");
    });
  });
}

// As POST …/retry does it.
void Simulation::reopen_one() {
  if (closed_ || store_.rows().empty()) return;
  auto at = store_.rows().lower_bound(DeliveryId{
      static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(next_id_)) + 1});
  if (at == store_.rows().end()) at = store_.rows().begin();
  const DeliveryId id = at->first;
  const WebhookId webhook_id = at->second.webhook_id;
  const WebhookPtr present = webhook(webhook_id);
  if (!present || !present->webhook.is_active) return;
  lanes_->ask_in_flight(webhook_id, id, [this, id, webhook_id](bool in_flight) {
    if (in_flight) return;
    later(between(Millis{0}, Millis{6}), [this, id, webhook_id] { reopen(webhook_id, id); });
  });
}

void Simulation::reopen(WebhookId webhook_id, DeliveryId id) {
  if (store_is_down() || !store_.reopen(id, now())) return;
  promises_.reopened(id);
  ++report_.reopened;
  later(between(Millis{0}, Millis{1}), [this, webhook_id] { lanes_->wake(webhook_id); });
}

// Is an attempt of it under way, or its outcome not yet durable?
bool Simulation::is_held(WebhookId webhook_id, DeliveryId id) {
  const auto held = std::make_shared<bool>(true);
  lanes_->ask_in_flight(webhook_id, id, [held](bool in_flight) { *held = in_flight; });
  return *held;
}

// As POST …/recover does it: every failed delivery, dealt out over time.
void Simulation::recover(std::optional<WebhookId> id) {
  const WebhookPtr present = id ? webhook(*id) : nullptr;
  if (closed_ || !present || !present->webhook.is_active || store_is_down()) return;
  Timestamp due_at = now();
  std::vector<DeliveryId> failed;
  for (const auto& [delivery, row] : store_.rows()) {
    if (row.webhook_id == *id && row.status == DeliveryStatus::failed) failed.push_back(delivery);
  }
  for (const DeliveryId delivery : failed) {
    store_.reopen(delivery, due_at);
    promises_.reopened(delivery);
    ++report_.reopened;
    due_at += Millis{50};
  }
  later(between(Millis{0}, Millis{1}), [this, webhook = *id] { lanes_->wake(webhook); });
}

// --- webhooks change
// ------------------------------------------------------------------------------

std::optional<WebhookId> Simulation::some_webhook() {
  if (directory_.empty()) return std::nullopt;
  return std::next(directory_.begin(),
                   static_cast<std::ptrdiff_t>(random_.next() % directory_.size()))
      ->first;
}

void Simulation::change(WebhookId id, const std::function<void(WebhookEntry&)>& change) {
  const auto found = directory_.find(id);
  if (found == directory_.end()) return;
  auto changed = std::make_shared<WebhookEntry>(*found->second);
  change(*changed);
  found->second = changed;
  later(between(Millis{0}, Millis{2}), [this, id, active = changed->webhook.is_active] {
    gone_.erase(id);
    lanes_->webhook_changed(id);
    if (!active) fail_waiting(id);
  });
}

void Simulation::give_options(WebhookEntry& entry) {
  entry.webhook.options = with_change(nullptr, [&](WebhookOptions& options) {
    if (chance(0.5)) options.rate_limit = 0.5 + random_.unit() * 30;
    if (chance(0.5)) return;
    RetrySchedule schedule{.delays = {}};
    while (chance(0.6)) schedule.delays.emplace_back(random_.next() % 4000);
    promises_.set_schedule(entry.webhook.id, schedule.delays);
    options.retry_schedule = std::move(schedule);
  });
}

void Simulation::rotate() {
  const auto id = some_webhook();
  if (!id) return;
  const int generation = static_cast<int>(random_.next() % 1000) + 1;
  change(*id, [&](WebhookEntry& entry) {
    const auto fresh = make_webhook(*id, generation);
    entry.webhook.secret = fresh->webhook.secret;
    entry.url = fresh->url;
  });
}

void Simulation::switch_order() {
  if (const auto id = some_webhook()) {
    change(*id, [](WebhookEntry& entry) { set_order(entry, !wants_order(entry.webhook)); });
  }
}

void Simulation::set_active(WebhookId id, bool active) {
  in_flight_[id].overloads = 0;
  change(id, [&](WebhookEntry& entry) { entry.webhook.is_active = active; });
}

void Simulation::delete_webhook(WebhookId id) {
  if (directory_.erase(id) == 0) return;
  store_.remove(id);
  later(between(Millis{0}, Millis{2}), [this, id] {
    sender_.forget(id);
    lanes_->webhook_changed(id);
  });
}

// --- trouble
// --------------------------------------------------------------------------------------

void Simulation::jump_and_back() {
  const Micros by = std::chrono::hours{chance(0.5) ? 1 : -1};
  jump(by);
  later(
      between(Millis{100}, Millis{20'000}), [this, by] { jump(-by); }, Of::world);
}

void Simulation::jump(Micros by) {
  clock_.jump(by);
  begun_.clear();  // a rate limit may begin anew
  for (auto& [id, gone] : gone_) gone.clock_jumped = true;
}

void Simulation::start_process() {
  begun_.clear();
  lanes_ = std::make_unique<Lanes>(*this, options_.lanes);
  for (const WebhookId id : store_.webhooks_with_waiting()) lanes_->wake(id);
}

void Simulation::end_process() {
  const int lost = promises_.process_ended();
  require(lost <= options_.lanes.in_flight_limit + options_.lanes.unrecorded_limit + options_.tests,
          "more was in flight than there are slots and outcomes that may wait");
  ++life_;
  wake_.reset();
  in_flight_.clear();
  in_flight_total_ = tests_in_flight_ = handing_over_ = 0;
  ending_waiting_.clear();
  end_waiting_again_.clear();
  asked_to_switch_off_.clear();
  gone_.clear();
  unanswered_tests_.clear();
  may_deliver_ = true;
  closed_ = false;
}

void Simulation::crash() {
  ++report_.crashes;
  end_process();
  start_process();
}

void Simulation::end_in_order() {
  if (closed_) return;
  closed_ = true;
  lanes_->close();
  await_rest(clock_.steady() + kEndPatience);
}

void Simulation::await_rest(Timestamp deadline) {
  const bool at_rest = lanes_->at_rest();
  if (!at_rest && clock_.steady() < deadline)
    return later(Millis{20}, [this, deadline] { await_rest(deadline); });
  ++(at_rest ? report_.orderly_ends : report_.abandoned_ends);
  lanes_->abandon_waiters();
  require(unanswered_tests_.empty(), "a test call is not answered at the end");
  end_process();
  start_process();
}

void Simulation::lose_lease() {
  if (closed_ || !may_deliver_) return;
  may_deliver_ = false;
  later(between(Millis{1}, Millis{3000}), [this] { regain_lease(chance(0.5)); });
}

void Simulation::regain_lease(bool others_took_over) {
  // What was made durable just now is younger than any lease that could have been lost.
  if (handing_over_ > 0)
    return later(Millis{1}, [this, others_took_over] { regain_lease(others_took_over); });
  may_deliver_ = true;
  if (!others_took_over) return lanes_->go_on();
  for (const auto& [id, row] : store_.rows()) {
    if (row.status != DeliveryStatus::pending || row.is_test) continue;
    if (is_held(row.webhook_id, id) || !chance(0.5)) continue;
    store_.delivered_elsewhere(id);
    promises_.delivered_elsewhere(id);
    ++report_.taken_over;
  }
  lanes_->start_anew();
}

// --- the world that the lanes see
// -----------------------------------------------------------------

WebhookPtr Simulation::webhook(WebhookId id) {
  const auto found = directory_.find(id);
  return found == directory_.end() ? nullptr : found->second;
}

void Simulation::attempt(WaitingDelivery delivery, WebhookPtr webhook) {
  check_may_begin(delivery);
  check_rate(delivery);
  check_order(delivery);
  const Timestamp started_at = now();
  promises_.sent(delivery, sender_.make_request(delivery, *webhook, started_at),
                 *directory_.at(delivery.webhook_id));
  ++report_.attempts;
  ++in_flight_[delivery.webhook_id].count;
  ++in_flight_total_;
  tests_in_flight_ += delivery.is_test;
  Answer answer = answer_of(moods_[delivery.webhook_id], random_, started_at);
  const Micros duration = answer.result.duration;
  later(duration, [this, delivery = std::move(delivery), answer = std::move(answer), started_at] {
    finish(delivery, answer, started_at);
  });
}

void Simulation::finish(const WaitingDelivery& delivery, const Answer& answer,
                        Timestamp started_at) {
  InFlight& lane = in_flight_[delivery.webhook_id];
  --lane.count;
  --in_flight_total_;
  tests_in_flight_ -= delivery.is_test;
  const net::ClientResult& result = answer.result;
  const bool overload = result.failure != FailureReason::none || result.status / 100 == 5 ||
                        result.status == 429 || result.status / 100 == 3;
  lane.overloads = overload ? lane.overloads + 1 : 0;
  report_.retry_after_heeded += answer.leave_alone || answer.leave_alone_until;
  if (result.status == 410) {
    ++report_.gone;
    gone_[delivery.webhook_id] = {.at = clock_.steady()};
  }
  promises_.answered(delivery.id, answer);
  lanes_->attempt_finished(delivery, Sender::make_report(delivery, result, started_at, now()));
}

bool Simulation::store_is_down() const {
  return std::any_of(outages_.begin(), outages_.end(), [&](const auto& outage) {
    return outage.first <= clock_.steady() && clock_.steady() < outage.second;
  });
}

void Simulation::record(store::AttemptOutcome outcome) {
  const WebhookPtr present = webhook(outcome.webhook_id);
  promises_.judged(outcome, present && present->webhook.is_active);
  require(!asked_to_switch_off_.contains(outcome.webhook_id),
          "a webhook is switched off before the outcome that says so is durable");
  const auto commit = [this, outcome](const auto& again) -> void {
    if (store_is_down()) {  // kept and offered again
      return later(between(Millis{100}, Millis{500}), [again] { again(again); });
    }
    store_.record(outcome);
    promises_.outcome_is_durable(outcome.delivery_id);
    // By way of another node, which cannot know what is under way here.
    if (chance(0.01)) reopen(outcome.webhook_id, outcome.delivery_id);
    later(between(Millis{0}, Millis{3}), [this, outcome] {
      asked_to_switch_off_.erase(outcome.webhook_id);
      const std::size_t lanes = lanes_->stats().lanes;
      lanes_->recorded(outcome);
      // It ended, and begins anew with what another node has reopened meanwhile.
      if (lanes_->stats().lanes < lanes) in_flight_[outcome.webhook_id].overloads = 0;
      promises_.recorded(outcome, asked_to_switch_off_.erase(outcome.webhook_id) > 0);
    });
  };
  later(between(Millis{0}, Millis{12}), [commit] { commit(commit); });
}

void Simulation::load_by(ReadWaiting read, WebhookId id, std::vector<DeliveryId> except,
                         int limit) {
  later(between(Millis{0}, Millis{6}),
        [this, read, id, except = std::move(except), limit, at = now()] {
          std::optional<store::WaitingPage> page;
          if (!store_is_down()) page = (store_.*read)(id, at, except, limit);
          // The answer is as old as its way back is long: outcomes may become durable meanwhile.
          later(between(Millis{0}, Millis{chance(0.5) ? 1 : 20}), [this, id, page] {
            if (page) return lanes_->loaded(id, *page);
            lanes_->loaded(id, Err{store::Error{store::Error::Kind::unavailable, "simulated"}});
          });
        });
}

// As the janitor does it.
void Simulation::fail_waiting(WebhookId id) {
  if (!ending_waiting_.insert(id).second) {
    end_waiting_again_.insert(id);
    return;
  }
  later(between(Millis{0}, Millis{6}), [this, id] { end_waiting_step(id); });
}

void Simulation::end_waiting_step(WebhookId id) {
  const WebhookPtr present = webhook(id);
  const bool failed = store_is_down();
  const int ended =
      present && !present->webhook.is_active && !failed ? store_.fail_waiting(id, kChunk) : 0;
  if (ended > 0 || (end_waiting_again_.erase(id) > 0 && !failed))
    return later(between(Millis{0}, Millis{6}), [this, id] { end_waiting_step(id); });
  ending_waiting_.erase(id);
  if (failed) lanes_->look_again_later(id);
}

void Simulation::switch_off(WebhookId id) {
  asked_to_switch_off_.insert(id);
  gone_[id] = {.at = clock_.steady()};
  later(between(Millis{0}, Millis{6}), [this, id] { set_active(id, false); });
}

void Simulation::wake_at(std::optional<Timestamp> when) {
  wake_ = when;
  if (!when) return;
  later(std::max(Micros{0}, *when - now()), [this, when] {
    if (wake_ != when) return;  // replaced meanwhile
    wake_.reset();
    lanes_->on_time();
  });
}

// --- what must hold
// -------------------------------------------------------------------------------

void Simulation::check_may_begin(const WaitingDelivery& delivery) const {
  require(!closed_, "an attempt begins after the end was asked for");
  if (delivery.is_test) return;  // at once, past every queue
  require(may_deliver_, "an attempt begins while others may deliver the same");
  const auto gone = gone_.find(delivery.webhook_id);
  require(gone == gone_.end() || gone->second.clock_jumped || !is_recent(gone->second),
          "an attempt begins after a 410");
  const auto found = in_flight_.find(delivery.webhook_id);
  const InFlight lane = found == in_flight_.end() ? InFlight{} : found->second;
  const int free = options_.lanes.in_flight_limit - in_flight_total_;
  require(free > 0, "an attempt begins without a free slot");
  require(lane.count < options_.lanes.in_flight_limit_per_lane, "a lane goes above its ceiling");
  require(lane.count < free, "a lane takes more slots than it leaves to others");
  require(lane.overloads < kOverloadsUntilOne || lane.count == 0,
          "a lane whose receiver fails sends more than one at a time");
  require(lanes_->stats().unrecorded < options_.lanes.unrecorded_limit,
          "an attempt begins while too many outcomes are not yet durable");
}

// Over any span no more than the limit allows, tests aside.
void Simulation::check_rate(const WaitingDelivery& delivery) {
  const WebhookOptions* options = directory_.at(delivery.webhook_id)->webhook.options.get();
  if (options == nullptr || !options->rate_limit || delivery.is_test) return;
  std::vector<Timestamp>& begun = begun_[delivery.webhook_id];
  begun.push_back(clock_.steady());
  const Micros interval = Pace::interval_of(*options->rate_limit);
  for (std::size_t back = 0; back < begun.size(); ++back) {
    const Timestamp since = begun[begun.size() - 1 - back];
    require(static_cast<std::int64_t>(back) * interval <= clock_.steady() - since + Pace::kSlack,
            "attempts begin faster than the webhook's rate limit allows");
  }
}

// Tests aside, nothing begins while something earlier is not settled. Those that were published at
// the same time come in either order.
void Simulation::check_order(const WaitingDelivery& delivery) {
  if (delivery.is_test || !wants_order(directory_.at(delivery.webhook_id)->webhook)) return;
  for (const auto& [id, row] : store_.rows()) {
    if (row.webhook_id != delivery.webhook_id || row.is_test || id == delivery.id) continue;
    require(!promises_.is_under_way(id), "an attempt begins while another is not settled");
    if (row.status != DeliveryStatus::pending) continue;
    require(!promises_.comes_before(id, delivery.id),
            "an attempt begins while an earlier delivery waits");
    ++report_.in_order;
  }
}

bool Simulation::is_recent(const Gone& gone) const {
  return clock_.steady() - gone.at < Lanes::kGonePatience;
}

void Simulation::check_lanes() {
  for (auto& [id, lane] : in_flight_) {
    if (!store_.has_waiting(id)) lane.overloads = 0;  // its lane may end, and begin anew
  }
  const Lanes::Stats stats = lanes_->stats();
  const Lanes::Options& limits = options_.lanes;
  require(in_flight_total_ - tests_in_flight_ <= limits.in_flight_limit,
          "more is in flight than there are slots");
  require(stats.in_flight == in_flight_total_, "the lanes miscount what is in flight");
  const int recordable = limits.unrecorded_limit + limits.in_flight_limit + options_.tests;
  require(stats.unrecorded <= recordable, "more outcomes wait for the store than may");
  const auto held = static_cast<std::size_t>(options_.webhooks * limits.lane_memory * 2);
  require(stats.ready <= held, "more deliveries are in memory than lanes may hold");
  require((stats.ready == 0) == (stats.ready_bytes == 0), "the lanes miscount their memory");
  const bool full = stats.unrecorded >= limits.unrecorded_limit;
  report_.sending_stopped += full && stats.ready > 0;
  report_.held_back += stats.held_back > 0;
  // In strict order an outcome that is not yet durable holds up what comes after it.
  const bool in_order = options_.orders && stats.unrecorded > 0;
  const bool gone = std::ranges::any_of(gone_, [this](const auto& entry) {
    return entry.second.clock_jumped || is_recent(entry.second);
  });
  require(stats.ready == 0 || in_flight_total_ > 0 || full || closed_ || !may_deliver_ ||
              stats.held_back > 0 || in_order || gone,
          "deliveries wait though every slot is free");
}

void Simulation::check_end() const {
  require(unanswered_tests_.empty(), "a test call is never answered");
  require(lanes_->at_rest(), "the lanes do not come to rest");
  require(lanes_->stats().lanes == 0, "lanes with nothing to do stay in memory");
}

}  // namespace skyhook::delivery::simulation
