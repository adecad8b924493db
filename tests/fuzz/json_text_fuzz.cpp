// JSON as the command line lays it out, what it shows of foreign bytes, and the position that it
// keeps in a file.
#include "base/utf8.h"
#include "cli/json_text.h"
#include "cli/log_position.h"
#include "fuzz.h"
#include "json_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace skyhook;
  using namespace skyhook::fuzz;
  const std::string text = text_of(data, size);
  if (cli::is_json(text)) {
    require(fuzz::is_json(text), "what is accepted is JSON");
    const std::string compact = cli::compact_json(text);
    require(fuzz::is_json(compact), "compact JSON is JSON");
    const std::string indented = cli::indent_json(text, "  ");
    require(fuzz::is_json(indented), "indented JSON is JSON");
    require(cli::compact_json(indented) == compact, "no byte of a token changes");
  }
  require(fuzz::is_json(cli::quote_json(text)), "a quoted text is JSON");
  std::string shown = cli::printable(text);
  for (std::string_view rest = shown; !rest.empty();) {
    const std::size_t length = utf8_character_length(rest);
    require(length > 0 && !is_control_character(rest.substr(0, length)),
            "no command reaches a terminal");
    rest.remove_prefix(length);
  }
  (void)cli::parse_log_page(text);
  if (const auto position = cli::LogPosition::from_json(text)) {
    const std::string written = position->to_json();
    const auto again = cli::LogPosition::from_json(written);
    require(again && again->to_json() == written, "a position reads back");
    require(!position->is_new({.id = 1, .created_at = position->horizon() - Micros{1}}),
            "what lies before the horizon is not new");
  }
  return 0;
}
