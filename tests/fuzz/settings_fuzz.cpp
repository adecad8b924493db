// The TOML file and the text of every setting. What is accepted reads back as the same; what is not
// is refused in one line.
#include <algorithm>

#include "config/load.h"
#include "config/settings.h"
#include "config/toml_file.h"
#include "fuzz.h"

namespace skyhook::fuzz {
namespace {

void check_setting(const config::Setting& setting, const std::string& text) {
  config::ServeConfig config;
  const auto problem = setting.parse(config, text);
  if (problem) {
    require(problem->find('\n') == std::string::npos, "a problem is one line");
    return;
  }
  if (setting.is_secret) {
    require(setting.show(config).empty(), "secrets are not shown");
    return;
  }
  const std::string shown = setting.show(config);
  config::ServeConfig again;
  // A list may have become empty, which only its absence spells.
  if (shown.empty()) return;
  require(!setting.parse(again, shown), "what is shown is accepted");
  require(setting.show(again) == shown, "and means the same");
}

// Of a value as a flag; empty: none.
std::string error_of(const config::Setting& setting, const std::string& text) {
  config::Input input;
  input.flags[setting.name] = text;
  const auto loaded = config::load(input);
  return loaded ? "" : loaded.error();
}

void check_flag(const config::Setting& setting, const std::string& text) {
  const std::string error = error_of(setting, text);
  if (error.empty()) return;
  require(std::ranges::none_of(error, [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
          "an error is one line");
  require(error.starts_with(setting.flag), "an error names its source");
  if (!setting.is_secret || text.size() < 8 || error.find(text) == std::string::npos) return;
  require(error_of(setting, "\x01").find(text) != std::string::npos,
          "a secret is not echoed, but for words that the error has anyway");
}

}  // namespace
}  // namespace skyhook::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  const auto file = config::read_toml(text, "skyhook.toml");
  if (file) {
    for (const config::FileValue& value : *file) {
      const config::Setting* setting = config::find_setting(value.setting);
      require(setting != nullptr, "every value is of a setting");
      check_setting(*setting, value.text);
    }
  } else {
    require(file.error().starts_with("skyhook.toml") ||
                file.error().find(" in skyhook.toml") != std::string::npos,
            "an error says where");
  }
  for (const config::Setting& setting : config::settings()) check_setting(setting, text);
  // Loading everything is slow: one setting each time.
  check_flag(config::settings()[seed_of(text) % config::settings().size()], text);
  return 0;
}
