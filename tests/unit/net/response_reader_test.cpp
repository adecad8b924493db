#include "net/response_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"

namespace skyhook::net {
namespace {

using State = ResponseReader::State;

struct Outcome {
  State state = State::reading;
  int status = 0;
  std::string headers;
  std::string body;
  bool truncated = false;
  bool keep_alive = false;
  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of 1 … `piece` bytes, then the end of the connection.
Outcome read(const std::string& bytes, std::size_t piece, Random& random) {
  ResponseReader reader({.body = 1000, .body_kept = 100});
  State state = State::reading;
  for (std::size_t at = 0; at < bytes.size() && state == State::reading;) {
    const std::size_t size = std::min<std::size_t>(1 + random.next() % piece, bytes.size() - at);
    state = reader.feed(std::string_view(bytes).substr(at, size));
    at += size;
  }
  if (state == State::reading) state = reader.end();
  if (state != State::complete) return {.state = state};
  const ResponseReader::Answer& answer = reader.answer();
  return {state,       answer.status,         answer.headers,
          answer.body, answer.body_truncated, reader.keep_alive()};
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> all{
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nT: "
      "v\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: "
      "0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(300, 'x'),
      "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n",
      "HTTP/1.0 500 Oops\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string("400\r\n") +
          std::string(1024, 'z') + "\r\n0\r\n\r\n",
      // No chunk but the last, whose pieces may be shorter than Beast expects.
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n\r\n"};
  return all;
}

TEST(ResponseReader, ReadsTheSameHoweverTheBytesArrive) {
  SeededRandom random(1);
  for (const std::string& sample : samples()) {
    const Outcome whole = read(sample, sample.size(), random);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(read(sample, 1 + i % 9, random), whole) << sample;
  }
}

TEST(ResponseReader, HasItsLimits) {
  SeededRandom random(2);
  const Outcome cut = read(samples()[3], 50, random);
  EXPECT_EQ(cut.body.size(), 100u);
  EXPECT_TRUE(cut.truncated);
  EXPECT_FALSE(cut.keep_alive);
  EXPECT_EQ(read(samples()[6], 50, random).state, State::bad);
  const std::string long_chunk_line =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(5000, 'e');
  ResponseReader reader({});
  EXPECT_EQ(reader.feed(long_chunk_line), State::bad);
}

// Whatever a server sends, reading it ends in one of the three states and keeps within the limits.
TEST(ResponseReader, SurvivesDamage) {
  SeededRandom random(3);
  constexpr std::string_view kSalt = "\r\n :;0fHTP/1.\xff\0";
  for (int round = 0; round < 30'000; ++round) {
    std::string bytes = samples()[random.next() % samples().size()];
    for (std::uint64_t damage = 1 + random.next() % 4; damage > 0; --damage) {
      const std::size_t at = random.next() % bytes.size();
      switch (random.next() % 3) {
        case 0:
          bytes[at] = kSalt[random.next() % kSalt.size()];
          break;
        case 1:
          bytes.insert(at, bytes.substr(random.next() % bytes.size(), random.next() % 20));
          break;
        default:
          bytes.erase(at, 1 + random.next() % 5);
          if (bytes.empty()) bytes = "H";
      }
    }
    const Outcome outcome = read(bytes, 1 + random.next() % 64, random);
    ASSERT_LE(outcome.body.size(), 100u);
    ASSERT_TRUE(outcome.state != State::complete || outcome.status >= 200);
  }
}

}  // namespace
}  // namespace skyhook::net
