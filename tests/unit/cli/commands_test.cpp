#include "cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "scripted_server.h"

namespace skyhook::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

Outcome run(const std::function<int()>& command) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = command();
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

const std::string kCreated =
    R"({"success":true,"data":{"id":7,"name":"A","is_active":true,"api_key":"sk_live_x"},"message":"m"})";

TEST(AccountCreate, prints_id_and_key) {
  const ScriptedServer server(http_answer(201, kCreated));
  const Outcome outcome = run([&] {
    return create_account({server.url(), "op"}, {.name = "\"A\""});
  });
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output, HasSubstr("account  7  A\napi key  sk_live_x\n"));
  EXPECT_TRUE(server.requests().at(0).ends_with(R"({"name":"\"A\""})"));
}

TEST(AccountCreate, prints_json_for_scripts) {
  const ScriptedServer server(http_answer(201, kCreated));
  const Outcome outcome = run([&] {
    return create_account({server.url(), "op"}, {.name = "A", .as_json = true});
  });
  EXPECT_EQ(outcome.output,
            "{\"id\":7,\"name\":\"A\",\"is_active\":true,\"api_key\":\"sk_live_x\"}\n");
}

TEST(AccountCreate, prints_the_servers_errors_with_their_fields) {
  const ScriptedServer server(http_answer(
      422,
      R"({"success":false,"message":"The given data was invalid.","errors":{"name":["The name field is required.","Two\u001b."]}})"));
  const Outcome outcome = run([&] { return create_account({server.url(), "op"}, {.name = ""}); });
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error,
            "skyhook: The given data was invalid. (422)\n  name: The name field is required.\n"
            "  name: Two\\x1b.\n");
}

TEST(AccountCreate, survives_answers_that_are_not_skyhooks) {
  for (const auto& [status, body] :
       std::vector<std::pair<int, std::string>>{{500, "<html>"},
                                                {404, "{}"},
                                                {401, "{\"message\":1}"},
                                                {422, "{\"message\":\"m\",\"errors\":{\"a\":1}}"},
                                                {200, "[]"},
                                                {200, "nonsense"},
                                                {200, "{\"data\":[]}"}}) {
    const ScriptedServer server(http_answer(status, body));
    const Outcome outcome = run([&] {
      return create_account({server.url(), "op"}, {.name = "A"});
    });
    EXPECT_EQ(outcome.status, 1) << body;
    EXPECT_THAT(outcome.error, HasSubstr("skyhook: ")) << body;
  }
}

const std::string kAccepted =
    R"({"success":true,"data":{"id":"019c","deliveries":2},"message":"Event accepted."})";

TEST(PublishCommand, passes_the_data_through_byte_for_byte) {
  const ScriptedServer server(http_answer(202, kAccepted));
  const Outcome outcome = run([&] {
    return publish({server.url(), "op"},
                   {.account = 7, .event = "contact.created", .data = "{ \"n\": 1.0 }"});
  });
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(outcome.output, "event  019c  accepted, 2 deliveries\n");
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /operator/v1/accounts/7/events "));
  EXPECT_TRUE(request.ends_with(R"({"event":"contact.created","data":{ "n": 1.0 }})"));
}

TEST(PublishCommand, tells_a_replay_by_its_key) {
  const ScriptedServer server(
      http_answer(200, R"({"success":true,"data":{"id":"x","deliveries":1}})"));
  const Outcome outcome = run([&] {
    return publish({server.url(), "op"},
                   {.account = 7, .event = "e", .data = "{}", .idempotency_key = "k\"1"});
  });
  EXPECT_EQ(outcome.output, "event  x  was accepted before under this key, 1 delivery\n");
  EXPECT_TRUE(
      server.requests().at(0).ends_with(R"({"event":"e","data":{},"idempotency_key":"k\"1"})"));
}

TEST(PublishCommand, reads_the_data_from_a_file) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("skyhook-data-" + std::to_string(::getpid()) + ".json");
  std::ofstream(path) << "{\"a\":1}\n";
  const ScriptedServer server(http_answer(202, kAccepted));
  const Outcome outcome = run([&] {
    return publish({server.url(), "op"}, {.account = 7, .event = "e", .data = "@" + path.string()});
  });
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_TRUE(server.requests().at(0).ends_with("{\"event\":\"e\",\"data\":{\"a\":1}\n}"));
  std::filesystem::remove(path);
}

TEST(PublishCommand, refuses_data_that_is_no_object_before_it_asks_anyone) {
  for (const char* data :
       {"", "[]", "{", "1", "{}, \"event\":\"x\"", "{} {}", "@/nonexistent.json"}) {
    const Outcome outcome = run([&] {
      return publish({"http://127.0.0.1:1", "op"}, {.account = 7, .event = "e", .data = data});
    });
    EXPECT_EQ(outcome.status, 2) << data;
    EXPECT_THAT(outcome.error, HasSubstr("skyhook: --data: "));
  }
}

}  // namespace
}  // namespace skyhook::cli
