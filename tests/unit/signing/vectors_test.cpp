// The signers against tests/vectors, which Python's standard library made.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::signing {
namespace {

boost::json::value read_vectors(const std::string& name) {
  std::ifstream file(SKYHOOK_VECTORS + name);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text);
}

TEST(SignatureVectors, the_signer_makes_each_of_them) {
  const boost::json::value vectors = read_vectors("signatures.json");
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

TEST(SignatureVectors, the_ed25519_signer_makes_each_of_them_and_the_verifier_takes_it) {
  const boost::json::value vectors = read_vectors("ed25519.json");
  const boost::json::array& cases = vectors.at("sign").as_array();
  ASSERT_FALSE(cases.empty());
  for (const boost::json::value& value : cases) {
    const boost::json::object& test = value.as_object();
    SCOPED_TRACE(std::string(test.at("name").as_string()));
    auto signer = Ed25519Signer::from(test.at("private_key").as_string());
    ASSERT_TRUE(signer);
    EXPECT_EQ(signer->public_key(), test.at("public_key").as_string());
    const std::string id(test.at("id").as_string());
    const std::string body(test.at("body").as_string());
    const std::int64_t timestamp = test.at("timestamp").as_int64();
    const std::string signature = signer->sign(id, timestamp, body);
    EXPECT_EQ(signature, test.at("signature").as_string());
    const auto verifier = Ed25519Verifier::from(test.at("public_key").as_string());
    ASSERT_TRUE(verifier);
    EXPECT_TRUE(verifier->verify(signature, signed_text(id, timestamp, body)));
    EXPECT_FALSE(verifier->verify(signature, signed_text(id, timestamp + 1, body)));
  }
}

}  // namespace
}  // namespace skyhook::signing
