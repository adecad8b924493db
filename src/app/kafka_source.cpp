#include "app/kafka_source.h"

namespace skyhook::app {

namespace {

// A setting that says how to read, where nothing says what.
const char* set_in_vain(const config::ServeConfig& config) {
  const config::ServeConfig untouched;
  if (config.kafka_group != untouched.kafka_group) return "kafka_group";
  if (config.kafka_dead_letter_topic != untouched.kafka_dead_letter_topic) {
    return "kafka_dead_letter_topic";
  }
  if (config.kafka_account != untouched.kafka_account) return "kafka_account";
  return config.kafka_properties.empty() ? nullptr : "kafka_properties";
}

}  // namespace

Result<std::optional<kafka::Options>, std::string> kafka_options(
    const config::ServeConfig& config) {
  if (config.kafka_brokers.empty() && config.kafka_topic.empty()) {
    if (const char* setting = set_in_vain(config)) {
      return Err{setting + std::string(": is set, but neither kafka_brokers nor kafka_topic")};
    }
    return std::optional<kafka::Options>();
  }
  if (config.kafka_brokers.empty())
    return Err{std::string("kafka_brokers: kafka_topic is set, but no broker")};
  if (config.kafka_topic.empty())
    return Err{std::string("kafka_topic: kafka_brokers is set, but no topic")};
  kafka::Options options{.brokers = config.kafka_brokers,
                         .topic = config.kafka_topic,
                         .group = config.kafka_group,
                         .dead_letter_topic = config.kafka_dead_letter_topic,
                         .account_in = config.kafka_account == config::KafkaAccount::header
                                           ? kafka::AccountIn::header
                                           : kafka::AccountIn::key,
                         .properties = config.kafka_properties};
  if (options.dead_letter_topic.empty()) options.dead_letter_topic = options.topic + ".dead-letter";
  if (options.dead_letter_topic == options.topic) {
    return Err{std::string("kafka_dead_letter_topic: is the topic that is read")};
  }
  if (const auto problem = kafka::judge(options)) return Err{"kafka_properties: " + *problem};
  return std::optional(std::move(options));
}

void register_kafka(metrics::Metrics& metrics, const kafka::Source& source) {
  using Stats = kafka::Source::Stats;
  const Stats& stats = source.stats();
  const auto counter = [&](const char* name, const char* help, auto member) {
    metrics.counter(name, help, [&stats, member] { return static_cast<double>(stats.*member); });
  };
  const auto gauge = [&](const char* name, const char* help, auto member) {
    metrics.gauge(name, help, [&stats, member] { return static_cast<double>(stats.*member); });
  };
  counter("skyhook_kafka_records_consumed_total", "Records read from the topic", &Stats::consumed);
  counter("skyhook_kafka_records_published_total", "Records that became events", &Stats::published);
  counter("skyhook_kafka_records_replayed_total",
          "Records read again whose event had been published before", &Stats::replayed);
  counter("skyhook_kafka_records_dead_lettered_total",
          "Records that can never be published, written to the dead-letter topic",
          &Stats::dead_lettered);
  counter("skyhook_kafka_batches_retried_total",
          "Batches tried again because the store or the broker refused", &Stats::retried);
  gauge("skyhook_kafka_lag", "Records of this node's partitions that are not yet read",
        &Stats::lag);
  gauge("skyhook_kafka_partitions", "Partitions of the topic that this node reads",
        &Stats::partitions);
  gauge("skyhook_kafka_connected", "Is any broker reached: 1 or 0", &Stats::is_connected);
}

}  // namespace skyhook::app
