#include "cli/log_position.h"

#include <algorithm>
#include <boost/json.hpp>

#include "cli/api_call.h"

namespace skyhook::cli {

namespace json = boost::json;

bool LogPosition::is_new(const LogEntry& entry) const {
  return entry.created_at >= horizon() && !recent_.contains(entry.id);
}

void LogPosition::note(const LogEntry& entry) {
  newest_ = std::max(newest_, entry.created_at);
  recent_[entry.id] = entry.created_at;
  std::erase_if(recent_, [this](const auto& one) { return one.second < horizon(); });
}

Timestamp LogPosition::horizon() const {
  return newest_ == Timestamp{} ? newest_ : newest_ - kOverlap;
}

std::string LogPosition::to_json() const {
  json::object recent;
  for (const auto& [id, created_at] : recent_) {
    recent[std::to_string(id)] = to_unix_micros(created_at);
  }
  return json::serialize(
      json::object{{"newest", to_unix_micros(newest_)}, {"recent", std::move(recent)}});
}

std::optional<LogPosition> LogPosition::from_json(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::value* newest = value.as_object().if_contains("newest");
  const json::value* recent = value.as_object().if_contains("recent");
  if (newest == nullptr || !newest->is_int64() || recent == nullptr || !recent->is_object()) {
    return std::nullopt;
  }
  constexpr std::int64_t kLatest = 253'402'300'800'000'000;  // the year 10000
  if (newest->as_int64() < 0 || newest->as_int64() > kLatest) return std::nullopt;
  LogPosition position;
  position.newest_ = from_unix_micros(newest->as_int64());
  for (const auto& [id, created_at] : recent->as_object()) {
    if (!created_at.is_int64()) return std::nullopt;
    char* end = nullptr;
    const std::string id_text(id);
    const std::int64_t number = std::strtoll(id_text.c_str(), &end, 10);
    if (*end != '\0') return std::nullopt;
    position.recent_[number] = from_unix_micros(created_at.as_int64());
  }
  return position;
}

std::optional<std::vector<LogEntry>> parse_log_page(std::string_view answer_body) {
  const auto data = data_of(answer_body);
  if (!data || !data->is_array()) return std::nullopt;
  std::vector<LogEntry> entries;
  for (const json::value& value : data->as_array()) {
    if (!value.is_object()) return std::nullopt;
    const json::object& object = value.as_object();
    const json::value* id = object.if_contains("id");
    const auto created_at = parse_iso8601(text_of(object, "created_at"));
    if (id == nullptr || !id->is_int64() || !created_at) return std::nullopt;
    entries.push_back({.id = id->as_int64(),
                       .delivery_id = text_of(object, "delivery_id"),
                       .event = text_of(object, "event_type"),
                       .created_at = *created_at});
  }
  return entries;
}

}  // namespace skyhook::cli
