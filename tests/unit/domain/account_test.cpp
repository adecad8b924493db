#include "domain/account.h"

#include <gtest/gtest.h>

namespace skyhook {
namespace {

Account account_with(std::vector<std::string> origins) {
  Account account;
  account.allowed_origins = std::move(origins);
  return account;
}

TEST(OriginAllowed, everything_where_none_is_listed_or_the_star_is) {
  for (const Account& account : {account_with({}), account_with({"https://a.example", "*"})}) {
    EXPECT_TRUE(origin_allowed(account, "https://b.example"));
    EXPECT_TRUE(origin_allowed(account, "null"));
    EXPECT_TRUE(origin_allowed(account, ""));
  }
}

TEST(OriginAllowed, only_the_listed_ones_otherwise) {
  const Account account = account_with({"https://a.example", "http://localhost:3000"});
  EXPECT_TRUE(origin_allowed(account, "https://a.example"));
  EXPECT_TRUE(origin_allowed(account, "http://localhost:3000"));
  for (const char* origin :
       {"", "null", "https://b.example", "http://a.example", "https://a.example:8443",
        "https://a.example.evil.example", "https://evil-a.example", "http://localhost",
        "https://a.example@evil.example", "https://", "a.example"}) {
    EXPECT_FALSE(origin_allowed(account, origin)) << origin;
  }
}

TEST(OriginAllowed, compares_as_browsers_do) {
  const Account account = account_with({"https://A.example:443/", "http://b.example"});
  EXPECT_TRUE(origin_allowed(account, "https://a.example"));
  EXPECT_TRUE(origin_allowed(account, "HTTPS://a.EXAMPLE:443"));
  EXPECT_TRUE(origin_allowed(account, "http://b.example:80"));
  EXPECT_FALSE(origin_allowed(account, "http://b.example:443"));
}

TEST(OriginAllowed, takes_a_referer_as_it_is) {
  const Account account = account_with({"https://a.example"});
  EXPECT_TRUE(origin_allowed(account, "https://a.example/page?x=1#y"));
  EXPECT_FALSE(origin_allowed(account, "https://b.example/https://a.example"));
  EXPECT_FALSE(origin_allowed(account, "https://b.example?https://a.example"));
}

}  // namespace
}  // namespace skyhook
