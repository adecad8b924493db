#include "kafka/client.h"

#include <algorithm>
#include <array>

#include "logging/log.h"

namespace skyhook::kafka {

namespace {

// What the promise of at-least-once, the metrics, and the code beside it, stand on.
constexpr std::array<std::string_view, 13> kOwn{"bootstrap.servers",
                                                "metadata.broker.list",
                                                "group.id",
                                                "enable.auto.commit",
                                                "enable.auto.offset.store",
                                                "enable.idempotence",
                                                "batch.num.messages",
                                                "acks",
                                                "request.required.acks",
                                                "partition.assignment.strategy",
                                                "statistics.interval.ms",
                                                "enable.partition.eof",
                                                "transactional.id"};

void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  constexpr int kWarning = 4;  // as syslog counts
  // A property that only the other kind of client has is given to both. What fails at a broker is
  // said to the callback for errors too (session.cpp), in better words.
  constexpr std::array<std::string_view, 3> kSaidElsewhere{"CONFWARN", "FAIL", "SSL"};
  const bool is_news = std::ranges::find(kSaidElsewhere, facility) == kSaidElsewhere.end();
  const log::Level as = level <= kWarning && is_news ? log::Level::warn : log::Level::debug;
  if (log::enabled(as)) log::write(as, "kafka", {{"facility", facility}, {"said", text}});
}

std::optional<std::string> set(rd_kafka_conf_t* conf, const std::string& name,
                               const std::string& value) {
  std::array<char, 512> fault{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), fault.data(), fault.size()) ==
      RD_KAFKA_CONF_OK) {
    return std::nullopt;
  }
  // What librdkafka says may quote the value.
  const bool is_unknown = std::string_view(fault.data()).starts_with("No such configuration");
  return "property '" + name +
         (is_unknown ? "' is not one that librdkafka knows"
                     : "' has a value that librdkafka does not take");
}

// `own` come last: they hold whatever the operator gave.
Result<Conf, std::string> make_conf(const Options& options, const std::vector<Property>& defaults,
                                    const std::vector<Property>& own) {
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  for (const auto* list : {&defaults, &options.properties, &own}) {
    for (const auto& [name, value] : *list) {
      if (auto problem = set(conf.get(), name, value)) return Err{*problem};
    }
  }
  return conf;
}

}  // namespace

Result<Conf, std::string> consumer_conf(const Options& options) {
  return make_conf(options,
                   {{"client.id", "skyhook"},
                    {"auto.offset.reset", "earliest"},
                    {"auto.commit.interval.ms", "1000"},
                    {"queued.max.messages.kbytes", "16384"}},
                   {{"bootstrap.servers", options.brokers},
                    {"group.id", options.group},
                    // Committed is what has been stored (source.cpp), and nothing else.
                    {"enable.auto.commit", "true"},
                    {"enable.auto.offset.store", "false"},
                    {"statistics.interval.ms", "2000"}});
}

Result<Conf, std::string> producer_conf(const Options& options) {
  return make_conf(
      options,
      {{"client.id", "skyhook"},
       {"message.max.bytes", "67108864"},
       {"message.timeout.ms", "30000"}},
      {{"bootstrap.servers", options.brokers},
       {"enable.idempotence", "true"},
       {"acks", "all"},
       // The broker judges the size of whole batches: of each letter alone it has to be known.
       {"batch.num.messages", "1"}});
}

Result<Client, std::string> make_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> fault{};
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), fault.data(), fault.size());
  if (client == nullptr) return Err{std::string(fault.data())};
  (void)conf.release();  // the client's now
  return Client(client);
}

std::optional<std::string> judge(const Options& options) {
  for (const auto& [name, value] : options.properties) {
    if (std::ranges::find(kOwn, name) != kOwn.end()) {
      return "property '" + name + "' is set by Skyhook itself";
    }
  }
  if (auto conf = consumer_conf(options); !conf) return conf.error();
  if (auto conf = producer_conf(options); !conf) return conf.error();
  return std::nullopt;
}

}  // namespace skyhook::kafka
