#include "broker.h"

#include <gtest/gtest.h>

namespace skyhook::kafka {

namespace {

constexpr int kTimeoutMs = 10'000;
constexpr std::int16_t kProduce = 0;  // of the protocol's requests

void set(const Conf& conf, const char* name, const std::string& value) {
  char fault[256];
  ASSERT_EQ(rd_kafka_conf_set(conf.get(), name, value.c_str(), fault, sizeof fault),
            RD_KAFKA_CONF_OK)
      << fault;
}

Client client(rd_kafka_type_t type, const std::vector<Property>& properties) {
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) set(conf, name.c_str(), value);
  return make_client(type, std::move(conf)).value();
}

PartitionList list(const std::string& topic, int partition) {
  PartitionList partitions(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), partition);
  return partitions;
}

}  // namespace

Broker::Broker(int partitions)
    : producer_(client(RD_KAFKA_PRODUCER, {{"test.mock.num.brokers", "1"}, {"log_level", "0"}})),
      cluster_(rd_kafka_handle_mock_cluster(producer_.get())) {
  rd_kafka_mock_topic_create(cluster_, kTopic, partitions, 1);
  rd_kafka_mock_topic_create(cluster_, kDeadLetters, 1, 1);
}

std::string Broker::address() const {
  return rd_kafka_mock_cluster_bootstraps(cluster_);
}

void Broker::set_up(bool is_up) {
  if (is_up) {
    rd_kafka_mock_broker_set_up(cluster_, 1);
  } else {
    rd_kafka_mock_broker_set_down(cluster_, 1);
  }
}

void Broker::refuse_writes(bool refuses) {
  constexpr std::size_t kMany = 1'000;
  rd_kafka_mock_clear_request_errors(cluster_, kProduce);
  if (!refuses) return;
  const std::vector<rd_kafka_resp_err_t> errors(kMany,
                                                RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  rd_kafka_mock_push_request_errors_array(cluster_, kProduce, errors.size(), errors.data());
}

void Broker::refuse_as_too_large(std::size_t writes) {
  const std::vector<rd_kafka_resp_err_t> errors(writes, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  rd_kafka_mock_push_request_errors_array(cluster_, kProduce, errors.size(), errors.data());
}

void Broker::produce(int partition, const std::string& key, const std::string& value,
                     const Headers& headers) {
  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const auto& [name, text] : headers) {
    rd_kafka_header_add(list, name.c_str(), -1, text.data(), static_cast<ssize_t>(text.size()));
  }
  ASSERT_EQ(rd_kafka_producev(
                producer_.get(), RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(partition),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
                RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  ASSERT_EQ(rd_kafka_flush(producer_.get(), kTimeoutMs), RD_KAFKA_RESP_ERR_NO_ERROR);
}

std::int64_t Broker::committed(const std::string& group, int partition) {
  const Client asking =
      client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address()}, {"group.id", group}});
  const PartitionList partitions = list(kTopic, partition);
  if (rd_kafka_committed(asking.get(), partitions.get(), kTimeoutMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return -1;
  }
  return std::max<std::int64_t>(-1, partitions->elems[0].offset);
}

std::vector<Record> Broker::read(const std::string& topic, std::size_t count) {
  const Client reader = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", address()},
                                                   {"group.id", "the test"},
                                                   {"enable.auto.commit", "false"}});
  rd_kafka_poll_set_consumer(reader.get());
  const PartitionList partitions = list(topic, 0);
  partitions->elems[0].offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(reader.get(), partitions.get());
  std::vector<Record> records;
  while (records.size() < count) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(reader.get(), kTimeoutMs);
    if (message == nullptr) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Record record;
      record.key = std::string(static_cast<const char*>(message->key), message->key_len);
      record.value = std::string(static_cast<const char*>(message->payload), message->len);
      rd_kafka_headers_t* headers = nullptr;
      rd_kafka_message_headers(message, &headers);
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
        record.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
      }
      records.push_back(std::move(record));
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_assign(reader.get(), nullptr);
  return records;
}

}  // namespace skyhook::kafka
