// What Prometheus' client libraries tell of a process, under their names: CPU time, memory, open
// files, start time. Read from /proc (Linux) when rendered.
#pragma once

#include "metrics/metrics.h"

namespace skyhook::metrics {

void register_process_metrics(Metrics& metrics);

}  // namespace skyhook::metrics
