// The store: what Skyhook must not lose. One interface, two backends (sqlite/, later postgres/);
// only `app` names a backend.
//
// Two kinds of calls:
//  - The hot path (publish, record) is asynchronous. Requests of many callers are committed
//  together; the callback runs on a
//    thread of the store after the transaction is durable, must be quick and must not call the
//    store's blocking half.
//  - Everything else blocks and may take milliseconds: call it from a worker thread
//  (base/worker_pool.h), never from a network thread.
// All calls are thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "domain/account.h"
#include "domain/delivery.h"
#include "domain/event.h"
#include "domain/ids.h"
#include "domain/webhook.h"

namespace skyhook::store {

// Why the store could not do it.
struct Error {
  enum class Kind {
    unavailable,  // disk full, read-only, database away: the same call may succeed later (503)
    overloaded,   // a queue is full (503)
    corrupt,      // the data is not what this binary wrote
    stopped,      // the store is being closed
  };
  Kind kind = Kind::unavailable;
  std::string detail;  // for the log, never for a client
};
template <class T>
using Result = skyhook::Result<T, Error>;

inline constexpr Seconds kIdempotencyWindow{24 * 3600};

// The updated_at of what is changed at `now` and was last changed at `seen`: later than that, also
// within a microsecond and where the clock went back. By it a writer knows that nobody else wrote.
constexpr Timestamp stamp_after(Timestamp seen, Timestamp now) {
  return std::max(now, seen + Micros{1});
}

struct IdempotencyKey {
  std::string key;      // 1 … 255 characters
  Sha256 request_hash;  // of event type and raw data: the same key with another hash is a conflict
};

struct NewEvent {
  EventPtr event;
  std::vector<WaitingDelivery>
      deliveries;  // one for each subscribed webhook; their `event` is `event`
  std::optional<IdempotencyKey> idempotency_key;
};

// What became of one event of a publish.
struct EventReceipt {
  EventId id;
  Timestamp created_at;
  std::int64_t deliveries = 0;
  bool replayed =
      false;  // the idempotency key was known: this is the first result, nothing was stored
  Uuid uuid() const { return make_uuid(created_at, id.value); }
};
struct IdempotencyConflict {
  std::size_t index;  // which event of the publish
};
using PublishOutcome = std::variant<std::vector<EventReceipt>, IdempotencyConflict>;
using PublishCallback = std::function<void(Result<PublishOutcome>)>;

// When a delivery's first attempt began, held against a target.
struct FirstAttempt {
  AccountId account;
  Micros latency{0};  // since its event was accepted
  bool is_late = false;
};

// One attempt and what follows from it.
struct AttemptOutcome {
  DeliveryId delivery_id;
  WebhookId webhook_id;
  Attempt attempt;
  Verdict verdict;
  std::optional<FirstAttempt> first = std::nullopt;  // is counted for the account
};
using RecordCallback = std::function<void(Result<Done>)>;

// Waiting deliveries of one webhook, and when the next one that is not yet due will be.
struct WaitingPage {
  std::vector<WaitingDelivery> deliveries;  // due, in order of (due_at, id)
  bool more = false;                        // due ones are left beyond the limit
  std::optional<Timestamp> next_due_at;     // of the earliest one with due_at > now
};
// A page ends early, with `more`, once its events' data reach this many bytes.
inline constexpr std::size_t kWaitingPageBytes = 1 << 20;

struct DeliveryFilter {
  std::optional<DeliveryStatus> status;
  std::optional<std::string> event_type;
  std::optional<Timestamp> from;   // created_at >= from
  std::optional<Timestamp> until;  // created_at < until
};
struct DeliveryPage {
  std::vector<DeliveryEntry> entries;  // newest first: descending id
  // Of all that match the filter, exactly, where the filter names at most a status; with a type or
  // a span of time, of those that match among the rows that were looked at. Not computed by the
  // before_id walk.
  std::int64_t total = 0;
  // Set where a search ended before the log did, because it had looked at as many rows as one call
  // may (kSearchRows of a backend, at least 100,000): older entries may match. deliveries_before(…,
  // *searched_to, …) goes on from there.
  std::optional<DeliveryId> searched_to;
};
struct DeliveryDetail {
  DeliveryEntry entry;
  EventPtr event;
  std::vector<Attempt> attempts;  // by number
};

// Events of an account that were created in [from, until), whoever subscribed to them.
struct EventSearch {
  AccountId account;
  Timestamp from;
  Timestamp until;
  EventId after;           // only those with a higher id
  bool with_data = false;  // otherwise `data` of what is found is empty; `traceparent` always is
};
// How many rows one search looks at; it ends too once the data that it read reaches
// kWaitingPageBytes.
inline constexpr std::int64_t kEventSearchRows = 10'000;
struct EventPage {
  std::vector<EventPtr> events;  // ascending id
  // Set where the search ended before the span did: it goes on after this one.
  std::optional<EventId> searched_to;
};
// How many deliveries one replay() makes.
inline constexpr std::size_t kReplayLimit = 1'000;
// New deliveries to `webhook`, created at `now`, the i-th due at `first_due + i * spacing`.
struct Replay {
  WebhookId webhook;
  Timestamp now;
  Timestamp first_due;
  Micros spacing{0};
  bool is_ordered = false;  // the webhook wants strict order: they come behind what it has accepted
};

struct NewAccount {
  std::string name;
  Sha256 api_key_hash;
  std::vector<std::string> allowed_origins;
  Timestamp now;
  std::optional<Millis> first_attempt_target = std::nullopt;
};
struct NewWebhook {
  AccountId account_id;
  std::string name;
  std::string url;
  std::vector<std::string> events;
  bool is_active;
  std::string sealed_secret;
  Timestamp now;
  WebhookOptionsPtr options = nullptr;  // sealed
};

// Per step of a chart (contract §7, stats).
struct StatsStep {
  Timestamp start;
  std::int64_t delivered = 0;
  std::int64_t failed_attempts = 0;
  std::int64_t failed = 0;
  std::optional<double> duration_p50_ms;  // of attempts; from a histogram, within 10 %
  std::optional<double> duration_p95_ms;
};

// The same of accounts as a whole.
struct AccountStep {
  std::int64_t events = 0;          // accepted, tests of webhooks aside; also without a subscriber
  std::int64_t first_attempts = 0;  // that were held against a target
  std::int64_t late = 0;            // of them
  std::optional<double> latency_p50_ms;  // of them; from a histogram, within 10 %
  std::optional<double> latency_p95_ms;
};

// A node that shares the store with others, and how long it may act on what it owns.
struct NodeLease {
  std::int64_t id = 0;
  std::string name;
  bool is_self = false;
  Timestamp started_at;
  Timestamp lease_until;  // in the past: the others take over what it owned
};

struct QueueStats {
  DeliveryTotals totals;
  std::optional<Timestamp> oldest_waiting_created_at;
};

class Shared;

class Store {
 public:
  // Closing waits for what was accepted to become durable.
  virtual ~Store() = default;

