// Time as Skyhook uses it: wall-clock timestamps in UTC with microseconds, and a monotonic clock
// for deadlines. Nothing below `app` asks the system for the time; a Clock is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyhook {

// A point in UTC, microsecond resolution. Stored as int64 microseconds since the Unix epoch.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// A point on the monotonic clock: for deadlines and durations, never stored.
using MonoTime = std::chrono::steady_clock::time_point;

// Source of both clocks. Thread-safe. Lifetime: outlives everything that was handed a reference.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual MonoTime mono() const = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  MonoTime mono() const override;
};

constexpr std::int64_t to_unix_micros(Timestamp t) {
  return t.time_since_epoch().count();
}
constexpr Timestamp from_unix_micros(std::int64_t micros) {
  return Timestamp{Micros{micros}};
}
// Whole seconds since the Unix epoch, rounded down.
std::int64_t to_unix_seconds(Timestamp t);

// ISO 8601 with microseconds and a Z: `2026-03-01T10:00:00.000000Z` (contract §2).
std::string to_iso8601(Timestamp t);
// Accepts `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`; nullopt for anything else.
std::optional<Timestamp> parse_iso8601(std::string_view text);

// A duration as people write it in settings: `250ms`, `30s`, `2m`, `12h`, `30d`. nullopt when
// malformed, negative, or larger than 10 years.
std::optional<Millis> parse_duration(std::string_view text);
// The shortest exact form that parse_duration reads back, such as `2m` or `1500ms`.
std::string format_duration(Millis duration);

}  // namespace skyhook
