#include "store/sqlite/string_list.h"

#include <boost/json.hpp>

namespace skyhook::store::sqlite {

std::string encode_list(const std::vector<std::string>& list) {
  boost::json::array array;
  for (const std::string& item : list) array.emplace_back(item);
  return boost::json::serialize(array);
}

std::optional<std::vector<std::string>> decode_list(std::string_view stored) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(stored, error);
  if (error || !parsed.is_array()) return std::nullopt;
  std::vector<std::string> list;
  for (const boost::json::value& item : parsed.get_array()) {
    if (!item.is_string()) return std::nullopt;
    list.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return list;
}

}  // namespace skyhook::store::sqlite
