// A list of strings as one column: a JSON array.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skyhook::store::sqlite {

std::string encode_list(const std::vector<std::string>& list);
// nullopt where `stored` is no JSON array of strings.
std::optional<std::vector<std::string>> decode_list(std::string_view stored);

}  // namespace skyhook::store::sqlite
