#include "virtual_receiver.h"

#include <array>
#include <ctime>

namespace skyhook::delivery::simulation {

namespace {

std::string http_date(Timestamp at) {
  const std::time_t seconds = to_unix_seconds(at);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(),
          std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

// 429 or 503, mostly with a wish for quiet in one of its spellings.
Answer busy_answer(Random& random, Timestamp now) {
  Answer answer;
  answer.result.status = random.next() % 2 ? 429 : 503;
  answer.result.duration = between(random, Millis{1}, Millis{40});
  switch (random.next() % 6) {
    case 0:
      break;
    case 1:
      answer.result.retry_after = "in a while";
      break;
    case 2:
      answer.result.retry_after = "86400";
      answer.leave_alone = Seconds{86400};
      break;
    case 3:
      answer.leave_alone_until =
          std::chrono::ceil<Seconds>(now + answer.result.duration) + Seconds{4};
      answer.result.retry_after = http_date(*answer.leave_alone_until);
      break;
    default:
      answer.result.retry_after = "3";
      answer.leave_alone = Seconds{3};
      break;
  }
  return answer;
}

}  // namespace

Micros between(Random& random, Millis least, Millis most) {
  const auto span = static_cast<double>(Micros{most - least}.count());
  return least + Micros{static_cast<std::int64_t>(random.unit() * span)};
}

Mood some_mood(Random& random) {
  constexpr std::array kRare{Mood::gone, Mood::slow, Mood::quick};
  constexpr std::array kCommon{Mood::quick,   Mood::slow, Mood::failing, Mood::refusing,
                               Mood::hanging, Mood::busy, Mood::flapping};
  if (random.next() % 10 == 0) return kRare[random.next() % kRare.size()];
  return kCommon[random.next() % kCommon.size()];
}

Answer answer_of(Mood mood, Random& random, Timestamp now) {
  if (mood == Mood::busy) return busy_answer(random, now);
  Answer answer;
  net::ClientResult& result = answer.result;
  result.duration = between(random, Millis{1}, Millis{40});
  switch (mood) {
    case Mood::slow:
      result.duration = between(random, Millis{1000}, Millis{9000});
      result.status = 200;
      break;
    case Mood::failing: {
      constexpr std::array kStatuses{500, 502, 404, 301, 418};
      result.status = kStatuses[random.next() % kStatuses.size()];
      result.retry_after = "3600";  // theirs is not heeded
      break;
    }
    case Mood::refusing:
      result.failure = FailureReason::connect;
      break;
    case Mood::hanging:
      result.duration = Seconds{30};
      result.failure = FailureReason::timeout;
      break;
    case Mood::flapping:
      result.status = random.next() % 2 ? 204 : 500;
      break;
    case Mood::gone:
      result.status = 410;
      break;
    default:
      result.status = 200;
      break;
  }
  return answer;
}

}  // namespace skyhook::delivery::simulation
