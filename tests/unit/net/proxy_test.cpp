#include "net/proxy.h"

#include <gtest/gtest.h>

namespace skyhook::net {
namespace {

TEST(Proxy, is_read_with_and_without_credentials) {
  const auto plain = parse_proxy("http://proxy.example.com:3128");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "proxy.example.com");
  EXPECT_EQ(plain->port, 3128);
  EXPECT_EQ(plain->authorization, "");
  const auto named = parse_proxy("http://user:p%40ss:w%3Ard@[fd00::1]/");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->host, "fd00::1");
  EXPECT_EQ(named->port, 80);
  EXPECT_EQ(named->authorization, "Basic dXNlcjpwQHNzOnc6cmQ=");  // user:p@ss:w:rd
}

TEST(Proxy, is_refused_where_it_is_none) {
  for (const char* text :
       {"", "proxy:3128", "https://proxy", "socks5://proxy", "http://", "http://user@proxy",
        "http://a:b@", "http://a:%zz@proxy", "http://a:%4@proxy", "http://proxy/path",
        "http://proxy:0", "http://a b:c@proxy:99999"}) {
    EXPECT_FALSE(parse_proxy(text)) << text;
  }
}

TEST(Proxy, answers_with_a_status_and_nothing_after_it) {
  EXPECT_EQ(read_proxy_answer("HTTP/1.1 200 Connection established\r\n\r\n"), 200);
  EXPECT_EQ(read_proxy_answer("HTTP/1.0 200\r\nVia: x\r\n\r\n"), 200);
  EXPECT_EQ(read_proxy_answer("HTTP/1.1 407 No\r\n\r\nbody"), 407);
  for (const char* text :
       {"", "HTTP/1.1 200 OK\r\n\r\nx", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0\r\n\r\n",
        "HTTP/1.1\r\n\r\n", "HTTP/1.1 020 OK\r\n\r\n", "SSH-2.0\r\n\r\n"}) {
    EXPECT_EQ(read_proxy_answer(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace skyhook::net
