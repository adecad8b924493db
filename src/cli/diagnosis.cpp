#include "cli/diagnosis.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "cli/json_style.h"
#include "signing/ed25519.h"
#include "signing/signer.h"

namespace skyhook::cli {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kVendorPrefix = "sha256=";
constexpr std::string_view kStandardPrefix = "v1,";
constexpr std::string_view kEd25519Prefix = "v1a,";

using Digest = std::string;  // 32 bytes as lower-case hex

// HMAC-SHA256 of `text`: the vendor's dialect is just that, in hex.
Digest hmac(std::string_view key, std::string_view text) {
  return signing::Signer(key).sign("", 0, text).vendor.substr(kVendorPrefix.size());
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\"'";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

// A signature in whatever form it was written.
struct Written {
  enum class Encoding { hex, upper_hex, base64, base64_url, unknown };
  std::string prefix;  // "sha256=", "v1," or what else stands there
  Encoding encoding = Encoding::unknown;
  Digest digest;
};

Written read_signature(std::string_view text) {
  Written written;
  const std::size_t equals = text.find('=');
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    written.prefix = text.substr(0, comma + 1);
  } else if (equals != std::string_view::npos && equals < 10) {
    written.prefix = text.substr(0, equals + 1);
  }
  std::string value(text.substr(written.prefix.size()));
  constexpr std::size_t kHexDigits = 64;
  const bool is_hex = value.size() == kHexDigits &&
                      value.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (is_hex) {
    written.digest = lower_case(value);
    written.encoding =
        written.digest == value ? Written::Encoding::hex : Written::Encoding::upper_hex;
    return written;
  }
  const bool is_url = value.find_first_of("-_") != std::string::npos;
  std::ranges::replace(value, '-', '+');
  std::ranges::replace(value, '_', '/');
  if (const auto bytes = from_base64(value); bytes && bytes->size() == 32) {
    written.digest = to_hex(*bytes);
    written.encoding = is_url ? Written::Encoding::base64_url : Written::Encoding::base64;
  }
  return written;
}

// One thing that somebody may have used in place of the right one.
struct Variant {
  std::string value;
  Mistake mistake = Mistake::none;
  std::string explanation;
};

std::vector<Variant> key_variants(std::string_view secret, Dialect dialect) {
  const std::string bare(secret.starts_with(kSecretPrefix) ? secret.substr(kSecretPrefix.size())
                                                           : secret);
  const auto bytes = from_base64(bare);
  const std::string decoded = bytes ? std::string(bytes->begin(), bytes->end()) : bare;
  const bool is_vendor = dialect == Dialect::vendor;
  const std::string right = is_vendor ? "the whole secret string, whsec_ included"
                                      : "the base64-decoded bytes of the secret after whsec_";
  std::vector<Variant> variants{{is_vendor ? std::string(secret) : decoded, Mistake::none, ""}};
  const auto add = [&](std::string key, const std::string& what) {
    variants.push_back(
        {std::move(key), Mistake::wrong_key, "the key was " + what + "; it must be " + right});
  };
  if (is_vendor) add(decoded, "the decoded secret, which the other dialect uses");
  if (!is_vendor) add(std::string(secret), "the whole secret string, which the other dialect uses");
  add(bare, "the text after whsec_");
  if (is_vendor && !secret.starts_with(kSecretPrefix)) {
    variants.push_back({std::string(kSecretPrefix) + std::string(secret), Mistake::wrong_key,
                        "the secret lacks whsec_ at its beginning, which is part of it"});
  }
  const std::string_view trimmed = trim(secret);
  if (trimmed != secret) {
    for (Variant& variant : key_variants(trimmed, dialect)) {
      variant.mistake = Mistake::wrong_key;
      variant.explanation = "the secret has white space or quotes around it: remove them";
      variants.push_back(std::move(variant));
    }
  } else {
    add(std::string(secret) + "\n", "the secret with a newline at its end");
  }
  return variants;
}

// Skyhook writes what surrounds `data` without white space, and `data` as the publisher did: that
// body again, if the publisher wrote in this style. nullopt where `body` is no delivery's.
std::optional<std::string> as_published(std::string_view body, const JsonStyle& style) {
  constexpr std::string_view kData = ",\"data\":";
  const auto compact = rewrite_json(body, json_styles().front());
  const auto styled = rewrite_json(body, style);
  if (!compact || !styled || style.indent > 0) return std::nullopt;
  const std::string styled_data = style.comma + "\"data\"" + style.colon;
  const std::size_t head = compact->find(kData);
  const std::size_t data = styled->find(styled_data);
  if (head == std::string::npos || data == std::string::npos) return std::nullopt;
  return compact->substr(0, head + kData.size()) + styled->substr(data + styled_data.size());
}

std::vector<Variant> body_variants(std::string_view body) {
  std::vector<Variant> variants{{std::string(body), Mistake::none, ""}};
  const auto add_space = [&](std::string text, std::string what) {
    if (text != body) {
      variants.push_back({std::move(text), Mistake::changed_white_space, std::move(what)});
    }
  };
  const std::size_t end = body.find_last_not_of("\r\n");
  add_space(std::string(body.substr(0, end == std::string_view::npos ? 0 : end + 1)),
            "a newline was added to the body: save it as it came, without an editor or echo");
  add_space(std::string(body) + "\n", "a newline was added to the body before it was signed");
  std::string unix_lines;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') unix_lines += body[i];
  }
  add_space(unix_lines, "the line ends of the body were changed");
  for (const JsonStyle& style : json_styles()) {
    if (auto text = as_published(body, style); text && *text != body) {
      variants.push_back(
          {*std::move(text), Mistake::reserialised_body,
           "the body was parsed and written again: use the raw bytes of the request"});
    }
    auto text = rewrite_json(body, style);
    if (!text || *text == body) continue;
    variants.push_back({*std::move(text), Mistake::reserialised_body,
                        "the body was parsed and written again (" + style.name +
                            "): use the raw bytes of the request"});
  }
  return variants;
}

