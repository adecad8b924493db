// Records that can never be published, kept with the reason in a topic of their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kafka/client.h"
#include "kafka/record.h"

namespace skyhook::kafka {

struct DeadLetter {
  Record record;
  std::string reason;
};

// Used by one thread.
class DeadLetters {
 public:
  // The options' properties were judged.
  explicit DeadLetters(const Options& options);

  // Writes each with its key, value and headers, and headers that say why and from where. What is
  // larger than the broker takes is left out: the value, then the key and headers too. True once
  // all of them are on the brokers' disks; false where that did not happen for now: then some may
  // be there, and they are written again. `go_on` is asked some ten times a second; false ends the
  // wait.
  bool write(const std::vector<DeadLetter>& letters, const std::function<bool()>& go_on);

 private:
  struct Delivery;
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*);
  void produce(const DeadLetter& letter, Delivery& delivery);
  bool connect();

  const Options& options_;
  Client client_;
};

}  // namespace skyhook::kafka
