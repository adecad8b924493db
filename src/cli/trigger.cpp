#include "cli/trigger.h"

#include <simdjson.h>

#include <iostream>

#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/samples.h"
#include "cli/signed_delivery.h"

namespace skyhook::cli {
namespace {

// Event names go into a header as they are.
bool is_event_name(const std::string& name) {
  constexpr std::size_t kLongest = 100;
  return !name.empty() && name.size() <= kLongest &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
             std::string::npos;
}

// The example of the type, byte for byte as the operator wrote it; empty where there is none.
// `catalogue` is the answer of the server.
std::string example_in(const std::string& catalogue, std::string_view event) {
  namespace ondemand = simdjson::ondemand;
  ondemand::parser parser;
  const simdjson::padded_string padded(catalogue);
  auto document = parser.iterate(padded);
  ondemand::array types;
  if (document["data"].get_array().get(types) != simdjson::SUCCESS) return {};
  for (auto type : types) {
    std::string_view name;
    if (type["event"].get_string().get(name) != simdjson::SUCCESS || name != event) continue;
    ondemand::object example;
    std::string_view text;
    if (type["example"].get_object().get(example) != simdjson::SUCCESS) return {};
    if (example.raw_json().get(text) != simdjson::SUCCESS) return {};
    return std::string(text);
  }
  return {};
}

// A sample of the event's data: ours of the types that are built in, else the operator's own.
// nullopt: what was wrong is printed, and `exit_status` set.
std::optional<std::string> data_for(const Access& access, const std::string& event,
                                    int& exit_status) {
  if (const Sample* sample = find_sample(event)) return std::string(sample->data);
  const auto answer = call(
      access, {.method = "GET", .path = "/operator/v1/event-types?include=schema"}, exit_status);
  if (!answer) return std::nullopt;
  const std::string example = example_in(answer->body, event);
  return example.empty() ? sample_data(event) : example;
}

}  // namespace

int trigger_through_server(const Access& access, const Trigger& command) {
  int exit_status = kOk;
  const auto data = command.data.empty() ? data_for(access, command.event, exit_status)
                                         : std::optional(command.data);
  if (!data) return exit_status;
  return publish(access, {.account = command.account,
                          .event = command.event,
                          .data = *data,
                          .idempotency_key = std::nullopt,
                          .as_json = command.as_json});
}

int trigger_directly(const Trigger& command) {
  if (!is_event_name(command.event)) {
    return fail(kUsage, "'" + command.event + "' is not the name of an event");
  }
  const auto data =
      read_argument(command.data.empty() ? sample_data(command.event) : command.data, "--data");
  if (!data) return fail(kUsage, data.error());
  if (!is_json_object(*data)) return fail(kUsage, "--data: is not a JSON object");
  const Timestamp now = SystemClock().now();
  const std::string id = make_random_uuid();
  const auto client = ApiClient::make({.server = command.to, .token = ""});
  if (!client)
    return fail(kUsage, "--to: '" + command.to +
                            "' is not a URL such as "
                            "http://127.0.0.1:3000/hook");
  const auto answer =
      client->send(to_request({.event = command.event,
                               .delivery_id = id,
                               .body = make_delivery_body(command.event, id, now, *data),
                               .secret = command.secret,
                               .ed25519_key = command.ed25519_key,
                               .header_prefix = command.header_prefix,
                               .sent_at = now}));
  if (!answer) return fail(kFailed, "nothing answers at " + command.to);
  const bool is_success = answer->status >= 200 && answer->status <= 299;
  if (command.as_json) {
    std::cout << "{\"delivery_id\":" << quote_json(id) << ",\"status\":" << answer->status
              << ",\"body\":" << quote_json(answer->body) << "}" << std::endl;
  } else {
    std::cout << command.event << "  " << id << "  answered " << answer->status << '\n'
              << printable(trim_end(answer->body), true) << std::endl;
  }
  return is_success ? kOk : kFailed;
}

int list_samples() {
  for (const Sample& sample : samples()) {
    std::cout << sample.event << '\n' << indent_json(sample.data, "  ") << "\n\n";
  }
  std::cout << std::flush;
  return kOk;
}

}  // namespace skyhook::cli