std::vector<Variant> text_variants(std::string_view id, std::string_view timestamp,
                                   std::string_view body, Dialect dialect) {
  const std::string full = std::string(id) + '.' + std::string(timestamp) + '.' + std::string(body);
  const std::string timed = std::string(timestamp) + '.' + std::string(body);
  if (dialect == Dialect::vendor) {
    return {{std::string(body), Mistake::none, ""},
            {full, Mistake::wrong_text,
             "id.timestamp.body was signed; this dialect signs the body "
             "alone"},
            {timed, Mistake::wrong_text,
             "timestamp.body was signed; this dialect signs the body "
             "alone"}};
  }
  return {{full, Mistake::none, ""},
          {std::string(body), Mistake::wrong_text,
           "the body alone was signed; this dialect signs id.timestamp.body"},
          {timed, Mistake::wrong_text,
           "timestamp.body was signed; this dialect signs id.timestamp.body"}};
}

struct Explanation {
  Mistake mistake = Mistake::none;
  std::vector<std::string> parts;
};

// How a signature came to be: the combination with the fewest mistakes first. `matches(key, text)`:
// is it the signature of that text with that key?
template <typename Matches>
std::optional<Explanation> explain(const DiagnosisInput& input, const std::vector<Variant>& keys,
                                   Dialect dialect, const Matches& matches) {
  const auto header = [&](const char* name) {
    const auto found = input.delivery.headers.find(name);
    return found == input.delivery.headers.end() ? std::string() : found->second;
  };
  const std::string id = header("webhook-id");
  const std::string timestamp = header("webhook-timestamp");
  std::optional<Explanation> best;
  for (const Variant& body : body_variants(input.delivery.body)) {
    for (const Variant& text : text_variants(id, timestamp, body.value, dialect)) {
      for (const Variant& key : keys) {
        if (!matches(key.value, text.value)) continue;
        Explanation found;
        for (const Variant* one : {&key, &text, &body}) {
          if (one->mistake == Mistake::none) continue;
          found.mistake = one->mistake;
          found.parts.push_back(one->explanation);
        }
        if (!best || found.parts.size() < best->parts.size()) best = std::move(found);
      }
    }
  }
  return best;
}

std::optional<Explanation> explain_hmac(const DiagnosisInput& input, const Digest& digest,
                                        Dialect dialect) {
  return explain(
      input, key_variants(input.secret, dialect), dialect,
      [&](std::string_view key, std::string_view text) { return hmac(key, text) == digest; });
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; and ") + part;
  return text;
}

// How the signature is written, where that is wrong for the dialect.
std::optional<Finding> judge_form(const Written& written, Dialect dialect) {
  const bool is_vendor = dialect == Dialect::vendor;
  const std::string prefix(is_vendor ? kVendorPrefix : kStandardPrefix);
  const auto right = is_vendor ? Written::Encoding::hex : Written::Encoding::base64;
  if (written.encoding == Written::Encoding::unknown) return std::nullopt;
  if (written.encoding != right) {
    return Finding{dialect, false, Mistake::wrong_encoding,
                   is_vendor ? "the digest must be written in lower-case hex"
                             : "the digest must be written in standard base64"};
  }
  if (written.prefix.empty()) {
    return Finding{dialect, false, Mistake::missing_prefix,
                   "the digest is right but lacks its prefix " + prefix};
  }
  if (written.prefix != prefix) {
    return Finding{dialect, false, Mistake::missing_prefix,
                   "the prefix is " + written.prefix + " where it must be " + prefix};
  }
  return std::nullopt;
}

