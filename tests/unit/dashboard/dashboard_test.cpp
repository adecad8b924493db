#include "dashboard/dashboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dashboard/assets.h"

namespace skyhook::dashboard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

net::ServerRequest get(std::string path) {
  net::ServerRequest request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

std::string header(const net::ServerResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

std::string first_asset(std::string_view extension) {
  for (const Asset& asset : assets()) {
    if (asset.path.ends_with(extension)) return std::string(asset.path);
  }
  return "";
}

TEST(Dashboard, LeavesEveryOtherPathToTheApi) {
  EXPECT_FALSE(serve(get("/api/v1/webhooks")));
  EXPECT_FALSE(serve(get("/healthz")));
  EXPECT_FALSE(serve(get("/assetsX")));
}

TEST(Dashboard, AnswersThePageWithAStrictPolicyBuiltInOrNot) {
  const auto response = serve(get("/"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_FALSE(response->body.empty());
  EXPECT_THAT(header(*response, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(header(*response, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_EQ(header(*response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(*response, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(header(*response, "Cache-Control"), "no-cache");
  if (!is_built_in()) {
    EXPECT_THAT(response->body, HasSubstr("built without its dashboard"));
  }
}

TEST(Dashboard, RefusesOtherMethodsAndUnknownFiles) {
  auto request = get("/");
  request.method = "POST";
  const auto refused = serve(request);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 405);
  EXPECT_EQ(header(*refused, "Allow"), "GET, HEAD");
  const auto unknown = serve(get("/assets/../secret"));
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->status, 404);
}

TEST(Dashboard, ServesHashedFilesPackedAndForEver) {
  if (!is_built_in()) GTEST_SKIP() << "built without the dashboard";
  auto request = get(first_asset(".js"));
  const auto identity = serve(request);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->status, 200);
  EXPECT_EQ(header(*identity, "Content-Encoding"), "");
  EXPECT_EQ(header(*identity, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(*identity, "Content-Type"), "text/javascript; charset=utf-8");

  request.headers = {{"accept-encoding", "gzip, deflate, br, zstd"}};
  const auto brotli = serve(request);
  EXPECT_EQ(header(*brotli, "Content-Encoding"), "br");
  EXPECT_LT(brotli->body.size(), identity->body.size());
  EXPECT_EQ(header(*brotli, "Vary"), "Accept-Encoding");

  request.headers = {{"accept-encoding", "gzip;q=0.5, br;q=0"}};
  EXPECT_EQ(header(*serve(request), "Content-Encoding"), "gzip");
  request.headers = {{"accept-encoding", "GZIP;q=0.0"}};
  EXPECT_EQ(header(*serve(request), "Content-Encoding"), "");
}

TEST(Dashboard, AnswersNotModifiedWhereTheTagHolds) {
  if (!is_built_in()) GTEST_SKIP() << "built without the dashboard";
  const std::string tag = header(*serve(get("/")), "ETag");
  ASSERT_EQ(tag.size(), 34U);
  auto request = get("/");
  request.headers = {{"if-none-match", "\"other\", W/" + tag}};
  const auto unchanged = serve(request);
  EXPECT_EQ(unchanged->status, 304);
  EXPECT_TRUE(unchanged->body.empty());
  request.headers = {{"if-none-match", "\"other\""}};
  EXPECT_EQ(serve(request)->status, 200);
}

TEST(Dashboard, StaysSmallForTheFirstView) {
  if (!is_built_in()) GTEST_SKIP() << "built without the dashboard";
  // Gzipped: the page and what it names. The chart, which comes with the first figures, takes 25
  // KiB more; a browser test holds all of it below 150.
  constexpr std::size_t kFirstViewLimit = 120 * 1024;
  const std::string page(serve(get("/"))->body);
  std::size_t size = 0;
  for (const Asset& asset : assets()) {
    const bool named = asset.path == "/index.html" || page.find(asset.path) != std::string::npos;
    if (named) size += asset.gzip.empty() ? asset.identity.size() : asset.gzip.size();
  }
  EXPECT_GT(size, 10'000U);
  EXPECT_LT(size, kFirstViewLimit);
  EXPECT_THAT(page, Not(HasSubstr("<style")));
  EXPECT_THAT(page, Not(HasSubstr("://")));
}

}  // namespace
}  // namespace skyhook::dashboard
