// A store that several nodes share: what a node has to know and do beside store.h. cluster::Node
// does it. An embedded store has no such side.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "store/change_feed.h"
#include "store/store.h"

namespace skyhook::store {

// Another node wants to know whether this one has an attempt of the delivery under way.
struct Inquiry {
  AccountId account;
  std::int64_t id = 0;
  WebhookId webhook;
  DeliveryId delivery;
};

// What changed in accounts and webhooks, through whichever node; the values are as of now, nullopt:
// deleted. `due`: webhooks that may have work that is due sooner than their owner knows.
struct SharedChanges {
  std::vector<std::pair<AccountId, std::optional<Account>>> accounts;
  std::vector<std::pair<WebhookId, std::optional<Webhook>>> webhooks;
  std::vector<WebhookId> due;
  std::vector<Inquiry> inquiries;  // for this node, each once
  bool everything = false;         // too much was missed: load all anew
};

// All calls are thread-safe; those that return a Result block.
class Shared {
 public:
  virtual ~Shared() = default;

  // May an attempt begin? False from a while before this node's lease can end until it is renewed,
  // since from then on others may deliver what this node has in memory. Costs a clock reading.
  virtual bool may_deliver() const = 0;
  // How long it may deliver from now on unless the lease is renewed; zero where it may not.
  virtual Micros lease_left() const = 0;
  // 1 at first; grows when the lease was lost and this process began anew as another node: what was
  // in memory before belongs to others.
  virtual std::uint64_t epoch() const = 0;
  // How many nodes hold a lease, this one among them: at least 1, and about one heartbeat old.
  virtual int live_nodes() const = 0;

  // What happened since the last call, or since the store was opened. May tell a change twice.
  virtual Result<SharedChanges> changes() = 0;

  // Has another node an attempt of the delivery under way, or its outcome not yet durable? Asks the
  // one that owns it, where that one holds a lease and the delivery is pending; else false at once.
  // Waits for its answer for kAnswerPatience at most, then it is an error (`unavailable`). At most
  // kInquiryLimit callers at once, since each takes a worker's time; beyond them `overloaded`.
  static constexpr Millis kAnswerPatience{1'500};
  static constexpr int kInquiryLimit = 2;
  virtual Result<bool> in_flight_elsewhere(WebhookId webhook, DeliveryId delivery) = 0;
  // The other side of it.
  virtual Result<Done> answer(const Inquiry& inquiry, bool in_flight) = 0;

  // Makes part of what ended nodes owned this node's; the webhooks that have work now. Empty:
  // nothing is left.
  virtual Result<std::vector<WebhookId>> take_over() = 0;

  // Events that were published by SQL. `plan` makes of each what is to be stored (its id and time
  // stay; deliveries with ids from take_ids), on this thread, within the transaction that takes
  // them; the answer is what was stored, at most kAdoptLimit events. Empty: there were none.
  static constexpr int kAdoptLimit = 500;
  using Plan = std::function<NewEvent(EventPtr)>;
  // `in_turn`: at most one node at a time, in the order of commits, for webhooks that want order;
  // empty too while another node does it.
  virtual Result<std::vector<NewEvent>> adopt_published(const Plan& plan, bool in_turn) = 0;

  // Live logs (store/change_feed.h): tells the other nodes which webhooks are watched here and what
  // changed here of those that they watch; returns the same of theirs. Told within two calls of
  // each. After an error, or when the last call is kWatchLasts ago, what was to be told may be
  // lost.
  static constexpr Millis kWatchLasts{5'000};
  struct LiveExchange {
    std::vector<WebhookId> watched_elsewhere;
    std::vector<Change> changed_elsewhere;
    bool alone = true;  // no other node holds a lease
  };
  virtual Result<LiveExchange> exchange_live(const std::vector<WebhookId>& watched_here,
                                             const std::vector<Change>& changed_here) = 0;

  // Adds what keys asked for here to what they asked for everywhere, for a limit that counts over
  // all nodes. Waits a second at most, a second more where it has to connect.
  struct RequestCount {
    AccountId account;
    std::int64_t window_end_s = 0;  // Unix seconds
    int spent = 0;                  // allowed since the last call
    int wanted = 0;                 // not yet allowed: granted as far as the limit goes
  };
  struct RequestTotal {
    AccountId account;
    std::int64_t window_end_s = 0;
    int total = 0;    // on all nodes, with what is granted
    int granted = 0;  // of `wanted`
  };
  struct RequestTotals {
    std::vector<RequestTotal> totals;  // of those that were told; where asked for, of all accounts
    int nodes = 1;                     // that hold a lease
  };
  enum class Which { told, all };
  virtual Result<RequestTotals> count_requests(std::vector<RequestCount> here, int limit,
                                               Which answer) = 0;
};

}  // namespace skyhook::store
