#include "simulation.h"

#include <algorithm>

namespace skyhook::delivery::simulation {

namespace {

constexpr int kChunk = 20;  // deliveries ended at a time for a switched-off webhook

}  // namespace

Simulation::Simulation(Options options) : options_(std::move(options)), random_(options_.seed) {
  for (int i = 1; i <= options_.webhooks; ++i) {
    auto entry = std::make_shared<WebhookEntry>();
    entry->webhook.id = WebhookId{i};
    entry->webhook.is_active = true;
    directory_[WebhookId{i}] = entry;
    moods_[WebhookId{i}] = static_cast<Mood>(random_.next() % 7);
  }
}

Simulation::~Simulation() = default;

void Simulation::violated(const std::string& what) const {
  throw Violation("seed " + std::to_string(options_.seed) + " at " + to_iso8601(now_) + ": " +
                  what);
}

void Simulation::later(Micros delay, std::function<void()> task, bool of_process) {
  future_.push({now_ + delay, ++order_, of_process ? life_ : 0, std::move(task)});
}

Micros Simulation::between(Millis least, Millis most) {
  return least + Micros{static_cast<std::int64_t>(
                     random_.unit() * static_cast<double>(Micros{most - least}.count()))};
}

// --- the history
// -----------------------------------------------------------------------------------

void Simulation::plan() {
  const auto some_time = [this] {
    return Micros{static_cast<std::int64_t>(random_.unit() *
                                            static_cast<double>(options_.publishing_for.count()))};
  };
  for (int i = 0; i < options_.events; ++i)
    later(
        some_time(), [this] { publish(); }, false);
  for (int i = 0; i < options_.crashes; ++i)
    later(
        some_time() * 2, [this] { crash(); }, false);
  if (options_.store_outages) {
    for (int i = 0; i < 3; ++i) {
      const Timestamp begin = now_ + some_time();
      outages_.emplace_back(begin, begin + between(Millis{100}, Millis{8000}));
    }
  }
  for (auto& [id, mood] : moods_) {  // receivers change their minds, and all are well in the end
    const WebhookId webhook = id;
    for (int i = 0; i < 3; ++i) {
      later(
          some_time(), [this, webhook] { moods_[webhook] = static_cast<Mood>(random_.next() % 7); },
          false);
    }
    if (options_.switching && chance(0.3)) {
      later(
          some_time(), [this, webhook] { set_active(webhook, false); }, false);
      if (chance(0.7))
        later(
            some_time(), [this, webhook] { set_active(webhook, true); }, false);
      if (chance(0.2))
        later(
            some_time(), [this, webhook] { delete_webhook(webhook); }, false);
    }
  }
}

Report Simulation::run() {
  plan();
  start();
  while (!future_.empty()) {
    Happening next = future_.top();
    future_.pop();
    if (next.life != 0 && next.life != life_) continue;
    now_ = next.at;
    next.task();
    check_bounds();
  }
  check_end();
  return report_;
}

void Simulation::start() {
  lanes_ = std::make_unique<Lanes>(*this, options_.lanes);
  std::set<WebhookId> waiting;
  for (const auto& [id, row] : rows_) {
    if (row.status == DeliveryStatus::pending) waiting.insert(row.webhook_id);
  }
  for (const WebhookId id : waiting) lanes_->wake(id);
}

void Simulation::crash() {
  ++report_.crashes;
  ++life_;
  for (auto& [id, truth] : truth_) {
    // What was in flight, or answered with the outcome not yet durable, may be sent again.
    if (truth.under_way) ++truth.in_flight_at_crash;
    truth.under_way = false;
  }
  in_flight_.clear();
  in_flight_total_ = 0;
  failing_waiting_.clear();
  wake_.reset();
  start();
}

void Simulation::publish() {
  const bool batch = chance(0.1);
  std::vector<WaitingDelivery> fresh;
  for (int i = 0; i < (batch ? 20 : 1); ++i) {
    for (const auto& [id, entry] : directory_) {
      if (!entry->webhook.is_active || chance(0.5)) continue;
      const DeliveryId delivery{next_id_++};
      events_[delivery] = std::make_shared<const Event>(Event{.id = EventId{delivery.value},
                                                              .type = "contact.created",
                                                              .data = "{}",
                                                              .created_at = now_});
      fresh.push_back({.id = delivery,
                       .webhook_id = id,
                       .event = events_[delivery],
                       .created_at = now_,
                       .due_at = now_});
    }
  }
  // Durable after a moment; a crash before that was never acknowledged and is nobody's promise.
  later(between(Millis{0}, Millis{5}), [this, fresh] {
    for (const WaitingDelivery& delivery : fresh) {
      if (deleted_.contains(delivery.webhook_id)) continue;
      rows_[delivery.id] = {.webhook_id = delivery.webhook_id,
                            .created_at = delivery.created_at,
                            .due_at = delivery.due_at};
      truth_[delivery.id];
    }
    later(between(Millis{0}, Millis{2}), [this, fresh] { lanes_->add(fresh); });
  });
}

void Simulation::set_active(WebhookId id, bool active) {
  if (!directory_.contains(id) || (active && failing_waiting_.contains(id))) return;
  auto changed = std::make_shared<WebhookEntry>(*directory_[id]);
  changed->webhook.is_active = active;
  directory_[id] = changed;
  later(Micros{100}, [this, id] {
    lanes_->webhook_changed(id);
    const WebhookPtr present = webhook(id);
    if (present && !present->webhook.is_active) fail_waiting(id);
  });
}

void Simulation::delete_webhook(WebhookId id) {
  directory_.erase(id);
  deleted_.insert(id);
  std::erase_if(rows_, [&](const auto& entry) { return entry.second.webhook_id == id; });
  later(Micros{100}, [this, id] { lanes_->webhook_changed(id); });
}

// --- the world that the lanes see
// ------------------------------------------------------------------------

WebhookPtr Simulation::webhook(WebhookId id) {
  const auto found = directory_.find(id);
  return found == directory_.end() ? nullptr : found->second;
}

AttemptReport Simulation::answer(const WaitingDelivery& delivery, Mood mood) {
  AttemptReport report;
  report.attempt.number = delivery.attempts_made + 1;
  report.attempt.started_at = now_;
  report.attempt.duration = between(Millis{1}, Millis{40});
  const auto status = [&](int code) {
    report.attempt.response_status = code;
    if (code / 100 != 2) report.attempt.failure = FailureReason::http_status;
  };
  switch (mood) {
    case Mood::quick:
      status(200);
      break;
    case Mood::slow:
      report.attempt.duration = between(Millis{1000}, Millis{9000});
      status(200);
      break;
    case Mood::failing:
      status(500);
      break;
    case Mood::refusing:
      report.attempt.failure = FailureReason::connect;
      break;
    case Mood::hanging:
      report.attempt.duration = std::chrono::seconds{30};
      report.attempt.failure = FailureReason::timeout;
      break;
    case Mood::busy:
      status(429);
      report.retry_after = Millis{1500};
      break;
    case Mood::flapping:
      chance(0.5) ? status(204) : status(503);
      break;
  }
  return report;
}

void Simulation::attempt(WaitingDelivery delivery, WebhookPtr) {
  Truth& truth = truth_[delivery.id];
  if (truth.under_way)
    violated("delivery " + std::to_string(delivery.id.value) + " is sent twice at once");
  if (delivery.due_at > now_)
    violated("delivery " + std::to_string(delivery.id.value) + " is sent before it is due");
  const auto row = rows_.find(delivery.id);
  if (row != rows_.end() && row->second.status == DeliveryStatus::delivered) {
    violated("delivery " + std::to_string(delivery.id.value) +
             " is sent after it was recorded as delivered");
  }
  truth.under_way = true;
  ++truth.attempts;
  ++report_.attempts;
  ++in_flight_[delivery.webhook_id];
  ++in_flight_total_;
  AttemptReport report = answer(delivery, moods_[delivery.webhook_id]);
  const Micros duration = report.attempt.duration;
  if (report.attempt.failure == FailureReason::none) ++truth.answered_2xx;
  later(duration, [this, delivery, report] {
    --in_flight_[delivery.webhook_id];
    --in_flight_total_;
    lanes_->attempt_finished(delivery, report);
  });
}

bool Simulation::store_is_down() const {
  return std::any_of(outages_.begin(), outages_.end(), [&](const auto& outage) {
    return outage.first <= now_ && now_ < outage.second;
  });
}

void Simulation::record(store::AttemptOutcome outcome) {
  later(between(Millis{0}, Millis{12}), [this, outcome] {
    if (store_is_down()) return record(outcome);  // kept and offered again
    commit(outcome);
    truth_[outcome.delivery_id].under_way = false;
    later(between(Millis{0}, Millis{3}), [this, outcome] { lanes_->recorded(outcome); });
  });
}

void Simulation::commit(const store::AttemptOutcome& outcome) {
  const auto found = rows_.find(outcome.delivery_id);
  if (found == rows_.end()) return;
  Row& row = found->second;
  if (row.status == DeliveryStatus::delivered) violated("an outcome for what is delivered");
  row.attempts_made = outcome.attempt.number;
  if (std::holds_alternative<Delivered>(outcome.verdict)) {
    row.status = DeliveryStatus::delivered;
  } else if (row.status == DeliveryStatus::pending) {
    if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
      row.due_at = retry->at;
      ++row.schedule_position;
    } else {
      row.status = DeliveryStatus::failed;
    }
  }
}

