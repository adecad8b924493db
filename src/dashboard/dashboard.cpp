#include "dashboard/dashboard.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "dashboard/assets.h"

namespace skyhook::dashboard {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kForEver = "public, max-age=31536000, immutable";
constexpr std::string_view kAskAnew = "no-cache";
constexpr std::string_view kPlainPage =
    "This Skyhook was built without its dashboard. The API is all there, under /api/v1 and "
    "/operator/v1.\n"
    "To have the dashboard, install Node.js 18 or later with npm and build again.\n";

Headers security_headers() {
  return {{"Content-Security-Policy", std::string(kContentSecurityPolicy)},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
}

net::ServerResponse plain(int status, std::string_view text, Headers more = {}) {
  net::ServerResponse response;
  response.status = status;
  response.headers = security_headers();
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.headers.emplace_back("Cache-Control", std::string(kAskAnew));
  for (auto& header : more) response.headers.push_back(std::move(header));
  response.body = text;
  return response;
}

const Asset* find(std::string_view path) {
  const auto all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  return found == all.end() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// `gzip;q=0` means that the client refuses it; any other weight accepts. A `*` is not worth
// reading: every client that packs says so.
bool accepts(std::string_view accept_encoding, std::string_view coding) {
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size()
                                                                  : comma + 1);
    const auto semicolon = item.find(';');
    if (!equal_ignoring_case(trimmed(item.substr(0, semicolon)), coding)) continue;
    if (semicolon == std::string_view::npos) return true;
    const std::string_view weight = trimmed(item.substr(semicolon + 1));
    return weight.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

// If-None-Match (RFC 9110 §13.1.2): any of the listed tags, compared weakly, or `*`.
bool matches(std::string_view if_none_match, std::string_view etag) {
  return trimmed(if_none_match) == "*" || if_none_match.find(etag) != std::string_view::npos;
}

net::ServerResponse answer(const Asset& asset, const net::ServerRequest& request) {
  const bool hashed = asset.path.starts_with("/assets/");
  net::ServerResponse response;
  response.headers = security_headers();
  response.headers.emplace_back("Content-Type", std::string(asset.content_type));
  response.headers.emplace_back("Cache-Control", std::string(hashed ? kForEver : kAskAnew));
  response.headers.emplace_back("ETag", std::string(asset.etag));
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const std::string* known = request.header("if-none-match");
  if (known && matches(*known, asset.etag)) {
    response.status = 304;
    return response;
  }
  const std::string* encodings = request.header("accept-encoding");
  const std::string_view accepted = encodings ? std::string_view(*encodings) : std::string_view();
  if (!asset.brotli.empty() && accepts(accepted, "br")) {
    response.headers.emplace_back("Content-Encoding", "br");
    response.body = asset.brotli;
  } else if (!asset.gzip.empty() && accepts(accepted, "gzip")) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = asset.gzip;
  } else {
    response.body = asset.identity;
  }
  return response;
}

}  // namespace

bool is_built_in() {
  return find("/index.html") != nullptr;
}

std::optional<net::ServerResponse> serve(const net::ServerRequest& request) {
  const bool is_page = request.path == "/" || request.path == "/index.html";
  if (!is_page && !request.path.starts_with("/assets/")) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    return plain(405, "Only GET is allowed here.\n", {{"Allow", "GET, HEAD"}});
  }
  if (is_page && !is_built_in()) return plain(200, kPlainPage);
  const Asset* asset = find(is_page ? "/index.html" : std::string_view(request.path));
  return asset ? answer(*asset, request) : plain(404, "There is no such file.\n");
}

}  // namespace skyhook::dashboard
