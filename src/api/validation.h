// Validation in Laravel's words (contract §2): pure functions from foreign JSON and query text to
// values, or to messages by field.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/query.h"
#include "base/time.h"
#include "domain/catalogue.h"
#include "domain/delivery.h"
#include "net/address_guard.h"

namespace skyhook::api {

// How deep objects and arrays may be nested in a body, the outermost counted.
inline constexpr std::size_t kJsonDepthLimit = 64;
inline constexpr std::size_t kNameLimit = 255;     // characters
inline constexpr std::size_t kUrlLimit = 2048;     // characters
inline constexpr std::size_t kEventsLimit = 1000;  // items of a webhook's list, before duplicates
inline constexpr std::size_t kOriginsLimit = 100;  // items
inline constexpr std::size_t kOriginLimit = 255;   // characters
inline constexpr std::int64_t kDefaultPerPage = 25;
inline constexpr std::int64_t kMaxPerPage = 100;
inline constexpr std::int64_t kStatsStepsLimit = 1000;

// The JSON object of a body (base/json_reader.h); nullopt where it is none.
std::optional<boost::json::object> parse_object(std::string_view body);

// Messages by field, in the order in which the fields were checked.
class FieldErrors {
 public:
  void add(std::string_view field, std::string message);
  bool empty() const { return fields_.empty(); }
  const std::vector<std::pair<std::string, std::vector<std::string>>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> fields_;
};

// As Laravel shows a field's name: `is_active` → `is active`; a path such as `events.0.event`
// stays.
std::string shown_name(std::string_view field);
// A whole number as PHP's FILTER_VALIDATE_INT reads it: optional sign, no leading zeros.
std::optional<std::int64_t> parse_whole_number(std::string_view text);

// What readers of single fields are made of.
std::string field_message(std::string_view field, std::string_view rest);  // `The … field <rest>`
std::string selected_is_invalid(std::string_view field);   // `The selected … is invalid.`
bool is_missing(const boost::json::value& value);          // null, or an empty text (contract §2)
std::string_view text_of(const boost::json::value& text);  // of a string: trimmed
// true, false, 0, 1, "0" or "1", or nullopt with the error.
std::optional<bool> read_boolean(const boost::json::value& value, std::string_view field,
                                 FieldErrors& errors);
// A text such as `30s` or `2m`, between the two, or nullopt with the error.
std::optional<Millis> read_duration(const boost::json::value& value, std::string_view field,
                                    Millis shortest, Millis longest, FieldErrors& errors);
// An array within its bounds, or nullptr with the error.
const boost::json::array* read_array(const boost::json::value& value, std::string_view field,
                                     std::size_t minimum, std::size_t maximum, FieldErrors& errors);

// Whether a field that is absent is an error.
enum class Presence { required, optional };

struct UrlRules {
  bool allow_http = false;
  const net::AddressGuard* guard = nullptr;
};

// A field is absent from the result where it is absent from the input or has an error.
struct WebhookInput {
  std::optional<std::string> name;
  std::optional<std::string> url;
  std::optional<std::vector<std::string>> events;
  std::optional<bool> is_active;
};
WebhookInput read_webhook(const boost::json::object& input, Presence presence,
                          const UrlRules& rules, const Catalogue& catalogue, FieldErrors& errors);
// nullopt: valid; else the one message that the URL gets.
std::optional<std::string> judge_url(std::string_view url, const UrlRules& rules);

struct AccountInput {
  std::optional<std::string> name;
  std::optional<bool> is_active;
  std::optional<std::vector<std::string>> allowed_origins;
  // Outer: is it named? Inner: null takes the target away.
  std::optional<std::optional<Millis>> first_attempt_target;
};
AccountInput read_account(const boost::json::object& input, Presence presence, FieldErrors& errors);

// `?include=`: does the client want in the answer what it sees only when it asks for it, under the
// name `addition`?
bool read_include(const Query& query, std::string_view addition, FieldErrors& errors);

struct PageInput {
  std::int64_t page = 1;
  int per_page = static_cast<int>(kDefaultPerPage);
};
PageInput read_page(const Query& query, FieldErrors& errors);

enum class AccountOrder { id, waiting };  // waiting: those with the most waiting deliveries first

struct AccountsInput {
  PageInput page;
  std::optional<std::string> search;  // part of the name, or the id
  AccountOrder order = AccountOrder::id;
};
AccountsInput read_accounts(const Query& query, FieldErrors& errors);

struct DeliveriesInput {
  PageInput page;
  std::optional<std::int64_t> before_id;
  std::optional<DeliveryStatus> status;
  std::optional<std::string> event_type;
  std::optional<Timestamp> from;
  std::optional<Timestamp> until;
};
DeliveriesInput read_deliveries(const Query& query, FieldErrors& errors);

struct RecoverInput {
  Timestamp since;
  Timestamp until;
  bool dry_run = false;
};
RecoverInput read_recover(const boost::json::object& input, Timestamp now, FieldErrors& errors);

struct ReplayInput {
  Timestamp since;
  Timestamp until;
  bool dry_run = false;
  EventId after;
};
ReplayInput read_replay(const boost::json::object& input, Timestamp now, FieldErrors& errors);

// `grace_period`: how long the secret that is replaced signs beside the new one; zero: not at all.
inline constexpr Millis kShortestGrace = std::chrono::seconds{1};
inline constexpr Millis kLongestGrace = std::chrono::hours{24 * 7};
Millis read_grace_period(const boost::json::object& input, FieldErrors& errors);

struct StatsInput {
  Timestamp from;
  Timestamp until;
  Seconds step{3600};
};
StatsInput read_stats(const Query& query, Timestamp now, FieldErrors& errors);

}  // namespace skyhook::api
