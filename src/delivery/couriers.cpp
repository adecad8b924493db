#include "delivery/couriers.h"

#include <algorithm>
#include <utility>

namespace skyhook::delivery {

namespace {

int share_of(int whole, std::size_t parts) {
  return std::max(1, whole / static_cast<int>(parts));
}

Options share_of(Options options, std::size_t parts, std::size_t index) {
  options.lanes.in_flight_limit = share_of(options.lanes.in_flight_limit, parts);
  options.lanes.unrecorded_limit = share_of(options.lanes.unrecorded_limit, parts);
  options.lanes.memory_budget /= parts;
  options.http.idle_limit = std::max<std::size_t>(1, options.http.idle_limit / parts);
  options.http.handshake_limit = std::max<std::size_t>(1, options.http.handshake_limit / parts);
  options.jitter_seed += index;
  return options;
}

}  // namespace

Couriers::Couriers(const std::vector<net::Loop*>& loops, Rooms rooms, const Options& options)
    : janitor_(*loops.front(), rooms.directory, rooms.store, rooms.workers, rooms.metrics),
      switch_off_(rooms.directory, rooms.store, rooms.workers, options.switch_off) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    couriers_.push_back(std::make_unique<Courier>(
        *loops[i], rooms, share_of(options, loops.size(), i), janitor_, switch_off_));
  }
}

Couriers::~Couriers() = default;

Courier& Couriers::courier_of(WebhookId id) {
  return *couriers_[static_cast<std::size_t>(id.value) % couriers_.size()];
}

template <class Task>
void Couriers::on_courier(WebhookId id, Task task) {
  Courier& courier = courier_of(id);
  courier.loop().post([&courier, task = std::move(task)]() mutable {
    task(courier);
    courier.publish_stats();
  });
}

void Couriers::tell(Notices& notices) {
  switch_off_.tell(notices);
  for (const auto& courier : couriers_) courier->tell(notices);
}

void Couriers::hand_over(std::vector<WaitingDelivery> deliveries) {
  if (deliveries.empty()) return;
  std::vector<std::vector<WaitingDelivery>> shares(couriers_.size());
  for (WaitingDelivery& delivery : deliveries) {
    const std::size_t share =
        static_cast<std::size_t>(delivery.webhook_id.value) % couriers_.size();
    shares[share].push_back(std::move(delivery));
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].empty()) continue;
    couriers_[i]->loop().post(
        [courier = couriers_[i].get(), share = std::move(shares[i])]() mutable {
          courier->lanes().add(std::move(share));
          courier->publish_stats();
        });
  }
}

void Couriers::send_test(WaitingDelivery delivery,
                         std::function<void(std::optional<SettledAttempt>)> settled) {
  const WebhookId id = delivery.webhook_id;
  on_courier(
      id, [delivery = std::move(delivery), settled = std::move(settled)](Courier& courier) mutable {
        courier.lanes().send_test(std::move(delivery), std::move(settled));
      });
}

void Couriers::wake(WebhookId webhook) {
  on_courier(webhook, [webhook](Courier& courier) { courier.lanes().wake(webhook); });
}

void Couriers::ask_in_flight(WebhookId webhook, DeliveryId delivery,
                             std::function<void(bool)> answer) {
  on_courier(webhook, [webhook, delivery, answer = std::move(answer)](Courier& courier) mutable {
    courier.lanes().ask_in_flight(webhook, delivery, std::move(answer));
  });
}

void Couriers::webhook_changed(WebhookId id, WebhookPtr webhook) {
  on_courier(id, [id, webhook = std::move(webhook)](Courier& courier) {
    courier.webhook_changed(id, webhook);
  });
}

void Couriers::ownership_changed() {
  for (const auto& courier : couriers_) {
    courier->loop().post([target = courier.get()] { target->ownership_changed(); });
  }
}

DispatcherStats Couriers::stats() const {
  DispatcherStats sum;
  for (const auto& courier : couriers_) {
    const DispatcherStats share = courier->stats();
    sum.lanes += share.lanes;
    sum.shrunk_lanes += share.shrunk_lanes;
    sum.in_flight += share.in_flight;
    sum.ready_in_memory += share.ready_in_memory;
    sum.open_connections += share.open_connections;
    sum.idle_connections += share.idle_connections;
    sum.connections_opened += share.connections_opened;
    sum.connections_reused += share.connections_reused;
  }
  return sum;
}

void Couriers::drain(const std::function<void()>& done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(couriers_.size());
  for (const auto& courier : couriers_) {
    courier->loop().post([courier = courier.get(), left, done] {
      courier->drain([left, done] {
        if (left->fetch_sub(1) == 1) done();
      });
    });
  }
}

void Couriers::abandon_waiters() {
  janitor_.abandon_callers();
  for (const auto& courier : couriers_) {
    courier->loop().post([courier = courier.get()] { courier->lanes().abandon_waiters(); });
  }
}

}  // namespace skyhook::delivery
