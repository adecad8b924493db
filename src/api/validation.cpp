#include "api/validation.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "api/text.h"
#include "base/json_reader.h"
#include "domain/account.h"
#include "net/url.h"

namespace skyhook::api {

namespace json = boost::json;

std::optional<json::object> parse_object(std::string_view body) {
  auto value = read_json(body, kJsonDepthLimit);
  if (!value || !value->is_object()) return std::nullopt;
  return std::move(value->get_object());
}

void FieldErrors::add(std::string_view field, std::string message) {
  for (auto& [name, messages] : fields_) {
    if (name == field) return messages.push_back(std::move(message));
  }
  fields_.emplace_back(std::string(field), std::vector<std::string>{std::move(message)});
}

std::string shown_name(std::string_view field) {
  std::string name(field);
  if (field.find('.') == field.npos) std::ranges::replace(name, '_', ' ');
  return name;
}

std::optional<std::int64_t> parse_whole_number(std::string_view text) {
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  if (text[0] == '+') text = digits;
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string field_message(std::string_view field, std::string_view rest) {
  return "The " + shown_name(field) + " field " + std::string(rest);
}

std::string selected_is_invalid(std::string_view field) {
  return "The selected " + shown_name(field) + " is invalid.";
}

std::string_view text_of(const json::value& value) {
  const json::string& text = value.get_string();
  return trimmed({text.data(), text.size()});
}

bool is_missing(const json::value& value) {
  return value.is_null() || (value.is_string() && text_of(value).empty());
}

std::optional<Millis> read_duration(const json::value& value, std::string_view field,
                                    Millis shortest, Millis longest, FieldErrors& errors) {
  const auto duration =
      value.is_string() ? parse_duration(text_of(value)) : std::optional<Millis>{};
  if (!duration) {
    errors.add(field, field_message(field, "must be a duration such as 30s or 2m."));
  } else if (*duration < shortest || *duration > longest) {
    errors.add(field, field_message(field, "must be between " + format_duration(shortest) +
                                               " and " + format_duration(longest) + "."));
  } else {
    return duration;
  }
  return std::nullopt;
}

std::optional<bool> read_boolean(const json::value& value, std::string_view field,
                                 FieldErrors& errors) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_int64() && (value.get_int64() == 0 || value.get_int64() == 1)) {
    return value.get_int64() == 1;
  }
  if (value.is_string() && (text_of(value) == "0" || text_of(value) == "1")) {
    return text_of(value) == "1";
  }
  errors.add(field, field_message(field, "must be true or false."));
  return std::nullopt;
}

const json::array* read_array(const json::value& value, std::string_view field, std::size_t minimum,
                              std::size_t maximum, FieldErrors& errors) {
  if (!value.is_array()) {
    errors.add(field, field_message(field, "must be an array."));
    return nullptr;
  }
  const json::array& items = value.get_array();
  if (items.size() < minimum) {
    errors.add(field,
               field_message(field, "must have at least " + std::to_string(minimum) + " items."));
    return nullptr;
  }
  if (items.size() > maximum) {
    errors.add(field, field_message(
                          field, "must not have more than " + std::to_string(maximum) + " items."));
    return nullptr;
  }
  return &items;
}

