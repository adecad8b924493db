#include "cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/version.h"
#include "config/settings.h"
#include "process.h"
#include "scripted_server.h"

namespace skyhook::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

// Without the variables of whoever runs the test.
Outcome skyhook(std::vector<std::string> arguments,
                const std::vector<std::pair<std::string, std::string>>& environment = {}) {
  Process process([&] {
    ::clearenv();
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    return run_skyhook(arguments);
  });
  const int status = process.wait();
  return {status, process.output(), process.error()};
}

TEST(CommandLine, hands_the_settings_to_serve_and_returns_its_status) {
  const Outcome outcome =
      skyhook({"serve", "--listen", ":9000", "--allow-http", "--allow-network", "127.0.0.0/8",
               "--allow-network", "::1", "--retry-schedule", "1s,2s"},
              {{"SKYHOOK_TIMEOUT", "5s"}, {"SKYHOOK_LISTEN", ":1"}});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_EQ(outcome.output, "serving listen=:9000 allow_http=1 networks=2 retries=2 timeout=5s\n");
  EXPECT_EQ(outcome.error, "");
}

TEST(CommandLine, a_switch_can_be_taken_back) {
  EXPECT_THAT(skyhook({"serve", "--allow-http=false"}, {{"SKYHOOK_ALLOW_HTTP", "true"}}).output,
              HasSubstr("allow_http=0"));
}

TEST(CommandLine, a_wrong_setting_is_one_line_and_status_2) {
  const Outcome outcome = skyhook({"serve"}, {{"SKYHOOK_TIMEOUT", "30 parsecs"}});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.error,
            "skyhook: SKYHOOK_TIMEOUT: '30 parsecs' is not a duration such as 30s or 2m\n");
}

TEST(CommandLine, wrong_use_is_one_line_and_status_2) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"nonsense"},
      {"serve", "--nope"},
      {"serve", "extra"},
      {"serve", "--timeout"},
      {"serve", "--timeout", "1s", "--timeout", "2s"},
      {"serve", "--rate-limit", "-1"},
      {"serve", "--allow-http=maybe"},
      {"serve", "--config", "/nonexistent.toml"},
      {"account"},
      {"account", "create"},
      {"account", "create", "--name", "x"},
      {"publish", "--account", "x", "--event", "e", "--data", "{}", "--operator-token", "t"},
      {"publish", "--account", "0", "--event", "e", "--data", "{}", "--operator-token", "t"},
      {"publish", "--account", "99999999999999999999", "--event", "e", "--data", "{}"},
      {"publish", "--account", "1", "--event", "e", "--data", "[]", "--operator-token", "t"},
      {"account", "create", "--name", "x", "--operator-token", "t", "--server", "nowhere"},
      {"receive", "--status", "99"},
      {"receive", "--delay", "soon"},
      {"receive", "--delay", "1h"},
      {"receive", "--fail-first", "-1"},
      {"receive", "--listen", "nowhere"},
      {"receive", "--secret", ""},
      {"receive", "--nope\n\x1b[31m"},
  };
  for (const auto& arguments : wrong) {
    const Outcome outcome = skyhook(arguments);
    const std::string shown = testing::PrintToString(arguments);
    EXPECT_EQ(outcome.status, 2) << shown;
    EXPECT_EQ(outcome.output, "") << shown;
    EXPECT_TRUE(outcome.error.starts_with("skyhook: ")) << shown << outcome.error;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << shown << outcome.error;
    EXPECT_EQ(outcome.error.find('\x1b'), std::string::npos);
  }
}

TEST(CommandLine, a_mistyped_command_is_named) {
  EXPECT_EQ(skyhook({"listne", "--forward", "x"}).error,
            "skyhook: there is no command 'listne' (see 'skyhook --help')\n");
  EXPECT_EQ(skyhook({"account", "crate"}).error,
            "skyhook: there is no command 'crate' (see 'skyhook account --help')\n");
}

