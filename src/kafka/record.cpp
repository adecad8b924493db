#include "kafka/record.h"

#include <algorithm>
#include <charconv>

#include "api/publish_input.h"

namespace skyhook::kafka {

namespace {

std::optional<AccountId> account_of(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return AccountId{id};
}

const std::string* account_text(const Record& record, AccountIn account_in) {
  if (account_in == AccountIn::header) return record.header(kAccountHeader);
  return record.key ? &*record.key : nullptr;
}

std::string words_of(const api::FieldErrors& errors) {
  std::string text;
  for (const auto& [field, messages] : errors.fields()) {
    for (const std::string& message : messages) text += (text.empty() ? "" : " ") + message;
  }
  return text;
}

}  // namespace

const std::string* Record::header(std::string_view name) const {
  const auto last = std::find_if(headers.rbegin(), headers.rend(),
                                 [&](const auto& header) { return header.first == name; });
  return last == headers.rend() ? nullptr : &last->second;
}

std::string idempotency_key(const Record& record) {
  return "kafka:" + record.topic + "/" + std::to_string(record.partition) + "/" +
         std::to_string(record.offset) + "@" + std::to_string(record.timestamp_ms);
}

std::optional<AccountId> account_named_by(const Record& record, AccountIn account_in) {
  const std::string* named = account_text(record, account_in);
  return named == nullptr ? std::nullopt : account_of(*named);
}

std::variant<intake::PublishItem, Malformed> read_record(
    const Record& record, AccountIn account_in, const Catalogue& catalogue,
    const std::function<bool(AccountId)>& account_exists) {
  const std::string* named = account_text(record, account_in);
  const std::string place = account_in == AccountIn::key ? "key" : "header account";
  if (named == nullptr)
    return Malformed{"The record has no " + place + ", which names the account."};
  const auto account = account_of(*named);
  if (!account) return Malformed{"The " + place + " is not the id of an account."};
  if (!account_exists(*account))
    return Malformed{"There is no account " + std::to_string(account->value) + "."};
  if (!record.value) return Malformed{"The record has no value."};

  // Before anything is made of it: brokers may take records of many megabytes.
  if (record.value->size() > intake::kEventBodyLimit) {
    return Malformed{"The value must not be greater than 256 kilobytes."};
  }

  const std::string* event = record.header(kEventHeader);
  api::PublishInput input = api::read_publish_parts({.account = *account,
                                                     .event = event == nullptr ? "" : *event,
                                                     .data = *record.value,
                                                     .idempotency_key = idempotency_key(record)},
                                                    catalogue);
  if (!input.is_json_object) return Malformed{"The value is not a JSON object."};
  if (!input.errors.empty()) return Malformed{words_of(input.errors)};
  intake::PublishItem item = std::move(input.items.front());
  const std::string* trace = record.header(kTraceHeader);
  if (trace != nullptr && is_traceparent(*trace)) item.traceparent = *trace;
  return item;
}

}  // namespace skyhook::kafka