namespace {

// The value of a field that counts as present.
const json::value* find(const json::object& input, std::string_view field) {
  const json::value* value = input.if_contains(json::string_view(field.data(), field.size()));
  return value == nullptr || is_missing(*value) ? nullptr : value;
}

// `find`, with the error of a required field. An update (Presence::optional) may leave a field out,
// but not empty it.
const json::value* find_required(const json::object& input, std::string_view field,
                                 Presence presence, FieldErrors& errors) {
  const json::value* value = find(input, field);
  const bool given = input.if_contains(json::string_view(field.data(), field.size())) != nullptr;
  if (value == nullptr && (presence == Presence::required || given)) {
    errors.add(field, field_message(field, "is required."));
  }
  return value;
}

std::optional<std::string> read_name(const json::object& input, Presence presence,
                                     FieldErrors& errors) {
  const json::value* value = find_required(input, "name", presence, errors);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    errors.add("name", field_message("name", "must be a string."));
    return std::nullopt;
  }
  const std::string_view text = text_of(*value);
  if (!is_storable(text)) {
    errors.add("name", field_message("name", "format is invalid."));
    return std::nullopt;
  }
  if (count_characters(text) > kNameLimit) {
    errors.add("name", field_message("name", "must not be greater than 255 characters."));
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<bool> read_boolean(const json::object& input, std::string_view field,
                                 FieldErrors& errors) {
  const json::value* value = find(input, field);
  if (value == nullptr) return std::nullopt;
  return read_boolean(*value, field, errors);
}

std::optional<std::string> read_url(const json::object& input, Presence presence,
                                    const UrlRules& rules, FieldErrors& errors) {
  const json::value* value = find_required(input, "url", presence, errors);
  if (value == nullptr) return std::nullopt;
  const auto fault = value->is_string() ? judge_url(text_of(*value), rules)
                                        : field_message("url", "must be a valid URL.");
  if (fault) {
    errors.add("url", *fault);
    return std::nullopt;
  }
  return std::string(text_of(*value));
}

std::optional<std::vector<std::string>> read_events(const json::object& input, Presence presence,
                                                    const Catalogue& catalogue,
                                                    FieldErrors& errors) {
  const json::value* value = find_required(input, "events", presence, errors);
  if (value == nullptr) return std::nullopt;
  const json::array* items = read_array(*value, "events", 1, kEventsLimit, errors);
  if (items == nullptr) return std::nullopt;
  std::vector<std::string> events;
  bool valid = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const json::value& item = (*items)[i];
    if (!item.is_string() || !catalogue.has(text_of(item))) {
      const std::string field = "events." + std::to_string(i);
      errors.add(field, selected_is_invalid(field));
      valid = false;
      continue;
    }
    const std::string_view type = text_of(item);
    if (std::ranges::find(events, type) == events.end()) events.emplace_back(type);
  }
  if (!valid) return std::nullopt;
  return events;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool consists_of(std::string_view text, std::string_view marks) {
  return std::ranges::all_of(
      text, [&](char c) { return is_letter(c) || is_digit(c) || marks.find(c) != marks.npos; });
}

// `*`, or what a browser may send (RFC 6454 §6.2): scheme, host and port. A pattern such as
// `https://*.example.com` would never be sent, so it is not taken for one.
bool is_origin(std::string_view text) {
  if (text == "*") return true;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return false;
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme.empty() || !is_letter(scheme[0]) || !consists_of(scheme, "+.-")) return false;
  std::string_view host = text.substr(scheme_end + 3);
  const std::size_t colon = host.rfind(':');
  if (colon != host.npos && !host.ends_with(']')) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
    host = host.substr(0, colon);
  }
  const bool is_ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_ipv6) return consists_of(host.substr(1, host.size() - 2), ":.");
  return !host.empty() && consists_of(host, "._-");
}

std::optional<std::vector<std::string>> read_origins(const json::object& input,
                                                     FieldErrors& errors) {
  constexpr std::string_view kField = "allowed_origins";
  const json::value* value = find(input, kField);
  if (value == nullptr) {
    // null takes every origin off the list.
    if (input.if_contains(json::string_view(kField.data(), kField.size())) != nullptr) {
      return std::vector<std::string>{};
    }
    return std::nullopt;
  }
  const json::array* items = read_array(*value, kField, 0, kOriginsLimit, errors);
  if (items == nullptr) return std::nullopt;
  std::vector<std::string> origins;
  bool valid = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const json::value& item = (*items)[i];
    if (!item.is_string() || !is_origin(text_of(item)) ||
        count_characters(text_of(item)) > kOriginLimit) {
      const std::string field = std::string(kField) + "." + std::to_string(i);
      errors.add(field, field_message(field, "must be a valid origin."));
      valid = false;
      continue;
    }
    origins.emplace_back(text_of(item));
  }
  if (!valid) return std::nullopt;
  return origins;
}