TEST(CommandLine, help_names_every_setting_its_variable_and_default) {
  const Outcome outcome = skyhook({"serve", "--help"});
  EXPECT_EQ(outcome.status, 0);
  for (const config::Setting& setting : config::settings()) {
    EXPECT_THAT(outcome.output, HasSubstr(setting.flag));
    EXPECT_THAT(outcome.output, HasSubstr(setting.variable));
  }
  EXPECT_THAT(outcome.output, HasSubstr("[2m,10m,30m;"));
}

TEST(CommandLine, every_command_has_help) {
  for (const auto& command : std::vector<std::vector<std::string>>{{},
                                                                   {"serve"},
                                                                   {"account"},
                                                                   {"account", "create"},
                                                                   {"publish"},
                                                                   {"receive"},
                                                                   {"bench"},
                                                                   {"rekey"},
                                                                   {"move"},
                                                                   {"trigger"},
                                                                   {"listen"},
                                                                   {"verify"},
                                                                   {"replay"},
                                                                   {"retry"},
                                                                   {"deliveries"},
                                                                   {"health"}}) {
    auto arguments = command;
    arguments.push_back("--help");
    const Outcome outcome = skyhook(arguments);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.error, "");
    // What it does, in sentences.
    const std::string about = outcome.output.substr(0, outcome.output.find("\nUsage: "));
    EXPECT_TRUE(about.front() >= 'A' && about.front() <= 'Z' && about.back() == '.') << about;
    std::size_t line = 0;
    for (std::size_t end = 0; (end = outcome.output.find('\n', line)) != std::string::npos;) {
      EXPECT_LE(end - line, 104u) << outcome.output.substr(line, end - line);
      line = end + 1;
    }
  }
}

TEST(CommandLine, tells_its_version) {
  EXPECT_EQ(skyhook({"--version"}).output, "skyhook " + std::string(kVersion) + "\n");
}

TEST(CommandLine, warns_of_unknown_variables_and_goes_on) {
  const Outcome outcome = skyhook({"serve"}, {{"SKYHOOK_TIMOUT", "1s"}});
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.error, HasSubstr("unknown variable SKYHOOK_TIMOUT is ignored, did you mean "
                                       "SKYHOOK_TIMEOUT?"));
}

TEST(CommandLine, asks_the_server_that_the_same_environment_would_start) {
  for (const auto& [listen, asked] :
       std::vector<std::pair<std::string, std::string>>{{"127.0.0.1:1", "http://127.0.0.1:1:"},
                                                        {":1", "http://127.0.0.1:1:"},
                                                        {"0.0.0.0:1", "http://127.0.0.1:1:"},
                                                        {"[::1]:1", "http://[::1]:1:"}}) {
    const Outcome outcome = skyhook({"account", "create", "--name", "x", "--operator-token", "t"},
                                    {{"SKYHOOK_LISTEN", listen}});
    EXPECT_THAT(outcome.error, HasSubstr(asked));
  }
}

TEST(CommandLine, finds_the_token_that_the_server_made) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("skyhook-cli-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "operator-token") << "op_from_the_file\n";
  const ScriptedServer server(http_answer(201, "{\"data\":{}}"));
  for (const char* flag : {"--data", "--data-dir"}) {
    testing::internal::CaptureStdout();
    std::vector<std::string> arguments{flag, directory.string(), "--server", server.url()};
    arguments.insert(arguments.begin(), {"account", "create", "--name", "x"});
    EXPECT_EQ(run_skyhook(arguments), 0);
    testing::internal::GetCapturedStdout();
    EXPECT_THAT(server.requests().back(), HasSubstr("Authorization: Bearer op_from_the_file\r\n"));
  }
  EXPECT_EQ(server.requests().size(), 2u);
  std::filesystem::remove_all(directory);
}

TEST(CommandLine, a_failed_command_is_status_1) {
  const Outcome outcome =
      skyhook({"account", "create", "--name", "x"},
              {{"SKYHOOK_SERVER", "http://127.0.0.1:1"}, {"SKYHOOK_OPERATOR_TOKEN", "op_x"}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("no server answers at http://127.0.0.1:1"));
}

}  // namespace
}  // namespace skyhook::cli
