#include "domain/verdict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace skyhook {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The three spellings of an HTTP date (RFC 9110 §5.6.7), told apart by their fields, and as strict
// as those need.
class HttpDateParser {
 public:
  HttpDateParser(std::string_view text, Timestamp now) : text_(text), now_(now) {}

  std::optional<Timestamp> parse() {
    const std::size_t comma = text_.find(',');
    if (comma == std::string_view::npos) return parse_asctime();
    rest_ = text_.substr(comma + 1);
    // `Sun, 06 Nov 1994 08:49:37 GMT` or `Sunday, 06-Nov-94 08:49:37 GMT`
    expect(' ');
    day_ = number(2);
    const bool is_rfc850 = !rest_.empty() && rest_.front() == '-';
    const char separator = is_rfc850 ? '-' : ' ';
    expect(separator);
    month_ = month();
    expect(separator);
    year_ = is_rfc850 ? full_year(number(2)) : number(4);
    expect(' ');
    time_of_day();
    if (rest_ != " GMT") failed_ = true;
    return result();
  }

 private:
  // `Sun Nov  6 08:49:37 1994`
  std::optional<Timestamp> parse_asctime() {
    if (text_.size() != 24) return std::nullopt;
    rest_ = text_.substr(3);
    expect(' ');
    month_ = month();
    expect(' ');
    if (rest_.front() == ' ') {
      expect(' ');
      day_ = number(1);
    } else {
      day_ = number(2);
    }
    expect(' ');
    time_of_day();
    expect(' ');
    year_ = number(4);
    return result();
  }

  std::optional<Timestamp> result() const {
    const std::chrono::year_month_day date{std::chrono::year{year_}, std::chrono::month{month_},
                                           std::chrono::day{static_cast<unsigned>(day_)}};
    // A leap second is written as 60.
    if (failed_ || !date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60) return std::nullopt;
    return Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour_} +
           std::chrono::minutes{minute_} + Seconds{second_};
  }

  // RFC 9110: a two-digit year that seems more than 50 years ahead lies in the past.
  int full_year(int two_digits) const {
    const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now_)};
    const int this_year = static_cast<int>(today.year());
    const int year = this_year / 100 * 100 + two_digits;
    if (year > this_year + 50) return year - 100;
    return year <= this_year - 50 ? year + 100 : year;
  }

  void time_of_day() {
    hour_ = number(2);
    expect(':');
    minute_ = number(2);
    expect(':');
    second_ = number(2);
  }

  unsigned month() {
    constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto found = std::ranges::find(kMonths, rest_.substr(0, 3));
    if (found == kMonths.end()) {
      failed_ = true;
      return 0;
    }
    rest_.remove_prefix(3);
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
  }

  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (rest_.empty() || !is_digit(rest_.front())) {
        failed_ = true;
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  void expect(char c) {
    if (rest_.empty() || rest_.front() != c) {
      failed_ = true;
    } else {
      rest_.remove_prefix(1);
    }
  }

  const std::string_view text_;
  const Timestamp now_;
  std::string_view rest_;
  int day_ = 0;
  unsigned month_ = 0;
  int year_ = 0;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  bool failed_ = false;
};

bool is_complete_answer(const Attempt& attempt) {
  return attempt.response_status &&
         (attempt.failure == FailureReason::none || attempt.failure == FailureReason::http_status);
}

FailureReason reason_of(const Attempt& attempt) {
  return attempt.failure == FailureReason::none ? FailureReason::http_status : attempt.failure;
}

Micros delay_before_retry(const VerdictInput& input, Millis scheduled) {
  Millis delay = scheduled;
  const auto status = input.attempt.response_status;
  if (input.retry_after && (status == 429 || status == 503)) {
    delay = std::max(delay, std::min<Millis>(*input.retry_after, kRetryAfterCap));
  }
  const double share = kJitterShare * std::clamp(input.jitter, 0.0, 1.0);
  const Micros exact = delay;
  return exact + Micros{static_cast<std::int64_t>(static_cast<double>(exact.count()) * share)};
}

}  // namespace

std::optional<RetrySchedule> parse_retry_schedule(std::string_view text) {
  RetrySchedule schedule{.delays = {}};
  text = trim(text);
  if (text.empty()) return schedule;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto delay = parse_duration(trim(text.substr(0, comma)));
    if (!delay || *delay > kScheduleDelayLimit) return std::nullopt;
    schedule.delays.push_back(*delay);
    if (schedule.delays.size() > kScheduleLimit) return std::nullopt;
    if (comma == std::string_view::npos) return schedule;
    text.remove_prefix(comma + 1);
  }
}

Verdict judge(const VerdictInput& input, const RetrySchedule& schedule) {
  const Attempt& attempt = input.attempt;
  const int status = is_complete_answer(attempt) ? *attempt.response_status : 0;
  if (status >= 200 && status <= 299) return Delivered{input.now};
  if (status == 410 && !input.url_has_changed) return GaveUp{FailureReason::gone, true};
  if (input.is_test) return GaveUp{reason_of(attempt)};
  if (!input.webhook_is_active) return GaveUp{FailureReason::webhook_inactive};

  const auto position = static_cast<std::size_t>(std::max(input.schedule_position, 0));
  if (position >= schedule.delays.size()) return GaveUp{reason_of(attempt)};
  return RetryAt{input.now + delay_before_retry(input, schedule.delays[position])};
}

std::optional<Millis> parse_retry_after(std::string_view value, Timestamp now) {
  value = trim(value);
  if (value.empty()) return std::nullopt;
  const Millis cap = kRetryAfterCap;
  if (std::ranges::all_of(value, is_digit)) {
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
    const bool past_cap = parsed.ec != std::errc{} || seconds > kRetryAfterCap.count();
    return past_cap ? cap : Millis{Seconds{seconds}};
  }
  const auto date = HttpDateParser(value, now).parse();
  if (!date) return std::nullopt;
  // Rounded up, so that the retry is never early.
  return std::clamp(std::chrono::ceil<Millis>(*date - now), Millis{0}, cap);
}

}  // namespace skyhook
