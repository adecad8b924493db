// What receivers answer: bounded, and the same however the bytes arrive.
#include "fuzz.h"
#include "net/response_reader.h"

namespace skyhook::fuzz {
namespace {

using State = net::ResponseReader::State;

constexpr net::ResponseReader::Limits kLimits{
    .head = 1024, .body = 4096, .headers_kept = 256, .body_kept = 128};

struct Read {
  State state = State::reading;
  int status = 0;
  std::string headers;
  std::string body;
  bool truncated = false;
  std::string retry_after;
  bool operator==(const Read&) const = default;
};

// Leaves out what is not promised of an answer that is bad.
Read facts(State state, net::ResponseReader& reader) {
  const auto& answer = reader.answer();
  require(answer.headers.size() <= kLimits.headers_kept, "bounded headers");
  require(answer.body.size() <= kLimits.body_kept, "bounded body");
  require(answer.retry_after.size() <= kLimits.head, "bounded Retry-After");
  require(state != State::complete || (answer.status >= 200 && answer.status <= 999),
          "a complete answer has a final status");
  require(!answer.body_truncated || answer.body.size() == kLimits.body_kept,
          "only a long body is cut");
  if (state == State::bad) return {.state = state};
  return {state,       answer.status,         answer.headers,
          answer.body, answer.body_truncated, answer.retry_after};
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);

  net::ResponseReader at_once(kLimits);
  State state = text.empty() ? State::reading : at_once.feed(text);
  const State before_end = state;
  if (state == State::reading) state = at_once.end();
  require(state != State::reading, "the end decides");
  const Read whole = facts(state, at_once);
  if (before_end == State::complete) (void)at_once.keep_alive();

  net::ResponseReader in_parts(kLimits);
  State pieces = State::reading;
  in_pieces(text, seed_of(text), [&](std::string_view piece) {
    pieces = in_parts.feed(piece);
    return pieces == State::reading;
  });
  if (pieces == State::reading) pieces = in_parts.end();
  const Read parts = facts(pieces, in_parts);
  // A line that is too long may be refused before its end has come; and of a head that is just
  // above its limit, the part that is done with no longer counts.
  const bool at_a_limit =
      parts.state == State::bad || (whole.state == State::bad && text.size() > kLimits.head);
  require(whole == parts || at_a_limit, "pieces do not matter");
  return 0;
}
