// The lanes of one network thread: which delivery is sent next, and when. A lane is the deliveries
// of one webhook: bounded in memory (the rest waits in the store), with a concurrency of its own,
// served round-robin with the others.
//
// No I/O and no clock of its own: the world below is handed in, so that a simulation can be that
// world. Belongs to one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "delivery/concurrency.h"
#include "delivery/dispatcher.h"
#include "directory/directory.h"
#include "domain/delivery.h"
#include "domain/verdict.h"
#include "store/store.h"

namespace skyhook::delivery {

// What one attempt brought.
struct AttemptReport {
  Attempt attempt;
  std::optional<Millis> retry_after;  // of a 429 or 503
  WebhookPtr webhook;                 // as it was when the attempt began; null: as it is now
  std::optional<store::FirstAttempt> first;
};

class Lanes {
 public:
  struct Options {
    int in_flight_limit = 1024;         // attempts at once over all lanes
    int in_flight_limit_per_lane = 64;  // a lane's ceiling
    int lane_memory =
        1024;  // deliveries of one lane in memory, waiting; past it they stay in the store
    std::size_t memory_budget =
        64 << 20;  // bytes of waiting deliveries in memory over all lanes; past it likewise
    // Attempts whose outcome is not yet durable, beyond those in flight: where the store cannot
    // take outcomes, sending stops.
    int unrecorded_limit = 4096;
    RetrySchedule schedule;
  };

  // Everything that lanes need from outside. Answers come back through the methods of Lanes, later,
  // never from within the call.
  class World {
   public:
    virtual ~World() = default;
    virtual Timestamp now() = 0;
    virtual double jitter() = 0;  // uniform in [0, 1)
    virtual WebhookPtr webhook(WebhookId id) = 0;
    // This process's part of the rate limit of a webhook that is not in order, in (0, 1]: less than
    // 1 where several share it.
    virtual double rate_share() { return 1; }
    // Makes the attempt → attempt_finished().
    virtual void attempt(WaitingDelivery delivery, WebhookPtr webhook) = 0;
    // Comes before the record() of an outcome that ends a delivery of an active webhook as failed;
    // no test.
    virtual void gave_up(const WaitingDelivery&, const WebhookPtr&, const Attempt&) {}
    // Has the outcome made durable, however long that takes → recorded().
    virtual void record(store::AttemptOutcome outcome) = 0;
    // Reads waiting deliveries from the store, but not `except` (ascending) → loaded().
    virtual void load(WebhookId id, std::vector<DeliveryId> except, int limit) = 0;
    // The same by Store::waiting_in_order.
    virtual void load_in_order(WebhookId id, std::vector<DeliveryId> except, int limit) = 0;
    // Ends what waits in the store for a webhook that is switched off. Asking twice does no harm. →
    // look_again_later() where the store fails.
    virtual void fail_waiting(WebhookId id) = 0;
    // The receiver answered 410, and the outcome that says so is durable.
    virtual void switch_off(WebhookId id) = 0;
    // False while what is in memory may be delivered by others: no attempt begins until
    // go_on() or start_anew().
    virtual bool may_deliver() { return true; }
    // on_time() is wanted at `when`; replaces what was asked before. nullopt: not at all.
    virtual void wake_at(std::optional<Timestamp> when) = 0;
  };

  // `world` outlives the lanes.
  Lanes(World& world, Options options);
  ~Lanes();

  void add(std::vector<WaitingDelivery> fresh);
  using Settled = std::function<void(std::optional<SettledAttempt>)>;
  void send_test(WaitingDelivery delivery, Settled settled);
  // The store may have other work for the webhook than is known here: it is asked anew.
  void wake(WebhookId id);
  void look_again_later(WebhookId id);
  void webhook_changed(WebhookId id);
  // Is an attempt of the delivery under way? Of one that is over and whose outcome is on its way
  // into the store the answer is false, once it is there: the log may show it a moment before.
  // Answered here or later, once; and with true where the store takes no outcomes, or nobody waits
  // any more.
  using InFlight = std::function<void(bool)>;
  void ask_in_flight(WebhookId webhook, DeliveryId delivery, InFlight answer);

  void attempt_finished(WaitingDelivery delivery, AttemptReport report);
  void recorded(const store::AttemptOutcome& outcome);
  // An error: the store could not be read; the lane asks again after kLoadRetryDelay.
  void loaded(WebhookId id, store::Result<store::WaitingPage> page);
  void on_time();

  // Attempts may begin again.
  void go_on() { fill_slots(); }
  // What is in memory belongs to others now, except attempts under way: it is forgotten, and every
  // lane asks the store what is still this node's.
  void start_anew();

