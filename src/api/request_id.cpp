#include "api/request_id.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <string_view>

namespace skyhook::api {

namespace {

bool is_acceptable(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdLimit && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

std::string RequestIds::of(const net::ServerRequest& request) {
  const std::string* given = request.header("x-request-id");
  if (given != nullptr && is_acceptable(*given)) return *given;
  std::array<char, 40> text{};
  const int length = std::snprintf(text.data(), text.size(), "%" PRIx64 "-%" PRIx64, start_,
                                   number_.fetch_add(1, std::memory_order_relaxed) + 1);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace skyhook::api
