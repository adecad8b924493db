#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/event_types.h"

namespace skyhook::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Load : public testing::Test {
 protected:
  Load() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("skyhook-config-" + std::to_string(::getpid()) + "-" + test->name());
    std::filesystem::create_directories(directory_);
  }
  ~Load() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& content) {
    const auto path = directory_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  Loaded loaded(const Input& input) {
    auto result = load(input);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error());
    return result.ok() ? *result : Loaded{};
  }
  std::string error(const Input& input) {
    const auto result = load(input);
    return result.ok() ? "" : result.error();
  }
  std::string file_error(const std::string& content) {
    const std::string message = error({.file = write("skyhook.toml", content)});
    // Without the directory, which differs from run to run.
    const std::size_t at = message.find(directory_.string());
    if (at == std::string::npos) return message;
    return message.substr(0, at) + message.substr(at + directory_.string().size() + 1);
  }

  std::filesystem::path directory_;
};

TEST_F(Load, nothing_given_is_the_defaults) {
  const Loaded result = loaded({});
  EXPECT_EQ(result.config.listen, "127.0.0.1:8080");
  EXPECT_EQ(result.config.timeout, Seconds{30});
  EXPECT_EQ(result.config.rate_limit, 120);
  EXPECT_TRUE(result.warnings.empty());
}

TEST_F(Load, flags_win_over_the_environment_and_that_over_the_file) {
  Input input;
  input.file = write("skyhook.toml", "timeout = \"1s\"\nrate_limit = 1\nlisten = \":1\"\n");
  EXPECT_EQ(loaded(input).config.timeout, Seconds{1});
  input.environment = {{"SKYHOOK_TIMEOUT", "2s"}, {"SKYHOOK_RATE_LIMIT", "2"}};
  EXPECT_EQ(loaded(input).config.timeout, Seconds{2});
  input.flags = {{"timeout", "3s"}};
  const ServeConfig config = loaded(input).config;
  EXPECT_EQ(config.timeout, Seconds{3});
  EXPECT_EQ(config.rate_limit, 2);
  EXPECT_EQ(config.listen, ":1");
}

TEST_F(Load, a_wrong_value_is_one_line_that_names_source_and_value) {
  EXPECT_EQ(error({.environment = {{"SKYHOOK_TIMEOUT", "30 parsecs"}}}),
            "SKYHOOK_TIMEOUT: '30 parsecs' is not a duration such as 30s or 2m");
  EXPECT_EQ(error({.flags = {{"timeout", "30 parsecs"}}}),
            "--timeout: '30 parsecs' is not a duration such as 30s or 2m");
  EXPECT_EQ(file_error("\ntimeout = \"30 parsecs\""),
            "timeout in skyhook.toml, line 2: '30 parsecs' is not a duration such as 30s or 2m");
  EXPECT_EQ(file_error("timeout = 30"),
            "timeout in skyhook.toml, line 1: '30' is not a duration such as 30s or 2m");
  EXPECT_EQ(
      error({.flags = {{"allow_networks", "10.0.0.0/33"}}}),
      "--allow-network: '10.0.0.0/33' is not a list of networks such as 127.0.0.0/8,fd00::/8");
}

TEST_F(Load, a_wrong_value_is_an_error_even_where_another_source_wins) {
  EXPECT_EQ(error({.flags = {{"timeout", "1s"}}, .environment = {{"SKYHOOK_TIMEOUT", "x"}}}),
            "SKYHOOK_TIMEOUT: 'x' is not a duration such as 30s or 2m");
}

