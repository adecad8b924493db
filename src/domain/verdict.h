// The pure decision after an attempt: delivered, retry when, or given up (contract §4).
#pragma once

#include <vector>

#include "base/time.h"
#include "domain/delivery.h"

namespace skyhook {

// Delays before the second, third, … attempt; as many retries as it has entries (0 …
// kScheduleLimit of 0 s … kScheduleDelayLimit each).
struct RetrySchedule {
  std::vector<Millis> delays{std::chrono::minutes{2}, std::chrono::minutes{10},
                             std::chrono::minutes{30}};
  bool operator==(const RetrySchedule&) const = default;
};
inline constexpr std::size_t kScheduleLimit = 20;
inline constexpr Millis kScheduleDelayLimit = std::chrono::hours{24 * 30};
std::optional<RetrySchedule> parse_retry_schedule(
    std::string_view text);  // `2m,10m,30m`; empty text: no retries

inline constexpr Seconds kRetryAfterCap{3600};
inline constexpr double kJitterShare = 0.10;  // up to +10 %, never early

struct VerdictInput {
  const Attempt& attempt;
  int schedule_position;  // failures before this one since the schedule began
  bool is_test;
  bool webhook_is_active;             // as of now; a failure of a switched-off webhook is final
  std::optional<Millis> retry_after;  // from 429 and 503 only; already parsed, relative to `now`
  Timestamp now;
  double jitter;  // in [0, 1)
  // The webhook has another URL by now: a 410 of the one before says nothing of it.
  bool url_has_changed = false;
};
Verdict judge(const VerdictInput& input, const RetrySchedule& schedule);

// `Retry-After` (RFC 9110 §10.2.3): delay-seconds or an HTTP date, as a delay from `now`, within
// [0, kRetryAfterCap]. nullopt where it cannot be read.
std::optional<Millis> parse_retry_after(std::string_view value, Timestamp now);

}  // namespace skyhook
