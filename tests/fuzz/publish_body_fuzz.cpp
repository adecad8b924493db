// Bodies of publish requests. What is accepted is JSON to the letter, and `data` is passed on byte
// for byte; what a second reader makes of the same body agrees with it.
#include <boost/json.hpp>

#include "api/publish_input.h"
#include "api/text.h"
#include "fuzz.h"
#include "json_reference.h"

namespace skyhook::fuzz {
namespace {

namespace json = boost::json;

constexpr std::size_t kSurelyAllowedDepth = 32;  // well below kJsonDepthLimit
constexpr std::int64_t kKnownAccount = 7;

const Catalogue& catalogue() {
  static const Catalogue built_in;
  return built_in;
}

void check_accepted(const api::PublishInput& input, const std::string& body) {
  require(input.is_json_object || input.items.empty(), "no item of what is no object");
  if (!input.is_json_object) return;
  require(is_json(body), "what is accepted is JSON");
  if (!input.errors.empty()) return;
  require(!input.items.empty() && input.items.size() <= intake::kBatchEventLimit,
          "one item at least, as many as a batch may have at most");
  for (const intake::PublishItem& item : input.items) {
    require(catalogue().contains(item.type), "the event is in the catalogue");
    require(body.find(item.data) != std::string::npos, "data is passed on byte for byte");
    require(is_json(item.data) && item.data.front() == '{', "data is an object");
    require(item.data.size() <= intake::kEventBodyLimit, "data is within its limit");
    require(!item.idempotency_key || (!item.idempotency_key->empty() &&
                                      item.idempotency_key->size() <= api::kIdempotencyKeyLimit),
            "the idempotency key is within its limits");
  }
}

// Ten digits in a row, as an exponent that is too large has.
bool has_long_number(std::string_view text) {
  int digits = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits >= 10) return true;
  }
  return false;
}

void check_refused(const api::PublishInput& input, const std::string& body) {
  if (input.is_json_object || body.find("\\u") != std::string::npos) return;
  // Numbers whose exponent has more than nine digits are refused, JSON though they are.
  if (has_long_number(body)) return;
  JsonReference reference(body);
  const bool is_object = body.find_first_not_of(" \t\r\n") != std::string::npos &&
                         body[body.find_first_not_of(" \t\r\n")] == '{';
  require(!is_object || !reference.is_valid() || reference.depth() > kSurelyAllowedDepth,
          "a JSON object is accepted");
}

void check_second_reader(const api::PublishInput& input, const std::string& body) {
  const auto object = api::parse_object(body);
  if (!object || !input.is_json_object || !input.errors.empty()) return;
  const intake::PublishItem& item = input.items.front();
  const json::string& event = object->at("event").as_string();
  require(api::trimmed({event.data(), event.size()}) == item.type, "the last `event` counts");
  const auto data = api::parse_object(item.data);
  require(data && *data == object->at("data").as_object(), "the last `data` counts");
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string original = text_of(data, size);
  std::string body = original;
  const auto single = api::read_publish(body, AccountId{kKnownAccount}, catalogue());
  require(body == original, "reading changes nothing");
  check_accepted(single, body);
  check_refused(single, body);
  check_second_reader(single, body);
  require(single.items.size() <= 1, "one event");

  const auto batch = api::read_publish_batch(
      body, catalogue(), [](AccountId account) { return account.value == kKnownAccount; });
  require(body == original, "reading changes nothing");
  check_accepted(batch, body);
  require(single.is_json_object == batch.is_json_object, "both agree on what is JSON");
  for (const auto& item : batch.items) {
    require(!batch.errors.empty() || item.account.value == kKnownAccount, "accounts are asked for");
  }
  return 0;
}
