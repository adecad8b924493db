// The same JSON as other libraries would write it. Verifiers that parse a body and write it again
// compute a signature over one of these; the raw bytes are what was signed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skyhook::cli {

struct JsonStyle {
  std::string name;      // "JavaScript's JSON.stringify", for people
  std::string comma;     // "," or ", "
  std::string colon;     // ":" or ": "
  int indent = 0;        // spaces a level; 0: on one line
  bool ascii = false;    // other characters as \uXXXX
  bool slashes = false;  // '/' as '\/'
};

// What languages write by default, and the usual options.
const std::vector<JsonStyle>& json_styles();

// `text` in that style: order of members and spelling of numbers stay. nullopt where it is not
// JSON.
std::optional<std::string> rewrite_json(std::string_view text, const JsonStyle& style);

}  // namespace skyhook::cli
