#include "cli/account_commands.h"

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <iomanip>
#include <iostream>

#include "base/time.h"
#include "cli/json_text.h"

namespace skyhook::cli {
namespace {

namespace json = boost::json;

std::string webhook_path(std::int64_t webhook) {
  return "/api/v1/webhooks/" + std::to_string(webhook);
}

// Ids go into a path as they are.
bool is_uuid(const std::string& text) {
  return text.size() == 36 &&
         text.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos;
}

void print_entry(const json::object& entry) {
  std::cout << text_of(entry, "created_at") << "  " << std::left << std::setw(9)
            << printable(text_of(entry, "status")) << "  " << std::setw(3)
            << text_of(entry, "response_status_code") << "  " << std::setw(18)
            << printable(text_of(entry, "event_type")) << "  "
            << printable(text_of(entry, "delivery_id")) << "  attempt "
            << text_of(entry, "attempt_number") << '\n';
}

// In milliseconds, as people write them.
std::string duration_of(const json::object& attempt) {
  const json::value* value = attempt.if_contains("duration_ms");
  if (value == nullptr || !value->is_number()) return "-";
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value->to_number<double>());
  return text.data();
}

void print_attempt(const json::object& attempt) {
  std::cout << "  attempt " << text_of(attempt, "number") << "  " << text_of(attempt, "started_at")
            << "  " << duration_of(attempt) << " ms  ";
  const json::value* error = attempt.if_contains("error");
  const json::value* status = attempt.if_contains("response_status_code");
  if (status != nullptr && !status->is_null())
    std::cout << text_of(attempt, "response_status_code");
  if (error != nullptr && error->is_string()) std::cout << "  " << printable(error->as_string());
  std::cout << '\n';
  const std::string text = text_of(attempt, "response_body");
  const std::string_view body = trim_end(text);
  if (!body.empty() && body != "-") std::cout << "    " << printable(body) << '\n';
}

void print_detail(const json::object& detail) {
  print_entry(detail);
  const std::string next = text_of(detail, "next_attempt_at");
  if (next != "-") std::cout << "  next attempt " << next << '\n';
  if (const json::value* attempts = detail.if_contains("attempts");
      attempts && attempts->is_array()) {
    for (const json::value& attempt : attempts->as_array()) {
      if (attempt.is_object()) print_attempt(attempt.as_object());
    }
  }
  const std::string payload = text_of(detail, "payload");
  std::cout << "  payload\n"
            << printable(is_json(payload) ? indent_json(payload, "    ") : payload, true) << '\n';
}

// An answer that is one object: as it came, or readably by `print`.
template <class Answer>
int show_object(const Answer& answer, bool as_json, void (*print)(const json::object&)) {
  const json::object* object = answer.object();
  if (object == nullptr) return fail_with_foreign_answer();
  if (as_json) {
    std::cout << json::serialize(answer.data) << '\n';
  } else {
    print(*object);
  }
  std::cout << std::flush;
  return kOk;
}

int show_one(const Access& access, std::int64_t webhook, const Deliveries& command) {
  int exit_status = kOk;
  const auto answer =
      call(access,
           {.method = "GET", .path = webhook_path(webhook) + "/deliveries/" + command.delivery_id},
           exit_status);
  if (!answer) return exit_status;
  return show_object(*answer, command.as_json, print_detail);
}

}  // namespace

std::optional<std::int64_t> choose_webhook(const Access& access, std::int64_t named,
                                           int& exit_status) {
  if (named != 0) return named;
  const auto answer = call(access, {.method = "GET", .path = "/api/v1/webhooks"}, exit_status);
  if (!answer) return std::nullopt;
  const json::array* webhooks = answer->array();
  if (webhooks == nullptr) {
    exit_status = fail_with_foreign_answer();
    return std::nullopt;
  }
  if (webhooks->size() == 1 && webhooks->front().is_object()) {
    if (const json::value* id = webhooks->front().as_object().if_contains("id");
        id != nullptr && id->is_int64()) {
      return id->as_int64();
    }
  }
  exit_status = fail(kUsage, webhooks->empty() ? "the account has no webhook"
                                               : "the account has several webhooks: name one with "
                                                 "--webhook");
  for (const json::value& webhook : *webhooks) {
    if (!webhook.is_object()) continue;
    std::cerr << "  " << text_of(webhook.as_object(), "id") << "  "
              << printable(text_of(webhook.as_object(), "name")) << "  "
              << printable(text_of(webhook.as_object(), "url")) << '\n';
  }
  return std::nullopt;
}

