// The TOML file, read into the texts that flags and variables would carry. toml++ stays in
// toml_file.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/event_types.h"

namespace skyhook::config {

struct FileValue {
  std::string setting;
  std::string text;
  std::string source;                       // "timeout in skyhook.toml, line 3"
  std::vector<EventTypeEntry> event_types;  // of `[[event_types]]`, in place of the text
};

// Every key is that of a setting; lists are arrays or one text, `event_types` is an array of
// tables. The error is one line.
Result<std::vector<FileValue>, std::string> read_toml(std::string_view content,
                                                      const std::string& path);

}  // namespace skyhook::config
