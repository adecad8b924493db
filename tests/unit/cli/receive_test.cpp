#include "cli/receive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "process.h"
#include "scripted_server.h"
#include "signing/signer.h"

namespace skyhook::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string kBody =
    R"({"event":"contact.created","delivery_id":"id-1","timestamp":1,"data":{"name":"Ann","n":1.0}})";

std::string signed_headers(const std::string& id, const std::string& body,
                           const std::string& secret = kSecret) {
  const std::int64_t now = to_unix_seconds(SystemClock().now());
  const auto signatures = signing::Signer(secret).sign(id, now, body);
  return "X-Skylight-Event: contact.created\r\nX-Skylight-Delivery: " + id +
         "\r\nX-Skylight-Signature: " + signatures.vendor + "\r\nwebhook-id: " + id +
         "\r\nwebhook-timestamp: " + std::to_string(now) +
         "\r\nwebhook-signature: " + signatures.standard + "\r\n";
}

// `skyhook receive` on a free port.
class Receiving {
 public:
  explicit Receiving(std::vector<std::string> arguments)
      : process_([&] {
          arguments.insert(arguments.begin(), {"receive", "--listen", "127.0.0.1:0"});
          return run_skyhook(arguments);
        }) {
    const std::string announced = process_.error_until("ends it)\n");
    const std::string before = "http://127.0.0.1:";
    port_ = static_cast<std::uint16_t>(
        std::stoi(announced.substr(announced.find(before) + before.size())));
  }
  int status_of(const std::string& headers, const std::string& body = kBody) {
    const std::string answer = post(port_, headers, body);
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }
  Process& process() { return process_; }

 private:
  Process process_;
  std::uint16_t port_ = 0;
};

TEST(AnswerStatus, is_as_told) {
  EXPECT_EQ(answer_status({}, 1, true), 200);
  EXPECT_EQ(answer_status({}, 1, false), 401);
  EXPECT_EQ(answer_status({.status = 503}, 9, true), 503);
  EXPECT_EQ(answer_status({.status = 204}, 9, false), 204);
  EXPECT_EQ(answer_status({.fail_first = 2}, 1, true), 500);
  EXPECT_EQ(answer_status({.fail_first = 2}, 2, true), 500);
  EXPECT_EQ(answer_status({.fail_first = 2}, 3, true), 200);
  EXPECT_EQ(answer_status({.fail_first = 2}, 3, false), 401);
  EXPECT_EQ(answer_status({.status = 429, .fail_first = 1}, 1, true), 429);
  EXPECT_EQ(answer_status({.status = 429, .fail_first = 1}, 2, true), 200);
}

TEST(ReceiveCommand, prints_a_good_delivery_readably) {
  Receiving receiving({"--secret", kSecret});
  EXPECT_EQ(receiving.status_of(signed_headers("id-1", kBody)), 200);
  const std::string output = receiving.process().output_until("}\n\n");
  EXPECT_THAT(output, HasSubstr("contact.created  id-1  attempt 1\n"));
  EXPECT_THAT(output,
              HasSubstr("  X-Skylight-Signature: verified\n  webhook-signature: verified\n"));
  EXPECT_THAT(output, HasSubstr("  answered 200\n"));
  EXPECT_THAT(output, HasSubstr("    \"data\": {\n      \"name\": \"Ann\",\n      \"n\": 1.0\n"));
  EXPECT_EQ(output.find('\x1b'), std::string::npos) << "colours are for terminals";
}

TEST(ReceiveCommand, refuses_a_forged_delivery_and_says_why) {
  Receiving receiving({"--secret", kSecret});
  EXPECT_EQ(receiving.status_of(signed_headers("id-1", kBody, "whsec_AAAA")), 401);
  const std::string output = receiving.process().output_until("\n\n");
  EXPECT_THAT(output, HasSubstr("X-Skylight-Signature: does not match"));
  EXPECT_THAT(output, HasSubstr("webhook-signature: does not match"));
}

TEST(ReceiveCommand, takes_several_secrets) {
  Receiving receiving({"--secret", "whsec_AAAA", "--secret", kSecret});
  EXPECT_EQ(receiving.status_of(signed_headers("id-1", kBody)), 200);
  EXPECT_EQ(receiving.status_of(signed_headers("id-2", kBody, "whsec_AAAA")), 200);
}

