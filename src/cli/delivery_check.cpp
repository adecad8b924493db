#include "cli/delivery_check.h"

#include <charconv>
#include <chrono>
#include <optional>

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

// Does the space-separated list (Standard Webhooks: one each secret) hold `expected`?
bool list_holds(std::string_view list, std::string_view expected) {
  bool found = false;
  for (std::size_t i = 0; i < kSignaturesLimit && !list.empty(); ++i) {
    const std::size_t end = std::min(list.find(' '), list.size());
    found |= signing::equal_in_constant_time(list.substr(0, end), expected);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return found;
}

}  // namespace

DeliveryChecker::DeliveryChecker(const std::vector<std::string>& secrets,
                                 std::string_view header_prefix)
    : prefix_(lower_case(header_prefix)) {
  for (const std::string& secret : secrets) signers_.emplace_back(secret);
}

DeliveryCheck DeliveryChecker::check(const net::ServerRequest& request, Timestamp now) {
  DeliveryCheck result;
  result.event = header_or_empty(request, prefix_ + "event");
  result.delivery_id = header_or_empty(request, prefix_ + "delivery");
  if (result.delivery_id.empty()) result.delivery_id = header_or_empty(request, "webhook-id");
  if (signers_.empty()) return result;
  result.was_verified = true;
  result.vendor = check_vendor(request);
  result.standard = check_standard(request, now);
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
  return {false, "does not match: another secret, or the body was changed"};
}

SignatureCheck DeliveryChecker::check_standard(const net::ServerRequest& request, Timestamp now) {
  const std::string* id = request.header("webhook-id");
  const std::string* given = request.header("webhook-signature");
  const std::string* time = request.header("webhook-timestamp");
  if (given == nullptr) return {false, "missing"};
  if (id == nullptr) return {false, "webhook-id is missing"};
  if (time == nullptr) return {false, "webhook-timestamp is missing"};
  const auto seconds = parse_seconds(*time);
  if (!seconds) return {false, "webhook-timestamp is not a number of seconds"};

  bool matches = false;
  for (signing::Signer& signer : signers_) {
    matches |= list_holds(*given, signer.sign(*id, *seconds, request.body).standard);
  }
  if (!matches) return {false, "does not match: another secret, or the body was changed"};
  constexpr std::int64_t kLatest = 100'000'000'000;  // the year 5138
  if (*seconds < 0 || *seconds > kLatest) return {false, "is good, but for a time that is none"};
  const std::int64_t age = to_unix_seconds(now) - *seconds;
  if (age > kTimestampTolerance.count()) {
    return {false, "is good, but " + std::to_string(age) + " s old"};
  }
  if (age < -kTimestampTolerance.count()) {
    return {false, "is good, but " + std::to_string(-age) + " s ahead of this clock"};
  }
  return {true, ""};
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
