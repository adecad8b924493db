#include "net/resolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "dns_server.h"

namespace skyhook::net {
namespace {

class ResolverTest : public ::testing::Test {
 protected:
  Resolver::Options options() const {
    return {.timeout = Seconds{60}, .servers = server_.servers(), .in_flight_limit = 1024};
  }

  static std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> result;
    for (const IpAddress& address : addresses) result.push_back(address.to_string());
    std::sort(result.begin(), result.end());
    return result;
  }

  std::vector<std::string> ask(Resolver& resolver, const std::string& host) {
    Loop& loop = *loop_;
    std::vector<std::string> result{"no answer"};
    bool returned = false;
    loop.post([&] {
      resolver.resolve(host, [&](std::vector<IpAddress> addresses) {
        EXPECT_TRUE(returned) << "answered from within resolve()";
        EXPECT_TRUE(loop.on_loop_thread());
        result = texts(addresses);
        loop.stop();
      });
      returned = true;
    });
    loop.run();
    return result;
  }

  std::vector<std::string> ask_once(const std::string& host) {
    loop_ = std::make_unique<Loop>(clock_);
    Resolver resolver(*loop_, options());
    return ask(resolver, host);
  }

  using Texts = std::vector<std::string>;
  SystemClock clock_;
  DnsServer server_;
  std::unique_ptr<Loop> loop_ = std::make_unique<Loop>(clock_);
};

TEST_F(ResolverTest, AnswersLiteralsWithoutAsking) {
  EXPECT_EQ(ask_once("127.0.0.1"), Texts{"127.0.0.1"});
  EXPECT_EQ(ask_once("2001:db8::1"), Texts{"2001:db8::1"});
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, DoesNotReadNumbersInOtherSpellings) {
  for (const char* host : {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "foo.1"}) {
    EXPECT_EQ(ask_once(host), Texts{}) << host;
  }
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, AsksForBothFamilies) {
  server_.set("mixed.test.example", {.addresses = {"8.8.8.8", "2001:db8::7", "10.0.0.1"}});
  EXPECT_EQ(ask_once("mixed.test.example"), (Texts{"10.0.0.1", "2001:db8::7", "8.8.8.8"}));
  server_.set("four.example", {.addresses = {"8.8.4.4"}});
  EXPECT_EQ(ask_once("four.example"), Texts{"8.8.4.4"});
  server_.set("six.example", {.addresses = {"2001:db8::8"}});
  EXPECT_EQ(ask_once("six.example"), Texts{"2001:db8::8"});
}

TEST_F(ResolverTest, UnknownNamesAndEmptyAnswersDoNotResolve) {
  server_.set("empty.example", {});
  EXPECT_EQ(ask_once("unknown.example"), Texts{});
  EXPECT_EQ(ask_once("empty.example"), Texts{});
}

TEST_F(ResolverTest, RespectsTheHostsFile) {
  const Texts answer = ask_once("localhost");
  EXPECT_NE(std::find(answer.begin(), answer.end(), "127.0.0.1"), answer.end());
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, FollowsChangedAnswers) {
  server_.set("changing.example", {.addresses = {"8.8.8.8"}});
  EXPECT_EQ(ask_once("changing.example"), Texts{"8.8.8.8"});
  server_.set("changing.example", {.addresses = {"10.0.0.1"}});
  EXPECT_EQ(ask_once("changing.example"), Texts{"10.0.0.1"});
}

TEST_F(ResolverTest, ASlowNameHoldsNobody) {
  server_.set("slow.example", {.addresses = {}, .silent = true});
  server_.set("quick.example", {.addresses = {"8.8.8.8"}});
  Resolver resolver(*loop_, options());
  Texts quick;
  loop_->post([&] {
    resolver.resolve("slow.example", [](std::vector<IpAddress>) { FAIL(); });
    resolver.resolve("quick.example", [&](std::vector<IpAddress> addresses) {
      quick = texts(addresses);
      loop_->stop();
    });
  });
  loop_->run();
  EXPECT_EQ(quick, Texts{"8.8.8.8"});
}

TEST_F(ResolverTest, ASlowNameTimesOut) {
  server_.set("slow.example", {.addresses = {}, .silent = true});
  Resolver::Options few = options();
  few.timeout = Millis{1000};
  Resolver resolver(*loop_, few);
  MonoTime::duration quickest = MonoTime::duration::max();
  // Again where the machine was held up.
  for (int i = 0; i < 5 && quickest >= Seconds{3}; ++i) {
    const MonoTime before = clock_.mono();
    EXPECT_EQ(ask(resolver, "slow.example"), Texts{});
    quickest = std::min(quickest, clock_.mono() - before);
  }
  EXPECT_GE(quickest, Millis{1000});
  EXPECT_LT(quickest, Seconds{3}) << "not once for each try";
}

TEST_F(ResolverTest, SharesOneQuestionAmongManyWhoAsk) {
  server_.set("shared.example", {.addresses = {"8.8.8.8"}});
  Resolver resolver(*loop_, options());
  int answers = 0;
  loop_->post([&] {
    for (int i = 0; i < 100; ++i) {
      resolver.resolve("shared.example", [&](std::vector<IpAddress> addresses) {
        EXPECT_EQ(addresses.size(), 1u);
        if (++answers == 100) loop_->stop();
      });
    }
  });
  loop_->run();
  EXPECT_LE(server_.questions(), 10)
      << "A and AAAA, and both again for each second that the server is held up";
}

TEST_F(ResolverTest, RefusesPastItsLimit) {
  server_.set("a.example", {.addresses = {}, .silent = true});
  server_.set("b.example", {.addresses = {"8.8.8.8"}});
  Resolver::Options one = options();
  one.in_flight_limit = 1;
  Resolver resolver(*loop_, one);
  bool refused = false;
  loop_->post([&] {
    resolver.resolve("a.example", [](std::vector<IpAddress>) { FAIL(); });
    resolver.resolve("b.example", [&](std::vector<IpAddress> addresses) {
      refused = addresses.empty();
      loop_->stop();
    });
  });
  loop_->run();
  EXPECT_TRUE(refused);
}

TEST_F(ResolverTest, DropsCallbacksWhenDestroyed) {
  server_.set("slow.example", {.addresses = {}, .silent = true});
  auto resolver = std::make_unique<Resolver>(*loop_, options());
  loop_->post([&] {
    resolver->resolve("slow.example", [](std::vector<IpAddress>) { FAIL(); });
    resolver->resolve("127.0.0.1", [](std::vector<IpAddress>) { FAIL(); });
    resolver.reset();
    loop_->post([&] { loop_->post([&] { loop_->stop(); }); });
  });
  loop_->run();
}

}  // namespace
}  // namespace skyhook::net
