#include "store/options_text.h"

#include <boost/json.hpp>
#include <cmath>
#include <stdexcept>

namespace skyhook::store {
namespace {

namespace json = boost::json;

// What the readers below do not expect, Boost.JSON throws; it ends in parse_options_text.
std::string text_of(const json::value& value) {
  const json::string& text = value.as_string();
  return {text.data(), text.size()};
}

json::array write_headers(const std::vector<CustomHeader>& headers) {
  json::array list;
  for (const CustomHeader& header : headers) list.push_back({header.name, header.value});
  return list;
}

std::vector<CustomHeader> read_headers(const json::value& value) {
  std::vector<CustomHeader> headers;
  for (const json::value& pair : value.as_array()) {
    headers.push_back({text_of(pair.as_array().at(0)), text_of(pair.as_array().at(1))});
  }
  return headers;
}

json::array write_delays(const RetrySchedule& schedule) {
  json::array list;
  for (const Millis delay : schedule.delays) list.emplace_back(delay.count());
  return list;
}

RetrySchedule read_delays(const json::value& value) {
  RetrySchedule schedule{.delays = {}};
  for (const json::value& delay : value.as_array()) schedule.delays.emplace_back(delay.as_int64());
  return schedule;
}

double read_rate(const json::value& value) {
  constexpr std::int64_t kMostSteps = 1'000'000'000;
  const std::int64_t steps = value.as_int64();
  if (steps < 1 || steps > kMostSteps) throw std::out_of_range("rate_limit_steps");
  return static_cast<double>(steps) / kRateSteps;
}

json::array write_switched_off(const SwitchedOff& off) {
  const auto since = off.failing_since;
  return {std::string(to_string(off.reason)), to_unix_micros(off.at),
          since ? json::value(to_unix_micros(*since)) : json::value(nullptr)};
}

SwitchedOff read_switched_off(const json::value& value) {
  const json::array& parts = value.as_array();
  const auto reason = parse_switch_off_reason(text_of(parts.at(0)));
  if (!reason) throw std::out_of_range("switched_off");
  SwitchedOff off{.reason = *reason, .at = from_unix_micros(parts.at(1).as_int64())};
  if (!parts.at(2).is_null()) off.failing_since = from_unix_micros(parts.at(2).as_int64());
  return off;
}

void read_member(std::string_view name, const json::value& value, WebhookOptions& options,
                 json::object& unknown) {
  if (name == "headers") {
    options.headers = read_headers(value);
  } else if (name == "retry_schedule_ms") {
    options.retry_schedule = read_delays(value);
  } else if (name == "timeout_ms") {
    options.timeout = Millis{value.as_int64()};
  } else if (name == "rate_limit_steps") {
    options.rate_limit = read_rate(value);
  } else if (name == "ordered") {
    options.ordered = value.as_bool();
  } else if (name == "filter") {
    options.filter = text_of(value);
  } else if (name == "ed25519") {
    options.ed25519 = text_of(value);
  } else if (name == "previous_secret") {
    options.previous_secret = {text_of(value.as_array().at(0)),
                               from_unix_micros(value.as_array().at(1).as_int64())};
  } else if (name == "client_certificate") {
    options.client_certificate = {text_of(value.as_array().at(0)), text_of(value.as_array().at(1))};
  } else if (name == "switched_off") {
    options.switched_off = read_switched_off(value);
  } else if (name == "own_trouble_until") {
    options.own_trouble_until = from_unix_micros(value.as_int64());
  } else {
    unknown.emplace(json::string_view(name.data(), name.size()), value);
  }
}

}  // namespace

std::string options_text(const WebhookOptionsPtr& options) {
  if (!options) return {};
  json::object object;
  if (!options->unknown.empty()) object = json::parse(options->unknown).as_object();
  if (!options->headers.empty()) object["headers"] = write_headers(options->headers);
  if (options->retry_schedule) object["retry_schedule_ms"] = write_delays(*options->retry_schedule);
  if (options->timeout) object["timeout_ms"] = options->timeout->count();
  // Whole steps, so that what is read is exactly what was written.
  if (options->rate_limit) {
    object["rate_limit_steps"] = std::llround(*options->rate_limit * kRateSteps);
  }
  if (options->ordered) object["ordered"] = true;
  if (!options->filter.empty()) object["filter"] = options->filter;
  if (!options->ed25519.empty()) object["ed25519"] = options->ed25519;
  if (const auto& previous = options->previous_secret) {
    object["previous_secret"] = {previous->secret, to_unix_micros(previous->until)};
  }
  if (const auto& certificate = options->client_certificate) {
    object["client_certificate"] = {certificate->chain, certificate->key};
  }
  if (options->switched_off) object["switched_off"] = write_switched_off(*options->switched_off);
  if (const auto until = options->own_trouble_until) {
    object["own_trouble_until"] = to_unix_micros(*until);
  }
  return json::serialize(object);
}

std::optional<WebhookOptionsPtr> parse_options_text(std::string_view text) try {
  if (text.empty()) return WebhookOptionsPtr{};
  const json::value whole = json::parse(json::string_view(text.data(), text.size()));
  WebhookOptions options;
  json::object unknown;
  for (const auto& [name, value] : whole.as_object()) {
    read_member({name.data(), name.size()}, value, options, unknown);
  }
  if (!unknown.empty()) {
    options.unknown = json::serialize(unknown);
    // 1e999 is JSON, but what is written of the value that it was read to is none.
    (void)json::parse(options.unknown);
  }
  return std::make_shared<const WebhookOptions>(std::move(options));
} catch (const std::exception&) {
  return std::nullopt;
}

}  // namespace skyhook::store
