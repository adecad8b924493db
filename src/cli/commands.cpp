#include "cli/commands.h"

#include <boost/json.hpp>
#include <iostream>
#include <utility>

#include "cli/json_text.h"

namespace skyhook::cli {

namespace json = boost::json;

int create_account(const Access& access, const AccountCreate& command) {
  int exit_status = kOk;
  const auto answer = call(access,
                           {.method = "POST",
                            .path = "/operator/v1/accounts",
                            .body = "{\"name\":" + quote_json(command.name) + "}"},
                           exit_status);
  if (!answer) return exit_status;
  const json::object* data = answer->object();
  if (data == nullptr) return fail_with_foreign_answer();
  if (command.as_json) {
    std::cout << json::serialize(*data) << std::endl;
    return kOk;
  }
  std::cout << "account  " << text_of(*data, "id") << "  " << printable(text_of(*data, "name"))
            << "\napi key  " << printable(text_of(*data, "api_key"))
            << "\n\nKeep the key: it is not shown again." << std::endl;
  return kOk;
}

int publish(const Access& access, const Publish& command) {
  const auto event_data = read_argument(command.data, "--data");
  if (!event_data) return fail(kUsage, event_data.error());
  if (!is_json_object(*event_data)) {
    return fail(kUsage, "--data: is not a JSON object such as '{\"id\":1}' (or @FILE, or @-)");
  }
  std::string body = "{\"event\":" + quote_json(command.event) + ",\"data\":" + *event_data;
  if (command.idempotency_key) {
    body += ",\"idempotency_key\":" + quote_json(*command.idempotency_key);
  }
  body += '}';
  int exit_status = kOk;
  const auto answer =
      call(access,
           {.method = "POST",
            .path = "/operator/v1/accounts/" + std::to_string(command.account) + "/events",
            .body = std::move(body)},
           exit_status);
  if (!answer) return exit_status;
  const json::object* data = answer->object();
  if (data == nullptr) return fail_with_foreign_answer();
  if (command.as_json) {
    std::cout << json::serialize(*data) << std::endl;
    return kOk;
  }
  constexpr int kAccepted = 202;
  const std::string count = text_of(*data, "deliveries");
  std::cout << "event  " << printable(text_of(*data, "id")) << "  "
            << (answer->status == kAccepted ? "accepted, " : "was accepted before under this key, ")
            << printable(count) << (count == "1" ? " delivery" : " deliveries") << std::endl;
  return kOk;
}

}  // namespace skyhook::cli
