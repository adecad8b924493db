#include "domain/event.h"

namespace skyhook {

std::string delivery_body(const Event& event, const Uuid& delivery_uuid,
                          Timestamp delivery_created_at) {
  const std::string uuid = delivery_uuid.to_string();
  const std::string timestamp = std::to_string(to_unix_seconds(delivery_created_at));
  constexpr std::size_t kFrameLength = 64;  // of the literals below
  std::string body;
  body.reserve(kFrameLength + event.type.size() + uuid.size() + timestamp.size() +
               event.data.size());
  body += R"({"event":")";
  body += event.type;
  body += R"(","delivery_id":")";
  body += uuid;
  body += R"(","timestamp":)";
  body += timestamp;
  body += R"(,"data":)";
  body += event.data;
  body += '}';
  return body;
}

bool is_traceparent(std::string_view text) {
  // version-traceid-parentid-flags: 2, 32, 16 and 2 digits.
  constexpr std::size_t kLength = 55;
  if (text.size() != kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const auto is_hex = [](std::string_view digits) {
    return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  const auto is_id = [&](std::string_view digits) {
    return is_hex(digits) && digits.find_first_not_of('0') != std::string_view::npos;
  };
  return is_hex(text.substr(0, 2)) && text.substr(0, 2) != "ff" && is_id(text.substr(3, 32)) &&
         is_id(text.substr(36, 16)) && is_hex(text.substr(53));
}

}  // namespace skyhook
