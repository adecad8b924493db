// Switches off webhooks whose receivers do not want deliveries, or do not take any: at once where
// one answers 410, and, where the operator asks for it, after a time of nothing but failures.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "base/worker_pool.h"
#include "delivery/notices.h"
#include "directory/directory.h"
#include "domain/delivery.h"
#include "domain/webhook_options.h"
#include "store/store.h"

namespace skyhook::delivery {

// Since when a webhook has had nothing but failures, as far as `steps` (ascending, of `step` each)
// tell: the end of the first step with a failure since the last one with a success, so that it is
// never too early. Steps that began before `not_before` do not count. nullopt: it has no failure
// since.
std::optional<Timestamp> failing_since(const std::vector<store::StatsStep>& steps, Seconds step,
                                       Timestamp not_before);

// The counts that the store keeps anyway tell how long a webhook has been failing: so the time
// outlives restarts, and the attempts of all nodes count. Nothing is remembered of webhooks that
// succeed. Thread-safe; no call blocks.
class SwitchOff {
 public:
  struct Options {
    Millis after{0};  // of nothing but failures; 0: never
  };

  // All outlive the last task on `workers`.
  SwitchOff(Directory& directory, store::Store& store, WorkerPool& workers, Options options)
      : directory_(directory), store_(store), workers_(workers), options_(options) {}

  // Before anything else is called; outlives this. The operator is told first, and the webhook
  // switched off when that is durable.
  void tell(Notices& notices) { notices_ = &notices; }

  // The receiver answered 410, and that is durable.
  void gone(WebhookId id, Timestamp now);
  // An attempt failed, and that is durable: looks whether it has been enough, if need be. What
  // failed for trouble of our own (`internal`) counts for nothing, nor does what failed before it.
  void attempt_failed(WebhookId id, FailureReason reason, Timestamp now);

  // Webhooks of which it is known when to look again, or that trouble of our own is noted; past it
  // all are forgotten, which costs a look or a note each.
  static constexpr std::size_t kRememberedLimit = 100'000;

 private:
  bool look_is_due(WebhookId id, Timestamp now);
  void look(WebhookId id, Timestamp now);
  void look_again_at(WebhookId id, Timestamp now, Timestamp at);
  void note_own_trouble(WebhookId id, Timestamp now);
  void store_own_trouble(WebhookId id, Timestamp until);
  Timestamp counts_from(const Webhook& webhook, Timestamp now);
  void switch_off(const WebhookPtr& webhook, const SwitchedOff& why);
  void store_switch_off(const Webhook& seen, const SwitchedOff& why);
  Seconds step() const;

  Directory& directory_;
  store::Store& store_;
  WorkerPool& workers_;
  const Options options_;
  Notices* notices_ = nullptr;
  struct Look {
    Timestamp asked_at;  // later than now: the clock was set back
    Timestamp due_at;
  };
  std::mutex mutex_;
  std::unordered_map<WebhookId, Look> next_look_;  // of failing ones; guarded by mutex_
  // What is noted with webhooks as own_trouble_until, or about to be; guarded by mutex_
  std::unordered_map<WebhookId, Timestamp> own_trouble_;
};

}  // namespace skyhook::delivery
