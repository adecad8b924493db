// `Retry-After`, durations, retry schedules and ISO 8601: within their bounds, and what is written
// reads back.
#include "base/time.h"

#include "domain/verdict.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);

  // A clock anywhere between 1970 and 2100, by the input.
  const Timestamp now = from_unix_micros(static_cast<std::int64_t>(seed_of(text)) * 955'000);
  if (const auto delay = parse_retry_after(text, now)) {
    require(delay->count() >= 0 && *delay <= kRetryAfterCap, "Retry-After is within its cap");
    Attempt attempt;
    attempt.response_status = 503;
    attempt.failure = FailureReason::http_status;
    const RetrySchedule schedule{{Millis{1000}}};
    const Verdict verdict = judge({attempt, 0, false, true, delay, now, 0.5}, schedule);
    const auto* retry = std::get_if<RetryAt>(&verdict);
    require(retry != nullptr, "a failure is retried");
    require(retry->at >= now + *delay && retry->at >= now + Millis{1000}, "never early");
  }
  if (const auto duration = parse_duration(text)) {
    require(duration->count() >= 0, "durations are not negative");
    require(parse_duration(format_duration(*duration)) == duration, "a duration reads back");
    require(format_duration(*duration).size() <= text.size() || *duration == Millis{0},
            "in its shortest form");
  }
  if (const auto schedule = parse_retry_schedule(text)) {
    require(schedule->delays.size() <= 20, "a schedule is bounded");
  }
  if (const auto time = parse_iso8601(text)) {
    const std::string written = to_iso8601(*time);
    require(parse_iso8601(written) == time, "a time reads back");
  }
  return 0;
}
