#include "domain/verdict.h"

#include <gtest/gtest.h>

namespace skyhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110.
const Timestamp kNow = from_unix_micros(784'111'777'000'000);
const RetrySchedule kSchedule;

Attempt answered(int status) {
  Attempt attempt;
  attempt.response_status = status;
  attempt.failure = status / 100 == 2 ? FailureReason::none : FailureReason::http_status;
  return attempt;
}

Attempt failed(FailureReason reason) {
  Attempt attempt;
  attempt.failure = reason;
  return attempt;
}

struct Case {
  Attempt attempt;
  int schedule_position = 0;
  bool is_test = false;
  bool webhook_is_active = true;
  std::optional<Millis> retry_after = std::nullopt;
  double jitter = 0;
  bool url_has_changed = false;
};

Verdict verdict(const Case& c, const RetrySchedule& schedule = kSchedule) {
  return judge({.attempt = c.attempt,
                .schedule_position = c.schedule_position,
                .is_test = c.is_test,
                .webhook_is_active = c.webhook_is_active,
                .retry_after = c.retry_after,
                .now = kNow,
                .jitter = c.jitter,
                .url_has_changed = c.url_has_changed},
               schedule);
}

// The delay until the next attempt; -1 where there is none.
Micros delay(const Verdict& v) {
  const auto* retry = std::get_if<RetryAt>(&v);
  return retry ? retry->at - kNow : Micros{-1};
}

FailureReason given_up(const Verdict& v) {
  const auto* gave_up = std::get_if<GaveUp>(&v);
  return gave_up ? gave_up->reason : FailureReason::none;
}

TEST(Judge, any_2xx_is_delivered_now) {
  for (const int status : {200, 201, 204, 299}) {
    const Verdict v = verdict({.attempt = answered(status)});
    ASSERT_TRUE(std::holds_alternative<Delivered>(v)) << status;
    EXPECT_EQ(std::get<Delivered>(v).at, kNow);
  }
  EXPECT_TRUE(std::holds_alternative<Delivered>(
      verdict({.attempt = answered(200), .schedule_position = 3, .webhook_is_active = false})));
}

TEST(Judge, everything_else_is_retried) {
  for (const int status : {100, 199, 300, 301, 302, 307, 400, 404, 409, 429, 500, 503, 599}) {
    EXPECT_EQ(delay(verdict({.attempt = answered(status)})), minutes{2}) << status;
  }
  for (const auto reason :
       {FailureReason::timeout, FailureReason::response_too_slow, FailureReason::dns,
        FailureReason::connect, FailureReason::tls, FailureReason::blocked_address,
        FailureReason::reset, FailureReason::bad_response, FailureReason::invalid_url,
        FailureReason::internal}) {
    EXPECT_EQ(delay(verdict({.attempt = failed(reason)})), minutes{2});
  }
}

TEST(Judge, a_2xx_that_never_became_complete_is_a_failure) {
  Attempt attempt = answered(200);
  attempt.failure = FailureReason::response_too_slow;
  EXPECT_EQ(delay(verdict({.attempt = attempt})), minutes{2});
  EXPECT_EQ(given_up(verdict({.attempt = attempt, .schedule_position = 3})),
            FailureReason::response_too_slow);
}

TEST(Judge, follows_the_schedule_and_then_gives_up) {
  EXPECT_EQ(delay(verdict({.attempt = answered(500), .schedule_position = 0})), minutes{2});
  EXPECT_EQ(delay(verdict({.attempt = answered(500), .schedule_position = 1})), minutes{10});
  EXPECT_EQ(delay(verdict({.attempt = answered(500), .schedule_position = 2})), minutes{30});
  const Verdict last = verdict({.attempt = answered(500), .schedule_position = 3});
  EXPECT_EQ(given_up(last), FailureReason::http_status);
  EXPECT_FALSE(std::get<GaveUp>(last).switch_webhook_off);
  EXPECT_EQ(given_up(verdict({.attempt = failed(FailureReason::dns), .schedule_position = 3})),
            FailureReason::dns);
}

TEST(Judge, without_a_schedule_the_first_failure_is_the_last) {
  EXPECT_EQ(given_up(verdict({.attempt = answered(500)}, RetrySchedule{.delays = {}})),
            FailureReason::http_status);
}

TEST(Judge, jitter_is_never_early_and_at_most_a_tenth) {
  for (const double jitter : {0.0, 0.25, 0.5, 0.999999}) {
    const Micros wait = delay(verdict({.attempt = answered(500), .jitter = jitter}));
    EXPECT_GE(wait, minutes{2});
    EXPECT_LE(wait, Seconds{132});
  }
  EXPECT_EQ(delay(verdict({.attempt = answered(500), .jitter = 0.5})), Seconds{126});
}

TEST(Judge, retry_after_of_429_and_503_holds_the_retry_back) {
  for (const int status : {429, 503}) {
    EXPECT_EQ(delay(verdict({.attempt = answered(status), .retry_after = Seconds{600}})),
              minutes{10});
    EXPECT_EQ(delay(verdict({.attempt = answered(status), .retry_after = Seconds{1}})), minutes{2})
        << "never earlier than the schedule";
    EXPECT_EQ(delay(verdict({.attempt = answered(status), .retry_after = hours{30}})), hours{1});
    EXPECT_GE(
        delay(verdict({.attempt = answered(status), .retry_after = Seconds{600}, .jitter = 0.3})),
        minutes{10});
  }
  EXPECT_EQ(delay(verdict({.attempt = answered(500), .retry_after = Seconds{600}})), minutes{2});
  EXPECT_EQ(delay(verdict({.attempt = answered(302), .retry_after = Seconds{600}})), minutes{2});
}

