#include "api/routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "api/handlers.h"

namespace skyhook::api {
namespace {

// What the description says of a route, and what the table does.
struct RouteFacts {
  std::size_t body_limit = 0;  // 0: no body
  std::set<std::string> keys;  // that open it
  bool operator==(const RouteFacts&) const = default;
};
std::ostream& operator<<(std::ostream& out, const RouteFacts& facts) {
  out << "body " << facts.body_limit << ", keys";
  for (const std::string& key : facts.keys) out << ' ' << key;
  return out;
}
using RouteMap = std::map<std::string, RouteFacts>;  // by `GET /path`

RouteFacts facts_of(const boost::json::object& operation) {
  RouteFacts facts;
  if (const auto* body = operation.if_contains("requestBody")) {
    facts.body_limit = body->at("x-limit-bytes").to_number<std::size_t>();
  }
  for (const auto& option : operation.at("security").as_array()) {
    for (const auto& key : option.as_object()) facts.keys.insert(std::string(key.key()));
  }
  return facts;
}

RouteFacts facts_of(const Route& route) {
  RouteFacts facts{.body_limit = route.body_limit, .keys = {}};
  switch (route.access) {
    case Access::account:
      facts.keys = {"accountKey", "accountKeyHeader"};
      break;
    case Access::operators:
    case Access::for_account:
    case Access::metrics:
      facts.keys = {"operatorToken"};
      break;
    case Access::open:
      break;
  }
  return facts;
}

RouteMap documented_routes() {
  std::ifstream file(OPENAPI_DOCUMENT);
  std::stringstream text;
  text << file.rdbuf();
  RouteMap routes;
  const auto document = boost::json::parse(text.str());
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::ranges::transform(method, method.begin(),
                             [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      routes[method + " " + std::string(path.key())] = facts_of(operation.value().as_object());
    }
  }
  return routes;
}

TEST(Routes, AreTheDocumentedOnes) {
  RouteMap present;
  for (const Route& route : all_routes()) {
    present[std::string(route.method) + " " + std::string(route.pattern)] = facts_of(route);
  }
  EXPECT_EQ(present, documented_routes());
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