Finding judge_signature(const DiagnosisInput& input, std::string_view signature, Dialect dialect) {
  Finding finding{dialect, false, Mistake::none, "the signature is right"};
  const Written written = read_signature(signature);
  const Dialect other = dialect == Dialect::vendor ? Dialect::standard : Dialect::vendor;
  const auto own = explain_hmac(input, written.digest, dialect);
  const auto others = explain_hmac(input, written.digest, other);
  if (others && others->parts.empty() && (!own || !own->parts.empty())) {
    finding.mistake = Mistake::wrong_dialect;
    finding.explanation = other == Dialect::vendor
                              ? "this is the signature of the " + input.header_prefix +
                                    "Signature header; webhook-signature carries v1,<base64>"
                              : "this is the signature of the webhook-signature header; " +
                                    input.header_prefix + "Signature carries sha256=<hex>";
  } else if (own && !own->parts.empty()) {
    finding.mistake = own->mistake;
    finding.explanation = join(own->parts);
  } else if (own) {
    if (auto form = judge_form(written, dialect)) finding = *std::move(form);
  } else {
    finding.mistake = Mistake::wrong_secret;
    finding.explanation =
        written.encoding == Written::Encoding::unknown
            ? "this is not a signature of 32 bytes: it was cut or changed on its way"
            : "no usual mistake explains it: the secret is another webhook's or was regenerated, "
              "or "
              "the body is not the one that was sent";
  }
  return finding;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || read != end || value < 0) return std::nullopt;
  return value;
}

std::optional<Finding> judge_time(std::string_view timestamp, Dialect dialect, Timestamp now,
                                  Seconds tolerance) {
  const auto sent = whole_number(timestamp);
  constexpr std::int64_t kFarFuture = 100'000'000'000;  // in seconds the year 5138
  if (!sent || *sent > kFarFuture) {
    return Finding{dialect, false, Mistake::bad_timestamp,
                   "the timestamp must be whole Unix seconds, not milliseconds or a date"};
  }
  const std::int64_t age = to_unix_seconds(now) - *sent;
  if (age > tolerance.count()) {
    return Finding{dialect, false, Mistake::old_timestamp,
                   "the signature is right but " + std::to_string(age) + " s old, and " +
                       std::to_string(tolerance.count()) +
                       " s are allowed: an old copy, a slow clock, or (in the vendor's dialect) a "
                       "retry, whose timestamp is that of the first attempt"};
  }
  if (age < -tolerance.count()) {
    return Finding{dialect, false, Mistake::future_timestamp,
                   "the signature is right but " + std::to_string(-age) +
                       " s ahead of this machine's clock: set the clock"};
  }
  return std::nullopt;
}

// The body's own timestamp; Skyhook writes it before `data`.
std::string timestamp_in(std::string_view body) {
  constexpr std::string_view kName = "\"timestamp\":";
  const std::size_t found = body.find(kName);
  if (found == std::string_view::npos) return {};
  body = trim(body.substr(found + kName.size()));
  return std::string(body.substr(0, body.find_first_not_of("0123456789")));
}

Finding judge_vendor(const DiagnosisInput& input, const std::string& signature) {
  Finding finding = judge_signature(input, signature, Dialect::vendor);
  if (finding.mistake != Mistake::none) return finding;
  return judge_time(timestamp_in(input.delivery.body), Dialect::vendor, input.now,
                    input.vendor_tolerance)
      .value_or(finding);
}

// Standard Webhooks' headers beside the signatures, which are part of what is signed.
std::optional<Finding> judge_headers(const ReceivedDelivery& delivery, Dialect dialect) {
  for (const char* name : {"webhook-id", "webhook-timestamp"}) {
    if (delivery.headers.contains(name)) continue;
    return Finding{dialect, false, Mistake::missing_header,
                   std::string("the header ") + name + " is missing: it is part of what is signed"};
  }
  return std::nullopt;
}

Finding judge_ed25519_signature(const DiagnosisInput& input, std::string_view signature,
                                const signing::Ed25519Verifier& verifier) {
  const auto found = explain(
      input, {Variant{}}, Dialect::ed25519,
      [&](std::string_view, std::string_view text) { return verifier.verify(signature, text); });
  if (!found) {
    return {Dialect::ed25519, false, Mistake::wrong_secret,
            "no usual mistake explains it: the public key is another webhook's or of a key that "
            "was made anew since, or the body is not the one that was sent"};
  }
  if (!found->parts.empty()) {
    return {Dialect::ed25519, false, found->mistake, join(found->parts)};
  }
  return {Dialect::ed25519, false, Mistake::none, "the signature is right"};
}

