// The JSON object that a request brings.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

namespace skyhook::api {

// How deep objects and arrays may be nested, the outermost counted.
inline constexpr std::size_t kJsonDepthLimit = 64;

// The JSON object of a body; nullopt where it is not JSON, not an object, or nested deeper than
// kJsonDepthLimit. The last of several values of a name counts. A number that is not whole, or
// beyond 64 bits, is the double next to it; infinite where there is none.
std::optional<boost::json::object> parse_object(std::string_view body);

}  // namespace skyhook::api
