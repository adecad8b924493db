// The mock cluster of librdkafka: a broker in this process, over real sockets, with consumer
// groups. tests/kafka has the real one.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <string>
#include <utility>
#include <vector>

#include "kafka/client.h"

namespace skyhook::kafka {

using Headers = std::vector<std::pair<std::string, std::string>>;

class Broker {
 public:
  explicit Broker(int partitions);

  std::string address() const;
  // On the broker when it returns.
  void produce(int partition, const std::string& key, const std::string& value,
               const Headers& headers = {{"event", "contact.created"}});
  // The offset that the group has committed; -1: none.
  std::int64_t committed(const std::string& group, int partition);
  // Of the topic, from its beginning, as many as asked for; fewer where they do not come.
  std::vector<Record> read(const std::string& topic, std::size_t count);
  void set_up(bool is_up);
  // Nobody may write, or everybody again.
  void refuse_writes(bool refuses);
  // So many writes to come, for their size.
  void refuse_as_too_large(std::size_t writes);

  static constexpr const char* kTopic = "events";
  static constexpr const char* kDeadLetters = "events.dead-letter";

 private:
  Client producer_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;  // the producer's
};

}  // namespace skyhook::kafka
