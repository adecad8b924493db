// JSON values as JSON Schema sees them.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace skyhook::schema {

// Is it an integer as JSON Schema sees it: also 1.0?
bool is_integer(const boost::json::value& value);
// Precondition: it is a number. Exact, but for what a double cannot hold.
long double number_of(const boost::json::value& value);
// One text for all values that are equal: numbers by value (1 and 1.0), objects whatever the order
// of their members.
void append_canonical(std::string& out, const boost::json::value& value);

}  // namespace skyhook::schema
