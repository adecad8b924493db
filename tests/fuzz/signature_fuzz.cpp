// The receiver's side: a request as it came, verified and diagnosed. Only a delivery that was
// signed with the secret is good, and one that was is good exactly while it is young enough.
#include <charconv>

#include "cli/delivery_check.h"
#include "cli/diagnosis.h"
#include "cli/verify.h"
#include "fuzz.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::fuzz {
namespace {

const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
// Of the published example of Standard Webhooks.
const std::string kPrivateKey =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const std::string kPublicKey = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
constexpr std::int64_t kNow = 1'772'359'200;

net::ServerRequest to_request(const cli::ReceivedDelivery& delivery) {
  net::ServerRequest request;
  for (const auto& header : delivery.headers) request.headers.push_back(header);
  request.body = delivery.body;
  return request;
}

void check_as_it_came(const cli::ReceivedDelivery& delivery) {
  cli::DeliveryChecker checker({kSecret}, {kPublicKey}, "X-Skylight-");
  const auto check = checker.check(to_request(delivery), from_unix_micros(kNow * 1'000'000));
  // The seeds hold signatures that are right for another body; nobody makes one without the key.
  for (const auto& one : {check.vendor, check.standard, check.ed25519}) {
    require(one->good || !one->reason.empty(), "a reason where it is not good");
  }
  // A diagnosis tries hundreds of signatures: one input in eight is enough.
  if (seed_of(delivery.body) % 8 != 0) return;
  cli::DiagnosisInput input;
  input.secret = kSecret;
  input.public_key = kPublicKey;
  input.delivery = delivery;
  input.computed = delivery.body.substr(0, 64);
  input.now = from_unix_micros(kNow * 1'000'000);
  const auto diagnosis = cli::diagnose(input);
  require(!diagnosis.findings.empty(), "something is said");
  for (const auto& finding : diagnosis.findings) {
    require(!cli::to_string(finding.mistake).empty(), "a mistake has a name");
  }
}

// The same delivery, signed by somebody who has the secret and may choose the time.
void check_signed(cli::ReceivedDelivery delivery) {
  const auto found = delivery.headers.find("webhook-timestamp");
  if (found == delivery.headers.end()) return;
  const std::string text = found->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return;
  const std::string id = delivery.headers["webhook-id"];
  const auto made = signing::Signer(kSecret).sign(id, seconds, delivery.body);
  delivery.headers["x-skylight-signature"] = made.vendor;
  delivery.headers["webhook-signature"] =
      made.standard + " " +
      signing::Ed25519Signer::from(kPrivateKey)->sign(id, seconds, delivery.body);
  cli::DeliveryChecker checker({kSecret}, {kPublicKey}, "X-Skylight-");
  const auto check = checker.check(to_request(delivery), from_unix_micros(kNow * 1'000'000));
  require(check.vendor->good, "the vendor's signature is good");
  const bool is_young = seconds >= kNow - cli::kTimestampTolerance.count() &&
                        seconds <= kNow + cli::kTimestampTolerance.count();
  require(check.standard->good == is_young, "the standard one within five minutes");
  require(check.ed25519->good == is_young, "the public key's within five minutes");
  delivery.body += " ";
  const auto changed = checker.check(to_request(delivery), from_unix_micros(kNow * 1'000'000));
  require(!changed.vendor->good && !changed.standard->good && !changed.ed25519->good,
          "a changed body is not");
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook::fuzz;
  const auto delivery = skyhook::cli::parse_raw_request(text_of(data, size));
  if (!delivery) return 0;
  check_as_it_came(*delivery);
  check_signed(*delivery);
  return 0;
}
