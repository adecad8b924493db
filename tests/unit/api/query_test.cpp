#include "api/query.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook::api {
namespace {

TEST(Query, DecodesAsFormsDo) {
  const Query query("a=1&b=x+y%20z&c=&d&e=%zz%4&=v&&a=2&f= t%20&g=%C3%A4=");
  EXPECT_EQ(query.get("a"), "2");
  EXPECT_EQ(query.get("b"), "x y z");
  EXPECT_EQ(query.get("c"), std::nullopt);
  EXPECT_EQ(query.get("d"), std::nullopt);
  EXPECT_EQ(query.get("e"), "%zz%4");
  EXPECT_EQ(query.get("f"), "t");
  EXPECT_EQ(query.get("g"), "ä=");
  EXPECT_EQ(query.get("missing"), std::nullopt);
  EXPECT_EQ(Query("").get(""), std::nullopt);
}

TEST(Query, KeepsAListFromPassingForAValue) {
  const std::string list(1, '\0');
  EXPECT_EQ(Query("a[]=1").get("a"), list);
  EXPECT_EQ(Query("a=1&a%5Bx%5D=").get("a"), list);
  EXPECT_EQ(Query("a[]=1&a=2").get("a"), "2");
  EXPECT_EQ(Query("[]=1&a=2").get("a"), "2");
}

}  // namespace
}  // namespace skyhook::api
