#include "cli/verify.h"

#include <charconv>
#include <iostream>

#include "cli/api_call.h"
#include "cli/json_text.h"

namespace skyhook::cli {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

bool add_header(std::string_view line, ReceivedDelivery& delivery) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  delivery.headers[lower_case(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
  return true;
}

Result<ReceivedDelivery, std::string> read_delivery(const Verify& command) {
  if (!command.request.empty()) {
    const auto text = read_argument(command.request, "--request");
    if (!text) return Err{text.error()};
    auto parsed = parse_raw_request(*text);
    if (!parsed) {
      const bool is_file = command.request.starts_with('@');
      return Err{"--request: is no HTTP request: headers, an empty line, the body" +
                 std::string(is_file ? "" : "; a file is named with @ before it")};
    }
    return *std::move(parsed);
  }
  auto body = read_argument(command.body, "--body");
  if (!body) return Err{body.error()};
  ReceivedDelivery delivery{.headers = {}, .body = *std::move(body)};
  for (const std::string& header : command.headers) {
    if (!add_header(header, delivery)) {
      return Err{"--header: '" + header + "' is not of the form 'Name: value'"};
    }
  }
  return delivery;
}

// When the attempt was made, as its headers say; else now.
Timestamp judged_at(const Verify& command, const ReceivedDelivery& delivery) {
  const Timestamp now = SystemClock().now();
  const auto header = delivery.headers.find("webhook-timestamp");
  if (!command.ignore_age || header == delivery.headers.end()) return now;
  std::int64_t seconds = 0;
  const std::string& text = header->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kLatest = 100'000'000'000;
  if (error != std::errc{} || seconds < 0 || seconds > kLatest) return now;
  return from_unix_micros(seconds * 1'000'000);
}

std::string subject(const Finding& finding, const Verify& command) {
  if (finding.about_computed) return "what you computed";
  switch (finding.dialect) {
    case Dialect::vendor:
      return command.header_prefix + "Signature";
    case Dialect::standard:
      return "webhook-signature";
    case Dialect::ed25519:
      return "webhook-signature (v1a)";
  }
  return "";
}

void print_text(const Diagnosis& diagnosis, const Verify& command) {
  for (const Finding& finding : diagnosis.findings) {
    std::cout << (finding.mistake == Mistake::none ? "good   " : "wrong  ")
              << printable(subject(finding, command)) << ": " << printable(finding.explanation);
    if (finding.mistake != Mistake::none) std::cout << " (" << to_string(finding.mistake) << ")";
    std::cout << '\n';
  }
  if (diagnosis.valid && command.computed.empty() && !command.secret.empty()) {
    std::cout << "\nIf your own code says otherwise, give what it computes with --computed: most "
                 "often it\nsigns the body that it parsed and wrote again, in place of the raw "
                 "bytes.\n";
  }
  std::cout << std::flush;
}

void print_json(const Diagnosis& diagnosis, const Verify& command) {
  std::cout << "{\"valid\":" << (diagnosis.valid ? "true" : "false") << ",\"findings\":[";
  const char* separator = "";
  for (const Finding& finding : diagnosis.findings) {
    std::cout << separator << "{\"about\":" << quote_json(subject(finding, command))
              << ",\"mistake\":" << quote_json(to_string(finding.mistake))
              << ",\"explanation\":" << quote_json(finding.explanation) << "}";
    separator = ",";
  }
  std::cout << "]}" << std::endl;
}

}  // namespace

std::optional<ReceivedDelivery> parse_raw_request(std::string_view text) {
  ReceivedDelivery delivery;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line.empty()) {
      if (is_first) return std::nullopt;
      delivery.body = text;
      return delivery;
    }
    // The request line is no header, and may have been left out.
    const bool is_request_line = is_first && line.find(" HTTP/") != std::string_view::npos;
    if (!is_request_line && !add_header(line, delivery)) return std::nullopt;
    is_first = false;
  }
  return std::nullopt;
}

int verify(const Verify& command) {
  auto delivery = read_delivery(command);
  if (!delivery) return fail(kUsage, delivery.error());
  const Timestamp at = judged_at(command, *delivery);
  const Diagnosis diagnosis = diagnose({.secret = command.secret,
                                        .public_key = command.public_key,
                                        .delivery = *std::move(delivery),
                                        .computed = command.computed,
                                        .header_prefix = command.header_prefix,
                                        .now = at,
                                        .standard_tolerance = command.tolerance});
  if (command.as_json) {
    print_json(diagnosis, command);
  } else {
    print_text(diagnosis, command);
  }
  const bool all_good = diagnosis.findings.back().mistake == Mistake::none;
  return diagnosis.valid && all_good ? kOk : kFailed;
}

}  // namespace skyhook::cli
