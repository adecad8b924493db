// What all commands that talk to a server share: one call, its data or a message for people.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/api_client.h"

namespace skyhook::cli {

// Exit statuses (contract §6).
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

// How to reach a server, and with which key or token.
struct Access {
  std::string server;
  std::string token;  // never empty
};

// Prints one line to standard error; returns `status`.
int fail(int status, const std::string& message);
// The `message` of an error answer, then its fields, one a line; returns kFailed.
int fail_with_answer(const ApiResponse& response);

struct Answer {
  int status = 0;           // 2xx
  boost::json::value data;  // null where the answer had no body
  std::string body;         // all of it, as it came
  // nullptr where the data is none.
  const boost::json::object* object() const { return data.if_object(); }
  const boost::json::array* array() const { return data.if_array(); }
};
int fail_with_foreign_answer();  // prints that what answers is no Skyhook; returns kFailed
// A call that has to succeed. nullopt: what was wrong is printed, and `exit_status` set.
std::optional<Answer> call(const Access& access, const ApiRequest& request, int& exit_status);

// `data` of an answer's body; nullopt where it is not Skyhook's.
std::optional<boost::json::value> data_of(std::string_view body);
// A member as text, "-" where it is null or absent.
std::string text_of(const boost::json::object& object, std::string_view key);

// `argument` itself, or the content of FILE for @FILE, or of standard input for @-. `flag` is for
// the error.
Result<std::string, std::string> read_argument(const std::string& argument, std::string_view flag);

inline constexpr std::size_t kArgumentFileLimit = 16 * 1024 * 1024;  // bytes

}  // namespace skyhook::cli
