// Every setting, from flags, environment and a TOML file, in that order of precedence (contract
// §6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "domain/event.h"
#include "domain/verdict.h"
#include "logging/log.h"

namespace skyhook::config {

// Where a Kafka record names its account.
enum class KafkaAccount { key, header };

// Plain values, all validated; networks are CIDR text that net::parse_cidr accepts.
struct ServeConfig {
  std::string listen = "127.0.0.1:8080";
  std::string data_dir = "skyhook-data";
  std::string database_url;             // empty: the embedded store
  std::string operator_token;           // empty: made on first start, kept in the data directory
  std::string master_key;               // empty: secrets are stored as they are
  std::string operator_webhook;         // URL; empty: the operator is told nothing
  std::string operator_webhook_secret;  // not empty where operator_webhook is not
  bool allow_http = false;
  std::vector<std::string> allow_networks;
  RetrySchedule retry_schedule;
  Millis timeout{30000};           // 100ms … 5m
  Millis switch_off_after{0};      // of nothing but failures, up to 90d; 0: never
  Millis first_attempt_target{0};  // of accounts without one of their own, … 1h; 0 = none
  int rate_limit = 120;            // requests a minute a key, 0 … 1,000,000; 0 = off
  Millis retention = std::chrono::hours{24 * 30};  // 0 = keep for ever
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  std::string header_prefix = "X-Skylight-";
  std::string sender_name = "SkyLight Chat";
  bool open_metrics = false;  // /metrics without the operator token
  std::string ca_file;        // PEM, trusted in place of the system's store; empty: that store
  std::string dns_servers;    // empty: the system's
  std::string proxy;          // net::parse_proxy takes it; empty: none
  int network_threads = 1;    // 1 … 64
  int max_in_flight = 1024;   // attempts at once over all webhooks, 1 … 16,000
  int max_in_flight_per_webhook = 64;  // ceiling of a lane's concurrency, 1 … 1,000
  int lane_memory =
      1024;  // deliveries of one webhook held in memory, 16 … 10,000; the rest waits in the store
  int memory_budget_mib =
      64;  // payload bytes of waiting deliveries held in memory over all lanes, 1 … 65,536
  int max_connections = 10'000;        // of API clients, 10 … 100,000
  Millis shutdown_timeout{30000};      // SIGTERM to exit
  std::vector<EventType> event_types;  // the operator's own, besides the seed's; no name twice
  std::string kafka_brokers;           // host:port,…; empty: nothing is read from Kafka
  std::string kafka_topic;
  std::string kafka_group = "skyhook";
  std::string kafka_dead_letter_topic;  // empty: the topic's name and `.dead-letter`
  KafkaAccount kafka_account = KafkaAccount::key;
  std::vector<std::pair<std::string, std::string>> kafka_properties;  // of librdkafka
};

}  // namespace skyhook::config
