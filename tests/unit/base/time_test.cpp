#include "base/time.h"

#include <gtest/gtest.h>

namespace skyhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

TEST(Iso8601, prints_as_the_contract_shows) {
  EXPECT_EQ(to_iso8601(from_unix_micros(1'772'359'200'000'000)), "2026-03-01T10:00:00.000000Z");
  EXPECT_EQ(to_iso8601(from_unix_micros(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_iso8601(from_unix_micros(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_iso8601(from_unix_micros(951'782'400'000'001)), "2000-02-29T00:00:00.000001Z");
}

TEST(Iso8601, reads_back_what_it_prints) {
  for (const std::int64_t micros :
       {0LL, 1LL, -1LL, 1'772'359'200'123'456LL, 4'102'444'800'000'000LL}) {
    EXPECT_EQ(parse_iso8601(to_iso8601(from_unix_micros(micros))), from_unix_micros(micros));
  }
}

TEST(Iso8601, refuses_what_four_digits_of_a_year_cannot_write) {
  EXPECT_TRUE(parse_iso8601("0000-01-01T00:00:00Z"));
  EXPECT_FALSE(parse_iso8601("0000-01-01T00:00:00+00:01"));
  EXPECT_TRUE(parse_iso8601("9999-12-31T23:59:59.999999Z"));
  EXPECT_FALSE(parse_iso8601("9999-12-31T23:59:59-00:01"));
}

TEST(Iso8601, reads_offsets_and_fractions) {
  const auto noon = parse_iso8601("2026-03-01T12:00:00Z");
  ASSERT_TRUE(noon);
  EXPECT_EQ(parse_iso8601("2026-03-01T14:30:00+02:30"), noon);
  EXPECT_EQ(parse_iso8601("2026-03-01T07:00:00-05:00"), noon);
  EXPECT_EQ(parse_iso8601("2026-03-01T12:00:00.5Z"), *noon + Millis{500});
  EXPECT_EQ(parse_iso8601("2026-03-01T12:00:00.1234567899Z"), *noon + Micros{123456});
}

TEST(Iso8601, refuses_everything_else) {
  for (const char* text :
       {"", "2026-03-01", "2026-03-01T12:00:00", "2026-03-01 12:00:00Z", "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z",
        "2026-03-01T12:00:60Z", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00z",
        "2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00+0200", "2026-03-01T12:00:00ZZ",
        "20260301T120000Z", "+026-03-01T12:00:00Z", " 2026-03-01T12:00:00Z"}) {
    EXPECT_EQ(parse_iso8601(text), std::nullopt) << text;
  }
}

TEST(UnixSeconds, are_rounded_down_on_both_sides_of_the_epoch) {
  EXPECT_EQ(to_unix_seconds(from_unix_micros(1'999'999)), 1);
  EXPECT_EQ(to_unix_seconds(from_unix_micros(-1)), -1);
}

TEST(Duration, reads_each_unit) {
  EXPECT_EQ(parse_duration("250ms"), Millis{250});
  EXPECT_EQ(parse_duration("30s"), Seconds{30});
  EXPECT_EQ(parse_duration("2m"), minutes{2});
  EXPECT_EQ(parse_duration("12h"), hours{12});
  EXPECT_EQ(parse_duration("30d"), hours{720});
  EXPECT_EQ(parse_duration("0s"), Millis{0});
  EXPECT_EQ(parse_duration("3650d"), hours{24 * 3650});
}

TEST(Duration, refuses_everything_else) {
  for (const char* text : {"", "s", "30", "-1s", "-0s", "+1s", "1.5s", "30 s", "30parsecs", "30S",
                           "3651d", "99999999999999999999s", "9223372036854775807d", "1s1s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, prints_the_shortest_form_that_reads_back) {
  EXPECT_EQ(format_duration(Millis{0}), "0s");
  EXPECT_EQ(format_duration(Millis{1500}), "1500ms");
  EXPECT_EQ(format_duration(Seconds{30}), "30s");
  EXPECT_EQ(format_duration(Seconds{90}), "90s");
  EXPECT_EQ(format_duration(minutes{2}), "2m");
  EXPECT_EQ(format_duration(hours{12}), "12h");
  EXPECT_EQ(format_duration(hours{720}), "30d");
}

TEST(SystemClock, runs_forward) {
  const SystemClock clock;
  const MonoTime before = clock.mono();
  EXPECT_LE(before, clock.mono());
  EXPECT_GT(to_unix_seconds(clock.now()), 1'700'000'000);
}

}  // namespace
}  // namespace skyhook