store::WaitingPage Simulation::read_waiting(WebhookId id, const std::vector<DeliveryId>& except,
                                            int limit) const {
  std::vector<std::pair<Timestamp, DeliveryId>> waiting;
  for (const auto& [delivery, row] : rows_) {
    if (row.webhook_id == id && row.status == DeliveryStatus::pending)
      waiting.emplace_back(row.due_at, delivery);
  }
  std::sort(waiting.begin(), waiting.end());
  store::WaitingPage page;
  for (const auto& [due_at, delivery] : waiting) {
    if (due_at > now_) {
      page.next_due_at = due_at;
      break;
    }
    if (std::binary_search(except.begin(), except.end(), delivery)) continue;
    if (static_cast<int>(page.deliveries.size()) == limit) {
      page.more = true;
      break;
    }
    const Row& row = rows_.at(delivery);
    page.deliveries.push_back({.id = delivery,
                               .webhook_id = id,
                               .event = events_.at(delivery),
                               .created_at = row.created_at,
                               .due_at = row.due_at,
                               .attempts_made = row.attempts_made,
                               .schedule_position = row.schedule_position});
  }
  return page;
}

void Simulation::load(WebhookId id, std::vector<DeliveryId> except, int limit) {
  later(between(Millis{0}, Millis{6}), [this, id, except, limit] {
    std::optional<store::WaitingPage> page;
    if (!store_is_down()) page = read_waiting(id, except, limit);
    // The answer is as old as its way back is long: outcomes may become durable meanwhile.
    later(between(Millis{0}, Millis{20}), [this, id, page] {
      if (page) return lanes_->loaded(id, *page);
      lanes_->loaded(id, Err{store::Error{store::Error::Kind::unavailable, "simulated"}});
    });
  });
}

