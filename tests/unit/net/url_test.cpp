#include "net/url.h"

#include <gtest/gtest.h>

#include <string>

namespace skyhook::net {
namespace {

TEST(Url, ReadsItsParts) {
  const auto url = parse_url("HTTPS://Hooks.Example.com:8443/a/b%20c?x=1&y=[2]#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "hooks.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b%20c?x=1&y=[2]");
  EXPECT_FALSE(url->host_is_ipv6);
  EXPECT_TRUE(url->is_tls());
  EXPECT_EQ(url->authority(), "hooks.example.com:8443");
}

TEST(Url, FillsInDefaults) {
  EXPECT_EQ(parse_url("https://example.com")->target, "/");
  EXPECT_EQ(parse_url("https://example.com")->port, 443);
  EXPECT_EQ(parse_url("http://example.com")->port, 80);
  EXPECT_EQ(parse_url("https://example.com?x=1")->target, "/?x=1");
  EXPECT_EQ(parse_url("https://example.com#x")->target, "/");
  EXPECT_EQ(parse_url("https://example.com:443/")->authority(), "example.com");
  EXPECT_EQ(parse_url("http://example.com:443/")->authority(), "example.com:443");
  EXPECT_EQ(parse_url("https://example.com:/")->port, 443);
}

TEST(Url, ReadsIpv6) {
  const auto url = parse_url("https://[2001:DB8::1]:8443/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->host_is_ipv6);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->authority(), "[2001:db8::1]:8443");
}

TEST(Url, RefusesWhatCannotBeDialled) {
  for (const char* wrong : {"",
                            "example.com",
                            "//example.com/",
                            "/path",
                            "https:/example.com",
                            "https:example.com",
                            "https://",
                            "https:///path",
                            "ftp://example.com/",
                            "javascript://example.com/",
                            "https ://example.com/",
                            " https://example.com/",
                            "https://example.com/ ",
                            "https://example.com/a b",
                            "https://example.com/a\nb",
                            "https://example.com/a\rb",
                            "https://example.com/\t",
                            "https://example.com/\x7f",
                            "https://example.com/\xc3\xa9",
                            "https://example.com/%",
                            "https://example.com/%1",
                            "https://example.com/%zz",
                            "https://example.com/\\x",
                            "https://example.com/<x>",
                            "https://u@example.com/",
                            "https://u:p@example.com/",
                            "https://@example.com/",
                            "https://example.com:99999/",
                            "https://example.com:0/",
                            "https://example.com:+80/",
                            "https://exa%6dple.com/",
                            "https://[::1",
                            "https://[::1]x/",
                            "https://[1.2.3.4]/",
                            "https://[::1%25lo]/"}) {
    EXPECT_FALSE(parse_url(wrong)) << wrong;
  }
  EXPECT_FALSE(parse_url(std::string_view("https://example.com/\0x", 22)));
}

TEST(Url, HasLimits) {
  const std::string prefix = "https://example.com/";
  EXPECT_TRUE(parse_url(prefix + std::string(2048 - prefix.size(), 'a')));
  EXPECT_FALSE(parse_url(prefix + std::string(2049 - prefix.size(), 'a')));
  EXPECT_TRUE(parse_url("https://" + std::string(63, 'a') + ".com"));
  EXPECT_FALSE(parse_url("https://" + std::string(64, 'a') + ".com"));
  std::string long_host;
  while (long_host.size() < 260) long_host += "abcdefghi.";
  EXPECT_FALSE(parse_url("https://" + long_host + "com"));
}

}  // namespace
}  // namespace skyhook::net
