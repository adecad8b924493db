// What changed in the delivery logs of this process, as it became durable: the source of the live
// stream (contract §7). Says which delivery changed, not how; a reader reads the entry anew, so
// that it always sees the present state however many changes it missed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "domain/ids.h"

namespace skyhook::store {

struct Change {
  WebhookId webhook;
  DeliveryId delivery;  // 0: many deliveries of the webhook at once
};

// Thread-safe. Remembers the latest kRemembered changes in a ring; who falls behind by more is told
// so and reads the log from its beginning.
class ChangeFeed {
 public:
  static constexpr std::size_t kRemembered = 8192;

  // One lock for all of them.
  void note(const std::vector<Change>& changes);

  // The position behind the latest change; grows by one a change.
  std::uint64_t position() const;

  struct Missed {
    std::uint64_t position = 0;          // to go on from
    std::vector<DeliveryId> deliveries;  // each once, in order of its first change
    bool everything = false;             // the ring no longer holds it, or many changed at once
  };
  // What changed of the webhook from `position` on.
  Missed since(std::uint64_t position, WebhookId webhook) const;

  // Called after changes were noted, on the thread that noted them: must be quick and must not call
  // the feed. nullptr: nobody. Not called any more once this returns.
  void observe(std::function<void()> changed);

  // --- between nodes that share a store (cluster::Node carries it)

  // Somebody reads the changes of this webhook here, until the same number of calls of unwatch().
  void watch(WebhookId webhook);
  void unwatch(WebhookId webhook);
  std::vector<WebhookId> watched() const;

  // Other nodes watch these: what is noted of them from now on is kept for take_kept().
  void keep_for_others(std::set<WebhookId> webhooks);
  // What was kept since the last call, each change once. Of a webhook with more than kKeptOfWebhook
  // of them one that stands for many.
  static constexpr std::size_t kKeptOfWebhook = 500;
  std::vector<Change> take_kept();
  void keep_again(const std::vector<Change>& taken);  // could not be told
  // What other nodes noted: as note(), and not kept for them.
  void note_from_others(const std::vector<Change>& changes);

 private:
  void add(const std::vector<Change>& changes);  // mutex_ held
  void keep(const Change& change);               // mutex_ held

  mutable std::mutex mutex_;
  std::vector<Change> ring_;                        // guarded by mutex_; grows to kRemembered
  std::uint64_t position_ = 0;                      // guarded by mutex_
  std::function<void()> changed_;                   // guarded by mutex_
  std::map<WebhookId, std::size_t> watchers_;       // guarded by mutex_
  std::set<WebhookId> watched_elsewhere_;           // guarded by mutex_
  std::map<WebhookId, std::set<DeliveryId>> kept_;  // guarded by mutex_; {0}: many
};

}  // namespace skyhook::store
