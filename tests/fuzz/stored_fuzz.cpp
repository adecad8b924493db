// What is read back from the database, or from an id that a client gives: damaged rows are
// recognised, sound ones come back as they were.
#include <cmath>

#include "base/encoding.h"
#include "base/uuid.h"
#include "fuzz.h"
#include "json_reference.h"
#include "signing/secrets.h"
#include "store/options_text.h"
#include "store/sqlite/histogram.h"
#include "store/sqlite/string_list.h"

namespace skyhook::fuzz {
namespace {

void check_uuid(const std::string& text) {
  const auto key = key_of_uuid(text);
  if (!key) return;
  require(*key > 0 && *key < std::int64_t{1} << 62, "a key is within its range");
  const std::string written = make_uuid(from_unix_micros(1'772'359'200'000'000), *key).to_string();
  require(key_of_uuid(written) == key, "a key reads back");
}

void check_histogram(const std::string& text) {
  using store::sqlite::Histogram;
  auto histogram = Histogram::decode(text);
  if (!histogram) return;
  const std::string written = histogram->encode();
  const auto again = Histogram::decode(written);
  require(again && again->encode() == written, "a histogram reads back");
  const auto median = histogram->quantile_ms(0.5);
  const auto high = histogram->quantile_ms(0.95);
  require(median.has_value() == !written.empty(), "an empty one has no median");
  if (median) require(std::isfinite(*median) && *median <= *high, "quantiles rise");
  histogram->merge(*again);
  histogram->add(Micros{1000});
  require(Histogram::decode(histogram->encode()).has_value() || written.size() > 4,
          "what was added to can be stored");
}

void check_list(const std::string& text) {
  using namespace store::sqlite;
  if (const auto list = decode_list(text)) {
    require(is_json(text), "a list is JSON");
    require(decode_list(encode_list(*list)) == list, "a list reads back");
  }
}

void check_options(const std::string& text) {
  const auto options = store::parse_options_text(text);
  if (!options) return;
  require(store::parse_options_text(store::options_text(*options)).has_value(),
          "options read back");
}

void check_secret(const std::string& text) {
  using signing::SecretBox;
  static const SecretBox plain;
  static const SecretBox box = *SecretBox::from_master_key(std::string(64, 'a'));
  static const SecretBox other = *SecretBox::from_master_key(std::string(64, 'b'));
  const std::string sealed = box.seal(text);
  require(box.open(sealed) == text, "a secret comes back");
  require(!other.open(sealed) && !plain.open(sealed), "to its own key only");
  // One byte of the sealed form changed, where the input says.
  const auto bytes = from_base64(std::string_view(sealed).substr(5));
  require(bytes.has_value(), "sealed secrets are base64");
  auto changed = *bytes;
  changed[seed_of(text) % changed.size()] ^= static_cast<std::uint8_t>(1U << (text.size() % 8));
  require(!box.open("enc1:" + to_base64(changed)), "a changed one does not");
  if (text.starts_with("enc1:")) {
    require(!box.open(text), "nobody makes a sealed secret without the key");
  } else if (!text.starts_with("plain:")) {
    require(box.open(text) == text && plain.open(text) == text, "what was not sealed stays");
  }
  const std::string kept = plain.seal(text);
  require(plain.open(kept) == text && box.open(kept) == text, "what is not sealed comes back");
  if (const auto from_text = SecretBox::from_master_key(text)) {
    require(from_text->open(from_text->seal("x")) == "x", "a key that is accepted works");
  }
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  check_uuid(text);
  check_histogram(text);
  check_list(text);
  check_options(text);
  check_secret(text);
  require(from_base64(to_base64(as_bytes(text))).has_value(), "base64 reads back");
  if (const auto bytes = from_base64(text)) {
    require(bytes->size() <= text.size() * 3 / 4, "no byte from nowhere");
  }
  return 0;
}
