#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace skyhook::cli {
namespace {

constexpr std::size_t kHelpWidth = 100 - kHelpColumn;

}  // namespace

std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column != 0) {
      const bool fits = column + 1 + end <= kHelpWidth;
      out += fits ? ' ' : '\n';
      column = fits ? column + 1 : 0;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& line,
                      const std::string& paragraph) {
  CLI::App* command = parent.add_subcommand(name, line);
  command->preparse_callback(
      [command, paragraph](std::size_t) { command->description(paragraph); });
  return command;
}

}  // namespace skyhook::cli
