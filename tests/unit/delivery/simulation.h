// A world for the lanes and the sender that exists only in memory: a virtual clock that jumps,
// receivers that misbehave, a store that is slow and fails, processes that crash. The same seed
// plays the same history; what must hold is checked while it plays, and when it is over.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "delivery/lanes.h"
#include "delivery/sender.h"
#include "promises.h"
#include "virtual_clock.h"
#include "virtual_receiver.h"
#include "virtual_store.h"

namespace skyhook::delivery::simulation {

struct Options {
  std::uint64_t seed = 1;
  int webhooks = 6;
  int publishes = 30;
  int tests = 4;
  int reopens = 6;    // somebody asks for one delivery, or all failed ones, once more
  int rotations = 3;  // of a webhook's URL and secret
  Micros publishing_for = Seconds{60};
  int crashes = 2;
  int orderly_ends = 1;
  int outages = 3;  // of the store
  int lost_leases = 2;
  bool clock_jumps = true;   // an hour forward or back, and back again
  bool switching = true;     // webhooks are switched off and on, some deleted
  bool rate_limits = false;  // some webhooks have one, and some a schedule of their own
  bool orders = false;       // some webhooks want strict order, now or later
  Lanes::Options lanes;
};

// What happened, so that a test can tell that it did.
struct Report {
  int attempts = 0, delivered = 0, failed = 0, duplicates = 0;
  int tests_answered = 0, reopened = 0, retry_after_heeded = 0, gone = 0;
  int crashes = 0, orderly_ends = 0, abandoned_ends = 0, taken_over = 0;
  int sending_stopped = 0;  // moments at which too many outcomes were not yet durable
  int held_back = 0;        // moments at which a lane waited for its rate limit
  int in_order = 0;         // attempts in strict order, while others waited behind them
  Report& operator+=(const Report& other);
};

class Simulation final : public Lanes::World {
 public:
  explicit Simulation(Options options);
  ~Simulation() override;
  // Plays until nothing is left to happen; throws Violation, which names seed and moment.
  Report run();

 private:
  // The lanes' world.
  Timestamp now() override { return clock_.now(); }
  double jitter() override { return random_.unit(); }
  WebhookPtr webhook(WebhookId id) override;
  void attempt(WaitingDelivery delivery, WebhookPtr webhook) override;
  void record(store::AttemptOutcome outcome) override;
  void load(WebhookId id, std::vector<DeliveryId> except, int limit) override {
    load_by(&VirtualStore::waiting, id, std::move(except), limit);
  }
  void load_in_order(WebhookId id, std::vector<DeliveryId> except, int limit) override {
    load_by(&VirtualStore::waiting_in_order, id, std::move(except), limit);
  }
  using ReadWaiting = store::WaitingPage (VirtualStore::*)(WebhookId, Timestamp,
                                                           const std::vector<DeliveryId>&,
                                                           int) const;
  void load_by(ReadWaiting read, WebhookId id, std::vector<DeliveryId> except, int limit);
  void fail_waiting(WebhookId id) override;
  void switch_off(WebhookId id) override;
  bool may_deliver() override { return may_deliver_; }
  void wake_at(std::optional<Timestamp> when) override;

  // The history.
  void plan();
  void play();
  void publish();
  void publish_test();
  void reopen_one();
  void reopen(WebhookId webhook_id, DeliveryId id);
  bool is_held(WebhookId webhook_id, DeliveryId id);
  void recover(std::optional<WebhookId> id);
  void rotate();
  void switch_order();
  void set_active(WebhookId id, bool active);
  void delete_webhook(WebhookId id);
  void give_options(WebhookEntry& entry);
  void jump(Micros by);
  void jump_and_back();
  void crash();
  void end_in_order();
  void await_rest(Timestamp deadline);
  void lose_lease();
  void regain_lease(bool others_took_over);

  void start_process();
  void end_process();
  void finish(const WaitingDelivery& delivery, const Answer& answer, Timestamp started_at);
  void end_waiting_step(WebhookId id);
  WaitingDelivery make_delivery(WebhookId id, std::string type);
  void change(WebhookId id, const std::function<void(WebhookEntry&)>& change);
  std::optional<WebhookId> some_webhook();
  bool store_is_down() const;

  // What must hold of the lanes at any moment.
  void check_may_begin(const WaitingDelivery& delivery) const;
  void check_rate(const WaitingDelivery& delivery);
  void check_order(const WaitingDelivery& delivery);
  void check_lanes();
  // A webhook that was answered 410 is sent nothing until it is changed, at most kGonePatience.
  // Where the clock jumps meanwhile, it may be sent something, or wait until that outcome is
  // durable.
  struct Gone {
    Timestamp at;  // steady
    bool clock_jumped = false;
  };
  bool is_recent(const Gone& gone) const;
  void check_end() const;

  // Runs `task` after `delay`; one that belongs to the process is forgotten when that ends.
  enum class Of { process, world };
  void later(Micros delay, std::function<void()> task, Of owner = Of::process);
  void at_some_time(int times, const std::function<void()>& task);
  Micros some_time();
  Micros between(Millis least, Millis most) { return simulation::between(random_, least, most); }
  bool chance(double p) { return random_.unit() < p; }
  static void require(bool holds, const char* otherwise);

  struct Happening {
    Timestamp at;  // steady
    std::uint64_t order;
    std::uint64_t life;  // of the process that it belongs to; 0: the world's
    std::function<void()> task;
    bool operator>(const Happening& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  struct InFlight {
    int count = 0;
    int overloads = 0;  // answers in a row that told of too much, since the lane began anew
  };

  const Options options_;
  SeededRandom random_;
  VirtualClock clock_;
  VirtualStore store_;
  Promises promises_;
  Sender sender_;
  Report report_;

  std::vector<Happening> future_;  // a heap, the next on top
  std::uint64_t order_ = 0;
  std::int64_t next_id_ = 1;
  std::map<WebhookId, WebhookPtr> directory_;
  // When attempts of webhooks with a rate limit began (steady), since a process or a clock did.
  std::map<WebhookId, std::vector<Timestamp>> begun_;
  std::map<WebhookId, Mood> moods_;
  std::vector<std::pair<Timestamp, Timestamp>> outages_;

  // Of the present process.
  std::uint64_t life_ = 1;
  std::unique_ptr<Lanes> lanes_;
  std::optional<Timestamp> wake_;
  std::map<WebhookId, InFlight> in_flight_;
  int in_flight_total_ = 0;
  int tests_in_flight_ = 0;
  int handing_over_ = 0;  // publishes that are durable and not yet with the lanes
  std::set<WebhookId> ending_waiting_, end_waiting_again_;
  std::set<WebhookId> asked_to_switch_off_;
  std::map<WebhookId, Gone> gone_;  // not changed since
  std::set<DeliveryId> unanswered_tests_;
  bool may_deliver_ = true;
  bool closed_ = false;
};

}  // namespace skyhook::delivery::simulation
