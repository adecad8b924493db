#include "base/encoding.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace skyhook {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = from_base64(text);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "(none)";
}

// RFC 4648 §10.
const std::vector<std::pair<std::string, std::string>> kVectors{{"", ""},
                                                                {"f", "Zg=="},
                                                                {"fo", "Zm8="},
                                                                {"foo", "Zm9v"},
                                                                {"foob", "Zm9vYg=="},
                                                                {"fooba", "Zm9vYmE="},
                                                                {"foobar", "Zm9vYmFy"}};

TEST(Encoding, base64_follows_the_vectors_of_the_rfc) {
  for (const auto& [plain, encoded] : kVectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(decoded(encoded), plain);
  }
}

TEST(Encoding, base64_padding_may_be_left_out_but_not_halved) {
  EXPECT_EQ(decoded("Zg"), "f");
  EXPECT_EQ(decoded("Zm8"), "fo");
  EXPECT_EQ(decoded("Zg="), "(none)");
  EXPECT_EQ(decoded("Zm9v="), "(none)");
  EXPECT_EQ(decoded("===="), "(none)");
  EXPECT_EQ(decoded("Z==="), "(none)");
}

TEST(Encoding, base64_refuses_what_is_not_of_its_alphabet) {
  for (const char* text :
       {"Zm9v Zm9v", "Zm9v\n", "Zm-_", "Zm9*", "Z", "Zm=9", "Zm9v\xff\xff\xff\xff"}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

TEST(Encoding, every_byte_survives_base64) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
}

TEST(Encoding, hex_is_lower_case) {
  const std::vector<std::uint8_t> bytes{0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
}

}  // namespace
}  // namespace skyhook
