// One network thread's share of the delivery room: its lanes, its sender and its HTTP client, tied
// to its loop. It is the world that the lanes act on. Everything here runs on the loop's thread
// unless it says otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/worker_pool.h"
#include "delivery/janitor.h"
#include "delivery/lanes.h"
#include "delivery/notices.h"
#include "delivery/sender.h"
#include "delivery/switch_off.h"
#include "directory/directory.h"
#include "metrics/metrics.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "store/shared.h"
#include "store/store.h"

namespace skyhook::delivery {

// What delivery needs of the rest of the process; all outlive it.
struct Rooms {
  Directory& directory;
  store::Store& store;
  WorkerPool& workers;
  metrics::Metrics& metrics;
  const net::AddressGuard& guard;
  SSL_CTX* tls;
};

struct Options {
  Lanes::Options lanes;  // limits of the whole node; each network thread gets its share
  Sender::Options sender;
  net::HttpClient::Options http;
  net::Resolver::Options names;
  SwitchOff::Options switch_off;
  std::uint64_t jitter_seed = 0;
  Millis first_attempt_target{0};  // of accounts that have none of their own; 0: none
};

class Courier final : private Lanes::World {
 public:
  // `janitor` and `switch_off` outlive it.
  Courier(net::Loop& loop, Rooms rooms, const Options& options, Janitor& janitor,
          SwitchOff& switch_off);
  ~Courier() override;

  // Before the loop runs; outlives the courier. Without it nobody is told anything.
  void tell(Notices& notices) { notices_ = &notices; }
  Lanes& lanes() { return lanes_; }
  net::Loop& loop() { return loop_; }
  void webhook_changed(WebhookId id, const WebhookPtr& webhook);
  void ownership_changed();
  // No new attempts; `done` once nothing is under way and all outcomes are durable.
  void drain(std::function<void()> done);

  // Any thread; what is of the lanes as of the last publish_stats(), which follows each change.
  DispatcherStats stats() const;
  void publish_stats();

  // Outcomes that the store refused are offered again after this.
  static constexpr Millis kRecordRetryDelay{500};
  // While the store refuses outcomes, or has taken none for this long although there are some, no
  // attempt begins: each one would be made again by whoever reads the store next.
  static constexpr Millis kStorePatience{1'000};

 private:
  Timestamp now() override { return loop_.now(); }
  double jitter() override { return random_.unit(); }
  WebhookPtr webhook(WebhookId id) override { return rooms_.directory.webhook(id); }
  // Each node gets an equal part, whether or not it has as much to send as the others.
  double rate_share() override { return shared_ != nullptr ? 1.0 / shared_->live_nodes() : 1; }
  void attempt(WaitingDelivery delivery, WebhookPtr webhook) override;
  void gave_up(const WaitingDelivery& delivery, const WebhookPtr& webhook,
               const Attempt& attempt) override;
  void record(store::AttemptOutcome outcome) override;
  void load(WebhookId id, std::vector<DeliveryId> except, int limit) override {
    load_by(Order::due, id, std::move(except), limit);
  }
  void load_in_order(WebhookId id, std::vector<DeliveryId> except, int limit) override {
    load_by(Order::strict, id, std::move(except), limit);
  }
  enum class Order { due, strict };
  void load_by(Order order, WebhookId id, std::vector<DeliveryId> except, int limit);
  void fail_waiting(WebhookId id) override;
  void switch_off(WebhookId id) override { switch_off_.gone(id, loop_.now()); }
  void wake_at(std::optional<Timestamp> when) override;
  bool may_deliver() override;

  std::optional<store::FirstAttempt> hold_to_target(const WaitingDelivery& delivery,
                                                    Timestamp began_at);
  // `webhook`: as it was when the attempt began.
  void finish(WaitingDelivery delivery, WebhookPtr webhook, net::ClientResult result,
              Timestamp started_at);
  // Outcomes that are recorded together, and what is told of them before that.
  struct Batch {
    std::vector<store::AttemptOutcome> outcomes;
    std::vector<FailedDelivery> failed;
  };
  void flush_outcomes();
  void record_batch(const std::shared_ptr<Batch>& batch);
  void batch_recorded(const std::shared_ptr<Batch>& batch, bool failed);
  void outcomes_recorded(const std::vector<store::AttemptOutcome>& outcomes);
  void count(const store::AttemptOutcome& outcome);
  bool store_takes_outcomes() const;

  net::Loop& loop_;
  Rooms rooms_;
  store::Shared* const shared_;  // nullptr: this process has the store alone
  std::uint64_t epoch_ = 0;      // of what lanes have in memory
  Janitor& janitor_;
  SwitchOff& switch_off_;
  SeededRandom random_;
  net::Resolver names_;
  net::HttpClient http_;
  Sender sender_;
  const Millis first_attempt_target_;
  Lanes lanes_;

  Notices* notices_ = nullptr;
  Batch batch_;  // of this round
  bool flush_posted_ = false;
  int records_under_way_ = 0;
  MonoTime record_taken_{};      // the latest success, or the beginning of the first since none was
                                 // under way
  bool record_refused_ = false;  // by the latest answer
  net::Timer record_retry_;
  net::Timer wake_timer_;
  std::function<void()> drained_;

  struct Published;  // a copy of the counters for other threads
  std::unique_ptr<Published> published_;
};

}  // namespace skyhook::delivery
