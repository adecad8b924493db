#include "cli/delivery_check.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/result.h"
#include "signing/secrets.h"

namespace skyhook::cli {
namespace {

constexpr std::size_t kSignaturesLimit = 16;  // in one webhook-signature header

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string header_or_empty(const net::ServerRequest& request, std::string_view name) {
  const std::string* value = request.header(name);
  return value == nullptr ? std::string() : *value;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return seconds;
}

constexpr std::string_view kMismatch = "does not match: another secret, or the body was changed";

// The items of the space-separated list (Standard Webhooks: one each key).
std::vector<std::string_view> items(std::string_view list) {
  std::vector<std::string_view> found;
  while (found.size() < kSignaturesLimit && !list.empty()) {
    found.push_back(list.substr(0, list.find(' ')));
    list.remove_prefix(std::min(found.back().size() + 1, list.size()));
  }
  return found;
}

// The three headers of Standard Webhooks.
struct StandardHeaders {
  std::string_view id;
  std::int64_t seconds = 0;
  std::vector<std::string_view> signatures;
};

// Borrows from `request`; or what is wrong with it.
Result<StandardHeaders, std::string> read_headers(const net::ServerRequest& request) {
  const std::string* id = request.header("webhook-id");
  const std::string* given = request.header("webhook-signature");
  const std::string* time = request.header("webhook-timestamp");
  if (given == nullptr) return Err{std::string("missing")};
  if (id == nullptr) return Err{std::string("webhook-id is missing")};
  if (time == nullptr) return Err{std::string("webhook-timestamp is missing")};
  const auto seconds = parse_seconds(*time);
  if (!seconds) return Err{std::string("webhook-timestamp is not a number of seconds")};
  return StandardHeaders{.id = *id, .seconds = *seconds, .signatures = items(*given)};
}

// Of a signature that matches.
SignatureCheck check_age(std::int64_t seconds, Timestamp now) {
  constexpr std::int64_t kLatest = 100'000'000'000;  // the year 5138
  if (seconds < 0 || seconds > kLatest) return {false, "is good, but for a time that is none"};
  const std::int64_t age = to_unix_seconds(now) - seconds;
  if (age > kTimestampTolerance.count()) {
    return {false, "is good, but " + std::to_string(age) + " s old"};
  }
  if (age < -kTimestampTolerance.count()) {
    return {false, "is good, but " + std::to_string(-age) + " s ahead of this clock"};
  }
  return {true, ""};
}

}  // namespace

DeliveryChecker::DeliveryChecker(const std::vector<std::string>& secrets,
                                 const std::vector<std::string>& public_keys,
                                 std::string_view header_prefix)
    : prefix_(lower_case(header_prefix)) {
  for (const std::string& secret : secrets) signers_.emplace_back(secret);
  for (const std::string& key : public_keys) {
    verifiers_.push_back(signing::Ed25519Verifier::from(key).value());
  }
}

DeliveryCheck DeliveryChecker::check(const net::ServerRequest& request, Timestamp now) {
  DeliveryCheck result;
  result.event = header_or_empty(request, prefix_ + "event");
  result.delivery_id = header_or_empty(request, prefix_ + "delivery");
  if (result.delivery_id.empty()) result.delivery_id = header_or_empty(request, "webhook-id");
  if (!signers_.empty()) {
    result.vendor = check_vendor(request);
    result.standard = check_standard(request, now);
  }
  if (!verifiers_.empty()) result.ed25519 = check_ed25519(request, now);
  return result;
}

SignatureCheck DeliveryChecker::check_vendor(const net::ServerRequest& request) {
  const std::string* given = request.header(prefix_ + "signature");
  if (given == nullptr) return {false, "missing"};
  if (!given->starts_with("sha256=")) return {false, "does not begin with sha256="};
  for (signing::Signer& signer : signers_) {
    if (signing::equal_in_constant_time(*given, signer.sign("", 0, request.body).vendor)) {
      return {true, ""};
    }
  }
  return {false, std::string(kMismatch)};
}

SignatureCheck DeliveryChecker::check_standard(const net::ServerRequest& request, Timestamp now) {
  const auto headers = read_headers(request);
  if (!headers) return {false, headers.error()};
  bool matches = false;
  for (signing::Signer& signer : signers_) {
    const std::string expected = signer.sign(headers->id, headers->seconds, request.body).standard;
    for (const std::string_view given : headers->signatures) {
      matches |= signing::equal_in_constant_time(given, expected);
    }
  }
  return matches ? check_age(headers->seconds, now) : SignatureCheck{false, std::string(kMismatch)};
}

SignatureCheck DeliveryChecker::check_ed25519(const net::ServerRequest& request,
                                              Timestamp now) const {
  const auto headers = read_headers(request);
  if (!headers) return {false, headers.error()};
  const std::string text = signing::signed_text(headers->id, headers->seconds, request.body);
  bool is_there = false;
  for (const std::string_view given : headers->signatures) {
    is_there |= given.starts_with("v1a,");
    for (const signing::Ed25519Verifier& verifier : verifiers_) {
      if (verifier.verify(given, text)) return check_age(headers->seconds, now);
    }
  }
  return {false, is_there ? "does not match: another key, or the body was changed"
                          : "missing: the webhook does not sign with an Ed25519 key"};
}

SeenDeliveries::Seen SeenDeliveries::note(const std::string& delivery_id) {
  if (delivery_id.empty()) return {};
  const auto [found, is_new] = seen_.try_emplace(delivery_id);
  if (!is_new) {
    ++found->second.times;
    return found->second;
  }
  const Seen first = found->second;
  oldest_first_.push_back(delivery_id);
  if (oldest_first_.size() > limit_) {
    seen_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
  return first;
}

void SeenDeliveries::accepted(const std::string& delivery_id) {
  const auto found = seen_.find(delivery_id);
  if (found != seen_.end()) found->second.was_accepted = true;
}

}  // namespace skyhook::cli
