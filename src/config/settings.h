// The table of settings: the one source for flags, environment variables, keys of the file,
// validation, `--help` and docs/settings.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace skyhook::config {

struct Setting {
  std::string name;      // the key in the TOML file, such as "retry_schedule"
  std::string flag;      // "--retry-schedule"
  std::string variable;  // "SKYHOOK_RETRY_SCHEDULE"
  std::string
      placeholder;  // of the value, for help: "LIST"; empty: a switch, whose flag alone means true
  std::string range;       // what a number or durations may be: "1 to 64"; else empty
  std::string group;       // heading in help
  std::string help;        // one line, lower case, without a full stop
  bool is_secret = false;  // not echoed in errors; `<variable>_FILE` names a file that holds it
  char separator = '\0';   // between the items of a list, whose flag may be repeated; '\0': no list

  // Puts the value into the config. What is wrong with it otherwise: "is not a duration such as 30s
  // or 2m".
  std::function<std::optional<std::string>(ServeConfig&, std::string_view text)> parse;
  // The present value as `parse` reads it; empty for secrets.
  std::function<std::string(const ServeConfig&)> show;
};

// Made once, constant afterwards; in the order of help.
const std::vector<Setting>& settings();
// nullptr where there is none of that name.
const Setting* find_setting(std::string_view name);
// Of `known`, the one that `text` is probably a slip of.
std::optional<std::string> nearest_name(std::string_view text,
                                        const std::vector<std::string>& known);

// The table for people, in Markdown, as docs/settings.md holds it.
std::string settings_as_markdown();

}  // namespace skyhook::config
