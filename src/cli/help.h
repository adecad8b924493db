// How help is laid out, for all commands alike.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace skyhook::cli {

inline constexpr std::size_t kHelpColumn = 38;  // where what an option is for begins

// The help of one option, broken at spaces to fit 100 columns; the formatter aligns the lines.
std::string wrapped(std::string_view text);

// `line` stands in the list of commands, `paragraph` (with its line breaks) in the command's own
// help. The command belongs to `parent`.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& line,
                      const std::string& paragraph);

}  // namespace skyhook::cli
