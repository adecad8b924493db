#include "config/toml_file.h"

#include <toml++/toml.h>

#include <optional>
#include <utility>

#include "config/settings.h"

namespace skyhook::config {
namespace {

using Text = Result<std::string, std::string>;

std::string at_line(const std::string& path, const toml::source_region& region) {
  return path + ", line " + std::to_string(region.begin.line);
}

std::string unknown_key(std::string_view key, const std::vector<std::string>& known,
                        const std::string& where) {
  std::string message = where + ": unknown setting '" + std::string(key) + "'";
  if (const auto nearest = nearest_name(key, known))
    message += ", did you mean '" + *nearest + "'?";
  return message;
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

// One `[[event_types]]` as the text `name=description`.
Text event_type_text(const toml::table& table, const std::string& source) {
  static const std::vector<std::string> kKeys{"name", "description"};
  std::string name;
  std::string description;
  for (const auto& [key, node] : table) {
    if (key.str() != "name" && key.str() != "description") {
      return Err{unknown_key(key.str(), kKeys, source)};
    }
    const auto* text = node.as_string();
    if (text == nullptr) return Err{source + ": " + std::string(key.str()) + " is not a text"};
    (key.str() == "name" ? name : description) = text->get();
  }
  return name + "=" + description;
}

Text list_text(const toml::array& array, char separator, const std::string& source) {
  std::string joined;
  for (const toml::node& item : array) {
    std::optional<std::string> text = scalar_text(item);
    if (const auto* table = item.as_table()) {
      Text event_type = event_type_text(*table, source);
      if (!event_type) return event_type;
      text = *event_type;
    }
    if (!text) return Err{source + ": an item is neither text nor number"};
    if (text->find(separator) != std::string::npos) {
      return Err{source + ": '" + *text + "' holds a '" + separator + "'"};
    }
    if (!joined.empty()) joined += separator;
    joined += *text;
  }
  return joined;
}

Text value_text(const Setting& setting, const toml::node& node, const std::string& source) {
  if (const auto text = scalar_text(node)) return *text;
  const auto* array = node.as_array();
  if (array != nullptr && setting.separator != '\0') {
    return list_text(*array, setting.separator, source);
  }
  return Err{source + ": must be " + (setting.separator == '\0' ? "a single value" : "a list")};
}

}  // namespace

Result<std::vector<FileValue>, std::string> read_toml(std::string_view content,
                                                      const std::string& path) {
  toml::table file;
  try {
    file = toml::parse(content, path);
  } catch (const toml::parse_error& error) {
    return Err{at_line(path, error.source()) + ": " + std::string(error.description())};
  }
  std::vector<std::string> known;
  for (const Setting& setting : settings()) known.push_back(setting.name);

  std::vector<FileValue> values;
  for (const auto& [key, node] : file) {
    const std::string where = at_line(path, key.source());
    const Setting* setting = find_setting(key.str());
    if (setting == nullptr) return Err{unknown_key(key.str(), known, where)};
    const std::string source = setting->name + " in " + where;
    Text text = value_text(*setting, node, source);
    if (!text) return Err{text.error()};
    values.push_back({setting->name, *std::move(text), source});
  }
  return values;
}

}  // namespace skyhook::config
