// What receivers answer, by their mood.
#pragma once

#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "net/http_client.h"

namespace skyhook::delivery::simulation {

enum class Mood { quick, slow, failing, refusing, hanging, busy, flapping, gone };

Mood some_mood(Random& random);

struct Answer {
  net::ClientResult result;
  // How long, or until when, the receiver asked to be left alone, where it may ask (429, 503).
  std::optional<Micros> leave_alone;
  std::optional<Timestamp> leave_alone_until;
};
// To a request that begins at `now`; the answer is there after its `result.duration`.
Answer answer_of(Mood mood, Random& random, Timestamp now);

Micros between(Random& random, Millis least, Millis most);

}  // namespace skyhook::delivery::simulation
