// What /metrics reads from the rooms at the moment it is asked.
#pragma once

#include <cstddef>
#include <functional>

#include "base/time.h"
#include "delivery/dispatcher.h"
#include "metrics/metrics.h"
#include "store/store.h"

namespace skyhook::app {

struct GaugeSources {
  const delivery::Dispatcher& dispatcher;
  store::Store& store;
  const Clock& clock;
  std::function<std::size_t()> api_connections;
  int in_flight_limit = 0;
};
// Everything referred to outlives the metrics' last render, which runs on a thread that may block.
void register_gauges(metrics::Metrics& metrics, const GaugeSources& sources);

}  // namespace skyhook::app