TEST(ReceiveCommand, without_a_secret_says_that_it_does_not_verify) {
  Receiving receiving({});
  EXPECT_THAT(receiving.process().error_until("--secret"), HasSubstr("not verified"));
  EXPECT_EQ(receiving.status_of(""), 200);
  EXPECT_THAT(receiving.process().output_until("}\n\n"), Not(HasSubstr("Signature")));
}

TEST(ReceiveCommand, tells_attempts_from_duplicates) {
  Receiving receiving({"--fail-first", "1", "--json"});
  for (const int expected : {500, 200, 200}) {
    EXPECT_EQ(receiving.status_of(signed_headers("id-1", kBody)), expected);
  }
  EXPECT_EQ(receiving.status_of(signed_headers("id-2", kBody)), 500);
  const std::string output = receiving.process().output_until("\"id-2\"");
  EXPECT_THAT(output, HasSubstr("\"attempt_seen\":2,\"duplicate\":false"));
  EXPECT_THAT(output, HasSubstr("\"attempt_seen\":3,\"duplicate\":true"));
}

TEST(ReceiveCommand, prints_one_json_object_a_line_for_scripts) {
  Receiving receiving({"--secret", kSecret, "--json"});
  receiving.status_of(signed_headers("id-1", kBody));
  receiving.status_of("", "not \xff json\n\x1b");
  receiving.status_of("", "{\n \"event\": \"x\"\n}");
  receiving.process().signal(SIGTERM);
  EXPECT_EQ(receiving.process().wait(), 0);

  std::vector<boost::json::object> lines;
  const std::string& output = receiving.process().output();
  for (std::size_t begin = 0, end = 0; (end = output.find('\n', begin)) != std::string::npos;) {
    lines.push_back(boost::json::parse(output.substr(begin, end - begin)).as_object());
    begin = end + 1;
  }
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["event"], "contact.created");
  EXPECT_EQ(lines[0]["delivery_id"], "id-1");
  EXPECT_EQ(lines[0]["verified"], true);
  EXPECT_EQ(lines[0]["answered"], 200);
  EXPECT_EQ(lines[0]["signatures"].as_object()["vendor"], "verified");
  EXPECT_EQ(lines[0]["body"].as_object()["data"].as_object()["name"], "Ann");
  EXPECT_EQ(lines[1]["body"], "not \xef\xbf\xbd json\n\x1b");
  EXPECT_EQ(lines[1]["signatures"].as_object()["vendor"], "missing");
  EXPECT_EQ(lines[1]["verified"], false);
  EXPECT_EQ(lines[2]["event"], "x");
}

TEST(ReceiveCommand, a_hostile_delivery_reaches_no_terminal) {
  Receiving receiving({"--secret", kSecret});
  receiving.status_of(
      "X-Skylight-Event: \xc2\x9b"
      "31m\r\nX-Skylight-Delivery: \xff\r\n",
      "\x1b]0;owned\x07\n");
  receiving.status_of("", "{\"a\":\"\x7f\xc2\x9b\"}");
  const std::string output = receiving.process().output_until("}\n\n");
  for (const char c : {'\x1b', '\x07', '\x7f', '\x9b'}) {
    EXPECT_EQ(output.find(c), std::string::npos);
  }
}

TEST(ReceiveCommand, waits_before_it_answers_but_prints_at_once) {
  Receiving receiving({"--delay", "300ms", "--status", "503"});
  const SystemClock clock;
  const MonoTime begin = clock.mono();
  EXPECT_EQ(receiving.status_of(""), 503);
  EXPECT_GE(clock.mono() - begin, Millis{300});
}

TEST(ReceiveCommand, ends_orderly_on_either_signal_even_while_an_answer_waits) {
  for (const int number : {SIGINT, SIGTERM}) {
    Receiving receiving({"--delay", "10m"});
    Process client([&] { return receiving.status_of("X-Skylight-Event: waiting\r\n"); });
    receiving.process().output_until("waiting");
    receiving.process().signal(number);
    EXPECT_EQ(receiving.process().wait(), 0);
  }
}

TEST(ReceiveCommand, ends_when_nobody_reads_its_output) {
  Receiving receiving({});
  receiving.process().close_output();
  receiving.status_of("");
  EXPECT_EQ(receiving.process().wait(), 0);
}

TEST(ReceiveCommand, says_that_the_address_is_taken) {
  Process process([] { return run_skyhook({"receive", "--listen", "192.0.2.1:4000"}); });
  EXPECT_EQ(process.wait(), 1);
  EXPECT_THAT(process.error(), HasSubstr("skyhook: cannot listen at 192.0.2.1:4000"));
}

}  // namespace
}  // namespace skyhook::cli
