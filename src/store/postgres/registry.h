// What this node accepted lately and has not settled: the store's own memory of the happy path, on
// which the database is not asked. Bounded: what stays longer is parked (given a row in `detours`).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "domain/delivery.h"
#include "domain/ids.h"
#include "store/store.h"

namespace skyhook::store::postgres {

// Any thread.
class Registry {
 public:
  struct Fresh {
    DeliveryId id;
    WebhookId webhook;
    AccountId account;
    Timestamp due_at;
    bool uncertain = false;  // nobody was told that it is there
  };

  // Before they are written: from now on promise() does not pass them. False, and nothing is added,
  // where an id is lower than what was promised: no take-over would look for it.
  [[nodiscard]] bool add(const std::vector<NewEvent>& events, MonoTime now);
  void committed(const std::vector<NewEvent>& events);
  void dropped(const std::vector<NewEvent>& events);
  // It is not known whether they were written: parking will tell. Of those in strict order, which
  // are not kept here, order_in_doubt() does.
  void uncertain(const std::vector<NewEvent>& events);

  // Is it to be looked whether there is work in strict order that nobody was told of? True for the
  // next kLooksInDoubt calls after a write whose outcome is not known.
  bool order_in_doubt();
  static constexpr int kLooksInDoubt = 20;

  enum class Claim { none, fresh };
  // An outcome is about to be written: fresh where it is certain that the delivery is pending and
  // untouched. Nobody else takes such a one until settled() or unclaim().
  Claim claim(DeliveryId id);
  void settled(const std::vector<DeliveryId>& ids);
  // `certain`: nothing was written; otherwise that is not known.
  void unclaim(const std::vector<DeliveryId>& ids, bool certain);

  // Fresh ones of a webhook that are due, in order of (due_at, id), without `except` (ascending).
  std::vector<Fresh> due(WebhookId webhook, Timestamp now, const std::vector<DeliveryId>& except,
                         std::size_t limit) const;
  std::optional<Timestamp> next_due(WebhookId webhook, Timestamp after) const;

  // Up to `limit` that were added before `before`, the oldest first, or any age of those that are
  // uncertain or beyond `keep`. Nobody else takes them until parked() or unpark().
  std::vector<Fresh> take_for_parking(MonoTime before, std::size_t keep, std::size_t limit);
  // Whatever their age, those with a lower id.
  std::vector<Fresh> take_below(DeliveryId end, std::size_t limit);
  bool holds_below(DeliveryId end) const;
  // The same for one webhook, whatever their age; for one delivery.
  std::vector<Fresh> take_of(WebhookId webhook, std::size_t limit);
  std::optional<Fresh> take(DeliveryId id);
  void parked(const std::vector<Fresh>& taken);
  void unpark(const std::vector<Fresh>& taken);

  void forget(WebhookId webhook);  // deleted
  // The lease was lost: others own them. What is being written stays, since the write may yet
  // happen under the next lease; it is uncertain then whose it is, which parking will tell.
  void clear();

  // What the database is to be told: every delivery with a lower id is settled or parked.
  // `unused`: no id below it is given out any more.
  DeliveryId promise(DeliveryId unused);
  // The database has taken what promise() answered last. Until then what it had before counts too.
  void promise_taken();
  std::size_t size() const;

 private:
  enum class State : std::uint8_t { writing, fresh, uncertain, settling, parking };
  struct Entry {
    WebhookId webhook;
    AccountId account;
    Timestamp due_at;
    MonoTime since;
    State state;
    bool in_doubt = false;  // the lease was lost while it was being written
  };
  using Entries = std::map<std::int64_t, Entry>;
  void set_state(const std::vector<NewEvent>& events, State state);
  void erase(Entries::iterator entry);  // mutex_ held
  static Fresh fresh_of(const Entries::value_type& entry) {
    return {DeliveryId{entry.first}, entry.second.webhook, entry.second.account,
            entry.second.due_at};
  }

  mutable std::mutex mutex_;
  DeliveryId promise_;       // guarded by mutex_
  DeliveryId promise_here_;  // the highest that counts; guarded by mutex_
  int looks_in_doubt_ = 0;   // guarded by mutex_
  Entries entries_;          // guarded by mutex_
  std::unordered_map<WebhookId, std::set<std::int64_t>> by_webhook_;  // guarded by mutex_
};

}  // namespace skyhook::store::postgres
