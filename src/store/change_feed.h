// What changed in the delivery logs of this process, as it became durable: the source of the live
// stream (contract §7). Says which delivery changed, not how; a reader reads the entry anew, so
// that it always sees the present state however many changes it missed.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
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

 private:
  mutable std::mutex mutex_;
  std::vector<Change> ring_;       // guarded by mutex_; grows to kRemembered
  std::uint64_t position_ = 0;     // guarded by mutex_
  std::function<void()> changed_;  // guarded by mutex_
};

}  // namespace skyhook::store
