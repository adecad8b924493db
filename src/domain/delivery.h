// A delivery: one event on its way to one webhook, over one or more attempts. It is also the log
// entry that an account reads (seed, "List delivery logs").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "base/uuid.h"
#include "domain/event.h"
#include "domain/ids.h"

namespace skyhook {

enum class DeliveryStatus : std::uint8_t { pending = 0, delivered = 1, failed = 2 };
std::string_view to_string(DeliveryStatus status);
std::optional<DeliveryStatus> parse_delivery_status(std::string_view text);

// Why an attempt, or a delivery without one, failed. Stored by number: never renumber, only append.
enum class FailureReason : std::uint8_t {
  none = 0,
  http_status = 1,        // an answer, but not 2xx; the status code says which
  timeout = 2,            // no complete answer by the deadline, and nothing arrived at all
  response_too_slow = 3,  // the answer began but was not complete by the deadline
  dns = 4,                // the name did not resolve
  connect = 5,            // refused, unreachable
  tls = 6,                // handshake or certificate
  blocked_address = 7,    // the name points at an address that the guard forbids
  reset = 8,              // the connection ended before a complete answer
  bad_response = 9,       // not HTTP, or past a limit of ours (head larger than 64 KiB, …)
  invalid_url = 10,       // the stored URL cannot be dialled under the present settings
  webhook_inactive = 11,  // the webhook was switched off while the delivery waited
  gone = 12,              // the receiver answered 410
  internal = 13,          // ours, e.g. out of file descriptors; retried like any failure
};
std::string_view to_string(
    FailureReason reason);  // the names of contract §7, such as "response_too_slow"

// One attempt, as it is kept (contract §4, last item).
struct Attempt {
  int number = 1;  // 1, 2, … over the delivery's whole life
  Timestamp started_at;
  Micros duration{0};
  std::optional<int> response_status;
  FailureReason failure = FailureReason::none;
  std::string error_detail;  // one line for people, such as "certificate has expired"; ≤ 200 bytes
  std::string response_headers;  // raw header lines `Name: value\r\n`, ≤ 16 KiB
  std::string response_body;     // the first 16 KiB
  bool response_truncated = false;
};

// What follows from an attempt: an outcome is a type.
struct Delivered {
  Timestamp at;
};
struct RetryAt {
  Timestamp at;
};
struct GaveUp {
  FailureReason reason;
  bool switch_webhook_off = false;  // 410 (contract §4)
};
using Verdict = std::variant<Delivered, RetryAt, GaveUp>;

// A delivery as the delivery room works on it: taken from a fresh publish or read from the store.
struct WaitingDelivery {
  DeliveryId id;
  WebhookId webhook_id;
  EventPtr event;
  Timestamp created_at;
  Timestamp due_at;           // not before; created_at for a first attempt, later in a replay
  int attempts_made = 0;      // over its whole life
  int schedule_position = 0;  // failures since the schedule last began anew
  bool is_test = false;       // one attempt only
  bool is_ordered = false;    // its webhook wanted strict order: it is sent as the store tells it

  // Due since its event was published and not tried yet: not a test, a replay, or asked for again.
  bool is_fresh() const { return attempts_made == 0 && !is_test && due_at == event->created_at; }
  Uuid uuid() const { return make_uuid(created_at, id.value); }
};

// One log entry (contract §3, "deliveries").
struct DeliveryEntry {
  DeliveryId id;
  WebhookId webhook_id;
  EventId event_id;
  std::string event_type;
  int attempt_number = 0;
  std::optional<int> response_status;
  DeliveryStatus status = DeliveryStatus::pending;
  FailureReason failure = FailureReason::none;  // of the last attempt, or why it failed without one
  std::optional<Timestamp> delivered_at;
  std::optional<Timestamp> next_attempt_at;  // while pending
  Timestamp created_at;

  Uuid uuid() const { return make_uuid(created_at, id.value); }
};

}  // namespace skyhook
