#include "config/toml_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <iterator>
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

// One `[[event_types]]`.
Result<EventTypeEntry, std::string> event_type(const toml::table& table,
                                               const std::string& source) {
  static const std::vector<std::string> kKeys{"name", "description", "schema", "example", "check"};
  EventTypeEntry entry;
  const std::pair<std::string_view, std::string*> texts[] = {{"name", &entry.name},
                                                             {"description", &entry.description},
                                                             {"schema", &entry.schema},
                                                             {"example", &entry.example}};
  for (const auto& [key, node] : table) {
    if (key.str() == "check") {
      const auto* check = node.as_boolean();
      if (check == nullptr) return Err{source + ": check is neither true nor false"};
      entry.is_checked = check->get();
      continue;
    }
    const auto* known =
        std::ranges::find(texts, key.str(), [](const auto& one) { return one.first; });
    if (known == std::end(texts)) return Err{unknown_key(key.str(), kKeys, source)};
    const auto* text = node.as_string();
    if (text == nullptr) return Err{source + ": " + std::string(key.str()) + " is not a text"};
    *known->second = text->get();
  }
  return entry;
}

// An array of tables, as only `event_types` may be.
Result<std::vector<EventTypeEntry>, std::string> event_types(const toml::array& array,
                                                             const std::string& path) {
  std::vector<EventTypeEntry> entries;
  for (const toml::node& item : array) {
    const std::string source = "event_types in " + at_line(path, item.source());
    const auto* table = item.as_table();
    if (table == nullptr) return Err{source + ": an item is neither text nor table"};
    auto entry = event_type(*table, source);
    if (!entry) return Err{entry.error()};
    entries.push_back(std::move(entry).value());
  }
  return entries;
}

Text list_text(const toml::array& array, char separator, const std::string& source) {
  std::string joined;
  for (const toml::node& item : array) {
    const std::optional<std::string> text = scalar_text(item);
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
    const auto* array = node.as_array();
    if (setting->name == "event_types" && array != nullptr && array->is_array_of_tables()) {
      auto entries = event_types(*array, path);
      if (!entries) return Err{entries.error()};
      values.push_back({setting->name, "", source, std::move(entries).value()});
      continue;
    }
    Text text = value_text(*setting, node, source);
    if (!text) return Err{text.error()};
    values.push_back({setting->name, *std::move(text), source, {}});
  }
  return values;
}

}  // namespace skyhook::config
