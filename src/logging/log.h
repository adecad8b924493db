// The log: one line a fact, readable or as one JSON object a line, to standard error. Facade over
// spdlog, which stays in log.cpp. Secrets, API keys, tokens and payloads never go into a field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace skyhook::log {

enum class Level { debug, info, warn, error, off };
enum class Format { text, json };

// A named value of a log line: `{"webhook", id}`. Refers to what it was made from: only for the
// call that it is an argument of.
struct Field {
  Field(std::string_view key, std::string_view value) : name(key), text(value) {}
  Field(std::string_view key, const char* value) : name(key), text(value) {}
  Field(std::string_view key, const std::string& value) : name(key), text(value) {}
  Field(std::string_view key, std::int64_t value) : name(key), number(value), is_number(true) {}
  Field(std::string_view key, int value) : Field(key, std::int64_t{value}) {}
  Field(std::string_view key, std::size_t value) : Field(key, static_cast<std::int64_t>(value)) {}
  std::string_view name;
  std::string_view text;
  std::int64_t number = 0;
  bool is_number = false;
};

// Once, before other threads run. Default: info, text.
void configure(Level level, Format format);
bool enabled(Level level);
// Any thread.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  if (enabled(Level::debug)) write(Level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::info, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::warn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::error, m, f);
}

}  // namespace skyhook::log
