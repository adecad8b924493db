#include "api/webhook_options.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

namespace skyhook::api {
namespace {

using namespace std::chrono_literals;

class Options : public testing::Test {
 protected:
  // What `present_` is after a request with these options.
  WebhookOptionsPtr read(const std::string& options) {
    errors_ = {};
    const auto change =
        read_options(*parse_object("{\"options\":" + options + "}"),
                     {.header_prefix = "X-Skylight-", .present = present_}, errors_);
    return errors_.empty() ? with_change(present_, change) : nullptr;
  }
  std::string faults(const std::string& options) {
    read(options);
    std::string text;
    for (const auto& [field, messages] : errors_.fields()) {
      for (const auto& message : messages) text += field + ": " + message + "\n";
    }
    return text;
  }
  static std::string shown(const WebhookOptionsPtr& options) {
    JsonWriter json;
    write_options(json, options);
    return json.take();
  }

  WebhookOptionsPtr present_;
  FieldErrors errors_;
};

TEST_F(Options, are_none_where_none_are_given) {
  EXPECT_EQ(read("{}"), nullptr);
  EXPECT_EQ(read("null"), nullptr);
  EXPECT_EQ(with_change(nullptr, read_options(*parse_object("{}"), {}, errors_)), nullptr);
}

TEST_F(Options, change_one_by_one) {
  present_ = read(R"({"timeout":"10s","retry_schedule":["1m","1h"],"headers":{"X-Key":"1"}})");
  ASSERT_TRUE(present_);
  EXPECT_EQ(present_->timeout, 10s);
  EXPECT_EQ(present_->retry_schedule->delays, (std::vector<Millis>{1min, 1h}));
  EXPECT_EQ(present_->headers, (std::vector<CustomHeader>{{"X-Key", "1"}}));
  const auto longer = read(R"({"timeout":"5m"})");
  EXPECT_EQ(longer->timeout, 5min);
  EXPECT_EQ(longer->headers, present_->headers);
  EXPECT_EQ(read(R"({"timeout":null})")->timeout, std::nullopt);
  EXPECT_EQ(read(R"({"retry_schedule":[]})")->retry_schedule->delays, std::vector<Millis>{});
  EXPECT_EQ(read("null"), nullptr);
  EXPECT_TRUE(same_options(read("{}"), present_));
}

TEST_F(Options, are_shown_so_that_they_can_be_sent_back) {
  present_ = read(R"({"timeout":"10s","retry_schedule":["90s"],"headers":{"X-Key":"value-1"}})");
  const std::string text = shown(present_);
  EXPECT_EQ(text.find("value-1"), text.npos);
  EXPECT_TRUE(same_options(read(text), present_)) << text;
  EXPECT_EQ(faults(text), "");
  const std::string defaults = shown(nullptr);
  EXPECT_EQ(read(defaults), nullptr);
  const boost::json::value every_one = boost::json::parse(defaults);
  for (const auto& [name, value] : every_one.as_object()) {
    EXPECT_TRUE(value.is_null()) << name;
  }
}

TEST_F(Options, that_do_not_exist_are_refused) {
  EXPECT_EQ(faults("[1]"), "options: The options field must be an object.\n");
  EXPECT_EQ(faults(R"({"timout":"10s","timeout":5})"),
            "options.timout: The selected options.timout is invalid.\n"
            "options.timeout: The options.timeout field must be a duration such as 30s or 2m.\n");
}

TEST_F(Options, of_time_keep_their_bounds) {
  const std::string bounds =
      "options.timeout: The options.timeout field must be between 1s and 5m.\n";
  EXPECT_EQ(faults(R"({"timeout":"999ms"})"), bounds);
  EXPECT_EQ(faults(R"({"timeout":"301s"})"), bounds);
  EXPECT_EQ(faults(R"({"timeout":"1s"})"), "");
  EXPECT_EQ(faults(R"({"timeout":"5m"})"), "");
  EXPECT_EQ(faults(R"({"retry_schedule":"1m"})"),
            "options.retry_schedule: The options.retry_schedule field must be an array.\n");
  EXPECT_EQ(faults(R"({"retry_schedule":["30d"]})"), "");
  EXPECT_EQ(faults(R"({"retry_schedule":["1m","31d",7]})"),
            "options.retry_schedule.1: The options.retry_schedule.1 field must be between 0s and "
            "30d.\noptions.retry_schedule.2: The options.retry_schedule.2 field must be a duration "
            "such as 30s or 2m.\n");
  const auto many = [](std::size_t count) {
    std::string list = "\"1m\"";
    for (std::size_t i = 1; i < count; ++i) list += ",\"1m\"";
    return "{\"retry_schedule\":[" + list + "]}";
  };
  EXPECT_EQ(faults(many(kScheduleLimit)), "");
  EXPECT_EQ(faults(many(kScheduleLimit + 1)),
            "options.retry_schedule: The options.retry_schedule field must not have more than 20 "
            "items.\n");
}

TEST_F(Options, of_rate_keep_their_bounds_and_steps) {
  const auto fault = [&](const std::string& value) {
    const std::string text = faults("{\"rate_limit\":" + value + "}");
    const std::string start = "options.rate_limit: The options.rate_limit field ";
    return text.starts_with(start) ? text.substr(start.size()) : text;
  };
  for (const char* value : {"0.01", "0.125", "1", "999.999", "1000", "1e2"}) {
    EXPECT_EQ(fault(value), "") << value;
  }
  for (const char* value : {"0", "0.009", "1000.001", "-1", "1e300"}) {
    EXPECT_EQ(fault(value), "must be between 0.01 and 1000.\n") << value;
  }
  EXPECT_EQ(fault("0.0105"), "must have 0-3 decimal places.\n");
  EXPECT_EQ(fault("\"5\""), "must be a number.\n");
  for (int steps = 10; steps <= 1'000'000; steps += 997) {
    std::string text = std::to_string(steps);
    text.insert(0, text.size() < 4 ? 4 - text.size() : 0, '0');
    text.insert(text.size() - 3, ".");
    ASSERT_EQ(fault(text), "") << text;
  }
}

TEST_F(Options, filters_are_judged_and_kept_as_json) {
  const auto set = read(R"({"filter":{"a": [1,"x", 0e999],"b":{"$gt":0.10}}})");
  ASSERT_TRUE(set);
  EXPECT_NE(shown(set).find(R"("filter":{"a":[1,"x",0],"b":{"$gt":0.1}})"), std::string::npos);
  EXPECT_EQ(faults(R"({"filter":{"a":1e999}})"),
            "options.filter: The options.filter field must have numbers of 64 bits only.\n");
  EXPECT_EQ(faults(R"({"filter":[1]})"),
            "options.filter: The options.filter field must be an object.\n");
  EXPECT_EQ(faults(R"({"filter":{"a":{"$eq":1}}})"),
            "options.filter: The options.filter field must have only the operators $not, $exists, "
            "$gt, $gte, $lt and $lte.\n");
}

TEST_F(Options, do_not_touch_the_previous_secret) {
  present_ = with_change(nullptr, [](WebhookOptions& options) {
    options.previous_secret = {"whsec_before", from_unix_micros(1'772'359'200'000'000)};
  });
  EXPECT_TRUE(same_options(read("null"), present_));
  for (const std::string sent : {"null", R"("2026-03-01T10:00:00.000000Z")"}) {
    EXPECT_TRUE(same_options(read("{\"previous_secret_expires_at\":" + sent + "}"), present_));
  }
  EXPECT_EQ(faults(R"({"previous_secret_expires_at":"2030-01-01"})"),
            "options.previous_secret_expires_at: The options.previous_secret_expires_at field is "
            "shown only and cannot be changed.\n");
  EXPECT_EQ(shown(present_).find("whsec"), std::string::npos);
  EXPECT_NE(shown(present_).find(R"("previous_secret_expires_at":"2026-03-01T10:00:00.000000Z")"),
            std::string::npos);
}

TEST_F(Options, headers_are_replaced_as_a_whole_and_true_keeps_a_value) {
  present_ = read(R"({"headers":{"X-One":"1","X-Two":"2"}})");
  EXPECT_EQ(read(R"({"headers":{"x-two":true,"X-Three":"3"}})")->headers,
            (std::vector<CustomHeader>{{"x-two", "2"}, {"X-Three", "3"}}));
  EXPECT_EQ(read(R"({"headers":{}})"), nullptr);
  EXPECT_EQ(faults(R"({"headers":{"X-Four":true}})"),
            "options.headers.X-Four: The options.headers.X-Four field must have a value.\n");
}

TEST_F(Options, headers_are_judged_each) {
  const auto fault = [&](const std::string& name, const std::string& value) {
    const std::string text = faults("{\"headers\":{\"" + name + "\":" + value + "}}");
    const std::string start =
        "options.headers." + name + ": The options.headers." + name + " field ";
    return text.starts_with(start) ? text.substr(start.size()) : text;
  };
  EXPECT_EQ(fault("X-Key", "\"a\""), "");
  EXPECT_EQ(fault("X-Key", "7"), "must be a string.\n");
  EXPECT_EQ(fault("X-Key", "null"), "must be a string.\n");
  EXPECT_EQ(fault("X-Key", "false"), "must be a string.\n");
  EXPECT_EQ(fault("X-Key", "\" \""), "must have a value.\n");
  EXPECT_EQ(fault("X-Key", R"("a\r\nX-Evil: 1")"), "must consist of visible ASCII characters.\n");
  EXPECT_EQ(fault("X-Key", "\"é\""), "must consist of visible ASCII characters.\n");
  EXPECT_EQ(fault("X Key", "\"a\""), "must have the name of a header.\n");
  EXPECT_EQ(fault("Content-Length", "\"5\""), "must not have a reserved name.\n");
  EXPECT_EQ(fault("x-skylight-signature", "\"5\""), "must not have a reserved name.\n");
  const std::string longest(kHeaderValueLimit, 'v');
  EXPECT_EQ(fault("X-Key", "\"" + longest + "\""), "");
  EXPECT_EQ(fault("X-Key", "\"" + longest + "v\""), "must not be greater than 1000 characters.\n");
  EXPECT_EQ(faults(R"({"headers":{"X-Key":"1","x-key":"2"}})"),
            "options.headers.x-key: The options.headers.x-key field must not be there twice.\n");
  EXPECT_EQ(faults(R"({"headers":["X-Key"]})"),
            "options.headers: The options.headers field must be an object.\n");
}

TEST_F(Options, headers_are_counted) {
  const auto many = [](std::size_t count) {
    std::string members;
    for (std::size_t i = 0; i < count; ++i) {
      members += (i == 0 ? "\"X-" : ",\"X-") + std::to_string(i) + "\":\"1\"";
    }
    return "{\"headers\":{" + members + "}}";
  };
  EXPECT_EQ(faults(many(kHeadersLimit)), "");
  EXPECT_EQ(faults(many(kHeadersLimit + 1)),
            "options.headers: The options.headers field must not have more than 20 items.\n");
}

TEST_F(Options, are_all_in_the_document) {
  std::ifstream file(OPENAPI_DOCUMENT);
  std::stringstream text;
  text << file.rdbuf();
  const auto document = boost::json::parse(text.str());
  const boost::json::value defaults = boost::json::parse(shown(nullptr));
  const boost::json::object& shown_names = defaults.as_object();
  for (const char* schema : {"WebhookOptions", "WebhookOptionsChange"}) {
    const auto& properties =
        document.at_pointer(std::string("/components/schemas/") + schema + "/properties")
            .as_object();
    for (const auto& [name, value] : shown_names) EXPECT_TRUE(properties.contains(name)) << name;
    EXPECT_EQ(properties.size(), shown_names.size()) << schema;
  }
}

}  // namespace
}  // namespace skyhook::api