TEST_F(Load, a_hostile_value_stays_one_short_line) {
  const std::string message =
      error({.flags = {{"timeout", "1\n2\x1b[31m" + std::string(100'000, 'x')}}});
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 400u);
}

TEST_F(Load, a_secret_is_not_echoed) {
  const std::string message = error({.environment = {{"SKYHOOK_MASTER_KEY", "hunter2"}}});
  EXPECT_THAT(message, HasSubstr("SKYHOOK_MASTER_KEY: the value is not 32 bytes"));
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(file_error("operator_token = \"hunter 2\""), Not(HasSubstr("hunter")));
  EXPECT_THAT(error({.flags = {{"database_url", "mysql://u:hunter2@h"}}}),
              Not(HasSubstr("hunter")));
  EXPECT_THAT(error({.flags = {{"operator_webhook", "https://u:hunter2@h/"}}}),
              Not(HasSubstr("hunter")));
}

TEST_F(Load, a_secret_may_come_from_a_file) {
  const std::string path = write("token", "op_0123456789abcdefghijklm\n");
  EXPECT_EQ(loaded({.environment = {{"SKYHOOK_OPERATOR_TOKEN_FILE", path}}}).config.operator_token,
            "op_0123456789abcdefghijklm");
  EXPECT_EQ(error({.environment = {{"SKYHOOK_OPERATOR_TOKEN_FILE", path},
                                   {"SKYHOOK_OPERATOR_TOKEN", "op_other"}}}),
            "SKYHOOK_OPERATOR_TOKEN_FILE: SKYHOOK_OPERATOR_TOKEN is set too; only one of them can "
            "hold");
  EXPECT_EQ(error({.environment = {{"SKYHOOK_MASTER_KEY_FILE", "/nonexistent/key"}}}),
            "SKYHOOK_MASTER_KEY_FILE: cannot read '/nonexistent/key': No such file or directory");
  EXPECT_THAT(error({.environment = {{"SKYHOOK_MASTER_KEY_FILE", write("key", "x")}}}),
              HasSubstr("SKYHOOK_MASTER_KEY_FILE: the value is not 32 bytes"));
  EXPECT_THAT(error({.environment = {{"SKYHOOK_MASTER_KEY_FILE",
                                      write("big", std::string(kSecretFileLimit + 1, 'x'))}}}),
              HasSubstr("larger than 4096 bytes"));
}

TEST_F(Load, the_file_may_be_named_by_a_variable_but_the_flag_wins) {
  const std::string one = write("one.toml", "rate_limit = 1");
  const std::string two = write("two.toml", "rate_limit = 2");
  EXPECT_EQ(loaded({.environment = {{"SKYHOOK_CONFIG", one}}}).config.rate_limit, 1);
  EXPECT_EQ(loaded({.environment = {{"SKYHOOK_CONFIG", one}}, .file = two}).config.rate_limit, 2);
  EXPECT_EQ(error({.file = "/nonexistent.toml"}),
            "--config: cannot read '/nonexistent.toml': No such file or directory");
  EXPECT_THAT(error({.environment = {{"SKYHOOK_CONFIG", directory_.string()}}}),
              HasSubstr("Is a directory"));
  EXPECT_THAT(error({.file = write("big.toml", std::string(kConfigFileLimit + 1, '\n'))}),
              HasSubstr("larger than"));
}

TEST_F(Load, the_file_takes_every_kind_of_value) {
  const ServeConfig config = loaded({.file = write("skyhook.toml", R"(
listen = "127.0.0.1:9000"
allow_http = true
allow_networks = ["127.0.0.0/8", "::1"]
retry_schedule = "1s,2s"
retention = 0
log_format = "json"

[[event_types]]
name = "invoice.paid"
description = "An invoice is paid, in full"
[[event_types]]
name = "invoice.lost"
)")})
                                 .config;
  EXPECT_EQ(config.listen, "127.0.0.1:9000");
  EXPECT_TRUE(config.allow_http);
  EXPECT_THAT(config.allow_networks, ElementsAre("127.0.0.0/8", "::1"));
  EXPECT_EQ(config.retry_schedule.delays.size(), 2u);
  EXPECT_EQ(config.retention, Millis{0});
  EXPECT_EQ(config.log_format, log::Format::json);
  ASSERT_EQ(config.event_types.size(), 2u);
  EXPECT_EQ(config.event_types[0].description, "An invoice is paid, in full");
}

TEST_F(Load, the_file_is_refused_where_it_says_what_is_not_understood) {
  EXPECT_EQ(file_error("listen = ':1'\ntimout = '1s'"),
            "skyhook.toml, line 2: unknown setting 'timout', did you mean 'timeout'?");
  EXPECT_EQ(file_error("colour = 1"), "skyhook.toml, line 1: unknown setting 'colour'");
  EXPECT_EQ(file_error("[server]\nlisten = ':1'"),
            "skyhook.toml, line 1: unknown setting 'server'");
  EXPECT_EQ(file_error("timeout = ['1s']"),
            "timeout in skyhook.toml, line 1: must be a single value");
  EXPECT_EQ(file_error("allow_networks = { a = 1 }"),
            "allow_networks in skyhook.toml, line 1: must be a list");
  EXPECT_EQ(file_error("allow_networks = [[1]]"),
            "allow_networks in skyhook.toml, line 1: an item is neither text nor number");
  EXPECT_THAT(file_error("[[event_types]]\nname = 'a'\ncolour = 'b'"),
              HasSubstr("unknown setting 'colour'"));
  EXPECT_THAT(file_error("[[event_types]]\nname = 1"), HasSubstr("name is not a text"));
  EXPECT_THAT(file_error("[[event_types]]\ndescription = 'x'"), HasSubstr("event type"));
  EXPECT_THAT(file_error("event_types = ['a=x; y']"), HasSubstr("';'"));
  EXPECT_THAT(file_error("[[event_types]]\nname = 'operator.paid'"), HasSubstr("Skyhook's own"));
  EXPECT_THAT(file_error("[[event_types]]\nname = \"operator.\\npaid\""), HasSubstr("letters"))
      << "what is no name is not echoed";
  EXPECT_THAT(file_error("event_types = [{ name = 'a' }, 'b']"),
              HasSubstr("neither text nor number"));
  EXPECT_THAT(file_error("[[event_types]]\nname = 'a'\ncheck = 'yes'"),
              HasSubstr("check is neither true nor false"));
  EXPECT_THAT(file_error("timeout = 1.5"), HasSubstr("timeout in skyhook.toml, line 1"));
}

TEST_F(Load, an_event_type_may_have_a_schema_and_an_example) {
  write("paid.json", R"({"type": "object", "required": ["id"]})");
  const ServeConfig config = loaded({.file = write("skyhook.toml", R"(
[[event_types]]
name = "invoice.paid"
description = "Paid; in full"
schema = "@paid.json"
example = '{"id": 1}'
check = true
[[event_types]]
name = "invoice.lost"
schema = '{"type": "object"}'
)")})
                                 .config;
  ASSERT_EQ(config.event_types.size(), 2u);
  const EventType& paid = config.event_types[0];
  EXPECT_EQ(paid.description, "Paid; in full");
  EXPECT_EQ(paid.schema, R"({"type": "object", "required": ["id"]})");
  EXPECT_EQ(paid.example, R"({"id": 1})");
  ASSERT_TRUE(paid.check);
  EXPECT_EQ(paid.check(R"({"id": 2})"), std::nullopt);
  EXPECT_EQ(paid.check("{}"), R"("" must have the property id)");
  EXPECT_FALSE(config.event_types[1].check) << "nobody asked for it";
}

TEST_F(Load, an_event_type_is_refused_where_its_schema_or_example_is_wrong) {
  const auto error = [&](const std::string& more) {
    return file_error("[[event_types]]\nname = 'a.b'\n" + more);
  };
  EXPECT_EQ(error("check = true"),
            "event_types in skyhook.toml, line 1 has 'a.b', whose check = true needs a schema");
  EXPECT_EQ(
      error("schema = '{\"typ\": 1}'"),
      "event_types in skyhook.toml, line 1 has 'a.b', whose schema is wrong: \"\": 'typ' is not "
      "a keyword that is checked here");
  EXPECT_THAT(error("schema = '@nowhere.json'"), HasSubstr("whose schema cannot be read from '"));
  EXPECT_THAT(error("example = '@nowhere.json'"), HasSubstr("nowhere.json': No such file"));
  EXPECT_THAT(error("example = '[1]'"), HasSubstr("example is not a JSON object"));
  EXPECT_THAT(error("example = '{'"), HasSubstr("example is not a JSON object"));
  EXPECT_THAT(error("schema = '{\"required\": [\"id\"]}'\nexample = '{}'"),
              HasSubstr("example does not fit its schema: \"\" must have the property id"));
  EXPECT_THAT(error("schema = 1"), HasSubstr("schema is not a text"));
  const std::string large = "{\"x\": \"" + std::string(kExampleBytesLimit, 'x') + "\"}";
  EXPECT_THAT(error("example = '" + large + "'"), HasSubstr("example is larger than 65536 bytes"));
  write("large.json", large);
  EXPECT_THAT(error("example = '@large.json'"), HasSubstr("it is larger than 65536 bytes"));
}

TEST_F(Load, schemas_and_examples_are_bounded_together) {
  write("large.json", "{\"x\": \"" + std::string(kExampleBytesLimit - 20, 'x') + "\"}");
  std::string types;
  for (int i = 0; i < 17; ++i) {
    types += "[[event_types]]\nname = 't" + std::to_string(i) + "'\nexample = '@large.json'\n";
  }
  EXPECT_THAT(file_error(types), HasSubstr("more than 1048576 bytes of schemas and examples"));
}

TEST_F(Load, a_file_that_is_not_toml_is_refused_with_its_line) {
  EXPECT_THAT(file_error("listen = ':1'\n timeout"), HasSubstr("skyhook.toml, line 2: "));
  EXPECT_THAT(file_error("timeout = \"1s"), HasSubstr("skyhook.toml, line 1: "));
  EXPECT_THAT(file_error("a = 1\na = 1"), HasSubstr("skyhook.toml, line 2: "));
  for (const std::string& content :
       {std::string("\xff\xfe"), std::string("a\0b", 3), std::string(100'000, '['),
        "a = " + std::string(100'000, '[')}) {
    EXPECT_NE(file_error(content), "");
    EXPECT_EQ(file_error(content).find('\n'), std::string::npos);
  }
}

TEST_F(Load, unknown_variables_are_warned_of) {
  const Loaded result = loaded({.environment = {{"SKYHOOK_TIMOUT", "1s"},
                                                {"SKYHOOK_SERVER", "http://x"},
                                                {"SKYHOOK_MASTER_KEY_FILE", ""},
                                                {"TIMEOUT", "1s"}},
                                .other_variables = {"SKYHOOK_SERVER"}});
  EXPECT_THAT(result.warnings,
              ElementsAre("unknown variable SKYHOOK_TIMOUT is ignored, did you mean "
                          "SKYHOOK_TIMEOUT?"));
}

TEST_F(Load, an_empty_variable_counts_as_not_set) {
  EXPECT_EQ(loaded({.environment = {{"SKYHOOK_TIMEOUT", ""}}}).config.timeout, Seconds{30});
}

TEST_F(Load, a_short_operator_token_is_warned_of) {
  EXPECT_THAT(loaded({.flags = {{"operator_token", "op_test"}}}).warnings,
              ElementsAre(HasSubstr("may be guessed")));
}

}  // namespace
}  // namespace skyhook::config
