// Queries and bodies of the account API: whatever comes, the values that come out are within their
// limits, every error is a sentence, and what is written as JSON is JSON.
#include <algorithm>
#include <boost/json.hpp>

#include "api/json_writer.h"
#include "api/text.h"
#include "api/validation.h"
#include "api/webhook_options.h"
#include "fuzz.h"
#include "json_reference.h"
#include "net/url.h"

namespace skyhook::fuzz {
namespace {

using api::FieldErrors;

const Catalogue& catalogue() {
  static const Catalogue built_in;
  return built_in;
}

void check_errors(const FieldErrors& errors) {
  for (const auto& [field, messages] : errors.fields()) {
    require(!field.empty() && !messages.empty(), "an error has a field and a message");
    for (const std::string& message : messages) {
      require(message.starts_with("The ") && message.ends_with('.'), "an error is a sentence");
    }
  }
}

void check_query(const std::string& text) {
  const api::Query query(text);
  FieldErrors errors;
  const auto deliveries = api::read_deliveries(query, errors);
  require(deliveries.page.page >= 1, "pages count from 1");
  require(deliveries.page.per_page >= 1 && deliveries.page.per_page <= api::kMaxPerPage,
          "per_page within its limits");
  require(!deliveries.before_id || *deliveries.before_id >= 1, "before_id counts from 1");
  check_errors(errors);

  FieldErrors stats_errors;
  const Timestamp now = from_unix_micros(1'772'359'200'000'000);
  const auto stats = api::read_stats(query, now, stats_errors);
  check_errors(stats_errors);
  if (stats_errors.empty()) {
    require(stats.step.count() >= 60 && stats.step.count() % 60 == 0, "whole minutes a step");
    require(stats.from < stats.until, "a span goes forward");
    require((stats.until - stats.from) / stats.step <= api::kStatsStepsLimit, "bounded steps");
  }
}

void check_body(const std::string& text) {
  const auto object = api::parse_object(text);
  if (!object) return;
  require(is_json(text), "what is accepted is JSON");
  static const net::AddressGuard guard{{}};
  FieldErrors errors;
  const auto webhook =
      api::read_webhook(*object, api::Presence::required, {.allow_http = false, .guard = &guard},
                        catalogue(), errors);
  check_errors(errors);
  require(!errors.empty() || (webhook.name && webhook.url && webhook.events),
          "what is required is there, or an error");
  if (webhook.name) {
    require(!webhook.name->empty() && api::count_characters(*webhook.name) <= api::kNameLimit,
            "a name is within its limits");
  }
  if (webhook.url) {
    const auto url = net::parse_url(*webhook.url);
    require(url && url->is_tls() && guard.allows_host(url->host), "a URL that may be dialled");
  }
  if (webhook.events) {
    auto events = *webhook.events;
    require(std::ranges::all_of(events, [](const auto& e) { return catalogue().has(e); }),
            "events of the catalogue");
    std::ranges::sort(events);
    require(!events.empty() && std::ranges::adjacent_find(events) == events.end(), "no duplicate");
  }
  FieldErrors account_errors;
  (void)api::read_account(*object, api::Presence::optional, account_errors);
  check_errors(account_errors);
  FieldErrors replay_errors;  // reads the span as `recover` does
  const auto replay = api::read_replay(*object, from_unix_micros(0), replay_errors);
  check_errors(replay_errors);
  require(!replay_errors.empty() || !object->contains("until") || object->at("until").is_null() ||
              replay.since < replay.until || replay.until == from_unix_micros(0),
          "a span goes forward");
  require(replay.after.value >= 0, "a walk begins somewhere");
}

void check_options(const std::string& text) {
  const auto object = api::parse_object(text);
  if (!object) return;
  FieldErrors errors;
  const auto change = api::read_options(*object, {.header_prefix = "X-Skylight-"}, errors);
  check_errors(errors);
  if (!errors.empty()) return;
  const auto options = with_change(nullptr, change);
  api::JsonWriter writer;
  writer.begin_object().key("options");
  api::write_options(writer, options);
  const std::string shown = writer.end_object().take();
  require(is_json(shown), "options are shown as JSON");
  const auto again = api::read_options(
      *api::parse_object(shown), {.header_prefix = "X-Skylight-", .present = options}, errors);
  require(errors.empty(), "what is shown may be sent back");
  if (!options) return;
  // A filter's numbers may be spelt another way.
  require(!options->filter.empty() || same_options(with_change(options, again), options),
          "and changes nothing");
  for (const CustomHeader& header : options->headers) {
    require(is_header_name(header.name) && is_header_value(header.value), "headers end no line");
    require(!is_reserved_header(header.name, "X-Skylight-"), "and take no name of ours");
  }
}

void check_writing(const std::string& text) {
  std::string out;
  api::append_json_string(out, text);
  require(is_json(out) && out.front() == '"', "a JSON string, whatever the bytes");
  api::JsonWriter writer;
  writer.begin_object().field("a", std::string_view(text)).key(text).begin_array();
  writer.string(text).null().end_array().end_object();
  require(is_json(writer.take()), "a JSON object, whatever the bytes");
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  check_query(text);
  check_body(text);
  check_options(text);
  check_writing(text);
  if (const auto number = skyhook::api::parse_whole_number(text)) {
    const bool has_plus = text.front() == '+';
    const std::string digits = has_plus ? text.substr(1) : text;
    require(std::to_string(*number) == digits || digits == "-0", "a whole number reads back");
  }
  return 0;
}
