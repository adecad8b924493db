// A world for the lanes that exists only in memory: a virtual clock, receivers that misbehave, a
// store that is slow, fails and survives crashes. The same seed plays the same history.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "delivery/lanes.h"

namespace skyhook::delivery::simulation {

// Tells what broke, with the seed that shows it again.
class Violation : public std::exception {
 public:
  explicit Violation(std::string what) : what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string what_;
};

struct Options {
  std::uint64_t seed = 1;
  int webhooks = 6;
  int events = 80;
  Micros publishing_for = std::chrono::seconds{60};
  int crashes = 2;
  bool store_outages = true;
  bool switching = true;  // webhooks are switched off and on, some deleted
  Lanes::Options lanes;
};

struct Report {
  int delivered = 0, failed = 0, attempts = 0, duplicates = 0, crashes = 0;
};

class Simulation final : public Lanes::World {
 public:
  explicit Simulation(Options options);
  ~Simulation() override;
  // Plays until nothing is left to happen; throws Violation.
  Report run();

 private:
  // What the virtual disk keeps.
  struct Row {
    WebhookId webhook_id;
    Timestamp created_at, due_at;
    DeliveryStatus status = DeliveryStatus::pending;
    int attempts_made = 0, schedule_position = 0;
  };
  // What really happened to a delivery, whatever the store says.
  struct Truth {
    int attempts = 0, answered_2xx = 0;
    int in_flight_at_crash = 0;
    bool under_way = false;
  };
  enum class Mood { quick, slow, failing, refusing, hanging, busy, flapping };

  Timestamp now() override { return now_; }
  double jitter() override { return random_.unit(); }
  WebhookPtr webhook(WebhookId id) override;
  void attempt(WaitingDelivery delivery, WebhookPtr webhook) override;
  void record(store::AttemptOutcome outcome) override;
  void load(WebhookId id, std::vector<DeliveryId> except, int limit) override;
  void fail_waiting(WebhookId id) override;
  void switch_off(WebhookId id) override;
  void wake_at(std::optional<Timestamp> when) override;

  void plan();
  void publish();
  void crash();
  void start();
  void set_active(WebhookId id, bool active);
  void delete_webhook(WebhookId id);
  void commit(const store::AttemptOutcome& outcome);
  store::WaitingPage read_waiting(WebhookId id, const std::vector<DeliveryId>& except,
                                  int limit) const;
  void fail_chunk(WebhookId id);
  AttemptReport answer(const WaitingDelivery& delivery, Mood mood);
  bool store_is_down() const;
  void check_bounds();
  void check_end();
  // Runs `task` after `delay`; one that belongs to the process is forgotten when it crashes.
  void later(Micros delay, std::function<void()> task, bool of_process = true);
  Micros between(Millis least, Millis most);
  bool chance(double p) { return random_.unit() < p; }
  [[noreturn]] void violated(const std::string& what) const;

  struct Happening {
    Timestamp at;
    std::uint64_t order;
    std::uint64_t life;  // 0: outlives crashes
    std::function<void()> task;
    bool operator>(const Happening& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };

  const Options options_;
  SeededRandom random_;
  Timestamp now_{std::chrono::seconds{1'700'000'000}};
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> future_;
  std::uint64_t order_ = 0;
  std::uint64_t life_ = 1;  // of the process; a crash begins the next
  std::unique_ptr<Lanes> lanes_;
  std::optional<Timestamp> wake_;

  std::map<WebhookId, WebhookPtr> directory_;
  std::map<WebhookId, Mood> moods_;
  std::map<DeliveryId, Row> rows_;
  std::map<DeliveryId, EventPtr> events_;
  std::map<DeliveryId, Truth> truth_;
  std::set<WebhookId> deleted_;
  std::map<WebhookId, int> in_flight_;
  std::set<WebhookId> failing_waiting_;
  std::vector<std::pair<Timestamp, Timestamp>> outages_;
  std::int64_t next_id_ = 1;
  int in_flight_total_ = 0;
  Report report_;
};

}  // namespace skyhook::delivery::simulation