std::optional<std::int64_t> read_whole_number(const Query& query, std::string_view field,
                                              std::int64_t minimum,
                                              std::optional<std::int64_t> maximum,
                                              FieldErrors& errors) {
  const auto text = query.get(field);
  if (!text) return std::nullopt;
  const auto value = parse_whole_number(*text);
  if (!value) {
    errors.add(field, field_message(field, "must be an integer."));
  } else if (*value < minimum) {
    errors.add(field, field_message(field, "must be at least " + std::to_string(minimum) + "."));
  } else if (maximum && *value > *maximum) {
    errors.add(field,
               field_message(field, "must not be greater than " + std::to_string(*maximum) + "."));
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<Timestamp> read_date(std::string_view field, std::string_view text,
                                   FieldErrors& errors) {
  const auto date = parse_iso8601(text);
  if (!date) errors.add(field, field_message(field, "must be a valid date."));
  return date;
}

std::optional<Timestamp> read_date(const Query& query, std::string_view field,
                                   FieldErrors& errors) {
  const auto text = query.get(field);
  if (!text) return std::nullopt;
  return read_date(field, *text, errors);
}

std::optional<Timestamp> read_date(const json::object& input, std::string_view field,
                                   Presence presence, FieldErrors& errors) {
  const json::value* value = find(input, field);
  if (value == nullptr) {
    if (presence == Presence::required) errors.add(field, field_message(field, "is required."));
    return std::nullopt;
  }
  return read_date(field, value->is_string() ? text_of(*value) : "", errors);
}

}  // namespace

std::optional<std::string> judge_url(std::string_view url, const UrlRules& rules) {
  if (count_characters(url) > kUrlLimit) {
    return field_message("url", "must not be greater than 2048 characters.");
  }
  const auto parsed = net::parse_url(url);
  if (!parsed) return field_message("url", "must be a valid URL.");
  if (!parsed->is_tls() && !rules.allow_http) {
    return field_message("url", "must start with one of the following: https://.");
  }
  if (rules.guard != nullptr && !rules.guard->allows_host(parsed->host)) {
    return field_message("url", "must be a valid URL.");
  }
  return std::nullopt;
}

WebhookInput read_webhook(const json::object& input, Presence presence, const UrlRules& rules,
                          const Catalogue& catalogue, FieldErrors& errors) {
  WebhookInput webhook;
  webhook.name = read_name(input, presence, errors);
  webhook.url = read_url(input, presence, rules, errors);
  webhook.events = read_events(input, presence, catalogue, errors);
  webhook.is_active = read_boolean(input, "is_active", errors);
  return webhook;
}

AccountInput read_account(const json::object& input, Presence presence, FieldErrors& errors) {
  AccountInput account;
  account.name = read_name(input, presence, errors);
  account.is_active = read_boolean(input, "is_active", errors);
  account.allowed_origins = read_origins(input, errors);
  constexpr std::string_view kField = "first_attempt_target";
  if (const json::value* target = input.if_contains(kField)) {
    account.first_attempt_target = std::optional<Millis>{};
    if (!is_missing(*target)) {
      account.first_attempt_target = read_duration(*target, kField, kShortestFirstAttemptTarget,
                                                   kLongestFirstAttemptTarget, errors);
    }
  }
  return account;
}

bool read_include(const Query& query, std::string_view addition, FieldErrors& errors) {
  const auto include = query.get("include");
  if (include && *include != addition) errors.add("include", selected_is_invalid("include"));
  return include && *include == addition;
}

PageInput read_page(const Query& query, FieldErrors& errors) {
  PageInput input;
  if (const auto page = read_whole_number(query, "page", 1, std::nullopt, errors)) {
    input.page = *page;
  }
  if (const auto per_page = read_whole_number(query, "per_page", 1, kMaxPerPage, errors)) {
    input.per_page = static_cast<int>(*per_page);
  }
  return input;
}

AccountsInput read_accounts(const Query& query, FieldErrors& errors) {
  AccountsInput input{.page = read_page(query, errors), .search = query.get("search")};
  if (const auto order = query.get("order")) {
    if (*order == "waiting") {
      input.order = AccountOrder::waiting;
    } else if (*order != "id") {
      errors.add("order", selected_is_invalid("order"));
    }
  }
  return input;
}

DeliveriesInput read_deliveries(const Query& query, FieldErrors& errors) {
  DeliveriesInput input;
  input.page = read_page(query, errors);
  if (const auto status = query.get("status")) {
    input.status = parse_delivery_status(*status);
    if (!input.status) errors.add("status", selected_is_invalid("status"));
  }
  input.before_id = read_whole_number(query, "before_id", 1, std::nullopt, errors);
  input.event_type = query.get("event");
  if (input.event_type && !is_storable(*input.event_type)) {
    errors.add("event", selected_is_invalid("event"));
  }
  input.from = read_date(query, "from", errors);
  input.until = read_date(query, "until", errors);
  return input;
}

RecoverInput read_recover(const json::object& input, Timestamp now, FieldErrors& errors) {
  RecoverInput recover{.since = now, .until = now, .dry_run = false};
  const auto since = read_date(input, "since", Presence::required, errors);
  const auto until = read_date(input, "until", Presence::optional, errors);
  recover.dry_run = read_boolean(input, "dry_run", errors).value_or(false);
  if (since) recover.since = *since;
  if (until) recover.until = *until;
  if (since && until && *until <= *since) {
    errors.add("until", field_message("until", "must be a date after since."));
  }
  return recover;
}

ReplayInput read_replay(const json::object& input, Timestamp now, FieldErrors& errors) {
  const RecoverInput span = read_recover(input, now, errors);
  ReplayInput replay{.since = span.since, .until = span.until, .dry_run = span.dry_run};
  const json::value* after = find(input, "after_id");
  if (after == nullptr) return replay;
  boost::system::error_code inexact;  // 1e9 is an integer too
  const auto id = after->to_number<std::int64_t>(inexact);
  if (inexact) {
    errors.add("after_id", field_message("after_id", "must be an integer."));
  } else if (id < 0) {
    errors.add("after_id", field_message("after_id", "must be at least 0."));
  } else {
    replay.after = EventId{id};
  }
  return replay;
}

Millis read_grace_period(const json::object& input, FieldErrors& errors) {
  const json::value* value = find(input, "grace_period");
  if (value == nullptr) return Millis{0};
  return read_duration(*value, "grace_period", kShortestGrace, kLongestGrace, errors)
      .value_or(Millis{0});
}

StatsInput read_stats(const Query& query, Timestamp now, FieldErrors& errors) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kLongestStep = 366 * 24 * 3600;
  StatsInput input{.from = now - std::chrono::hours{24}, .until = now, .step = Seconds{3600}};
  const auto from = read_date(query, "from", errors);
  const auto until = read_date(query, "to", errors);
  const auto step = read_whole_number(query, "step", kMinute, kLongestStep, errors);
  if (until) input.until = *until;
  input.from = from.value_or(input.until - std::chrono::hours{24});
  if (step) input.step = Seconds{*step};
  if (input.step.count() % kMinute != 0) {
    errors.add("step", field_message("step", "must be a multiple of 60."));
  } else if (input.until <= input.from) {
    errors.add("to", field_message("to", "must be a date after from."));
  } else if ((input.until - input.from) / input.step > kStatsStepsLimit) {
    errors.add("step",
               field_message("step", "must not divide the span into more than 1000 steps."));
  }
  return input;
}

}  // namespace skyhook::api
