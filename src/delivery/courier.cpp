#include "delivery/courier.h"

#include <algorithm>
#include <utility>

#include "domain/webhook_options.h"
#include "logging/log.h"

namespace skyhook::delivery {

// Written on the loop's thread, read on any: each value is whole, the set is a snapshot of about
// one moment.
struct Courier::Published {
  std::atomic<std::size_t> lanes{0}, shrunk{0}, in_flight{0}, ready{0};
};

Courier::Courier(net::Loop& loop, Rooms rooms, const Options& options, Janitor& janitor,
                 SwitchOff& switch_off)
    : loop_(loop),
      rooms_(rooms),
      shared_(rooms.store.shared()),
      epoch_(shared_ != nullptr ? shared_->epoch() : 0),
      janitor_(janitor),
      switch_off_(switch_off),
      random_(options.jitter_seed),
      names_(loop, options.names),
      http_(loop, rooms.tls, rooms.guard, names_, options.http),
      sender_(options.sender),
      first_attempt_target_(options.first_attempt_target),
      lanes_(*this, options.lanes),
      record_retry_([this] { flush_outcomes(); }),
      wake_timer_([this] {
        lanes_.on_time();
        publish_stats();
      }),
      published_(std::make_unique<Published>()) {}

Courier::~Courier() = default;

// --- attempts ------------------------------------------------------------------------------------

void Courier::attempt(WaitingDelivery delivery, WebhookPtr webhook) {
  const Timestamp started_at = loop_.clock().now();
  if (delivery.is_fresh()) {
    rooms_.metrics.first_attempt_latency(
        std::max(started_at - delivery.event->created_at, Micros{0}));
  }
  if (!sender_.may_dial(*webhook)) {
    net::ClientResult refused{
        .failure = FailureReason::invalid_url,
        .error_detail = "the URL's scheme is not allowed by the present settings"};
    loop_.post([this, delivery = std::move(delivery), webhook = std::move(webhook),
                refused = std::move(refused), started_at]() mutable {
      finish(std::move(delivery), std::move(webhook), std::move(refused), started_at);
    });
    return;
  }
  net::ClientRequest request = sender_.make_request(delivery, *webhook, started_at);
  http_.send(std::move(request),
             [this, delivery = std::move(delivery), webhook = std::move(webhook),
              started_at](net::ClientResult result) mutable {
               finish(std::move(delivery), std::move(webhook), std::move(result), started_at);
             });
}

// What a webhook's own rate limit or order holds back is not late.
std::optional<store::FirstAttempt> Courier::hold_to_target(const WaitingDelivery& delivery,
                                                           Timestamp began_at) {
  if (!delivery.is_fresh()) return std::nullopt;
  const AccountId account = delivery.event->account_id;
  const auto own = rooms_.directory.first_attempt_target(account);
  const Millis target = own.value_or(first_attempt_target_);
  if (target == Millis{0}) return std::nullopt;
  const WebhookPtr webhook = rooms_.directory.webhook(delivery.webhook_id);
  if (!webhook || waits_by_choice(webhook->webhook)) return std::nullopt;
  const Micros latency = std::max(began_at - delivery.event->created_at, Micros{0});
  const store::FirstAttempt first{account, latency, latency > target};
  rooms_.metrics.held_to_target(account, own.has_value(), latency, first.is_late);
  return first;
}

void Courier::finish(WaitingDelivery delivery, WebhookPtr webhook, net::ClientResult result,
                     Timestamp started_at) {
  AttemptReport report = Sender::make_report(delivery, std::move(result), started_at, loop_.now());
  report.webhook = std::move(webhook);
  report.first = hold_to_target(delivery, started_at);
  rooms_.metrics.attempt(report.attempt.failure, report.attempt.duration);
  if (log::enabled(log::Level::debug)) {
    log::debug("attempt", {{"delivery", delivery.uuid().to_string()},
                           {"event", delivery.event->uuid().to_string()},
                           {"webhook", delivery.webhook_id.value},
                           {"number", report.attempt.number},
                           {"status", report.attempt.response_status.value_or(0)},
                           {"failure", to_string(report.attempt.failure)}});
  }
  lanes_.attempt_finished(std::move(delivery), std::move(report));
  publish_stats();
}

// --- outcomes ------------------------------------------------------------------------------------

void Courier::gave_up(const WaitingDelivery& delivery, const WebhookPtr& webhook,
                      const Attempt& attempt) {
  if (notices_ == nullptr) return;
  batch_.failed.push_back({.webhook = webhook,
                           .delivery = delivery.uuid(),
                           .event = delivery.event->uuid(),
                           .event_type = delivery.event->type,
                           .attempt = attempt});
}

void Courier::record(store::AttemptOutcome outcome) {
  batch_.outcomes.push_back(std::move(outcome));
  if (flush_posted_ || record_retry_.armed()) return;
  flush_posted_ = true;
  loop_.post([this] {
    flush_posted_ = false;
    flush_outcomes();
  });
}

void Courier::flush_outcomes() {
  if (batch_.outcomes.empty()) return;
  // Kept until it is recorded, since an outcome that the store could not take is offered again.
  auto batch = std::make_shared<Batch>(std::exchange(batch_, {}));
  if (records_under_way_++ == 0) record_taken_ = loop_.clock().mono();
  if (batch->failed.empty()) return record_batch(batch);
  notices_->deliveries_failed(batch->failed, [this, batch](bool told) {
    loop_.post([this, batch, told] {
      if (!told) return batch_recorded(batch, true);
      batch->failed.clear();  // durable: offered again, the outcomes are recorded only
      record_batch(batch);
    });
  });
}

void Courier::record_batch(const std::shared_ptr<Batch>& batch) {
  rooms_.store.record(batch->outcomes, [this, batch](const store::Result<Done>& result) {
    loop_.post([this, batch, failed = !result.ok()] { batch_recorded(batch, failed); });
    if (!result) {
      log::warn("outcomes of attempts could not be stored yet; they are kept and offered again",
                {{"count", batch->outcomes.size()}, {"reason", result.error().detail}});
    }
  });
}

void Courier::batch_recorded(const std::shared_ptr<Batch>& batch, bool failed) {
  const bool was_taking = store_takes_outcomes();
  --records_under_way_;
  record_refused_ = failed;
  if (!failed) {
    record_taken_ = loop_.clock().mono();
    outcomes_recorded(batch->outcomes);
    if (!was_taking) lanes_.go_on();
    return;
  }
  std::ranges::move(batch->outcomes, std::back_inserter(batch_.outcomes));
  std::ranges::move(batch->failed, std::back_inserter(batch_.failed));
  if (!record_retry_.armed()) loop_.arm(record_retry_, kRecordRetryDelay);
}

void Courier::outcomes_recorded(const std::vector<store::AttemptOutcome>& outcomes) {
  for (const store::AttemptOutcome& outcome : outcomes) {
    count(outcome);
    lanes_.recorded(outcome);
    if (!std::holds_alternative<Delivered>(outcome.verdict)) {
      switch_off_.attempt_failed(outcome.webhook_id, outcome.attempt.failure, loop_.now());
    }
  }
  publish_stats();
  if (drained_ && lanes_.at_rest()) std::exchange(drained_, nullptr)();
}

void Courier::count(const store::AttemptOutcome& outcome) {
  if (std::holds_alternative<Delivered>(outcome.verdict))
    rooms_.metrics.settled(DeliveryStatus::delivered);
  if (std::holds_alternative<GaveUp>(outcome.verdict))
    rooms_.metrics.settled(DeliveryStatus::failed);
}

// --- what lanes ask for
// -----------------------------------------------------------------------------

void Courier::load_by(Order order, WebhookId id, std::vector<DeliveryId> except, int limit) {
  rooms_.workers.submit([this, order, id, except = std::move(except), limit, now = loop_.now()] {
    auto page = std::make_shared<store::Result<store::WaitingPage>>(
        order == Order::strict ? rooms_.store.waiting_in_order(id, now, except, limit)
                               : rooms_.store.waiting(id, now, except, limit));
    if (!*page) {
      log::warn("waiting deliveries could not be read yet",
                {{"webhook", id.value}, {"reason", page->error().detail}});
    }
    loop_.post([this, id, page] {
      lanes_.loaded(id, std::move(*page));
      publish_stats();
    });
  });
}

void Courier::fail_waiting(WebhookId id) {
  janitor_.fail_waiting(id,
                        [this, id] { loop_.post([this, id] { lanes_.look_again_later(id); }); });
}

void Courier::wake_at(std::optional<Timestamp> when) {
  if (!when) return wake_timer_.cancel();
  const auto delay = std::chrono::ceil<Millis>(*when - loop_.clock().now());
  loop_.arm(wake_timer_, std::max(delay, Millis{0}));
}

void Courier::webhook_changed(WebhookId id, const WebhookPtr& webhook) {
  http_.forget(id.value);
  if (!webhook) sender_.forget(id);
  lanes_.webhook_changed(id);
  if (webhook && !webhook->webhook.is_active) fail_waiting(id);
}

bool Courier::store_takes_outcomes() const {
  if (record_refused_) return false;
  return records_under_way_ == 0 || loop_.clock().mono() - record_taken_ < kStorePatience;
}

bool Courier::may_deliver() {
  if (!store_takes_outcomes()) return false;
  return shared_ == nullptr || (shared_->epoch() == epoch_ && shared_->may_deliver());
}

void Courier::ownership_changed() {
  if (shared_ == nullptr) return;
  const std::uint64_t now = shared_->epoch();
  if (std::exchange(epoch_, now) == now) {
    lanes_.go_on();
  } else {
    lanes_.start_anew();
  }
  publish_stats();
}

void Courier::drain(std::function<void()> done) {
  lanes_.close();
  if (lanes_.at_rest()) return done();
  drained_ = std::move(done);
}

void Courier::publish_stats() {
  const Lanes::Stats lanes = lanes_.stats();
  constexpr auto relaxed = std::memory_order_relaxed;
  published_->lanes.store(lanes.lanes, relaxed);
  published_->shrunk.store(lanes.shrunk_lanes, relaxed);
  published_->in_flight.store(static_cast<std::size_t>(lanes.in_flight), relaxed);
  published_->ready.store(lanes.ready, relaxed);
}

DispatcherStats Courier::stats() const {
  const net::HttpClient::Counters http = http_.counters();
  return {.lanes = published_->lanes,
          .shrunk_lanes = published_->shrunk,
          .in_flight = published_->in_flight,
          .ready_in_memory = published_->ready,
          .open_connections = http.open_connections,
          .idle_connections = http.idle_connections,
          .connections_opened = http.connections_opened,
          .connections_reused = http.connections_reused};
}

}  // namespace skyhook::delivery
