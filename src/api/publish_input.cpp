#include "api/publish_input.h"

#include <simdjson.h>

#include <boost/json.hpp>

#include "api/text.h"
#include "base/json_reader.h"

namespace skyhook::api {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kKeptParserBytes = 256 * 1024;       // larger bodies get parsers of their own
constexpr std::size_t kParserDepth = kJsonDepthLimit + 1;  // simdjson counts the document as well

struct Parsers {
  simdjson::dom::parser whole;
  ondemand::parser fields;
};

// A field as it was found: nothing of it is copied before it is known to be wanted.
struct Found {
  bool present = false;  // neither absent nor null
  bool is_string = false;
  bool is_object = false;
  std::optional<std::int64_t> integer;
  std::string text;      // of a string, trimmed
  std::string_view raw;  // of an object, byte for byte
};

struct FoundItem {
  bool is_object = false;
  Found account_id;
  Found event;
  Found data;
  Found idempotency_key;
};

Found read_value(ondemand::value& value) {
  Found found;
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return found;
  found.present = type != ondemand::json_type::null;
  if (type == ondemand::json_type::string) {
    std::string_view text;
    if (value.get_string().get(text) == simdjson::SUCCESS) found.text = trimmed(text);
    found.is_string = true;
    found.present = !found.text.empty();
  } else if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (value.get_object().get(object) == simdjson::SUCCESS &&
        object.raw_json().get(found.raw) == simdjson::SUCCESS) {
      found.raw = trimmed(found.raw);  // it reaches up to the next token
      found.is_object = true;
    }
  } else if (type == ondemand::json_type::number) {
    std::int64_t number = 0;
    if (value.get_int64().get(number) == simdjson::SUCCESS) found.integer = number;
  }
  return found;
}

// The last of several fields of a name counts, as in every other JSON reader here.
FoundItem read_fields(ondemand::object object) {
  FoundItem item;
  item.is_object = true;
  for (auto field : object) {
    std::string_view key;
    ondemand::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
        field.value().get(value) != simdjson::SUCCESS) {
      break;
    }
    if (key == "event") {
      item.event = read_value(value);
    } else if (key == "data") {
      item.data = read_value(value);
    } else if (key == "idempotency_key") {
      item.idempotency_key = read_value(value);
    } else if (key == "account_id") {
      item.account_id = read_value(value);
    }
  }
  return item;
}

// On-demand reading does not judge what it skips: this does. Numbers beyond 64 bits are JSON too,
// but not to this parser's document; the slower one decides then.
bool is_valid_json(std::string_view padded, simdjson::dom::parser& parser) {
  simdjson::dom::element root;
  const auto fault = parser.parse(padded.data(), padded.size(), false).get(root);
  if (fault == simdjson::NUMBER_ERROR) {
    // An exponent past 31 bits ends that parser before it has judged the rest: refused, or whatever
    // follows would be passed on.
    return read_json(padded, kJsonDepthLimit).ok();
  }
  return fault == simdjson::SUCCESS;
}

// Runs `use` with the body's top-level object; false where the body is not a JSON object.
bool with_object(std::string& body, const std::function<void(ondemand::object)>& use) {
  thread_local Parsers kept;
  std::optional<Parsers> own;
  if (body.size() > kKeptParserBytes) own.emplace();
  Parsers& parsers = own ? *own : kept;
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  if (parsers.whole.max_depth() != kParserDepth || parsers.whole.capacity() < body.size()) {
    if (parsers.whole.allocate(body.size(), kParserDepth) != simdjson::SUCCESS) return false;
  }
  if (!is_valid_json(body, parsers.whole)) return false;
  ondemand::document document;
  ondemand::object object;
  const simdjson::padded_string_view padded(body.data(), body.size(),
                                            body.size() + simdjson::SIMDJSON_PADDING);
  if (parsers.fields.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return false;
  }
  use(object);
  return true;
}

std::string field_message(const std::string& prefix, std::string_view field,
                          std::string_view rest) {
  return "The " + shown_name(prefix + std::string(field)) + " field " + std::string(rest);
}

// The event's type, or nullptr with the error.
const EventType* judge_event(const Found& event, const std::string& prefix,
                             const Catalogue& catalogue, FieldErrors& errors) {
  const std::string field = prefix + "event";
  const EventType* type = nullptr;
  if (!event.present) {
    errors.add(field, field_message(prefix, "event", "is required."));
  } else if (!event.is_string) {
    errors.add(field, field_message(prefix, "event", "must be a string."));
  } else if (type = catalogue.find(event.text); type == nullptr) {
    errors.add(field, "The selected " + shown_name(field) + " is invalid.");
  }
  return type;
}

// `type`: of the event, where there is one; its schema is asked where it is to be checked.
void judge_data(const Found& data, const EventType* type, const std::string& prefix,
                FieldErrors& errors) {
  if (!data.present) {
    errors.add(prefix + "data", field_message(prefix, "data", "is required."));
  } else if (!data.is_object) {
    errors.add(prefix + "data", field_message(prefix, "data", "must be an object."));
  } else if (data.raw.size() > intake::kEventBodyLimit) {
    errors.add(prefix + "data",
               field_message(prefix, "data", "must not be greater than 256 kilobytes."));
  } else if (type != nullptr && type->check) {
    if (const auto fault = type->check(data.raw)) {
      errors.add(prefix + "data",
                 field_message(prefix, "data",
                               "does not fit the schema of " + type->name + ": " + *fault + "."));
    }
  }
}

