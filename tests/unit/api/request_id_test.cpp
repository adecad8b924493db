#include "api/request_id.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook::api {
namespace {

net::ServerRequest request_with(const std::string& id) {
  net::ServerRequest request;
  request.headers.emplace_back("x-request-id", id);
  return request;
}

TEST(RequestIds, AreNumbered) {
  RequestIds ids(0xabc);
  EXPECT_EQ(ids.of({}), "abc-1");
  EXPECT_EQ(ids.of({}), "abc-2");
}

TEST(RequestIds, AreTheClientsOwnWhereItSentOne) {
  RequestIds ids(0xabc);
  for (const std::string id : {"7", "9f8A_-.", "01956f3c-7d80-7000-8000-000000000400"}) {
    EXPECT_EQ(ids.of(request_with(id)), id);
  }
  EXPECT_EQ(ids.of(request_with(std::string(kRequestIdLimit, 'x'))).size(), kRequestIdLimit);
}

TEST(RequestIds, LetNothingStrangeIntoTheLog) {
  RequestIds ids(0xabc);
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string("é"), std::string("\""),
        std::string(kRequestIdLimit + 1, 'x')}) {
    EXPECT_TRUE(ids.of(request_with(id)).starts_with("abc-")) << id;
  }
}

}  // namespace
}  // namespace skyhook::api
