// Runs the header against tests/vectors/signatures.json: check_vectors FILE
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
  const std::string secret(test.at("secret").as_string());
  const std::string body(test.at("body").as_string());
  const std::int64_t now = test.at("now").to_number<std::int64_t>();
  const std::chrono::seconds tolerance(test.at("tolerance_s").to_number<std::int64_t>());
  if (test.at("dialect").as_string() == "vendor") {
    return skyhook::webhook::verify_vendor(secret, header(test, "X-Skylight-Signature"), body, now,
                                           tolerance);
  }
  return skyhook::webhook::verify_standard(secret, header(test, "webhook-id"),
                                           header(test, "webhook-timestamp"),
                                           header(test, "webhook-signature"), body, now, tolerance);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: check_vectors FILE\n"), 2;
  std::ifstream file(argv[1]);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  int wrong = 0;
  int checked = 0;
  const boost::json::value vectors = boost::json::parse(text);
  for (const boost::json::value& value : vectors.at("verify").as_array()) {
    const boost::json::object& test = value.as_object();
    ++checked;
    if (verify(test) != test.at("valid").as_bool()) {
      ++wrong;
      std::printf("wrong: %s, %s\n", test.at("dialect").as_string().c_str(),
                  test.at("name").as_string().c_str());
    }
  }
  std::printf("%d checked, %d wrong\n", checked, wrong);
  return wrong || !checked;
}
