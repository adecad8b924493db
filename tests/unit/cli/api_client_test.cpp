#include "cli/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "process.h"
#include "scripted_server.h"

namespace skyhook::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Result<ApiResponse, std::string> send(const std::string& server,
                                      const ApiRequest& request = {"GET", "/x", ""},
                                      Millis timeout = Seconds{20}) {
  const auto client = ApiClient::make({.server = server, .token = "op_x", .timeout = timeout});
  EXPECT_TRUE(client.ok());
  return client->send(request);
}

std::string error_of(const std::string& answer) {
  const ScriptedServer server(answer);
  const auto response = send(server.url());
  return response.ok() ? "" : response.error();
}

TEST(ApiClient, sends_a_request_that_a_server_understands) {
  const ScriptedServer server(http_answer(201, "{}"));
  const auto response =
      send(server.url() + "/base/", {"POST", "/operator/v1/accounts", "{\"a\":1}"});
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "{}");
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /base/operator/v1/accounts HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request, HasSubstr("\r\nAuthorization: Bearer op_x\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"));
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST(ApiClient, names_no_content_type_without_a_body) {
  const ScriptedServer server(http_answer(200, ""));
  ASSERT_TRUE(send(server.url()).ok());
  EXPECT_THAT(server.requests().at(0), Not(HasSubstr("Content-Type")));
}

TEST(ApiClient, reads_every_framing) {
  const ScriptedServer chunked(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Name: "
      "v\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
      "0\r\n\r\n");
  const auto response = send(chunked.url());
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->body, "abcde");
  EXPECT_THAT(response->headers, testing::Contains(testing::Pair("x-name", "v")));

  const ScriptedServer until_the_end("HTTP/1.1 200 OK\r\n\r\nall of it");
  const auto other = send(until_the_end.url());
  ASSERT_TRUE(other.ok()) << other.error();
  EXPECT_EQ(other->body, "all of it");

  const ScriptedServer empty("HTTP/1.1 204 No Content\r\n\r\n", true);
  const auto third = send(empty.url());
  ASSERT_TRUE(third.ok()) << third.error();
  EXPECT_EQ(third->status, 204);
}

TEST(ApiClient, reads_a_large_answer) {
  const std::string body(5'000'000, 'x');
  const ScriptedServer server(http_answer(200, body));
  const auto response = send(server.url());
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->body.size(), body.size());
}

TEST(ApiClient, says_that_nobody_is_there) {
  std::string url;
  {
    const ScriptedServer gone("");
    url = gone.url();
  }
  const auto response = send(url);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error(),
            "no server answers at " + url +
                ": start one with 'skyhook serve', or name another with --server");
}

TEST(ApiClient, says_what_is_wrong_with_an_answer) {
  EXPECT_THAT(error_of(""), HasSubstr("ended the connection"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"),
              HasSubstr("ended the connection"));
  EXPECT_THAT(error_of("HTTP/1.1 200"), HasSubstr("ended the connection"));
  EXPECT_THAT(error_of("SSH-2.0-OpenSSH_9.2\r\n"), HasSubstr("no Skyhook server"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
              HasSubstr("no Skyhook server"));
  EXPECT_THAT(error_of("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"),
              HasSubstr("no Skyhook server"));
}

TEST(ApiClient, does_not_wait_for_ever) {
  const ScriptedServer silent("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
  const auto response = send(silent.url(), {"GET", "/", ""}, Millis{100});
  ASSERT_FALSE(response.ok());
  EXPECT_THAT(response.error(), HasSubstr("did not answer within 100ms"));
}

TEST(ApiClient, refuses_what_it_cannot_use) {
  EXPECT_FALSE(ApiClient::make({.server = "127.0.0.1:8080", .token = ""}).ok());
  EXPECT_FALSE(ApiClient::make({.server = "ftp://x", .token = ""}).ok());
  EXPECT_FALSE(ApiClient::make({.server = "http://127.0.0.1", .token = "a\r\nX: y"}).ok());
}

TEST(ApiClient, says_that_a_name_does_not_resolve) {
  const auto response = send("http://name.invalid");
  ASSERT_FALSE(response.ok());
  EXPECT_THAT(response.error(), HasSubstr("cannot resolve name.invalid"));
}

// Against `openssl s_server`, with a certificate made for the test.
class ApiClientTls : public testing::Test {
 protected:
  ApiClientTls()
      : directory_(std::filesystem::temp_directory_path() /
                   ("skyhook-tls-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(directory_);
    Process make([this] {
      return execute({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                      "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                      "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key(), "-out",
                      certificate()});
    });
    EXPECT_EQ(make.wait(), 0) << make.error();
  }
  ~ApiClientTls() override {
    ::unsetenv("SSL_CERT_FILE");
    std::filesystem::remove_all(directory_);
  }
  std::string key() const { return (directory_ / "key.pem").string(); }
  std::string certificate() const { return (directory_ / "certificate.pem").string(); }

  const std::filesystem::path directory_;
};

TEST_F(ApiClientTls, trusts_verified_servers_only) {
  Process server([this] {
    return execute({"openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-key", key(), "-cert",
                    certificate()});
  });
  const std::string output = server.output_until("ACCEPT 127.0.0.1:");
  const std::string port = server.output_until("\n").substr(output.find("ACCEPT 127.0.0.1:") + 17);
  const std::string number = std::to_string(std::stoi(port));

  const auto untrusted = send("https://127.0.0.1:" + number, {"GET", "/", ""});
  ASSERT_FALSE(untrusted.ok());
  EXPECT_THAT(untrusted.error(), HasSubstr("no trusted TLS at https://127.0.0.1:" + number +
                                           ": self-signed certificate"));

  ::setenv("SSL_CERT_FILE", certificate().c_str(), 1);
  const auto trusted = send("https://127.0.0.1:" + number, {"GET", "/", ""});
  ASSERT_TRUE(trusted.ok()) << trusted.error();
  EXPECT_EQ(trusted->status, 200);

  const auto other_name = send("https://localhost:" + number, {"GET", "/", ""});
  ASSERT_FALSE(other_name.ok());
  EXPECT_THAT(other_name.error(), HasSubstr("hostname mismatch"));
}

TEST(ApiClient, tls_to_a_server_without_it_is_an_error) {
  const ScriptedServer plain("HTTP/1.1 400 Bad Request\r\n\r\n");
  const auto response =
      send("https://127.0.0.1:" + std::to_string(plain.port()), {"GET", "/", ""}, Millis{500});
  ASSERT_FALSE(response.ok());
}

}  // namespace
}  // namespace skyhook::cli
