#include "domain/webhook_options.h"

#include <algorithm>
#include <array>

namespace skyhook {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_name(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && same_header_name(name.substr(0, prefix.size()), prefix);
}

}  // namespace

WebhookOptionsPtr with_change(const WebhookOptionsPtr& present,
                              const std::function<void(WebhookOptions&)>& change) {
  if (!change) return present;
  WebhookOptions options = present ? *present : WebhookOptions{};
  change(options);
  if (options == WebhookOptions{}) return nullptr;
  return std::make_shared<const WebhookOptions>(std::move(options));
}

std::string_view to_string(SwitchedOff::Reason reason) {
  return reason == SwitchedOff::Reason::gone ? "gone" : "failing";
}

std::optional<SwitchedOff::Reason> parse_switch_off_reason(std::string_view text) {
  for (const auto reason : {SwitchedOff::Reason::gone, SwitchedOff::Reason::failing}) {
    if (text == to_string(reason)) return reason;
  }
  return std::nullopt;
}

bool same_options(const WebhookOptionsPtr& a, const WebhookOptionsPtr& b) {
  return a == b || (a && b && *a == *b);
}

bool same_header_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= kHeaderNameLimit && std::ranges::all_of(text, [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return !text.empty() && text.size() <= kHeaderValueLimit && text.front() != ' ' &&
         text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_reserved_header(std::string_view name, std::string_view prefix) {
  constexpr std::array<std::string_view, 12> kNames{
      "host",    "connection", "keep-alive", "te",         "trailer",     "transfer-encoding",
      "upgrade", "expect",     "date",       "user-agent", "traceparent", "tracestate"};
  constexpr std::array<std::string_view, 3> kPrefixes{"content-", "proxy-", "webhook-"};
  const auto is_name = [&](std::string_view one) { return same_header_name(name, one); };
  const auto is_prefix = [&](std::string_view one) { return starts_with_name(name, one); };
  return std::ranges::any_of(kNames, is_name) || std::ranges::any_of(kPrefixes, is_prefix) ||
         is_prefix(prefix);
}

}  // namespace skyhook
