// The signer against tests/vectors/signatures.json, which Python's standard library made.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "signing/signer.h"

namespace skyhook::signing {
namespace {

boost::json::value read_vectors() {
  std::ifstream file(SKYHOOK_VECTORS);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text);
}

TEST(SignatureVectors, the_signer_makes_each_of_them) {
  const boost::json::value vectors = read_vectors();
  const boost::json::array& cases = vectors.at("sign").as_array();
  ASSERT_FALSE(cases.empty());
  for (const boost::json::value& value : cases) {
    const boost::json::object& test = value.as_object();
    SCOPED_TRACE(std::string(test.at("name").as_string()));
    Signer signer(test.at("secret").as_string());
    const Signatures made = signer.sign(test.at("id").as_string(), test.at("timestamp").as_int64(),
                                        test.at("body").as_string());
    EXPECT_EQ(made.vendor, test.at("vendor").as_string());
    EXPECT_EQ(made.standard, test.at("standard").as_string());
  }
}

}  // namespace
}  // namespace skyhook::signing
