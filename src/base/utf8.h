// UTF-8 (RFC 3629), for what reads or shows foreign bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace skyhook {

// How many bytes (1 … 4) the first character of `text` has; 0 where they are not well-formed: cut
// short, overlong, a surrogate, past U+10FFFF. Precondition: not empty.
std::size_t utf8_character_length(std::string_view text);

// Is that character a command to a terminal: C0, DEL or C1? `character` is one well-formed
// character.
bool is_control_character(std::string_view character);

}  // namespace skyhook
