#include "api/webhook_options.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "filter/filter.h"
#include "net/client_certificate.h"
#include "signing/ed25519.h"

namespace skyhook::api {

namespace json = boost::json;

namespace {

// How one option is read, reset and shown. `read` gets a value that is not null, and the field's
// path for its errors; it answers an empty change where it found one.
struct Option {
  std::string_view name;
  OptionsChange (*read)(const json::value& value, const std::string& field,
                        const OptionRules& rules, FieldErrors& errors);
  void (*reset)(WebhookOptions& options);
  void (*write)(JsonWriter& json, const WebhookOptions& options);
};

OptionsChange refused(const std::string& field, std::string_view reason, FieldErrors& errors) {
  errors.add(field, field_message(field, reason));
  return {};
}

// --- headers -------------------------------------------------------------------------------------

const CustomHeader* find_header(const std::vector<CustomHeader>& headers, std::string_view name) {
  const auto found = std::ranges::find_if(
      headers, [&](const CustomHeader& one) { return same_header_name(one.name, name); });
  return found == headers.end() ? nullptr : &*found;
}

// What is wrong with one member of `headers`; empty: nothing. `true` keeps the value that the
// webhook has for that name.
std::string_view judge_header(std::string_view name, const json::value& value,
                              const OptionRules& rules) {
  if (name.size() > kHeaderNameLimit) return "must have a name of at most 100 characters.";
  if (!is_header_name(name)) return "must have the name of a header.";
  if (is_reserved_header(name, rules.header_prefix)) return "must not have a reserved name.";
  if (value.is_bool() && value.get_bool()) {
    const bool is_there = rules.present && find_header(rules.present->headers, name) != nullptr;
    return is_there ? "" : "must have a value.";
  }
  if (!value.is_string()) return "must be a string.";
  const std::string_view text = text_of(value);
  if (text.empty()) return "must have a value.";
  if (text.size() > kHeaderValueLimit) return "must not be greater than 1000 characters.";
  return is_header_value(text) ? "" : "must consist of visible ASCII characters.";
}

OptionsChange read_headers(const json::value& value, const std::string& field,
                           const OptionRules& rules, FieldErrors& errors) {
  if (!value.is_object()) return refused(field, "must be an object.", errors);
  const json::object& members = value.get_object();
  if (members.size() > kHeadersLimit) {
    return refused(field, "must not have more than 20 items.", errors);
  }
  std::vector<CustomHeader> wanted;  // an empty value: the one that is there
  bool valid = true;
  for (const auto& [key, member] : members) {
    const std::string_view name(key.data(), key.size());
    std::string_view fault = judge_header(name, member, rules);
    if (fault.empty() && find_header(wanted, name) != nullptr) fault = "must not be there twice.";
    if (!fault.empty()) {
      refused(field + "." + std::string(name), fault, errors);
      valid = false;
      continue;
    }
    wanted.push_back({std::string(name), member.is_string() ? std::string(text_of(member)) : ""});
  }
  if (!valid) return {};
  return [wanted = std::move(wanted)](WebhookOptions& options) {
    std::vector<CustomHeader> headers;
    for (const CustomHeader& header : wanted) {
      const CustomHeader* kept =
          header.value.empty() ? find_header(options.headers, header.name) : &header;
      // Another request may have taken it off since this one was judged.
      if (kept != nullptr) headers.push_back({header.name, kept->value});
    }
    options.headers = std::move(headers);
  };
}

void write_headers(JsonWriter& json, const WebhookOptions& options) {
  if (options.headers.empty()) {
    json.null();
    return;
  }
  json.begin_object();
  for (const CustomHeader& header : options.headers) json.field(header.name, true);
  json.end_object();
}

// --- rate limit ----------------------------------------------------------------------------------

OptionsChange read_rate_limit(const json::value& value, const std::string& field,
                              const OptionRules&, FieldErrors& errors) {
  if (!value.is_number()) return refused(field, "must be a number.", errors);
  const auto rate = value.to_number<double>();
  if (rate < kLowestRate || rate > kHighestRate) {
    return refused(field, "must be between 0.01 and 1000.", errors);
  }
  const double steps = std::round(rate * kRateSteps);
  if (steps / kRateSteps != rate) return refused(field, "must have 0-3 decimal places.", errors);
  return [rate](WebhookOptions& options) { options.rate_limit = rate; };
}

void write_rate_limit(JsonWriter& json, const WebhookOptions& options) {
  options.rate_limit ? json.number(*options.rate_limit) : json.null();
}

// --- strict order --------------------------------------------------------------------------------

OptionsChange read_ordered(const json::value& value, const std::string& field, const OptionRules&,
                           FieldErrors& errors) {
  const auto ordered = read_boolean(value, field, errors);
  if (!ordered) return {};
  return [ordered](WebhookOptions& options) { options.ordered = *ordered; };
}

void write_ordered(JsonWriter& json, const WebhookOptions& options) {
  options.ordered ? json.boolean(true) : json.null();
}

// --- retry schedule and timeout ------------------------------------------------------------------

OptionsChange read_retry_schedule(const json::value& value, const std::string& field,
                                  const OptionRules&, FieldErrors& errors) {
  const json::array* items = read_array(value, field, 0, kScheduleLimit, errors);
  if (items == nullptr) return {};
  RetrySchedule schedule{.delays = {}};
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto delay = read_duration((*items)[i], field + "." + std::to_string(i), Millis{0},
                                     kScheduleDelayLimit, errors);
    if (delay) schedule.delays.push_back(*delay);
  }
  if (schedule.delays.size() != items->size()) return {};
  return [schedule = std::move(schedule)](WebhookOptions& options) {
    options.retry_schedule = schedule;
  };
}

void write_retry_schedule(JsonWriter& json, const WebhookOptions& options) {
  if (!options.retry_schedule) {
    json.null();
    return;
  }
  json.begin_array();
  for (const Millis delay : options.retry_schedule->delays) json.string(format_duration(delay));
  json.end_array();
}

OptionsChange read_timeout(const json::value& value, const std::string& field, const OptionRules&,
                           FieldErrors& errors) {
  const auto timeout = read_duration(value, field, kShortestTimeout, kLongestTimeout, errors);
  if (!timeout) return {};
  return [timeout](WebhookOptions& options) { options.timeout = timeout; };
}

void write_timeout(JsonWriter& json, const WebhookOptions& options) {
  options.timeout ? json.string(format_duration(*options.timeout)) : json.null();
}

// --- filter --------------------------------------------------------------------------------------

OptionsChange read_filter(const json::value& value, const std::string& field, const OptionRules&,
                          FieldErrors& errors) {
  const std::string text = JsonWriter().value(value).take();
  if (const auto compiled = filter::Filter::compile(text); !compiled) {
    return refused(field, compiled.error(), errors);
  }
  return [text](WebhookOptions& options) { options.filter = text; };
}

void write_filter(JsonWriter& json, const WebhookOptions& options) {
  options.filter.empty() ? json.null() : json.raw(options.filter);
}

// --- ed25519 -------------------------------------------------------------------------------------

std::string public_key_of(const WebhookOptions& options) {
  const auto signer = signing::Ed25519Signer::from(options.ed25519);
  return signer ? signer->public_key() : std::string();
}

OptionsChange read_ed25519(const json::value& value, const std::string& field,
                           const OptionRules& rules, FieldErrors& errors) {
  const bool asked_for = value.is_bool() && value.get_bool();
  const bool is_present =
      value.is_string() && rules.present && text_of(value) == public_key_of(*rules.present);
  if (!asked_for && !is_present) return refused(field, "must be true.", errors);
  return [](WebhookOptions& options) {
    if (options.ed25519.empty()) options.ed25519 = signing::make_ed25519_key();
  };
}

void write_ed25519(JsonWriter& json, const WebhookOptions& options) {
  const std::string key = public_key_of(options);
  key.empty() ? json.null() : json.string(key);
}

// --- client certificate --------------------------------------------------------------------------

net::ClientCertificate::Ptr certificate_of(const WebhookOptions& options) {
  if (!options.client_certificate) return nullptr;
  auto read = net::ClientCertificate::parse(options.client_certificate->chain,
                                            options.client_certificate->key);
  return read ? std::move(*read) : nullptr;
}

// What an answer shows in the place of the certificate that the webhook has.
bool is_shown_certificate(const json::object& members, const OptionRules& rules) {
  const json::value* fingerprint = members.if_contains("fingerprint");
  if (fingerprint == nullptr || !fingerprint->is_string() || !rules.present) return false;
  if (members.contains("certificate") || members.contains("key")) return false;
  const auto present = certificate_of(*rules.present);
  return present && text_of(*fingerprint) == present->fingerprint();
}

// The text of one member; an empty one with the error.
std::string_view read_pem(const json::object& members, std::string_view name,
                          const std::string& field, FieldErrors& errors) {
  const std::string path = field + "." + std::string(name);
  const json::value* value = members.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || is_missing(*value)) {
    refused(path, "is required.", errors);
  } else if (!value->is_string()) {
    refused(path, "must be a string.", errors);
  } else {
    return text_of(*value);
  }
  return {};
}

