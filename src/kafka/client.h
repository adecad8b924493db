// librdkafka's objects, owned; and how a client of either kind is set up.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kafka/record.h"

namespace skyhook::kafka {

using Property = std::pair<std::string, std::string>;  // of librdkafka's configuration

struct Options {
  std::string brokers;  // host:port,…
  std::string topic;
  std::string group;
  std::string dead_letter_topic;
  AccountIn account_in = AccountIn::key;
  std::vector<Property> properties;  // the operator's: TLS, SASL and whatever else
};

struct ConfDelete {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDelete>;

// A consumer leaves its group before it is deleted (source.cpp): this does not wait for that.
struct ClientDelete {
  void operator()(rd_kafka_t* client) const {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
};
using Client = std::unique_ptr<rd_kafka_t, ClientDelete>;

struct ListDelete {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDelete>;

// Without callbacks of the owner's. The error is one line, and never the value of a property.
Result<Conf, std::string> consumer_conf(const Options& options);
Result<Conf, std::string> producer_conf(const Options& options);

// The conf is spent either way.
Result<Client, std::string> make_client(rd_kafka_type_t type, Conf conf);

// What is wrong with the properties, before anything is opened; nullopt: nothing.
std::optional<std::string> judge(const Options& options);

}  // namespace skyhook::kafka
