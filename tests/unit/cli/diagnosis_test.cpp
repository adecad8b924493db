#include "cli/diagnosis.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "cli/json_style.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::cli {
namespace {

constexpr std::string_view kSecret =
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";
constexpr std::string_view kOther =
    "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKT";
constexpr std::string_view kId = "01956f3c-7d80-7000-8000-000000000400";
constexpr std::int64_t kSent = 1741093200;
// Of the published example of Standard Webhooks.
constexpr std::string_view kEd25519Key =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const std::string kBody =
    R"({"event":"contact.created","delivery_id":"01956f3c-7d80-7000-8000-000000000400",)"
    R"("timestamp":1741093200,"data":{"name":"Zoë/x","n":1.0,"list":[],"more":[1,{"a":null}]}})";

DiagnosisInput genuine(std::string_view secret = kSecret) {
  const signing::Signatures made = signing::Signer(secret).sign(kId, kSent, kBody);
  DiagnosisInput input;
  input.secret = kSecret;
  input.now = from_unix_micros((kSent + 5) * 1'000'000);
  input.delivery.body = kBody;
  input.delivery.headers = {{"x-skylight-signature", made.vendor},
                            {"webhook-signature", made.standard},
                            {"webhook-id", std::string(kId)},
                            {"webhook-timestamp", std::to_string(kSent)}};
  return input;
}

// What both dialects are found to suffer from.
void expect_both(const DiagnosisInput& input, Mistake mistake) {
  const Diagnosis diagnosis = diagnose(input);
  EXPECT_EQ(diagnosis.valid, mistake == Mistake::none);
  ASSERT_EQ(diagnosis.findings.size(), 2U);
  for (const Finding& finding : diagnosis.findings) {
    EXPECT_EQ(to_string(finding.mistake), to_string(mistake)) << finding.explanation;
    EXPECT_FALSE(finding.explanation.empty());
  }
}

Finding only(const DiagnosisInput& input) {
  const Diagnosis diagnosis = diagnose(input);
  EXPECT_EQ(diagnosis.findings.size(), 1U);
  return diagnosis.findings.front();
}

DiagnosisInput vendor_only(std::string signature) {
  DiagnosisInput input = genuine();
  input.delivery.headers = {{"x-skylight-signature", std::move(signature)},
                            {"webhook-id", std::string(kId)},
                            {"webhook-timestamp", std::to_string(kSent)}};
  return input;
}

DiagnosisInput standard_only(std::string signature) {
  DiagnosisInput input = vendor_only("");
  input.delivery.headers.erase("x-skylight-signature");
  input.delivery.headers["webhook-signature"] = std::move(signature);
  return input;
}

std::string hmac_hex(std::string_view key, std::string_view text) {
  return signing::Signer(key).sign("", 0, text).vendor.substr(7);
}

std::string base64_of_hex(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return to_base64(bytes);
}

TEST(Diagnosis, a_genuine_delivery_is_right) {
  expect_both(genuine(), Mistake::none);
}

TEST(Diagnosis, another_secret) {
  expect_both(genuine(kOther), Mistake::wrong_secret);
}

TEST(Diagnosis, a_tampered_body) {
  DiagnosisInput input = genuine();
  input.delivery.body[input.delivery.body.size() - 3] = 'x';
  expect_both(input, Mistake::wrong_secret);
}

TEST(Diagnosis, a_body_written_again_that_was_compact) {
  for (const JsonStyle& style : json_styles()) {
    DiagnosisInput input = genuine();
    input.delivery.body = *rewrite_json(kBody, style);
    if (input.delivery.body != kBody) expect_both(input, Mistake::reserialised_body);
  }
}

TEST(Diagnosis, a_body_written_again_whose_data_had_spaces) {
  const std::string body = R"({"event":"contact.created","delivery_id":"d","timestamp":1741093200,)"
                           R"("data":{"name": "Zo\u00eb", "n": 1.0}})";
  const signing::Signatures made = signing::Signer(kSecret).sign(kId, kSent, body);
  DiagnosisInput input = genuine();
  input.delivery.headers["x-skylight-signature"] = made.vendor;
  input.delivery.headers["webhook-signature"] = made.standard;
  for (const JsonStyle& style : json_styles()) {
    input.delivery.body = *rewrite_json(body, style);
    expect_both(input, Mistake::reserialised_body);
  }
}

TEST(Diagnosis, a_newline_at_the_end) {
  DiagnosisInput input = genuine();
  input.delivery.body += "\n";
  expect_both(input, Mistake::changed_white_space);
}

TEST(Diagnosis, white_space_around_the_secret) {
  DiagnosisInput input = genuine();
  input.secret += "\n";
  expect_both(input, Mistake::wrong_key);
  input.secret = "\"" + std::string(kSecret) + "\"";
  expect_both(input, Mistake::wrong_key);
}

TEST(Diagnosis, the_other_dialects_signature) {
  const signing::Signatures made = signing::Signer(kSecret).sign(kId, kSent, kBody);
  EXPECT_EQ(only(vendor_only(made.standard)).mistake, Mistake::wrong_dialect);
  EXPECT_EQ(only(standard_only(made.vendor)).mistake, Mistake::wrong_dialect);
}

TEST(Diagnosis, a_missing_prefix) {
  const signing::Signatures made = signing::Signer(kSecret).sign(kId, kSent, kBody);
  EXPECT_EQ(only(vendor_only(made.vendor.substr(7))).mistake, Mistake::missing_prefix);
  EXPECT_EQ(only(standard_only(made.standard.substr(3))).mistake, Mistake::missing_prefix);
  EXPECT_EQ(only(standard_only("v2," + made.standard.substr(3))).mistake, Mistake::missing_prefix);
}

TEST(Diagnosis, the_wrong_encoding) {
  const std::string hex = hmac_hex(kSecret, kBody);
  EXPECT_EQ(only(vendor_only("sha256=" + base64_of_hex(hex))).mistake, Mistake::wrong_encoding);
}

TEST(Diagnosis, the_secret_in_a_wrong_form) {
  EXPECT_EQ(only(vendor_only("sha256=" + hmac_hex(kSecret.substr(6), kBody))).mistake,
            Mistake::wrong_key);
  const std::string text = std::string(kId) + "." + std::to_string(kSent) + "." + kBody;
  EXPECT_EQ(only(standard_only("v1," + base64_of_hex(hmac_hex(kSecret, text)))).mistake,
            Mistake::wrong_key);
}

TEST(Diagnosis, the_secret_without_its_prefix) {
  DiagnosisInput input = genuine();
  input.secret = kSecret.substr(6);
  const Diagnosis diagnosis = diagnose(input);
  ASSERT_EQ(diagnosis.findings.size(), 2u);
  EXPECT_EQ(diagnosis.findings[0].dialect, Dialect::vendor);
  EXPECT_EQ(diagnosis.findings[0].mistake, Mistake::wrong_key);
  EXPECT_NE(diagnosis.findings[0].explanation.find("lacks whsec_"), std::string::npos);
  EXPECT_EQ(diagnosis.findings[1].mistake, Mistake::none);  // there the prefix says nothing
}

TEST(Diagnosis, the_id_left_out) {
  const auto key = *from_base64(kSecret.substr(6));
  const std::string decoded(key.begin(), key.end());
  const std::string text = std::to_string(kSent) + "." + kBody;
  EXPECT_EQ(only(standard_only("v1," + base64_of_hex(hmac_hex(decoded, text)))).mistake,
            Mistake::wrong_text);
}

TEST(Diagnosis, one_right_signature_of_several_is_enough) {
  const std::string right = signing::Signer(kSecret).sign(kId, kSent, kBody).standard;
  const std::string wrong = signing::Signer(kOther).sign(kId, kSent, kBody).standard;
  EXPECT_EQ(only(standard_only(wrong + " " + right)).mistake, Mistake::none);
  EXPECT_EQ(only(standard_only(wrong + " " + wrong)).mistake, Mistake::wrong_secret);
}

TEST(Diagnosis, times) {
  const std::string right = signing::Signer(kSecret).sign(kId, kSent, kBody).standard;
  DiagnosisInput input = standard_only(right);
  input.now = from_unix_micros((kSent + 300) * 1'000'000);
  EXPECT_EQ(only(input).mistake, Mistake::none);
  input.now = from_unix_micros((kSent + 301) * 1'000'000);
  EXPECT_EQ(only(input).mistake, Mistake::old_timestamp);
  input.now = from_unix_micros((kSent - 301) * 1'000'000);
  EXPECT_EQ(only(input).mistake, Mistake::future_timestamp);
  DiagnosisInput milliseconds =
      standard_only(signing::Signer(kSecret).sign(kId, kSent * 1000, kBody).standard);
  milliseconds.delivery.headers["webhook-timestamp"] = std::to_string(kSent * 1000);
  EXPECT_EQ(only(milliseconds).mistake, Mistake::bad_timestamp);
  DiagnosisInput vendor = vendor_only(signing::Signer(kSecret).sign(kId, kSent, kBody).vendor);
  vendor.now = from_unix_micros((kSent + 86'401) * 1'000'000);
  EXPECT_EQ(only(vendor).mistake, Mistake::old_timestamp);
}

TEST(Diagnosis, missing_headers) {
  DiagnosisInput input = standard_only("v1,AAAA");
  input.delivery.headers.erase("webhook-id");
  EXPECT_EQ(only(input).mistake, Mistake::missing_header);
  input.delivery.headers.clear();
  EXPECT_EQ(only(input).mistake, Mistake::missing_header);
  EXPECT_FALSE(diagnose(input).valid);
}

TEST(Diagnosis, what_the_receivers_own_code_computed) {
  for (const JsonStyle& style : json_styles()) {
    DiagnosisInput input = genuine();
    const std::string body = *rewrite_json(kBody, style);
    if (body == kBody) continue;
    input.computed = hmac_hex(kSecret, body);
    const Diagnosis diagnosis = diagnose(input);
    EXPECT_TRUE(diagnosis.valid);
    ASSERT_EQ(diagnosis.findings.size(), 3U);
    EXPECT_TRUE(diagnosis.findings.back().about_computed);
    EXPECT_EQ(diagnosis.findings.back().mistake, Mistake::reserialised_body) << style.name;
  }
}

TEST(Diagnosis, two_mistakes_at_once_are_both_named) {
  DiagnosisInput input = genuine();
  input.computed = hmac_hex(kSecret.substr(6), *rewrite_json(kBody, json_styles()[1]));
  const std::string explanation = diagnose(input).findings.back().explanation;
  EXPECT_NE(explanation.find("whsec_"), std::string::npos) << explanation;
  EXPECT_NE(explanation.find("json.dumps"), std::string::npos) << explanation;
}

std::string v1a() {
  return signing::Ed25519Signer::from(kEd25519Key)->sign(kId, kSent, kBody);
}

DiagnosisInput signed_with_a_key(std::string signature) {
  DiagnosisInput input = standard_only(std::move(signature));
  input.secret.clear();
  input.public_key = signing::Ed25519Signer::from(kEd25519Key)->public_key();
  return input;
}

TEST(Diagnosis, judges_what_a_public_key_verifies) {
  const std::string good = v1a();
  DiagnosisInput input = signed_with_a_key("v1,AAAA " + good);
  EXPECT_TRUE(diagnose(input).valid);
  EXPECT_EQ(only(input).dialect, Dialect::ed25519);

  input.delivery.body = *rewrite_json(kBody, json_styles()[1]);
  EXPECT_EQ(only(input).mistake, Mistake::reserialised_body);
  input.delivery.body = kBody + "\n";
  EXPECT_EQ(only(input).mistake, Mistake::changed_white_space);
  input.delivery.body = "{}";
  EXPECT_EQ(only(input).mistake, Mistake::wrong_secret);

  input = signed_with_a_key(good);
  input.now = from_unix_micros((kSent + 301) * 1'000'000);
  EXPECT_EQ(only(input).mistake, Mistake::old_timestamp);
  input.delivery.headers.erase("webhook-id");
  EXPECT_EQ(only(input).mistake, Mistake::missing_header);
  EXPECT_EQ(only(signed_with_a_key("v1,AAAA")).mistake, Mistake::missing_header);
}

TEST(Diagnosis, judges_the_secret_and_the_public_key_beside_each_other) {
  DiagnosisInput input = genuine();
  input.public_key = signing::Ed25519Signer::from(kEd25519Key)->public_key();
  Diagnosis diagnosis = diagnose(input);
  EXPECT_FALSE(diagnosis.valid) << "there is no v1a";
  ASSERT_EQ(diagnosis.findings.size(), 3U);
  EXPECT_EQ(diagnosis.findings[1].mistake, Mistake::none);
  input.delivery.headers["webhook-signature"] += " " + v1a();
  EXPECT_TRUE(diagnose(input).valid);
}

boost::json::value read_vectors(const std::string& name) {
  std::ifstream file(SKYHOOK_VECTORS + name);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return boost::json::parse(text);
}

// The delivery of a vector, and when it is judged.
DiagnosisInput vector_input(const boost::json::object& test) {
  DiagnosisInput input;
  input.delivery.body = test.at("body").as_string();
  input.now = from_unix_micros(test.at("now").as_int64() * 1'000'000);
  input.vendor_tolerance = input.standard_tolerance = Seconds{test.at("tolerance_s").as_int64()};
  for (const auto& [name, header] : test.at("headers").as_object()) {
    std::string lower(name);
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    input.delivery.headers[lower] = header.as_string();
  }
  return input;
}

// Every verdict of the shared vectors: valid ones are found right, others get a reason.
TEST(Diagnosis, agrees_with_the_shared_vectors) {
  int checked = 0;
  for (const char* file : {"signatures.json", "ed25519.json"}) {
    const boost::json::value vectors = read_vectors(file);
    for (const boost::json::value& value : vectors.at("verify").as_array()) {
      const boost::json::object& test = value.as_object();
      SCOPED_TRACE(std::string(test.at("name").as_string()));
      DiagnosisInput input = vector_input(test);
      if (test.contains("secret")) input.secret = test.at("secret").as_string();
      if (test.contains("public_key")) input.public_key = test.at("public_key").as_string();
      EXPECT_EQ(diagnose(input).valid, test.at("valid").as_bool());
      ++checked;
    }
  }
  EXPECT_GT(checked, 80);
}

}  // namespace
}  // namespace skyhook::cli
