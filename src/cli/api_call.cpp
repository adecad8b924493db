#include "cli/api_call.h"

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>

#include "cli/json_text.h"

namespace skyhook::cli {
namespace {

namespace json = boost::json;

struct FileClose {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

}  // namespace

int fail(int status, const std::string& message) {
  std::cerr << "skyhook: " << printable(message) << '\n';
  return status;
}

int fail_with_answer(const ApiResponse& response) {
  json::error_code error;
  const json::value body = json::parse(response.body, error);
  const json::object* object = error ? nullptr : body.if_object();
  const json::value* message = object == nullptr ? nullptr : object->if_contains("message");
  if (message == nullptr || !message->is_string()) {
    return fail(kFailed, "the server answered " + std::to_string(response.status));
  }
  fail(kFailed, std::string(message->as_string()) + " (" + std::to_string(response.status) + ")");
  const json::value* errors = object->if_contains("errors");
  if (errors == nullptr || !errors->is_object()) return kFailed;
  for (const auto& [field, messages] : errors->as_object()) {
    if (!messages.is_array()) continue;
    for (const json::value& line : messages.as_array()) {
      if (!line.is_string()) continue;
      std::cerr << "  " << printable(std::string(field)) << ": "
                << printable(std::string(line.as_string())) << '\n';
    }
  }
  return kFailed;
}

int fail_with_foreign_answer() {
  return fail(kFailed, "the server's answer is not Skyhook's");
}

std::optional<json::value> data_of(std::string_view body) {
  json::error_code error;
  json::value value = json::parse(body, error);
  json::object* object = error ? nullptr : value.if_object();
  json::value* data = object == nullptr ? nullptr : object->if_contains("data");
  if (data == nullptr) return std::nullopt;
  return std::move(*data);
}

std::optional<Answer> call(const Access& access, const ApiRequest& request, int& exit_status) {
  const auto client = ApiClient::make({.server = access.server, .token = access.token});
  if (!client) {
    exit_status = fail(kUsage, client.error());
    return std::nullopt;
  }
  const auto response = client->send(request);
  if (!response) {
    exit_status = fail(kFailed, response.error());
    return std::nullopt;
  }
  if (response->status < 200 || response->status > 299) {
    exit_status = fail_with_answer(*response);
    return std::nullopt;
  }
  if (response->body.empty()) return Answer{.status = response->status, .data = {}, .body = {}};
  auto data = data_of(response->body);
  if (!data) {
    exit_status = fail_with_foreign_answer();
    return std::nullopt;
  }
  return Answer{.status = response->status, .data = *std::move(data), .body = response->body};
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

Result<std::string, std::string> read_argument(const std::string& argument, std::string_view flag) {
  if (!argument.starts_with('@')) return argument;
  const std::string path = argument.substr(1);
  const std::string problem = std::string(flag) + ": cannot read '" + path + "': ";
  const std::unique_ptr<std::FILE, FileClose> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return Err{problem + std::strerror(errno)};
  std::string content(kArgumentFileLimit + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0) return Err{problem + std::strerror(errno)};
  if (content.size() > kArgumentFileLimit)
    return Err{std::string(flag) + ": '" + path + "' is too large"};
  return content;
}

}  // namespace skyhook::cli
