// Reads JSON (RFC 8259) into the values of Boost.JSON, which include <boost/json.hpp>.
#pragma once

#include <boost/json/fwd.hpp>
#include <boost/json/storage_ptr.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace skyhook {

// The one value that `text` is; else what is wrong with it, such as "incomplete JSON". Objects and
// arrays may be nested `depth_limit` deep, the outermost counted. The last of several values of a
// name counts. A number that is not whole, or beyond 64 bits, is the double next to it; infinite
// where there is none. `storage` outlives the value.
Result<boost::json::value, std::string> read_json(std::string_view text, std::size_t depth_limit,
                                                  boost::json::storage_ptr storage = {});

}  // namespace skyhook