  // --- hot path
  // -------------------------------------------------------------------------------------------------

  // A contiguous block of `count` fresh keys for events and deliveries; returns the first. Never
  // blocks.
  virtual std::int64_t take_ids(std::int64_t count) = 0;

  // All or nothing, in one durable step. Fails at once with `overloaded` when the write queue is
  // full.
  virtual void publish(std::vector<NewEvent> events, PublishCallback done) = 0;

  // The outcomes of attempts. Never refused for a full queue: every outcome belongs to a delivery
  // slot, and the number of slots bounds them. On failure nothing is recorded and the caller keeps
  // the outcome and tries again. Of a delivery that failed meanwhile (its webhook was switched off)
  // the attempt is logged, and it changes only if the outcome says Delivered; of one that is
  // delivered, or no longer exists, nothing changes.
  virtual void record(std::vector<AttemptOutcome> outcomes, RecordCallback done) = 0;

  // --- work that waits in the store
  // ----------------------------------------------------------------------------

  // Every webhook that has pending deliveries. At start; cost follows the number of webhooks, not
  // of deliveries.
  virtual Result<std::vector<WebhookId>> webhooks_with_waiting() = 0;
  // Up to `limit` deliveries of the webhook that are due at `now`, earliest first, without those in
  // `except` (ascending): the ones that the caller holds in memory already.
  virtual Result<WaitingPage> waiting(WebhookId webhook, Timestamp now,
                                      const std::vector<DeliveryId>& except, int limit) = 0;
  // The same in the order in which they were accepted, up to the first that is not yet due
  // (next_due_at): what comes after it is not told. Of a webhook that wants strict order this is
  // the way to read: on a shared store one node gets them, until its lease ends, and the others get
  // nothing.
  virtual Result<WaitingPage> waiting_in_order(WebhookId webhook, Timestamp now,
                                               const std::vector<DeliveryId>& except,
                                               int limit) = 0;
  // Ends up to `limit` pending deliveries of the webhook as failed with `reason`; returns how many.
  // Called until it returns 0.
  virtual Result<int> fail_waiting(WebhookId webhook, FailureReason reason, int limit) = 0;

  // --- accounts and webhooks
  // ------------------------------------------------------------------------------------