int list_deliveries(const Access& access, const Deliveries& command) {
  if (!command.delivery_id.empty() && !is_uuid(command.delivery_id)) {
    return fail(kUsage, "'" + command.delivery_id + "' is not the id of a delivery, a UUID");
  }
  int exit_status = kOk;
  const auto webhook = choose_webhook(access, command.webhook, exit_status);
  if (!webhook) return exit_status;
  if (!command.delivery_id.empty()) return show_one(access, *webhook, command);
  std::string path =
      webhook_path(*webhook) + "/deliveries?per_page=" + std::to_string(command.limit);
  if (!command.status.empty()) path += "&status=" + command.status;
  const auto answer = call(access, {.method = "GET", .path = path}, exit_status);
  if (!answer) return exit_status;
  if (answer->array() == nullptr) return fail_with_foreign_answer();
  for (const json::value& entry : *answer->array()) {
    if (command.as_json) {
      std::cout << json::serialize(entry) << '\n';
    } else if (entry.is_object()) {
      print_entry(entry.as_object());
    }
  }
  std::cout << std::flush;
  return kOk;
}

int retry(const Access& access, const Retry& command) {
  if (!is_uuid(command.delivery_id)) {
    return fail(kUsage, "'" + command.delivery_id + "' is not the id of a delivery, a UUID");
  }
  int exit_status = kOk;
  const auto webhook = choose_webhook(access, command.webhook, exit_status);
  if (!webhook) return exit_status;
  const auto answer =
      call(access,
           {.method = "POST",
            .path = webhook_path(*webhook) + "/deliveries/" + command.delivery_id + "/retry"},
           exit_status);
  if (!answer) return exit_status;
  return show_object(*answer, command.as_json, print_entry);
}

int replay(const Access& access, const Replay& command) {
  int exit_status = kOk;
  const auto webhook = choose_webhook(access, command.webhook, exit_status);
  if (!webhook) return exit_status;
  const char* const counted = command.is_dry_run ? "would_replay" : "replayed";
  // All requests have the same end, whatever is published meanwhile.
  json::object body{
      {"since", command.since},
      {"until", command.until.empty() ? to_iso8601(SystemClock().now()) : command.until},
      {"dry_run", command.is_dry_run},
      {"after_id", command.after}};
  std::int64_t total = 0;
  for (;;) {
    const auto answer = call(access,
                             {.method = "POST",
                              .path = webhook_path(*webhook) + "/replay",
                              .body = json::serialize(body)},
                             exit_status);
    if (!answer) {
      if (total > 0 && !command.is_dry_run) {
        std::cerr << "  " << total << " deliveries were made before; go on with --until "
                  << printable(body["until"].as_string()) << " --after "
                  << body["after_id"].as_int64() << '\n';
      }
      return exit_status;
    }
    const json::object* object = answer->object();
    const json::value* count = object != nullptr ? object->if_contains(counted) : nullptr;
    const json::value* next = object != nullptr ? object->if_contains("next_after_id") : nullptr;
    if (count == nullptr || !count->is_int64() || next == nullptr)
      return fail_with_foreign_answer();
    total += count->as_int64();
    if (!next->is_int64()) break;
    body["after_id"] = *next;
  }
  if (command.as_json) {
    std::cout << json::serialize(json::object{{counted, total}}) << std::endl;
  } else {
    std::cout << total
              << (command.is_dry_run ? " events would be sent again" : " events will be sent again")
              << std::endl;
  }
  return kOk;
}

int health(const std::string& server) {
  const auto client = ApiClient::make({.server = server, .token = "", .timeout = Millis{3000}});
  if (!client) return fail(kUsage, client.error());
  const auto answer = client->send({.method = "GET", .path = "/readyz"});
  if (!answer) return fail(kFailed, answer.error());
  constexpr int kReady = 200;
  if (answer->status != kReady) {
    return fail(kFailed, "not ready: the server answered " + std::to_string(answer->status));
  }
  std::cout << "ready" << std::endl;
  return kOk;
}

}  // namespace skyhook::cli
