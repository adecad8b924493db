// JSON laid out anew without being re-serialised: every string and number keeps its bytes.
#pragma once

#include <string>
#include <string_view>

namespace skyhook::cli {

bool is_json(std::string_view text);         // any value, at most kJsonDepthLimit deep
bool is_json_object(std::string_view text);  // an object

inline constexpr int kJsonDepthLimit = 256;

// Precondition of both: is_json(text).
std::string indent_json(std::string_view text,
                        std::string_view margin);  // each line begins with `margin`
std::string compact_json(std::string_view text);   // on one line

// A JSON string literal. What is not UTF-8 becomes U+FFFD.
std::string quote_json(std::string_view text);

// For a terminal: control characters and broken UTF-8 as \xNN; with `keep_newlines`, line ends
// stay.
std::string printable(std::string_view text, bool keep_newlines = false);

// Without blanks and line ends at its end.
std::string_view trim_end(std::string_view text);

}  // namespace skyhook::cli
