#include "config/event_types.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "config/read_file.h"
#include "domain/catalogue.h"
#include "schema/schema.h"

namespace skyhook::config {
namespace {

using Problem = std::optional<std::string>;

constexpr std::size_t kEventTypeNameLimit = 100;
constexpr std::string_view kOperatorEventPrefix = "operator.";  // notices/operator_events.h

Problem judge_name(std::string_view name) {
  const bool is_valid =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
      std::string_view::npos;
  if (name.empty() || name.size() > kEventTypeNameLimit || !is_valid) {
    return "has an event type that is not 1 to " + std::to_string(kEventTypeNameLimit) +
           " letters, digits, '.', '_' or '-'";
  }
  if (!name.starts_with(kOperatorEventPrefix)) return std::nullopt;
  return "has '" + std::string(name) + "', but names that begin with '" +
         std::string(kOperatorEventPrefix) + "' are Skyhook's own";
}

// The text itself, or what the file behind `@` holds. The error says what is wrong with it.
Result<std::string, std::string> read_text(const std::string& given, std::size_t limit,
                                           const std::filesystem::path& folder) {
  if (!given.starts_with('@')) return given;
  const std::filesystem::path path = folder / given.substr(1);
  auto text = read_file(path.string(), limit);
  if (!text) return Err{"cannot be read from '" + path.string() + "': " + text.error()};
  return text;
}

// The schema of an object that may hold anything.
const schema::Schema& any_object() {
  static const schema::Schema object = *schema::Schema::compile(R"({"type": "object"})");
  return object;
}

// One entry; the first thing that is wrong with it ends the reading.
class Reader {
 public:
  Reader(const EventTypeEntry& entry, const std::string& folder) : entry_(entry), folder_(folder) {}

  Result<EventType, std::string> read() {
    EventType type{.name = entry_.name, .description = entry_.description};
    if (Problem problem = judge_name(type.name)) return Err{*problem};
    if (Problem problem = read_schema(type))
      return Err{"has '" + type.name + "', whose " + *problem};
    if (Problem problem = read_example(type))
      return Err{"has '" + type.name + "', whose " + *problem};
    return type;
  }

 private:
  Problem read_schema(EventType& type) {
    if (entry_.schema.empty()) {
      if (entry_.is_checked) return "check = true needs a schema";
      return std::nullopt;
    }
    const auto text = read_text(entry_.schema, schema::kSchemaBytesLimit, folder_);
    if (!text) return "schema " + text.error();
    const auto compiled = schema::Schema::compile(*text);
    if (!compiled) return "schema is wrong: " + compiled.error();
    schema_ = *compiled;
    type.schema = *text;
    if (entry_.is_checked) {
      type.check = [schema = *compiled](std::string_view data) { return schema.check(data); };
    }
    return std::nullopt;
  }

  Problem read_example(EventType& type) {
    if (entry_.example.empty()) return std::nullopt;
    const auto text = read_text(entry_.example, kExampleBytesLimit, folder_);
    if (!text) return "example " + text.error();
    if (text->size() > kExampleBytesLimit) {
      return "example is larger than " + std::to_string(kExampleBytesLimit) + " bytes";
    }
    if (any_object().check(*text)) return "example is not a JSON object";
    if (schema_) {
      if (const Problem fault = schema_->check(*text)) {
        return "example does not fit its schema: " + *fault;
      }
    }
    type.example = *text;
    return std::nullopt;
  }

  const EventTypeEntry& entry_;
  const std::string& folder_;
  std::optional<schema::Schema> schema_;
};

}  // namespace

Problem set_event_types(ServeConfig& config, const std::vector<EventTypeEntry>& entries,
                        const std::string& folder) {
  if (entries.size() > kOwnEventTypeLimit) {
    return "has more than " + std::to_string(kOwnEventTypeLimit) + " event types";
  }
  std::vector<EventType> types;
  std::set<std::string> names;
  const Catalogue built_in;
  std::size_t bytes = 0;
  for (const EventTypeEntry& entry : entries) {
    auto type = Reader(entry, folder).read();
    if (!type) return type.error();
    if (type->name == kTestEventType || built_in.contains(type->name))
      return "has '" + type->name + "', which is built in";
    if (!names.insert(type->name).second) return "has '" + type->name + "' twice";
    bytes += type->schema.size() + type->example.size();
    types.push_back(std::move(type).value());
  }
  if (bytes > kCatalogueBytesLimit) {
    return "has more than " + std::to_string(kCatalogueBytesLimit) +
           " bytes of schemas and examples together";
  }
  config.event_types = std::move(types);
  return std::nullopt;
}

}  // namespace skyhook::config
