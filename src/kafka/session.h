// One membership in the consumer group: from joining it to leaving it, or to an error after which
// librdkafka wants a new client.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/dead_letters.h"
#include "kafka/source.h"

namespace skyhook::kafka {

// Of one thread.
class Session {
 public:
  Session(Source& source, DeadLetters& dead_letters);

  // Until the source stops. An error: begin a new session, after a while.
  Result<Done, std::string> run();

 private:
  struct Answer;
  using Batch = std::deque<Record>;

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t error,
                           rd_kafka_topic_partition_list_t* partitions, void* self);
  static void on_error(rd_kafka_t*, int error, const char* reason, void* self);
  static int on_statistics(rd_kafka_t*, char* json, std::size_t length, void* self);

  // At most once a minute for each kind of error: librdkafka tries again all the time.
  void complain(std::string_view what, int error, const char* detail);
  std::optional<std::string> join();
  void leave();
  std::optional<Record> poll(int timeout_ms);
  void read_batch();
  bool await_accounts();  // false: the source stops
  bool may_be_new(AccountId unknown);
  bool settle_batch();  // false: the source stops, and the batch is not settled
  bool try_batch(bool& is_settled);
  bool bury(const std::vector<DeadLetter>& letters);  // false: not now
  void drop(const std::vector<std::size_t>& places);  // of the batch: settled otherwise
  std::optional<store::Result<store::PublishOutcome>> publish(
      std::vector<intake::PublishItem> items);
  void count(const std::vector<store::EventReceipt>& receipts);
  void store_offsets();
  bool keep_alive();  // while waiting for something: false once the deadline of a stop is over
  void wait(Millis length);
  void pause();
  void resume();
  bool is_over_deadline() const;

  Source& source_;
  DeadLetters& dead_letters_;
  Client client_;
  Batch batch_;  // read, and not yet settled
  Batch early_;  // read while waiting: the beginning of the next batch
  std::map<std::int32_t, std::int64_t> next_;  // of the batch: the offset to commit, by partition
  std::set<std::int32_t> assigned_;            // partitions
  bool is_paused_ = false;
  std::map<int, MonoTime> complained_;     // when last, by error; since a broker was reached
  std::map<AccountId, MonoTime> unknown_;  // accounts that were not there, since when
  std::string fatal_;
};

}  // namespace skyhook::kafka