bool is_of(std::string_view signature, Dialect dialect) {
  return signature.starts_with(kEd25519Prefix) == (dialect == Dialect::ed25519);
}

// The signatures of one dialect in the header. One right signature of several is enough; else the
// first says what is wrong.
template <typename Judge>
Finding judge_list(const DiagnosisInput& input, std::string_view signatures, Dialect dialect,
                   const Judge& judge, std::string none) {
  if (auto missing = judge_headers(input.delivery, dialect)) return *std::move(missing);
  std::optional<Finding> first;
  while (!signatures.empty()) {
    const std::string_view one = signatures.substr(0, signatures.find(' '));
    signatures.remove_prefix(std::min(one.size() + 1, signatures.size()));
    if (!is_of(one, dialect)) continue;
    Finding finding = judge(one);
    if (finding.mistake == Mistake::none) {
      return judge_time(input.delivery.headers.at("webhook-timestamp"), dialect, input.now,
                        input.standard_tolerance)
          .value_or(finding);
    }
    if (!first) first = std::move(finding);
  }
  return first.value_or(Finding{dialect, false, Mistake::missing_header, std::move(none)});
}

Finding judge_standard(const DiagnosisInput& input, std::string_view signatures) {
  return judge_list(
      input, signatures, Dialect::standard,
      [&](std::string_view one) { return judge_signature(input, one, Dialect::standard); },
      "the header webhook-signature carries no signature that is made with a secret (v1)");
}

Finding judge_ed25519(const DiagnosisInput& input, std::string_view signatures) {
  const auto verifier = signing::Ed25519Verifier::from(input.public_key);
  return judge_list(
      input, signatures, Dialect::ed25519,
      [&](std::string_view one) { return judge_ed25519_signature(input, one, verifier.value()); },
      "the header webhook-signature carries no Ed25519 signature (v1a): the webhook's option "
      "ed25519 is off");
}

// What the receiver's own code computed, which may carry no prefix.
Finding judge_computed(const DiagnosisInput& input) {
  const Written written = read_signature(input.computed);
  const bool is_hex = written.encoding == Written::Encoding::hex ||
                      written.encoding == Written::Encoding::upper_hex;
  const bool is_vendor = written.prefix == kVendorPrefix || (written.prefix.empty() && is_hex);
  Finding finding =
      judge_signature(input, input.computed, is_vendor ? Dialect::vendor : Dialect::standard);
  finding.about_computed = true;
  return finding;
}

}  // namespace

std::string_view to_string(Mistake mistake) {
  static constexpr std::array<std::string_view, 13> kNames{
      "none",          "missing_header", "old_timestamp",     "future_timestamp",
      "bad_timestamp", "missing_prefix", "wrong_dialect",     "wrong_encoding",
      "wrong_key",     "wrong_text",     "reserialised_body", "changed_white_space",
      "wrong_secret"};
  return kNames[static_cast<std::size_t>(mistake)];
}

Diagnosis diagnose(const DiagnosisInput& input) {
  Diagnosis diagnosis;
  const auto& headers = input.delivery.headers;
  const auto vendor = headers.find(lower_case(input.header_prefix + "Signature"));
  const auto standard = headers.find("webhook-signature");
  if (vendor != headers.end() && !input.secret.empty()) {
    diagnosis.findings.push_back(judge_vendor(input, vendor->second));
  }
  if (standard != headers.end() && !input.secret.empty()) {
    diagnosis.findings.push_back(judge_standard(input, standard->second));
  }
  if (standard != headers.end() && !input.public_key.empty()) {
    diagnosis.findings.push_back(judge_ed25519(input, standard->second));
  }
  if (diagnosis.findings.empty()) {
    const std::string wanted = input.secret.empty()
                                   ? "there is no webhook-signature header"
                                   : "there is neither a webhook-signature nor a " +
                                         input.header_prefix + "Signature header";
    diagnosis.findings.push_back(
        {input.secret.empty() ? Dialect::ed25519 : Dialect::standard, false,
         Mistake::missing_header,
         wanted + ": a proxy may have dropped it, or this is no delivery"});
  }
  diagnosis.valid = std::ranges::all_of(
      diagnosis.findings, [](const Finding& one) { return one.mistake == Mistake::none; });
  if (!input.computed.empty()) diagnosis.findings.push_back(judge_computed(input));
  return diagnosis;
}

}  // namespace skyhook::cli
