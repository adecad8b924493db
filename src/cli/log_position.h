// How far a reader of the delivery log has come: which entries it has had. Pure.
//
// Entries do not become visible in strict order: several nodes commit side by side. So the position
// is the creation time of the newest entry and every entry of the time before it, kOverlap long;
// what shows up inside of that span later is still new.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace skyhook::cli {

struct LogEntry {
  std::int64_t id = 0;
  std::string delivery_id;
  std::string event;
  Timestamp created_at;
};

class LogPosition {
 public:
  static constexpr Seconds kOverlap{60};

  bool is_new(const LogEntry& entry) const;
  void note(const LogEntry& entry);
  // Entries created before this are never new: where a walk from the newest backwards may stop.
  Timestamp horizon() const;

  // As one JSON object; and back, nullopt where it is none.
  std::string to_json() const;
  static std::optional<LogPosition> from_json(std::string_view text);

 private:
  Timestamp newest_{};
  std::map<std::int64_t, Timestamp> recent_;  // by entry, created within kOverlap of the newest
};

// The entries of a page of the log; nullopt where it is not one.
std::optional<std::vector<LogEntry>> parse_log_page(std::string_view answer_body);

}  // namespace skyhook::cli
