#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "config/event_types.h"

namespace skyhook::config {
namespace {

std::string problem_of(const std::string& name, std::string_view text) {
  ServeConfig config;
  return find_setting(name)->parse(config, text).value_or("");
}

TEST(Settings, have_names_of_their_own) {
  std::set<std::string> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    EXPECT_TRUE(names.insert(setting.flag).second) << setting.flag;
    EXPECT_TRUE(names.insert(setting.variable).second) << setting.variable;
    EXPECT_TRUE(setting.flag.starts_with("--"));
    EXPECT_TRUE(setting.variable.starts_with("SKYHOOK_"));
    EXPECT_FALSE(setting.help.empty());
    EXPECT_FALSE(setting.group.empty());
    EXPECT_EQ(find_setting(setting.name), &setting);
  }
  EXPECT_EQ(find_setting("nothing"), nullptr);
}

TEST(Settings, of_the_contract_have_its_names) {
  for (const char* variable :
       {"SKYHOOK_LISTEN", "SKYHOOK_DATA", "SKYHOOK_DATABASE_URL", "SKYHOOK_OPERATOR_TOKEN",
        "SKYHOOK_ALLOW_HTTP", "SKYHOOK_ALLOW_NETWORKS", "SKYHOOK_RETRY_SCHEDULE", "SKYHOOK_TIMEOUT",
        "SKYHOOK_RATE_LIMIT", "SKYHOOK_MASTER_KEY", "SKYHOOK_LOG", "SKYHOOK_RETENTION"}) {
    EXPECT_TRUE(std::ranges::any_of(settings(), [&](const Setting& setting) {
      return setting.variable == variable;
    })) << variable;
  }
  EXPECT_EQ(find_setting("allow_networks")->flag, "--allow-network");
}

TEST(Settings, read_back_what_they_show) {
  ServeConfig config;
  for (const Setting& setting : settings()) {
    const std::string shown = setting.show(config);
    if (shown.empty()) continue;
    EXPECT_EQ(setting.parse(config, shown), std::nullopt) << setting.name;
    EXPECT_EQ(setting.show(config), shown) << setting.name;
  }
}

TEST(Settings, show_the_contracts_defaults_but_never_a_secret) {
  ServeConfig config;
  EXPECT_EQ(find_setting("listen")->show(config), "127.0.0.1:8080");
  EXPECT_EQ(find_setting("retry_schedule")->show(config), "2m,10m,30m");
  EXPECT_EQ(find_setting("timeout")->show(config), "30s");
  EXPECT_EQ(find_setting("rate_limit")->show(config), "120");
  EXPECT_EQ(find_setting("retention")->show(config), "30d");
  EXPECT_EQ(find_setting("log")->show(config), "info");
  config.operator_token = config.master_key = config.database_url = "secret";
  for (const Setting& setting : settings()) EXPECT_NE(setting.show(config), "secret");
}

struct Refused {
  const char* setting;
  std::vector<std::string> values;
};

TEST(Settings, refuse_values_past_their_limits) {
  const std::vector<Refused> cases{
      {"listen", {"", "8080", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:http"}},
      {"data", {""}},
      {"database_url", {"", "mysql://x", "sqlite.db"}},
      {"operator_token", {"", "two words", "t\xc3\xb6ken", std::string(256, 'x')}},
      {"master_key", {"", "password", std::string(63, 'a'), std::string(65, 'a')}},
      {"allow_http", {"", "maybe", "2"}},
      {"operator_webhook", {"", "example.com", "ftp://example.com", "https://u:p@example.com"}},
      {"operator_webhook_secret",
       {"", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", "sk_live_x"}},
      {"allow_networks", {"10.0.0.0/33", "localhost", "10.0.0.0/8,nonsense", "10.0.0.0/-1"}},
      {"retry_schedule", {"soon", "2m,,3m", "31d", "2m 3m"}},
      {"timeout", {"", "0", "99ms", "301s", "30", "-30s", "30 parsecs"}},
      {"rate_limit", {"", "-1", "1000001", "12.5", "0x10", "120 ", "many"}},
      {"retention", {"", "30", "3651d", "-1d"}},
      {"switch_off_after", {"", "5", "91d", "-1h"}},
      {"first_attempt_target", {"", "5", "61m", "-1s"}},
      {"log", {"", "loud", "INFO"}},
      {"log_format", {"xml"}},
      {"header_prefix", {"", "X Skylight", "X-\r\n", "X:", "webhook-", std::string(65, 'x')}},
      {"sender_name", {"", " ", "a\nb", std::string(101, 'x')}},
      {"ca_file", {"", "/nonexistent/ca.pem"}},
      {"dns_servers", {"localhost", "9.9.9.9,name", "9.9.9.9:99999", "9.9.9.9:0"}},
      {"proxy", {"", "10.0.0.1:3128", "https://10.0.0.1", "socks5://10.0.0.1", "http://user@host"}},
      {"network_threads", {"0", "65"}},
      {"max_in_flight", {"0", "16001"}},
      {"max_in_flight_per_webhook", {"0", "1001"}},
      {"lane_memory", {"15", "10001"}},
      {"memory_budget_mib", {"0", "65537"}},
      {"max_connections", {"9", "100001"}},
      {"shutdown_timeout", {"999ms", "601s"}},
      {"kafka_brokers", {"", "kafka", ":9092", "a b:9092", "127.0.0.1:0", "kafka:9092,other"}},
      {"kafka_topic", {"", "a/b", "a b", std::string(191, 'x')}},
      {"kafka_group", {"", "a,b"}},
      {"kafka_dead_letter_topic", {"", "a b"}},
      {"kafka_account", {"", "value"}},
      {"kafka_properties", {"x", "=x", "a=b\nc"}},
      {"event_types", {"=x", "a b=x", "contact.created=x", "webhook.test=x", "a=1;a=2"}},
  };
  for (const Refused& refused : cases) {
    for (const std::string& value : refused.values) {
      EXPECT_NE(problem_of(refused.setting, value), "") << refused.setting << " = " << value;
    }
  }
}

TEST(Settings, take_values_at_their_limits) {
  ServeConfig config;
  const auto take = [&](const char* name, std::string_view text) {
    EXPECT_EQ(find_setting(name)->parse(config, text), std::nullopt) << name << " = " << text;
  };
  take("timeout", "100ms");
  EXPECT_EQ(config.timeout, Millis{100});
  take("timeout", "5m");
  take("rate_limit", "0");
  EXPECT_EQ(config.rate_limit, 0);
  take("rate_limit", "1000000");
  take("retention", "0");
  EXPECT_EQ(config.retention, Millis{0});
  take("first_attempt_target", "1h");
  take("first_attempt_target", "1ms");
  take("switch_off_after", "90d");
  take("switch_off_after", "0");
  EXPECT_EQ(config.switch_off_after, Millis{0});
  take("retry_schedule", "none");
  EXPECT_TRUE(config.retry_schedule.delays.empty());
  take("retry_schedule", "1s, 250ms");
  EXPECT_EQ(config.retry_schedule.delays, (std::vector<Millis>{Millis{1000}, Millis{250}}));
  take("allow_networks", "127.0.0.0/8, ::1");
  EXPECT_THAT(config.allow_networks, testing::ElementsAre("127.0.0.0/8", "::1"));
  take("allow_networks", "");
  EXPECT_TRUE(config.allow_networks.empty());
  take("dns_servers", "9.9.9.9,127.0.0.1:5353,[::1]:53");
  take("listen", "[::1]:0");
  take("listen", ":8080");
  take("master_key", std::string(64, 'a'));
  take("operator_token", "op_test");
  take("event_types", "invoice.paid=An invoice is paid; invoice.lost");
  ASSERT_EQ(config.event_types.size(), 2u);
  EXPECT_EQ(config.event_types[0].name, "invoice.paid");
  EXPECT_EQ(config.event_types[0].description, "An invoice is paid");
  EXPECT_EQ(config.event_types[1].name, "invoice.lost");
}

TEST(Settings, take_properties_of_kafka_as_lines) {
  ServeConfig config;
  const auto* setting = find_setting("kafka_properties");
  ASSERT_EQ(setting->parse(config, "# TLS\nsecurity.protocol = ssl\n\nsasl.password=a=b;c,d"),
            std::nullopt);
  EXPECT_THAT(config.kafka_properties,
              testing::ElementsAre(testing::Pair("security.protocol", "ssl"),
                                   testing::Pair("sasl.password", "a=b;c,d")));
  EXPECT_EQ(setting->show(config), "");
  EXPECT_EQ(find_setting("kafka_brokers")->parse(config, "kafka1:9092,[::1]:9092"), std::nullopt);
}

TEST(Settings, own_event_types_are_bounded) {
  std::string types;
  for (std::size_t i = 0; i < kOwnEventTypeLimit; ++i) types += "t" + std::to_string(i) + ";";
  EXPECT_EQ(problem_of("event_types", types), "");
  EXPECT_NE(problem_of("event_types", types + "one.more"), "");
}

TEST(NearestName, finds_slips_and_nothing_else) {
  const std::vector<std::string> known{"timeout", "listen", "retry_schedule"};
  EXPECT_EQ(nearest_name("timout", known), "timeout");
  EXPECT_EQ(nearest_name("retry-schedule", known), "retry_schedule");
  EXPECT_EQ(nearest_name("colour", known), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 'x'), known), std::nullopt);
}

// docs/settings.md is written from the table: SKYHOOK_UPDATE_DOCS=1 writes it anew.
TEST(Settings, are_documented_as_they_are) {
  const std::string path = std::string(SKYHOOK_DOCS_DIR) + "/settings.md";
  const std::string expected =
      "# Settings of `skyhook serve`\n\n"
      "Flags win over variables, variables over the file (`--config FILE` or `SKYHOOK_CONFIG`). A "
      "wrong value is\none line and exit status 2, before anything is opened. Lists are repeated "
      "flags, or one text with commas\n(event types: semicolons; properties: lines), or an array "
      "in the file. A "
      "secret "
      "may be read from the file that its `…_FILE` variable\nnames. An empty variable counts as "
      "not "
      "set.\n\n" +
      settings_as_markdown();
  if (std::getenv("SKYHOOK_UPDATE_DOCS") != nullptr) std::ofstream(path) << expected;
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  EXPECT_EQ(content.str(), expected) << "run unit_config with SKYHOOK_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace skyhook::config
