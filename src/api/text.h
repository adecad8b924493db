// Text as clients send it (contract §2): trimmed, and counted in characters.
#pragma once

#include <cstddef>
#include <string_view>

namespace skyhook::api {

// Without the blanks at both ends: what Unicode calls white space, and U+200B, U+200E and U+FEFF,
// which show nothing either. The same as the vendor's clients are used to.
std::string_view trimmed(std::string_view text);
// Characters of UTF-8 text.
std::size_t count_characters(std::string_view text);
// Can every store keep it as it is? That is UTF-8 without U+0000.
bool is_storable(std::string_view text);

}  // namespace skyhook::api
