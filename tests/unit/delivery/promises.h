// What contract §4 promises of a delivery, kept in a ledger that knows nothing of lanes: it is told
// what really happens, and throws where a promise is broken.
#pragma once

#include <exception>
#include <map>
#include <string>
#include <vector>

#include "delivery/sender.h"
#include "virtual_clock.h"
#include "virtual_receiver.h"
#include "virtual_store.h"

namespace skyhook::delivery::simulation {

// Tells what broke.
class Violation : public std::exception {
 public:
  explicit Violation(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

class Promises {
 public:
  // `clock` and `store` outlive it. `schedule`: delays before the second, third, … attempt.
  Promises(const VirtualClock& clock, const VirtualStore& store, std::vector<Millis> schedule)
      : clock_(clock), store_(store), schedule_(std::move(schedule)) {}
  // This webhook has its own.
  void set_schedule(WebhookId id, std::vector<Millis> schedule) {
    own_schedules_[id] = std::move(schedule);
  }

  // Durable: from now on it is delivered or ends as failed. `since`: when it was made, steady.
  void accepted(const WaitingDelivery& delivery, Timestamp since);
  // Somebody asked for it once more.
  void reopened(DeliveryId id);
  // Was the one accepted before the other was made? Not of those that somebody asked for once more.
  bool comes_before(DeliveryId id, DeliveryId other) const;
  // Another node delivered it.
  void delivered_elsewhere(DeliveryId id) { ++deliveries_.at(id).received; }

  void sent(const WaitingDelivery& delivery, const net::ClientRequest& request,
            const WebhookEntry& present_webhook);
  void answered(DeliveryId id, const Answer& answer);
  // The verdict on that answer. `switched_off`: the webhook was asked to be switched off for it.
  void judged(const store::AttemptOutcome& outcome, bool webhook_is_active);
  // `switched_off`: the webhook was asked to be, since the outcome was durable.
  void recorded(const store::AttemptOutcome& outcome, bool switched_off) const;
  void outcome_is_durable(DeliveryId id);
  bool is_under_way(DeliveryId id) const { return deliveries_.at(id).under_way; }
  // The process is gone, and what it had not made durable; how much that was.
  int process_ended();

  // Nothing is left to happen.
  void check_end() const;
  int duplicates() const;

 private:
  struct Delivery {
    std::string body;                // of the first attempt
    Timestamp due_since;             // steady
    Timestamp made_at, accepted_at;  // steady
    bool was_reopened = false;
    bool under_way = false;  // sent, and its outcome not yet durable
    int position = 0;        // in the schedule, of the attempt under way
    Answer answer;           // to it
    int sent = 0, received = 0;
    int lost = 0;  // attempts whose outcome went with the process
    int may_be_sent = 0, may_be_received = 1;
  };

  const std::vector<Millis>& schedule_of(WebhookId id) const;
  int attempts_of(WebhookId id, bool is_test) const;  // of one delivery, at most
  Verdict verdict_due(const Delivery& delivery, const VirtualStore::Row& row,
                      bool webhook_is_active) const;
  Micros asked_for(const Answer& answer) const;
  void check_request(Delivery& delivery, const VirtualStore::Row& row, const Uuid& uuid,
                     const net::ClientRequest& request, const WebhookEntry& webhook) const;
  void require(bool holds, DeliveryId id, const char* otherwise) const;

  const VirtualClock& clock_;
  const VirtualStore& store_;
  const std::vector<Millis> schedule_;
  std::map<WebhookId, std::vector<Millis>> own_schedules_;
  std::map<DeliveryId, Delivery> deliveries_;
};

}  // namespace skyhook::delivery::simulation
