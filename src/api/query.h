// The query of a request target, as HTML forms write it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skyhook::api {

class Query {
 public:
  // Never fails: a broken escape stays as it is.
  explicit Query(std::string_view raw);
  // The last value of that name, trimmed; nullopt where it is absent or empty. Of a list, as in
  // `status[]=failed`, a text that no reader takes: there is no field here that may have one.
  std::optional<std::string> get(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace skyhook::api
