// Runs the header against the files of tests/vectors: check_vectors FILE...
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <skyhook/webhook.hpp>
#include <string>

namespace {

std::string header(const boost::json::object& test, const char* name) {
  const boost::json::value* value = test.at("headers").as_object().if_contains(name);
  return value ? std::string(value->as_string()) : std::string();
}

bool verify(const boost::json::object& test) {
  const auto text = [&](const char* name) { return std::string(test.at(name).as_string()); };
  const std::string body = text("body");
  const std::int64_t now = test.at("now").to_number<std::int64_t>();
  const std::chrono::seconds tolerance(test.at("tolerance_s").to_number<std::int64_t>());
  if (test.at("dialect").as_string() == "vendor") {
    return skyhook::webhook::verify_vendor(text("secret"), header(test, "X-Skylight-Signature"),
                                           body, now, tolerance);
  }
  const std::string id = header(test, "webhook-id");
  const std::string timestamp = header(test, "webhook-timestamp");
  const std::string signatures = header(test, "webhook-signature");
  if (test.at("dialect").as_string() == "ed25519") {
    return skyhook::webhook::verify_ed25519(text("public_key"), id, timestamp, signatures, body,
                                            now, tolerance);
  }
  return skyhook::webhook::verify_standard(text("secret"), id, timestamp, signatures, body, now,
                                           tolerance);
}

// Counts the cases of a file, and those that it gets wrong.
void check(const char* path, int& checked, int& wrong) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const boost::json::value vectors = boost::json::parse(text);
  for (const boost::json::value& value : vectors.at("verify").as_array()) {
    const boost::json::object& test = value.as_object();
    ++checked;
    if (verify(test) == test.at("valid").as_bool()) continue;
    ++wrong;
    std::printf("wrong: %s, %s\n", test.at("dialect").as_string().c_str(),
                test.at("name").as_string().c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  int wrong = 0;
  int checked = 0;
  for (int i = 1; i < argc; ++i) check(argv[i], checked, wrong);
  std::printf("%d checked, %d wrong\n", checked, wrong);
  return wrong || !checked;
}
