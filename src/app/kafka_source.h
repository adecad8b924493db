// The Kafka source as the settings ask for it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "kafka/client.h"
#include "kafka/source.h"
#include "metrics/metrics.h"

namespace skyhook::app {

// nullopt: nothing is read from Kafka. The error names the setting.
Result<std::optional<kafka::Options>, std::string> kafka_options(const config::ServeConfig& config);

// The source outlives the metrics' last render.
void register_kafka(metrics::Metrics& metrics, const kafka::Source& source);

}  // namespace skyhook::app
