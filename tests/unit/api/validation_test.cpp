#include "api/validation.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace skyhook::api {
namespace {

using namespace std::chrono_literals;

std::string text_of(const FieldErrors& errors) {
  std::string text;
  for (const auto& [field, messages] : errors.fields()) {
    for (const auto& message : messages) text += field + ": " + message + "\n";
  }
  return text;
}

class WebhookValidation : public testing::Test {
 protected:
  WebhookInput read(std::string_view body, Presence presence = Presence::required,
                    bool allow_http = false) {
    errors_ = {};
    return read_webhook(*parse_object(body), presence, {.allow_http = allow_http, .guard = &guard_},
                        catalogue_, errors_);
  }
  std::string faults(std::string_view body, Presence presence = Presence::required,
                     bool allow_http = false) {
    read(body, presence, allow_http);
    return text_of(errors_);
  }
  std::string url_faults(const std::string& url, bool allow_http = false) {
    return faults("{\"url\":" + boost::json::serialize(boost::json::string(url)) + "}",
                  Presence::optional, allow_http);
  }

  const net::AddressGuard guard_{net::AddressGuard::Options{}};
  const Catalogue catalogue_;
  FieldErrors errors_;
};

TEST_F(WebhookValidation, AcceptsTheSeedsExample) {
  const auto input =
      read(R"({"name":" Production Webhook ","url":"https://yourapp.com/webhooks/skylightchat",)"
           R"("events":["contact.created","booking.created"," contact.created "],"other":1})");
  EXPECT_EQ(text_of(errors_), "");
  EXPECT_EQ(input.name, "Production Webhook");
  EXPECT_EQ(input.url, "https://yourapp.com/webhooks/skylightchat");
  EXPECT_EQ(input.events, (std::vector<std::string>{"contact.created", "booking.created"}));
  EXPECT_EQ(input.is_active, std::nullopt);
}

TEST_F(WebhookValidation, ReportsAllFieldsAtOnce) {
  const std::string required =
      "name: The name field is required.\nurl: The url field is required.\n"
      "events: The events field is required.\n";
  EXPECT_EQ(faults("{}"), required);
  EXPECT_EQ(faults(R"({"name":"  ","url":null,"events":"","is_active":null})"), required);
  EXPECT_EQ(faults(R"({"name":5,"url":5,"events":{},"is_active":"yes"})"),
            "name: The name field must be a string.\n"
            "url: The url field must be a valid URL.\n"
            "events: The events field must be an array.\n"
            "is_active: The is active field must be true or false.\n");
}

TEST_F(WebhookValidation, CountsCharactersNotBytes) {
  std::string name;
  for (int i = 0; i < 255; ++i) name += "ä";
  const auto with_name = [](const std::string& text) { return "{\"name\":\"" + text + "\"}"; };
  EXPECT_EQ(faults(with_name(name), Presence::optional), "");
  EXPECT_EQ(faults(with_name(name + "x"), Presence::optional),
            "name: The name field must not be greater than 255 characters.\n");
}

TEST_F(WebhookValidation, JudgesEvents) {
  EXPECT_EQ(faults(R"({"events":[]})", Presence::optional),
            "events: The events field must have at least 1 items.\n");
  EXPECT_EQ(faults(R"({"events":["nope","contact.created",7,"webhook.test"]})", Presence::optional),
            "events.0: The selected events.0 is invalid.\n"
            "events.2: The selected events.2 is invalid.\n"
            "events.3: The selected events.3 is invalid.\n");
  std::string many = R"({"events":[)";
  for (int i = 0; i < 1001; ++i) many += (i > 0 ? "," : "") + std::string(R"("contact.created")");
  EXPECT_EQ(faults(many + "]}", Presence::optional),
            "events: The events field must not have more than 1000 items.\n");
}

TEST_F(WebhookValidation, TakesEveryBoolean) {
  for (const std::string_view yes : {"true", "1", "\"1\"", "\" 1 \""}) {
    EXPECT_EQ(read("{\"is_active\":" + std::string(yes) + "}", Presence::optional).is_active, true);
  }
  for (const std::string_view no : {"false", "0", "\"0\""}) {
    EXPECT_EQ(read("{\"is_active\":" + std::string(no) + "}", Presence::optional).is_active, false);
  }
  for (const std::string_view bad : {"2", "-1", "1.0", "\"true\"", "[]", "{}"}) {
    EXPECT_EQ(faults("{\"is_active\":" + std::string(bad) + "}", Presence::optional),
              "is_active: The is active field must be true or false.\n");
  }
}

TEST_F(WebhookValidation, AnUpdateMayLeaveOutButNotEmpty) {
  EXPECT_EQ(faults("{}", Presence::optional), "");
  EXPECT_EQ(faults(R"({"name":null,"url":"","events":null})", Presence::optional),
            "name: The name field is required.\nurl: The url field is required.\n"
            "events: The events field is required.\n");
}

TEST_F(WebhookValidation, JudgesUrls) {
  constexpr std::string_view kInvalid = "url: The url field must be a valid URL.\n";
  for (const char* const url :
       {"x", "//a.example", "ftp://a.example", "https://", "https://a.example:0",
        "https://a.example:65536", "https://u:p@a.example/", "https://a b.example/",
        "https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/", "https://localhost/"}) {
    EXPECT_EQ(url_faults(url), kInvalid) << url;
  }
  EXPECT_EQ(url_faults("http://a.example/"),
            "url: The url field must start with one of the following: https://.\n");
  EXPECT_EQ(url_faults("http://a.example/", true), "");
  EXPECT_EQ(url_faults("https://a.example/" + std::string(2048, 'x')),
            "url: The url field must not be greater than 2048 characters.\n");
  EXPECT_EQ(url_faults("https://a.example:8443/x?y=1#z"), "");
}

TEST(ParseObject, TakesObjectsOnly) {
  EXPECT_TRUE(parse_object("{}"));
  EXPECT_EQ(parse_object(R"({"a":1,"a":2})")->at("a"), 2);
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("1"), std::string("{} x"),
        std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":") + std::string(100, '[')}) {
    EXPECT_FALSE(parse_object(bad)) << bad;
  }
}

