#include "net/address_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "net/url.h"

namespace skyhook::net {
namespace {

AddressGuard guard_with(std::vector<std::string> exempt, std::vector<std::string> own = {}) {
  AddressGuard::Options options;
  for (const std::string& text : exempt) options.exempt.push_back(parse_cidr(text).value());
  for (const std::string& text : own) options.own_addresses.push_back(parse_ip(text).value());
  return AddressGuard(std::move(options));
}

IpAddress ip(std::string_view text) {
  return parse_ip(text).value();
}

TEST(AddressGuard, JudgesTheCorpus) {
  const AddressGuard guard({});
  std::ifstream file(ADDRESS_CORPUS);
  ASSERT_TRUE(file);
  int judged = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t space = line.find(' ');
    ASSERT_NE(space, std::string::npos) << line;
    const std::string host = line.substr(space + 1);
    const auto url = parse_url("https://" + host + "/");
    const bool allowed = url && guard.allows_host(url->host);
    EXPECT_EQ(allowed, line.substr(0, space) == "allow") << line;
    if (url) {
      if (const auto address = parse_ip(url->host)) {
        EXPECT_EQ(guard.allows(*address), allowed) << line;
      }
    }
    ++judged;
  }
  EXPECT_GE(judged, 180);
}

TEST(AddressGuard, RefusesAWholeAnswerForOneAddress) {
  const AddressGuard guard({});
  EXPECT_FALSE(guard.allows_all({}));
  EXPECT_TRUE(guard.allows_all({ip("8.8.8.8"), ip("2606:4700:4700::1111")}));
  EXPECT_FALSE(guard.allows_all({ip("8.8.8.8"), ip("10.0.0.1")}));
  EXPECT_FALSE(guard.allows_all({ip("::1"), ip("8.8.8.8")}));
}

TEST(AddressGuard, ExemptsTheNamedNetworksOnly) {
  const AddressGuard guard = guard_with({"127.0.0.0/8", "fd00::/8"});
  EXPECT_TRUE(guard.allows(ip("127.0.0.1")));
  EXPECT_TRUE(guard.allows(ip("fd12::1")));
  EXPECT_FALSE(guard.allows(ip("::1")));
  EXPECT_FALSE(guard.allows(ip("10.0.0.1")));
  EXPECT_FALSE(guard.allows(ip("::ffff:127.0.0.1")));
  EXPECT_TRUE(guard.allows_host("127.0.0.1"));
  EXPECT_TRUE(guard.allows_host("localhost"));
  EXPECT_TRUE(guard.allows_host("receiver"));
  EXPECT_FALSE(guard.allows_host("127.1"));
  EXPECT_FALSE(guard.allows_host("10.0.0.1"));
}

TEST(AddressGuard, AnExemptedWrapperOpensOnlyWhatIsAllowedInside) {
  const AddressGuard nat64 = guard_with({"64:ff9b::/96"});
  EXPECT_TRUE(nat64.allows(ip("64:ff9b::8.8.8.8")));
  EXPECT_FALSE(nat64.allows(ip("64:ff9b::127.0.0.1")));
  const AddressGuard mapped = guard_with({"::ffff:0:0/96", "127.0.0.0/8"});
  EXPECT_TRUE(mapped.allows(ip("::ffff:127.0.0.1")));
  EXPECT_FALSE(mapped.allows(ip("::ffff:10.0.0.1")));
}

TEST(AddressGuard, RefusesTheHostsOwnAddressesUnlessExempted) {
  EXPECT_FALSE(guard_with({}, {"8.8.4.4"}).allows(ip("8.8.4.4")));
  EXPECT_TRUE(guard_with({}, {"8.8.4.4"}).allows(ip("8.8.8.8")));
  EXPECT_TRUE(guard_with({"8.8.4.4"}, {"8.8.4.4"}).allows(ip("8.8.4.4")));
  const auto own = interface_addresses();
  EXPECT_NE(std::find(own.begin(), own.end(), ip("127.0.0.1")), own.end());
}

TEST(AddressGuard, ParsesNetworks) {
  EXPECT_TRUE(parse_cidr("10.1.2.3/8")->contains(ip("10.9.9.9")));
  EXPECT_TRUE(parse_cidr("0.0.0.0/0")->contains(ip("1.2.3.4")));
  EXPECT_FALSE(parse_cidr("0.0.0.0/0")->contains(ip("::1")));
  EXPECT_TRUE(parse_cidr("10.1.2.3")->contains(ip("10.1.2.3")));
  EXPECT_FALSE(parse_cidr("10.1.2.3")->contains(ip("10.1.2.2")));
  EXPECT_TRUE(parse_cidr("192.168.0.0/23")->contains(ip("192.168.1.1")));
  EXPECT_FALSE(parse_cidr("192.168.0.0/23")->contains(ip("192.168.2.1")));
  EXPECT_TRUE(parse_cidr("fd00::/8"));
  for (const char* wrong : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                            "10.0.0/8", "::/129", "localhost", "010.0.0.0/8", "10.0.0.0/ 8"}) {
    EXPECT_FALSE(parse_cidr(wrong)) << wrong;
  }
}

TEST(IpAddress, ReadsStrictSpellingsOnlyAndWritesThem) {
  EXPECT_EQ(ip("1.2.3.4").to_string(), "1.2.3.4");
  EXPECT_EQ(ip("2001:DB8:0:0::1").to_string(), "2001:db8::1");
  for (const char* wrong : {"", "1", "1.2.3", "01.2.3.4", "1.2.3.4.", "1.2.3.4 ", "256.1.1.1",
                            "0x1.2.3.4", "::1%lo", "[::1]", ":::", "1::2::3", "12345::"}) {
    EXPECT_FALSE(parse_ip(wrong)) << wrong;
  }
  EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0", 8)));
}

}  // namespace
}  // namespace skyhook::net
