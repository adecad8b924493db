#include "api/call.h"

#include <gtest/gtest.h>

namespace skyhook::api {
namespace {

TEST(Errors, HaveTheShapeOfTheContract) {
  const auto response = make_error(404, kWebhookNotFound);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"success":false,"message":"Webhook not found."})");
  ASSERT_EQ(response.headers.size(), 1u);
  EXPECT_EQ(response.headers[0].second, "application/json");
}

TEST(Errors, TellWhenToComeBackAfter503) {
  const auto response = Api::error_response(503);
  ASSERT_EQ(response.headers.size(), 2u);
  EXPECT_EQ(response.headers[1].first, "Retry-After");
}

TEST(Errors, SayNothingOfTheInside) {
  EXPECT_EQ(
      Api::error_response(500).body,
      R"({"success":false,"message":"An unexpected error occurred. Please try again later."})");
  for (const int status : {400, 408, 413, 431, 503}) {
    EXPECT_EQ(Api::error_response(status).status, status);
    EXPECT_TRUE(Api::error_response(status).body.starts_with(R"({"success":false,"message":")"));
  }
}

TEST(Errors, ListFieldsInOrder) {
  FieldErrors errors;
  errors.add("name", "one");
  errors.add("events.0", "two");
  errors.add("name", "three");
  EXPECT_EQ(make_invalid(errors).body,
            R"({"success":false,"message":"The given data was invalid.",)"
            R"("errors":{"name":["one","three"],"events.0":["two"]}})");
}

}  // namespace
}  // namespace skyhook::api
