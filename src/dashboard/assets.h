// The built files of web/, as the build embeds them. Empty where the binary was built without them.
#pragma once

#include <span>
#include <string_view>

namespace skyhook::dashboard {

struct Asset {
  std::string_view path;  // "/index.html", or "/assets/<name>-<hash>.<extension>"
  std::string_view content_type;
  std::string_view etag;      // quoted, of the identity bytes
  std::string_view identity;  // the bytes themselves
  std::string_view gzip;      // empty where packing gains nothing
  std::string_view brotli;
};

std::span<const Asset> assets();

}  // namespace skyhook::dashboard
