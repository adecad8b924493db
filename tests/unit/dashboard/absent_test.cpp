// A binary that was built without the page: it says so in plain words, and leaves the API alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dashboard/dashboard.h"

namespace skyhook::dashboard {
namespace {

using ::testing::HasSubstr;

net::ServerRequest get(std::string path) {
  net::ServerRequest request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

TEST(AbsentDashboard, SaysSoAndHowToHaveIt) {
  EXPECT_FALSE(is_built_in());
  for (const char* path : {"/", "/index.html"}) {
    const auto response = serve(get(path));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_THAT(response->body, HasSubstr("built without its dashboard"));
    EXPECT_THAT(response->body, HasSubstr("Node.js 18"));
  }
}

TEST(AbsentDashboard, HasNoFilesAndLeavesTheApiAlone) {
  EXPECT_EQ(serve(get("/assets/index.js"))->status, 404);
  EXPECT_FALSE(serve(get("/api/v1/webhooks")));
  EXPECT_FALSE(serve(get("/docs")));
}

}  // namespace
}  // namespace skyhook::dashboard