  virtual Result<std::vector<Account>> load_accounts() = 0;
  virtual Result<std::vector<Webhook>> load_webhooks() = 0;
  // As they are stored now; nullopt where it does not exist.
  virtual Result<std::optional<Account>> account(AccountId id) = 0;
  virtual Result<std::optional<Webhook>> webhook(WebhookId id) = 0;

  virtual Result<Account> create_account(const NewAccount& account) = 0;
  // Writes everything of `account.id` but created_at, provided that it was last changed at `seen`;
  // false where it was changed since, or does not exist. Its updated_at is stamp_after(seen, …).
  virtual Result<bool> update_account(const Account& account, Timestamp seen) = 0;
  // With its webhooks and everything under them; false where it does not exist. Rows of the log go
  // in the background (purge_step).
  virtual Result<bool> delete_account(AccountId id) = 0;

  // An error where the account does not exist.
  virtual Result<Webhook> create_webhook(const NewWebhook& webhook) = 0;
  // Writes name, url, events, is_active, secret, options and updated_at, under the same condition.
  virtual Result<bool> update_webhook(const Webhook& webhook, Timestamp seen) = 0;
  virtual Result<bool> delete_webhook(WebhookId id) = 0;

  // Totals of each of these webhooks, in their order; zeros for one without deliveries.
  virtual Result<std::vector<DeliveryTotals>> totals(const std::vector<WebhookId>& webhooks) = 0;

  // --- the log
  // ----------------------------------------------------------------------------------------------------

  // 1 <= page, 1 <= per_page <= 100.
  virtual Result<DeliveryPage> deliveries(WebhookId webhook, const DeliveryFilter& filter,
                                          std::int64_t page, int per_page) = 0;
  // The entries with id < before, newest first (contract §7).
  virtual Result<DeliveryPage> deliveries_before(WebhookId webhook, const DeliveryFilter& filter,
                                                 DeliveryId before, int limit) = 0;
  virtual Result<std::optional<DeliveryDetail>> delivery(WebhookId webhook, DeliveryId id) = 0;

  // A settled or waiting delivery goes back to pending, due at `due_at`, its schedule begun anew;
  // nullopt where it does not exist.
  virtual Result<std::optional<DeliveryEntry>> reopen(WebhookId webhook, DeliveryId id,
                                                      Timestamp due_at) = 0;
  // Every failed delivery of the webhook with from <= created_at < until goes back to pending, the
  // i-th due at `first_due + i * spacing`; returns how many.
  virtual Result<std::int64_t> reopen_failed(WebhookId webhook, Timestamp from, Timestamp until,
                                             Timestamp first_due, Micros spacing) = 0;
  virtual Result<std::int64_t> count_failed(WebhookId webhook, Timestamp from, Timestamp until) = 0;

  // 1 <= limit: of events that are found.
  virtual Result<EventPage> events(const EventSearch& search, int limit) = 0;
  // A delivery of each of these stored events (at most kReplayLimit, of the webhook's account), all
  // or nothing, in one durable step. Returns how many were made: events that retention has removed
  // are passed over, and a webhook that does not exist gets none.
  virtual Result<std::int64_t> replay(const Replay& replay,
                                      const std::vector<EventPtr>& events) = 0;

  // Roll-ups between from and until in steps of `step` (a multiple of one minute); over all given
  // webhooks together. An attempt counts in the minute in which it ended; the first step begins
  // with the minute of `from`. Every step is there, also without attempts.
  virtual Result<std::vector<StatsStep>> stats(const std::vector<WebhookId>& webhooks,
                                               Timestamp from, Timestamp until, Seconds step) = 0;
  // Of all given accounts together, in the same steps. A first attempt counts in the minute in
  // which it began.
  virtual Result<std::vector<AccountStep>> account_stats(const std::vector<AccountId>& accounts,
                                                         Timestamp from, Timestamp until,
                                                         Seconds step) = 0;
  virtual Result<QueueStats> queue_stats() = 0;
  // Empty where the store belongs to one process alone.
  virtual Result<std::vector<NodeLease>> nodes() { return std::vector<NodeLease>{}; }

  // --- housekeeping
  // ---------------------------------------------------------------------------------------------

  // Can it take writes now? Writes and commits something tiny.
  virtual Result<Done> check_writable() = 0;
  // One bounded step (a few milliseconds) of removing what is no longer wanted: logs of deleted
  // webhooks, settled deliveries and events older than `keep_after`, expired idempotency keys. True
  // where more is left to do.
  virtual Result<bool> purge_step(Timestamp now, std::optional<Timestamp> keep_after) = 0;

  // --- several nodes
  // ------------------------------------------------------------------------------

  // The side of a store that is shared (store/shared.h); nullptr where one process has it alone.
  virtual Shared* shared() { return nullptr; }
};

}  // namespace skyhook::store