TEST(Judge, retry_after_does_not_prolong_the_schedule) {
  EXPECT_EQ(given_up(verdict(
                {.attempt = answered(503), .schedule_position = 3, .retry_after = Seconds{60}})),
            FailureReason::http_status);
}

TEST(Judge, gone_switches_the_webhook_off) {
  for (const bool is_test : {false, true}) {
    const Verdict v = verdict({.attempt = answered(410), .is_test = is_test});
    EXPECT_EQ(given_up(v), FailureReason::gone);
    EXPECT_TRUE(std::get<GaveUp>(v).switch_webhook_off);
  }
}

TEST(Judge, gone_of_a_url_before_is_a_failure_like_others) {
  const Verdict v = verdict({.attempt = answered(410), .url_has_changed = true});
  EXPECT_EQ(delay(v), kSchedule.delays.front());
  const Verdict last =
      verdict({.attempt = answered(410), .schedule_position = 99, .url_has_changed = true});
  EXPECT_EQ(given_up(last), FailureReason::http_status);
  EXPECT_FALSE(std::get<GaveUp>(last).switch_webhook_off);
}

TEST(Judge, tests_are_never_retried) {
  EXPECT_EQ(given_up(verdict({.attempt = answered(500), .is_test = true})),
            FailureReason::http_status);
  EXPECT_EQ(given_up(verdict({.attempt = failed(FailureReason::timeout),
                              .is_test = true,
                              .webhook_is_active = false})),
            FailureReason::timeout);
}

TEST(Judge, a_failure_of_a_switched_off_webhook_is_final) {
  EXPECT_EQ(given_up(verdict({.attempt = answered(500), .webhook_is_active = false})),
            FailureReason::webhook_inactive);
}

TEST(RetrySchedule, reads_lists_of_durations) {
  EXPECT_EQ(parse_retry_schedule("2m,10m,30m")->delays, kSchedule.delays);
  EXPECT_EQ(parse_retry_schedule(" 1s , 250ms ")->delays,
            (std::vector<Millis>{Millis{1000}, Millis{250}}));
  EXPECT_TRUE(parse_retry_schedule("")->delays.empty());
  EXPECT_EQ(parse_retry_schedule("0s,30d")->delays.size(), 2u);
}

TEST(RetrySchedule, refuses_what_it_could_not_keep) {
  for (const char* text : {",", "2m,", ",2m", "2m,,3m", "2m;3m", "31d", "2", "soon"}) {
    EXPECT_FALSE(parse_retry_schedule(text)) << text;
  }
  std::string twenty = "1s";
  for (int i = 1; i < 20; ++i) twenty += ",1s";
  EXPECT_TRUE(parse_retry_schedule(twenty));
  EXPECT_FALSE(parse_retry_schedule(twenty + ",1s"));
}

TEST(RetryAfter, reads_seconds) {
  EXPECT_EQ(parse_retry_after("0", kNow), Millis{0});
  EXPECT_EQ(parse_retry_after("120", kNow), Seconds{120});
  EXPECT_EQ(parse_retry_after(" 120\t", kNow), Seconds{120});
  EXPECT_EQ(parse_retry_after("3600", kNow), hours{1});
  EXPECT_EQ(parse_retry_after("3601", kNow), hours{1});
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", kNow), hours{1});
}

TEST(RetryAfter, reads_the_three_spellings_of_a_date) {
  for (const char* date : {"Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT",
                           "Sun Nov  6 08:51:37 1994"}) {
    EXPECT_EQ(parse_retry_after(date, kNow), minutes{2}) << date;
  }
  EXPECT_EQ(parse_retry_after("Sun Nov 06 08:51:37 1994", kNow), minutes{2});
}

TEST(RetryAfter, a_date_is_capped_and_never_early) {
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", kNow), Millis{0});
  EXPECT_EQ(parse_retry_after("Mon, 07 Nov 1994 08:00:00 GMT", kNow), hours{1});
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", kNow), hours{1});
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", kNow + Micros{1}), Millis{1000});
}

TEST(RetryAfter, a_two_digit_year_far_ahead_lies_in_the_past) {
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-44 08:51:37 GMT", kNow), hours{1});
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-45 08:51:37 GMT", kNow), Millis{0});
}

TEST(RetryAfter, ignores_what_it_cannot_read) {
  for (const char* text :
       {"", " ", "-1", "+5", "1.5", "12s", "soon", "Sun, 06 Nov 1994 08:51:37", ",",
        "Sun, 06 Nov 1994 08:51:37 CET", "Sun, 31 Feb 1994 08:51:37 GMT",
        "Sun, 06 Nov 1994 24:51:37 GMT", "Sun, 06 Nov 94 08:51:37 GMT",
        "Sun,06 Nov 1994 08:51:37 GMT", "Sun, 06 Nox 1994 08:51:37 GMT", "Sun Nov  6 08:51:37 94",
        "1994-11-06T08:51:37Z", "Sun Nov              1994"}) {
    EXPECT_EQ(parse_retry_after(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace skyhook
