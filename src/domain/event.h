// An event, as the platform published it, and the body that its deliveries carry.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "base/uuid.h"
#include "domain/ids.h"

namespace skyhook {

inline constexpr std::string_view kTestEventType = "webhook.test";

struct Event {
  EventId id;
  AccountId account_id;
  std::string type;  // such as contact.created
  std::string data;  // the publisher's JSON object, byte for byte
  Timestamp created_at;
  // The publisher's `traceparent` (W3C Trace Context), passed on to the receiver; empty: none.
  std::string traceparent;

  Uuid uuid() const { return make_uuid(created_at, id.value); }
};

// Shared by every delivery of the event while any of them is in memory; immutable.
using EventPtr = std::shared_ptr<const Event>;

// The raw body of a delivery (seed, "Test payload"; contract §4): the same bytes on every attempt,
// since it depends on nothing but the stored event, the delivery's id and when the delivery was
// created.
std::string delivery_body(const Event& event, const Uuid& delivery_uuid,
                          Timestamp delivery_created_at);

// Is it a `traceparent` header (W3C Trace Context, level 1: lower-case hex, neither id all zeros)
// that may be passed on as it is?
bool is_traceparent(std::string_view text);

// What is wrong with the data of an event; nullopt: nothing. Any thread.
using DataCheck = std::function<std::optional<std::string>(std::string_view data)>;

// An event type that an account can subscribe to.
struct EventType {
  std::string
      name;  // letters, digits, '.', '_' and '-' only: it goes into bodies and headers as it is
  std::string description;
  std::string schema;   // of the data, a JSON Schema; empty: none
  std::string example;  // of the data, a JSON object; empty: none
  DataCheck check;      // data is held against the schema before it is accepted; empty: it is not
};

}  // namespace skyhook