void judge_idempotency_key(const Found& key, const std::string& prefix, FieldErrors& errors) {
  if (!key.present) return;
  const std::string field = prefix + "idempotency_key";
  if (!key.is_string) {
    errors.add(field, field_message(prefix, "idempotency_key", "must be a string."));
  } else if (!is_storable(key.text)) {
    errors.add(field, field_message(prefix, "idempotency_key", "format is invalid."));
  } else if (count_characters(key.text) > kIdempotencyKeyLimit) {
    errors.add(field, field_message(prefix, "idempotency_key",
                                    "must not be greater than 255 characters."));
  }
}

void judge_account(const Found& account, const std::string& prefix,
                   const std::function<bool(AccountId)>& account_exists, FieldErrors& errors) {
  const std::string field = prefix + "account_id";
  if (!account.present) {
    errors.add(field, field_message(prefix, "account_id", "is required."));
  } else if (!account.integer) {
    errors.add(field, field_message(prefix, "account_id", "must be an integer."));
  } else if (!account_exists(AccountId{*account.integer})) {
    errors.add(field, "The selected " + shown_name(field) + " is invalid.");
  }
}

intake::PublishItem make_item(AccountId account, FoundItem& found) {
  intake::PublishItem item;
  item.account = account;
  item.type = std::move(found.event.text);
  item.data = std::string(found.data.raw);
  if (found.idempotency_key.present) item.idempotency_key = std::move(found.idempotency_key.text);
  return item;
}

// Of a single event.
void judge_item(AccountId account, FoundItem& found, const Catalogue& catalogue,
                PublishInput& input) {
  const EventType* type = judge_event(found.event, "", catalogue, input.errors);
  judge_data(found.data, type, "", input.errors);
  judge_idempotency_key(found.idempotency_key, "", input.errors);
  if (input.errors.empty()) input.items.push_back(make_item(account, found));
}

void read_batch_item(ondemand::value value, std::size_t index, const Catalogue& catalogue,
                     const std::function<bool(AccountId)>& account_exists, PublishInput& input) {
  const std::string name = "events." + std::to_string(index);
  const std::string prefix = name + ".";
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return input.errors.add(name, "The " + name + " field must be an object.");
  }
  FoundItem found = read_fields(object);
  judge_account(found.account_id, prefix, account_exists, input.errors);
  const EventType* type = judge_event(found.event, prefix, catalogue, input.errors);
  judge_data(found.data, type, prefix, input.errors);
  judge_idempotency_key(found.idempotency_key, prefix, input.errors);
  if (!input.errors.empty()) return;
  input.items.push_back(make_item(AccountId{*found.account_id.integer}, found));
}

void read_batch_events(ondemand::value value, const Catalogue& catalogue,
                       const std::function<bool(AccountId)>& account_exists, PublishInput& input) {
  // Of several `events` the last one counts.
  input.errors = {};
  input.items.clear();
  if (!read_value(value).present) {
    return input.errors.add("events", "The events field is required.");
  }
  ondemand::array items;
  if (value.get_array().get(items) != simdjson::SUCCESS) {
    return input.errors.add("events", "The events field must be an array.");
  }
  std::size_t count = 0;
  for (auto element : items) {
    ondemand::value item;
    // NOLINTNEXTLINE(performance-move-const-arg): only an rvalue can be asked.
    if (std::move(element).get(item) != simdjson::SUCCESS) break;
    if (count < intake::kBatchEventLimit) {
      read_batch_item(item, count, catalogue, account_exists, input);
    }
    ++count;
  }
  if (count == 0) input.errors.add("events", "The events field must have at least 1 items.");
  if (count > intake::kBatchEventLimit) {
    input.errors = {};
    input.errors.add("events", "The events field must not have more than 1000 items.");
  }
}

}  // namespace

PublishInput read_publish(std::string& body, AccountId account, const Catalogue& catalogue) {
  PublishInput input;
  input.is_json_object = with_object(body, [&](ondemand::object object) {
    FoundItem found = read_fields(object);
    judge_item(account, found, catalogue, input);
  });
  return input;
}

PublishInput read_publish_batch(std::string& body, const Catalogue& catalogue,
                                const std::function<bool(AccountId)>& account_exists) {
  PublishInput input;
  input.is_json_object = with_object(body, [&](ondemand::object object) {
    bool found = false;
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
          field.value().get(value) != simdjson::SUCCESS) {
        break;
      }
      if (key != "events") continue;
      found = true;
      read_batch_events(value, catalogue, account_exists, input);
    }
    if (!found) input.errors.add("events", "The events field is required.");
  });
  return input;
}

PublishInput read_publish_parts(PublishParts parts, const Catalogue& catalogue) {
  const auto text = [](std::string_view given) {
    return Found{.present = !trimmed(given).empty(),
                 .is_string = true,
                 .integer = std::nullopt,
                 .text = std::string(trimmed(given)),
                 .raw = {}};
  };
  PublishInput input;
  FoundItem found;
  found.event = text(parts.event);
  found.idempotency_key = text(parts.idempotency_key);
  input.is_json_object = with_object(parts.data, [&](ondemand::object) {
    found.data.present = true;
    found.data.is_object = true;
    found.data.raw = trimmed(parts.data);
    judge_item(parts.account, found, catalogue, input);
  });
  return input;
}

}  // namespace skyhook::api