OptionsChange read_client_certificate(const json::value& value, const std::string& field,
                                      const OptionRules& rules, FieldErrors& errors) {
  using Fault = net::ClientCertificate::Fault;
  if (!value.is_object()) return refused(field, "must be an object.", errors);
  const json::object& members = value.get_object();
  if (is_shown_certificate(members, rules)) return [](WebhookOptions&) {};
  for (const auto& [key, member] : members) {
    if (key == "certificate" || key == "key") continue;
    // Shown beside them in an answer, and so may be sent.
    if (key == "subject" || key == "expires_at" || key == "fingerprint") continue;
    const std::string path = field + "." + std::string(key.data(), key.size());
    errors.add(path, selected_is_invalid(path));
  }
  const std::string_view chain = read_pem(members, "certificate", field, errors);
  const std::string_view key = read_pem(members, "key", field, errors);
  if (chain.empty() || key.empty()) return {};
  const auto read = net::ClientCertificate::parse(chain, key);
  if (!read) {
    const bool is_key = read.error().field == Fault::Field::key;
    return refused(field + (is_key ? ".key" : ".certificate"), read.error().reason, errors);
  }
  if ((*read)->expires_at() <= rules.now) {
    return refused(field + ".certificate", "must not have expired.", errors);
  }
  return [pem = ClientCertificatePem{std::string(chain), std::string(key)}](
             WebhookOptions& options) { options.client_certificate = pem; };
}

