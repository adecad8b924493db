#include "base/time.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace skyhook {
namespace {

using Days = std::chrono::sys_days;

struct Unit {
  std::string_view suffix;
  std::int64_t millis;
};
// Longest first, so that the first unit that divides a duration gives its shortest form.
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kLongestDurationMillis = std::int64_t{10} * 365 * 86'400'000;

// Takes decimal digits off the front of a text; remembers whether it ever met something else.
class DigitReader {
 public:
  explicit DigitReader(std::string_view text) : rest_(text) {}

  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
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
      return;
    }
    rest_.remove_prefix(1);
  }
  // `.fraction` where there is one, in microseconds; further digits are cut off.
  std::int64_t optional_fraction() {
    if (rest_.empty() || rest_.front() != '.') return 0;
    rest_.remove_prefix(1);
    std::int64_t micros = 0;
    std::int64_t weight = 100'000;
    std::size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      micros += weight * (rest_.front() - '0');
      weight /= 10;
      ++digits;
      rest_.remove_prefix(1);
    }
    if (digits == 0) failed_ = true;
    return micros;
  }
  bool failed() const { return failed_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// `Z` or `±HH:MM`.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  if (text == "Z") return std::chrono::minutes{0};
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  DigitReader reader(text.substr(1));
  const int hours = reader.number(2);
  reader.expect(':');
  const int minutes = reader.number(2);
  if (reader.failed() || !reader.rest().empty() || hours > 23 || minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{hours * 60 + minutes};
  return text.front() == '-' ? -offset : offset;
}

}  // namespace

Timestamp SystemClock::now() const {
  return std::chrono::time_point_cast<Micros>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono() const {
  return std::chrono::steady_clock::now();
}

std::int64_t to_unix_seconds(Timestamp t) {
  return std::chrono::floor<Seconds>(t).time_since_epoch().count();
}

std::string to_iso8601(Timestamp t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{t - day};
  std::array<char, 64> buffer{};
  const int length = std::snprintf(
      buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()));
  return {buffer.data(), static_cast<std::size_t>(length)};
}

std::optional<Timestamp> parse_iso8601(std::string_view text) {
  DigitReader reader(text);
  const int year = reader.number(4);
  reader.expect('-');
  const int month = reader.number(2);
  reader.expect('-');
  const int day = reader.number(2);
  reader.expect('T');
  const int hour = reader.number(2);
  reader.expect(':');
  const int minute = reader.number(2);
  reader.expect(':');
  const int second = reader.number(2);
  const std::int64_t micros = reader.optional_fraction();
  if (reader.failed()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  const auto offset = parse_offset(reader.rest());
  if (!date.ok() || hour > 23 || minute > 59 || second > 59 || !offset) return std::nullopt;
  const Timestamp time = Timestamp{Days{date}} + std::chrono::hours{hour} +
                         std::chrono::minutes{minute} + Seconds{second} + Micros{micros} - *offset;
  // An offset may lead out of the years that four digits can write.
  const bool is_writable = time >= Timestamp{Days{std::chrono::year{0} / 1 / 1}} &&
                           time < Timestamp{Days{std::chrono::year{10000} / 1 / 1}};
  return is_writable ? std::optional(time) : std::nullopt;
}

std::optional<Millis> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0 || text.starts_with('-')) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix) continue;
    if (count > kLongestDurationMillis / unit.millis) return std::nullopt;
    return Millis{count * unit.millis};
  }
  return std::nullopt;
}

std::string format_duration(Millis duration) {
  if (duration.count() == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (duration.count() % unit.millis == 0) {
      return std::to_string(duration.count() / unit.millis) + std::string(unit.suffix);
    }
  }
  return std::to_string(duration.count()) + "ms";
}

}  // namespace skyhook
