#include "cli/trigger.h"

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

}  // namespace

int trigger_through_server(const Access& access, const Trigger& command) {
  return publish(access, {.account = command.account,
                          .event = command.event,
                          .data = command.data.empty() ? sample_data(command.event) : command.data,
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