TEST(AccountValidation, ReadsOrigins) {
  FieldErrors errors;
  const auto input = read_account(
      *parse_object(R"({"name":"A","allowed_origins":["https://a.example","*"],"is_active":0})"),
      Presence::required, errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(input.name, "A");
  EXPECT_EQ(input.is_active, false);
  EXPECT_EQ(input.allowed_origins, (std::vector<std::string>{"https://a.example", "*"}));
  EXPECT_EQ(read_account(*parse_object(R"({"allowed_origins":null})"), Presence::optional, errors)
                .allowed_origins,
            std::vector<std::string>{});
  EXPECT_TRUE(errors.empty());
  read_account(*parse_object(R"({"allowed_origins":["a.example","https://a/x",1]})"),
               Presence::optional, errors);
  EXPECT_EQ(text_of(errors),
            "allowed_origins.0: The allowed_origins.0 field must be a valid origin.\n"
            "allowed_origins.1: The allowed_origins.1 field must be a valid origin.\n"
            "allowed_origins.2: The allowed_origins.2 field must be a valid origin.\n");
}

TEST(AccountValidation, ReadsTheTargetOfFirstAttempts) {
  const auto read = [](const std::string& value) {
    FieldErrors errors;
    const auto input = read_account(*parse_object("{\"first_attempt_target\":" + value + "}"),
                                    Presence::optional, errors);
    return std::pair(input.first_attempt_target, text_of(errors));
  };
  using Target = std::optional<std::optional<Millis>>;
  EXPECT_EQ(read("\"1ms\"").first, Target(Millis{1}));
  EXPECT_EQ(read("\"1h\"").first, Target(Millis{3'600'000}));
  EXPECT_EQ(read("null"), std::pair(Target(std::optional<Millis>{}), std::string()));
  FieldErrors errors;
  EXPECT_EQ(read_account(*parse_object("{}"), Presence::optional, errors).first_attempt_target,
            Target{});
  for (const char* bad : {"2", "\"soon\"", "[]", "true"}) {
    EXPECT_EQ(read(bad).second,
              "first_attempt_target: The first attempt target field must be a duration such as 30s "
              "or 2m.\n")
        << bad;
  }
  for (const char* bad : {"\"0ms\"", "\"61m\""}) {
    EXPECT_EQ(read(bad).second,
              "first_attempt_target: The first attempt target field must be between 1ms and 1h.\n")
        << bad;
  }
}

TEST(AccountValidation, TakesWhatABrowserSendsAsOrigin) {
  const auto is_origin = [](const std::string& origin) {
    FieldErrors errors;
    read_account(*parse_object(R"({"allowed_origins":[")" + origin + "\"]}"), Presence::optional,
                 errors);
    return errors.empty();
  };
  for (const char* origin :
       {"*", "https://a.example", "HTTPS://A_b-c.example:8443", "http://localhost:3000",
        "http://127.0.0.1", "http://[::1]", "http://[::1]:8080", "chrome-extension://abcdef"}) {
    EXPECT_TRUE(is_origin(origin)) << origin;
  }
  for (const char* origin :
       {"null", "a.example", "https://", "https://:80", "https://*.example", "https://a.example/",
        "https://u@a.example", "https://a.example:", "https://a.example:x",
        "https://a.example:123456", "https://[::1", "https://[]", "https://[::1]x", "1https://a",
        "https://a b", "https://ä.example"}) {
    EXPECT_FALSE(is_origin(origin)) << origin;
  }
}

TEST(DeliveriesValidation, SpeaksOfEveryParameter) {
  FieldErrors errors;
  const auto input =
      read_deliveries(Query("page=2&per_page=100&status=failed&before_id=9&event=contact.created&"
                            "from=2026-03-01T10:00:00Z"),
                      errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(input.page.page, 2);
  EXPECT_EQ(input.page.per_page, 100);
  EXPECT_EQ(input.status, DeliveryStatus::failed);
  EXPECT_EQ(input.before_id, 9);
  EXPECT_EQ(input.event_type, "contact.created");
  EXPECT_TRUE(input.from);
  EXPECT_EQ(read_deliveries(Query("page=&per_page="), errors).page.per_page, 25);
  EXPECT_TRUE(errors.empty());
  read_deliveries(Query("page=x&per_page=101&status=done&before_id=0&until=yesterday"), errors);
  EXPECT_EQ(text_of(errors),
            "page: The page field must be an integer.\n"
            "per_page: The per page field must not be greater than 100.\n"
            "status: The selected status is invalid.\n"
            "before_id: The before id field must be at least 1.\n"
            "until: The until field must be a valid date.\n");
  errors = {};
  read_deliveries(Query("page=0&per_page=0"), errors);
  EXPECT_EQ(text_of(errors),
            "page: The page field must be at least 1.\n"
            "per_page: The per page field must be at least 1.\n");
}

TEST(WholeNumbers, AreReadStrictly) {
  EXPECT_EQ(parse_whole_number("0"), 0);
  EXPECT_EQ(parse_whole_number("-5"), -5);
  EXPECT_EQ(parse_whole_number("+5"), 5);
  EXPECT_EQ(parse_whole_number("9223372036854775807"), INT64_MAX);
  for (const std::string_view bad :
       {"", "-", "+", "+-5", "01", "1.0", "1e3", "0x1", " 1", "9223372036854775808"}) {
    EXPECT_EQ(parse_whole_number(bad), std::nullopt) << bad;
  }
}

TEST(RecoverValidation, NeedsASpan) {
  const Timestamp now = *parse_iso8601("2026-03-04T12:00:00Z");
  FieldErrors errors;
  const auto input =
      read_recover(*parse_object(R"({"since":"2026-03-01T10:00:00Z"})"), now, errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(input.until, now);
  EXPECT_FALSE(input.dry_run);
  read_recover(*parse_object("{}"), now, errors);
  read_recover(*parse_object(R"({"since":5})"), now, errors);
  read_recover(*parse_object(R"({"since":"2026-03-01T10:00:00Z","until":"2026-03-01T10:00:00Z"})"),
               now, errors);
  EXPECT_EQ(text_of(errors),
            "since: The since field is required.\nsince: The since field must be a valid date.\n"
            "until: The until field must be a date after since.\n");
}

TEST(ReplayValidation, GoesOnAfterAnId) {
  const Timestamp now = *parse_iso8601("2026-03-04T12:00:00Z");
  FieldErrors errors;
  const auto first = read_replay(*parse_object(R"({"since":"2026-03-01T10:00:00Z"})"), now, errors);
  EXPECT_EQ(first.after, EventId{0});
  EXPECT_EQ(first.until, now);
  const auto next =
      read_replay(*parse_object(R"({"since":"2026-03-01T10:00:00Z","after_id":17,"dry_run":true})"),
                  now, errors);
  EXPECT_EQ(next.after, EventId{17});
  EXPECT_EQ(
      read_replay(*parse_object(R"({"since":"2026-03-01T10:00:00Z","after_id":1e9})"), now, errors)
          .after,
      EventId{1'000'000'000});
  EXPECT_TRUE(next.dry_run);
  EXPECT_TRUE(errors.empty());
  for (const std::string_view bad : {"-1", "1.5", "\"x\"", "9223372036854775808", "[]"}) {
    read_replay(
        *parse_object(R"({"since":"2026-03-01T10:00:00Z","after_id":)" + std::string(bad) + "}"),
        now, errors);
  }
  EXPECT_EQ(text_of(errors),
            "after_id: The after id field must be at least 0.\n"
            "after_id: The after id field must be an integer.\n"
            "after_id: The after id field must be an integer.\n"
            "after_id: The after id field must be an integer.\n"
            "after_id: The after id field must be an integer.\n");
}

TEST(StatsValidation, BoundsTheSteps) {
  const Timestamp now = *parse_iso8601("2026-03-04T12:00:00Z");
  FieldErrors errors;
  const auto input = read_stats(Query(""), now, errors);
  EXPECT_EQ(input.until, now);
  EXPECT_EQ(input.from, now - 24h);
  EXPECT_EQ(input.step, 3600s);
  EXPECT_TRUE(errors.empty());
  read_stats(Query("step=90"), now, errors);
  EXPECT_EQ(text_of(errors), "step: The step field must be a multiple of 60.\n");
  errors = {};
  read_stats(Query("from=2026-03-04T13:00:00Z"), now, errors);
  EXPECT_EQ(text_of(errors), "to: The to field must be a date after from.\n");
  errors = {};
  read_stats(Query("from=2026-03-01T00:00:00Z&step=60"), now, errors);
  EXPECT_EQ(text_of(errors),
            "step: The step field must not divide the span into more than 1000 steps.\n");
}

TEST(Include, asks_for_the_addition_that_there_is) {
  FieldErrors errors;
  EXPECT_TRUE(read_include(Query("include=options"), "options", errors));
  EXPECT_FALSE(read_include(Query("include="), "options", errors));
  EXPECT_FALSE(read_include(Query(""), "options", errors));
  EXPECT_TRUE(errors.empty());
  EXPECT_FALSE(read_include(Query("include=secret"), "options", errors));
  EXPECT_EQ(errors.fields().at(0).second.at(0), "The selected include is invalid.");
}

}  // namespace
}  // namespace skyhook::api
