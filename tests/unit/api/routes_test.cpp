#include "api/routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "api/handlers.h"

namespace skyhook::api {
namespace {

// `GET /path` of every operation.
std::set<std::string> documented_routes() {
  std::ifstream file(OPENAPI_DOCUMENT);
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string> routes;
  const auto document = boost::json::parse(text.str());
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::ranges::transform(method, method.begin(),
                             [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      routes.insert(method + " " + std::string(path.key()));
    }
  }
  return routes;
}

TEST(Routes, AreTheDocumentedOnes) {
  std::set<std::string> present;
  for (const Route& route : all_routes()) {
    present.insert(std::string(route.method) + " " + std::string(route.pattern));
  }
  auto documented = documented_routes();
  EXPECT_EQ(present, documented);
}

TEST(Routes, MatchTheirOwnPatterns) {
  for (const Route& route : all_routes()) {
    const auto match = match_route(route.method, route.pattern);
    ASSERT_TRUE(match) << route.pattern;
    EXPECT_EQ(match->route, &route) << route.method << route.pattern;
  }
}

TEST(Routes, PreferWordsOverParameters) {
  EXPECT_EQ(match_route("GET", "/api/v1/webhooks/events")->route->handler, &list_event_types);
  const auto match = match_route("GET", "/api/v1/webhooks/7/deliveries/abc");
  EXPECT_EQ(match->route->handler, &get_delivery);
  EXPECT_EQ(match->parameters[0], "7");
  EXPECT_EQ(match->parameters[1], "abc");
}

TEST(Routes, TellWhatIsAllowed) {
  const auto match = match_route("PATCH", "/api/v1/webhooks/7");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->route, nullptr);
  EXPECT_EQ(match->allow, "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(match->access, Access::account);
  EXPECT_EQ(match_route("get", "/healthz")->route, nullptr);
  EXPECT_EQ(match_route("HEAD", "/healthz")->route->handler, &health);
}

TEST(Routes, KnowNoOtherPaths) {
  for (const std::string_view path :
       {"", "*", "/api", "/api/v1", "/api/v1/webhooks/", "/api/v1/webhooks//test",
        "/api/v1/webhooks/7/", "/api/v1/webhooks/7/test/x", "//healthz", "/healthz/"}) {
    EXPECT_FALSE(match_route("GET", path)) << path;
  }
}

}  // namespace
}  // namespace skyhook::api