void Simulation::fail_waiting(WebhookId id) {
  if (!failing_waiting_.insert(id).second) return;
  later(between(Millis{0}, Millis{6}), [this, id] { fail_chunk(id); });
}

void Simulation::fail_chunk(WebhookId id) {
  const WebhookPtr present = webhook(id);
  int ended = 0;
  if (present && !present->webhook.is_active) {
    for (auto& [delivery, row] : rows_) {
      if (row.webhook_id != id || row.status != DeliveryStatus::pending || ended == kChunk)
        continue;
      row.status = DeliveryStatus::failed;
      ++ended;
    }
  }
  if (ended > 0) return later(between(Millis{0}, Millis{6}), [this, id] { fail_chunk(id); });
  failing_waiting_.erase(id);
}

void Simulation::switch_off(WebhookId id) {
  set_active(id, false);
}

void Simulation::wake_at(std::optional<Timestamp> when) {
  wake_ = when;
  if (!when) return;
  later(std::max(Micros{0}, *when - now_), [this, when] {
    if (wake_ != when) return;  // replaced meanwhile
    wake_.reset();
    lanes_->on_time();
  });
}

// --- what must hold
// ----------------------------------------------------------------------------------

void Simulation::check_bounds() {
  if (in_flight_total_ > options_.lanes.in_flight_limit)
    violated("more in flight than there are slots");
  for (const auto& [id, count] : in_flight_) {
    if (count > options_.lanes.in_flight_limit_per_lane) violated("a lane above its ceiling");
  }
  const Lanes::Stats stats = lanes_->stats();
  if (stats.in_flight != in_flight_total_) violated("the lanes miscount what is in flight");
  const auto most = static_cast<std::size_t>(options_.webhooks) * 2 *
                    static_cast<std::size_t>(options_.lanes.lane_memory);
  if (stats.ready > most) violated("more deliveries in memory than lanes may hold");
}

void Simulation::check_end() {
  const std::size_t most_attempts = options_.lanes.schedule.delays.size() + 1;
  for (const auto& [id, row] : rows_) {
    const Truth& truth = truth_.at(id);
    const std::string name = "delivery " + std::to_string(id.value);
    if (row.status == DeliveryStatus::pending) violated(name + " was forgotten");
    if (row.status == DeliveryStatus::delivered && truth.answered_2xx == 0)
      violated(name + " is delivered by nobody");
    if (static_cast<std::size_t>(row.attempts_made) > most_attempts)
      violated(name + " has too many attempts");
    if (truth.attempts > static_cast<int>(most_attempts) + truth.in_flight_at_crash)
      violated(name + " was sent too often");
    if (truth.answered_2xx > 1 + truth.in_flight_at_crash)
      violated(name + " was duplicated without a crash");
    if (truth.answered_2xx > 1) ++report_.duplicates;
    row.status == DeliveryStatus::delivered ? ++report_.delivered : ++report_.failed;
  }
  if (lanes_->stats().lanes != 0) violated("lanes with nothing to do stay in memory");
  if (!lanes_->at_rest()) violated("the lanes do not come to rest");
}

}  // namespace skyhook::delivery::simulation
