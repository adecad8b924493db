#include "app/gauges.h"

#include <limits>
#include <memory>
#include <mutex>
#include <optional>

#include "metrics/process.h"
#include "store/shared.h"

namespace skyhook::app {
namespace {

// The queue's figures, asked for once a render and not once a gauge.
class QueueFigures {
 public:
  QueueFigures(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  double waiting() {
    const auto stats = read();
    return stats ? static_cast<double>(stats->totals.pending) : kUnknown;
  }
  double oldest_age_seconds() {
    const auto stats = read();
    if (!stats) return kUnknown;
    if (!stats->oldest_waiting_created_at) return 0;
    const Micros age = clock_.now() - *stats->oldest_waiting_created_at;
    return std::max(0.0, static_cast<double>(age.count()) / 1e6);
  }

 private:
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  static constexpr Millis kFreshFor{500};

  std::optional<store::QueueStats> read() {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.mono();
    if (read_at_ && now - *read_at_ < kFreshFor) return stats_;
    const auto stats = store_.queue_stats();
    stats_ = stats ? std::optional(*stats) : std::nullopt;
    read_at_ = now;
    return stats_;
  }

  store::Store& store_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<MonoTime> read_at_;         // guarded by mutex_
  std::optional<store::QueueStats> stats_;  // guarded by mutex_
};

void register_dispatcher(metrics::Metrics& metrics, const delivery::Dispatcher& dispatcher,
                         int in_flight_limit) {
  using Stats = delivery::DispatcherStats;
  const auto gauge = [&](const char* name, const char* help, auto member) {
    metrics.gauge(name, help, [&dispatcher, member] {
      return static_cast<double>(dispatcher.stats().*member);
    });
  };
  gauge("skyhook_lanes", "Webhooks with work or a retry ahead", &Stats::lanes);
  gauge("skyhook_lanes_shrunk", "Lanes whose concurrency failures have reduced",
        &Stats::shrunk_lanes);
  gauge("skyhook_attempts_in_flight", "Attempts under way", &Stats::in_flight);
  metrics.gauge("skyhook_attempts_in_flight_limit", "Attempts that may be under way at once",
                [in_flight_limit] { return static_cast<double>(in_flight_limit); });
  gauge("skyhook_deliveries_ready", "Deliveries in memory that wait for a slot",
        &Stats::ready_in_memory);
  gauge("skyhook_receiver_connections_open", "Connections to receivers", &Stats::open_connections);
  gauge("skyhook_receiver_connections_idle", "Connections to receivers that are kept for reuse",
        &Stats::idle_connections);
  const auto counter = [&](const char* name, const char* help, auto member) {
    metrics.counter(name, help, [&dispatcher, member] {
      return static_cast<double>(dispatcher.stats().*member);
    });
  };
  counter("skyhook_receiver_connections_opened_total", "Connections made to receivers",
          &Stats::connections_opened);
  counter("skyhook_receiver_connections_reused_total",
          "Attempts on a connection that was kept from an earlier one", &Stats::connections_reused);
}

// Of a store that several nodes share: an embedded one has no lease, and then no such series.
void register_lease(metrics::Metrics& metrics, const store::Shared& shared) {
  metrics.gauge("skyhook_node_lease_seconds",
                "Time that this node may go on delivering unless it renews its lease",
                [&shared] { return static_cast<double>(shared.lease_left().count()) / 1e6; });
  metrics.counter("skyhook_node_leases_lost_total",
                  "Leases that ended before this node renewed them: others took over its work",
                  [&shared] { return static_cast<double>(shared.epoch() - 1); });
}

}  // namespace

void register_gauges(metrics::Metrics& metrics, const GaugeSources& sources) {
  register_dispatcher(metrics, sources.dispatcher, sources.in_flight_limit);
  const auto queue = std::make_shared<QueueFigures>(sources.store, sources.clock);
  metrics.gauge("skyhook_deliveries_waiting",
                "Deliveries neither delivered nor given up, in the whole store",
                [queue] { return queue->waiting(); });
  metrics.gauge("skyhook_oldest_waiting_age_seconds",
                "Age of the oldest delivery of the whole store that waits, 0 where none does",
                [queue] { return queue->oldest_age_seconds(); });
  metrics.gauge("skyhook_api_connections_open", "Connections of API clients",
                [read = sources.api_connections] { return static_cast<double>(read()); });
  if (const store::Shared* shared = sources.store.shared()) register_lease(metrics, *shared);
  metrics::register_process_metrics(metrics);
}

}  // namespace skyhook::app