  // No attempt and no load begins any more; what is under way ends as usual.
  void close();
  // Nothing under way and every outcome durable.
  bool at_rest() const { return in_flight_ == 0 && unrecorded_ == 0; }
  // Tells everybody who still waits for an outcome, or an answer, that there will be none.
  void abandon_waiters();

  struct Stats {
    std::size_t lanes = 0, shrunk_lanes = 0, ready = 0;
    int in_flight = 0, unrecorded = 0;
    std::size_t ready_bytes = 0;
    std::size_t held_back = 0;  // lanes that wait for their rate limit, or remember it
  };
  Stats stats() const;

  static constexpr Millis kLoadRetryDelay{1000};
  // A webhook whose receiver answered 410 is sent nothing until it is switched off: what waits ends
  // with it. Where that does not come to pass in this time, sending goes on, and the next 410 asks
  // for it again.
  static constexpr Millis kGonePatience{5000};
  // A lane under a rate limit keeps as much in memory as it will send in this time, and at least
  // one: what it may not send for long must not take the memory of others.
  static constexpr Seconds kPacedMemory{10};
  // Lanes that may not have a free slot are looked at no more than this often in one dealing of
  // slots.
  static constexpr std::size_t kPassedOverLimit = 64;

 private:
  struct Lane;
  Lane& lane(WebhookId id);  // made where there is none
  Lane* find(WebhookId id);
  int memory_of(const Lane& target) const;  // deliveries that may wait in memory
  bool has_room(const Lane& target) const;
  void take_into_memory(Lane& target, WaitingDelivery delivery);
  void drop_last_ready(Lane& target);  // it stays in the store
  void release(Lane& target, DeliveryId id);
  // What is in memory and not under way is read again. `target` may be gone afterwards.
  void ask_anew(Lane& target);
  void forget_ready(Lane& target);
  void forget_ready(Lane& target, DeliveryId id);
  void end_if_inactive(Lane& target);
  // After every change of a lane: it joins the turn, loads more, or is retired. `target` may be
  // gone afterwards.
  void consider(Lane& target);
  bool may_send(const Lane& target) const;
  bool is_gone(const Lane& target) const;
  bool slot_free_for(const Lane& target) const;
  void load_if_wanted(Lane& target);
  void feed_starved();
  void schedule_wake(Lane& target, Timestamp due_at);
  // Does the lane go by its webhook's wish? True where it did not; then it reads anew.
  bool update_order(Lane& target, const WebhookPtr& webhook);
  bool waits_for_its_turn(const Lane& target) const;
  // Has the webhook a rate limit? Brings the lane's pace up to date with it.
  bool update_pace(Lane& target, const WebhookPtr& webhook);
  bool hold_back(Lane& target, const WebhookPtr& webhook);  // it has to wait; woken afterwards
  bool remembers_pace(Lane& target);
  void schedule_pace(Lane& target, Timestamp at);
  Timestamp pause_ends_at(Lane& target, Timestamp now);
  void shorten_pauses(Timestamp now);
  void end_pause(Lane& target);
  void set_timer();
  void fill_slots();
  void start_next(Lane& target);
  void begin_attempt(Lane& target, WaitingDelivery delivery, WebhookPtr webhook);
  void settle_waiter(DeliveryId id, std::optional<SettledAttempt> settled);
  void answer_askers(DeliveryId id);

  World& world_;
  const Options options_;
  std::unordered_map<WebhookId, std::unique_ptr<Lane>> lanes_;
  std::deque<WebhookId> turn_;     // lanes that could send, in the order in which slots are dealt
  std::deque<WebhookId> starved_;  // lanes that could not load for want of memory
  std::set<std::pair<Timestamp, WebhookId>> wakes_;  // when a lane has to look into the store
  std::set<std::pair<Timestamp, WebhookId>> paced_;  // when a lane's rate limit lets it go on
  std::optional<Timestamp> timer_;                   // what the world was asked for
  std::unordered_map<DeliveryId, Settled>
      waiters_;  // who waits for a delivery's outcome (test calls)
  std::unordered_map<DeliveryId, SettledAttempt> unrecorded_tests_;
  // Who asked of a delivery whose outcome is on its way into the store.
  std::unordered_map<DeliveryId, std::vector<InFlight>> askers_;
  bool closed_ = false;
  int in_flight_ = 0;
  int suspect_in_flight_ = 0;
  int unrecorded_ = 0;
  std::size_t shrunk_lanes_ = 0;
  std::size_t ready_ = 0;
  std::size_t ready_bytes_ = 0;
};

}  // namespace skyhook::delivery
