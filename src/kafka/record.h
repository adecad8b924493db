// What a record of the topic asks for: which event, for which account. No broker is needed to know.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "domain/catalogue.h"
#include "domain/ids.h"
#include "intake/intake.h"

namespace skyhook::kafka {

inline constexpr std::string_view kAccountHeader = "account";
inline constexpr std::string_view kEventHeader = "event";
inline constexpr std::string_view kTraceHeader = "traceparent";
inline constexpr std::size_t kTopicLimit = 190;  // bytes: so that every key below fits

struct Record {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;  // -1: the broker knows none
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::string>> headers;

  // The last one of that name; nullptr where there is none.
  const std::string* header(std::string_view name) const;
};

// Where a record names its account, by id.
enum class AccountIn { key, header };

// Whose event the record says that it is; nullopt: of none. Whether there is such an account is
// another question.
std::optional<AccountId> account_named_by(const Record& record, AccountIn account_in);

struct Malformed {
  std::string reason;  // for people
};

// The same wherever and however often the record is read, so that it is published once. With the
// record's time in it, since a topic that is made anew begins at offset 0 again.
std::string idempotency_key(const Record& record);

// The rules for an event are those of the API (api/publish_input.h).
std::variant<intake::PublishItem, Malformed> read_record(
    const Record& record, AccountIn account_in, const Catalogue& catalogue,
    const std::function<bool(AccountId)>& account_exists);

}  // namespace skyhook::kafka