void write_client_certificate(JsonWriter& json, const WebhookOptions& options) {
  const auto certificate = certificate_of(options);
  if (!certificate) {
    json.null();
    return;
  }
  json.begin_object().field("subject", certificate->subject());
  json.field("expires_at", to_iso8601(certificate->expires_at()));
  json.field("fingerprint", certificate->fingerprint()).end_object();
}

// --- shown only ----------------------------------------------------------------------------------

// What an answer shows may be sent back; there is nothing else to ask for.
template <void write(JsonWriter&, const WebhookOptions&)>
OptionsChange read_shown(const json::value& value, const std::string& field,
                         const OptionRules& rules, FieldErrors& errors) {
  JsonWriter shown;
  if (rules.present) write(shown, *rules.present);
  if (!rules.present || json::parse(shown.take()) != value) {
    return refused(field, "is shown only and cannot be changed.", errors);
  }
  return {};
}

void write_previous_secret(JsonWriter& json, const WebhookOptions& options) {
  const auto& previous = options.previous_secret;
  previous ? json.string(to_iso8601(previous->until)) : json.null();
}

void write_switched_off(JsonWriter& json, const WebhookOptions& options) {
  if (!options.switched_off) {
    json.null();
    return;
  }
  const SwitchedOff& off = *options.switched_off;
  json.begin_object();
  json.field("reason", to_string(off.reason)).field("at", to_iso8601(off.at));
  json.key("failing_since");
  off.failing_since ? json.string(to_iso8601(*off.failing_since)) : json.null();
  json.end_object();
}

// --- all of them ---------------------------------------------------------------------------------

// In the order in which an answer shows them.
constexpr std::array kOptions{
    Option{"headers", read_headers, [](WebhookOptions& options) { options.headers.clear(); },
           write_headers},
    Option{"rate_limit", read_rate_limit,
           [](WebhookOptions& options) { options.rate_limit.reset(); }, write_rate_limit},
    Option{"ordered", read_ordered, [](WebhookOptions& options) { options.ordered = false; },
           write_ordered},
    Option{"filter", read_filter, [](WebhookOptions& options) { options.filter.clear(); },
           write_filter},
    Option{"retry_schedule", read_retry_schedule,
           [](WebhookOptions& options) { options.retry_schedule.reset(); }, write_retry_schedule},
    Option{"timeout", read_timeout, [](WebhookOptions& options) { options.timeout.reset(); },
           write_timeout},
    Option{"ed25519", read_ed25519, [](WebhookOptions& options) { options.ed25519.clear(); },
           write_ed25519},
    Option{"client_certificate", read_client_certificate,
           [](WebhookOptions& options) { options.client_certificate.reset(); },
           write_client_certificate},
    Option{"previous_secret_expires_at", read_shown<write_previous_secret>, [](WebhookOptions&) {},
           write_previous_secret},
    Option{"switched_off", read_shown<write_switched_off>, [](WebhookOptions&) {},
           write_switched_off},
};

void reset_all(WebhookOptions& options) {
  for (const Option& option : kOptions) option.reset(options);
}

}  // namespace

OptionsChange read_options(const json::object& input, const OptionRules& rules,
                           FieldErrors& errors) {
  const json::value* value = input.if_contains("options");
  if (value == nullptr) return {};
  if (is_missing(*value)) return reset_all;
  if (!value->is_object()) return refused("options", "must be an object.", errors);
  std::vector<OptionsChange> changes;
  for (const auto& [key, member] : value->get_object()) {
    const std::string_view name(key.data(), key.size());
    const std::string field = "options." + std::string(name);
    const auto option = std::ranges::find(kOptions, name, &Option::name);
    if (option == kOptions.end()) {
      errors.add(field, selected_is_invalid(field));
    } else if (is_missing(member)) {
      changes.emplace_back(option->reset);
    } else if (auto change = option->read(member, field, rules, errors)) {
      changes.push_back(std::move(change));
    }
  }
  return [changes = std::move(changes)](WebhookOptions& options) {
    for (const OptionsChange& change : changes) change(options);
  };
}

void write_options(JsonWriter& json, const WebhookOptionsPtr& options) {
  static const WebhookOptions kDefaults;
  json.begin_object();
  for (const Option& option : kOptions) {
    json.key(option.name);
    option.write(json, options ? *options : kDefaults);
  }
  json.end_object();
}

}  // namespace skyhook::api
