#include "logging/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>

#include "base/utf8.h"

namespace skyhook::log {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%fZ %-7l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})";

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
    case Level::off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

struct Log {
  Log() : logger("skyhook", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    set(Level::info, Format::text);
  }
  void set(Level new_level, Format new_format) {
    level = new_level;
    format = new_format;
    logger.set_level(to_spdlog(new_level));
    logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        new_format == Format::json ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
  }

  spdlog::logger logger;
  std::atomic<Level> level{Level::info};
  std::atomic<Format> format{Format::text};
};

// Never destroyed: threads may still write while the process exits.
Log& the_log() {
  static Log* const instance = new Log;
  return *instance;
}

void append_hex_escape(std::string& out, const char* prefix, unsigned value, int digits) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%s%0*x", prefix, digits, value);
  out += buffer.data();
}

void append_control(std::string& out, std::string_view character, Format format) {
  if (character == "\n") {
    out += "\\n";
  } else if (character == "\r") {
    out += "\\r";
  } else if (character == "\t") {
    out += "\\t";
  } else {
    const auto code = static_cast<unsigned char>(character.back());
    append_hex_escape(out, format == Format::json ? "\\u" : "\\x", code,
                      format == Format::json ? 4 : 2);
  }
}

// How many characters from the front are written as they are, whatever the format.
std::size_t plain_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' &&
         text[i] != '\\') {
    ++i;
  }
  return i;
}

// The inside of a quoted string, or plain text; in both, one line whatever was handed in.
void append_escaped(std::string& out, std::string_view text, Format format, bool quoted) {
  while (!text.empty()) {
    // Most of it needs no look at each character.
    const std::size_t plain = plain_prefix(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t length = utf8_character_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    if (length == 0) {
      if (format == Format::json) {
        out += "\\ufffd";
      } else {
        append_hex_escape(out, "\\x", static_cast<unsigned char>(character[0]), 2);
      }
    } else if (is_control_character(character)) {
      append_control(out, character, format);
    } else if (quoted && (character == "\"" || character == "\\")) {
      out += '\\';
      out += character;
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, Format::json, true);
  out += '"';
}

std::string json_line(std::string_view message, std::initializer_list<Field> fields) {
  std::string line = "\"message\":";
  append_json_string(line, message);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    if (field.is_number) {
      line += std::to_string(field.number);
    } else {
      append_json_string(line, field.text);
    }
  }
  return line;
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=\\") != std::string_view::npos;
}

std::string text_line(std::string_view message, std::initializer_list<Field> fields) {
  std::string line;
  append_escaped(line, message, Format::text, false);
  for (const Field& field : fields) {
    line += ' ';
    append_escaped(line, field.name, Format::text, false);
    line += '=';
    if (field.is_number) {
      line += std::to_string(field.number);
      continue;
    }
    const bool quoted = needs_quotes(field.text);
    if (quoted) line += '"';
    append_escaped(line, field.text, Format::text, quoted);
    if (quoted) line += '"';
  }
  return line;
}

}  // namespace

void configure(Level level, Format format) {
  the_log().set(level, format);
}

bool enabled(Level level) {
  return level >= the_log().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level) || level == Level::off) return;
  Log& log = the_log();
  const std::string line =
      log.format == Format::json ? json_line(message, fields) : text_line(message, fields);
  log.logger.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace skyhook::log
