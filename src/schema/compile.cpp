#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <unordered_map>
#include <utility>

#include "base/json_reader.h"
#include "schema/rules.h"
#include "schema/schema.h"
#include "schema/values.h"

namespace skyhook::schema {

namespace json = boost::json;

namespace {

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

// What `format` may name. Judged by shape: a 30th of February is a date.
#define SKYHOOK_DATE "\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])"
#define SKYHOOK_TIME \
  "([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
#define SKYHOOK_BYTE "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
struct Format {
  std::string_view name;
  std::string_view expression;
};
constexpr std::array kFormats{
    Format{"date", "^" SKYHOOK_DATE "$"},
    Format{"time", "^" SKYHOOK_TIME "$"},
    Format{"date-time", "^" SKYHOOK_DATE "[Tt]" SKYHOOK_TIME "$"},
    Format{"email", "^[^\\s@]+@[^\\s@]+$"},
    Format{"ipv4", "^(" SKYHOOK_BYTE "\\.){3}" SKYHOOK_BYTE "$"},
    Format{"uri", "^[A-Za-z][A-Za-z0-9+.-]*:[^\\s<>\"{}|\\\\^`]*$"},
    Format{"uuid", "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"},
};
#undef SKYHOOK_DATE
#undef SKYHOOK_TIME
#undef SKYHOOK_BYTE

constexpr std::array kTypes{
    std::pair{std::string_view("null"), kNull},
    std::pair{std::string_view("boolean"), kBoolean},
    std::pair{std::string_view("integer"), kInteger},
    std::pair{std::string_view("number"), kNumber},
    std::pair{std::string_view("string"), kString},
    std::pair{std::string_view("array"), kArray},
    std::pair{std::string_view("object"), kObject},
};

// The versions whose keywords are known; where they differ, the later one holds.
constexpr std::array<std::string_view, 3> kVersions{"http://json-schema.org/draft-07/schema",
                                                    "https://json-schema.org/draft/2019-09/schema",
                                                    "https://json-schema.org/draft/2020-12/schema"};

class Compiler {
 public:
  explicit Compiler(const json::value& whole) : whole_(whole) {}

  Result<Compiled, std::string> run() {
    subschema(whole_, "");
    if (problem_.empty()) refuse_endless();
    if (!problem_.empty()) return Err{problem_};
    return std::move(compiled_);
  }

 private:
  using Where = const std::string&;
  using Reader = void (Compiler::*)(const json::value&, Rules&, Where);

  // The first problem is the one that is told; what is compiled after it does not matter.
  void refuse(Where where, const std::string& reason) {
    if (problem_.empty()) problem_ = "\"" + where + "\": " + reason;
  }

  RulesId subschema(const json::value& schema, Where where) {
    if (const auto known = places_.find(&schema); known != places_.end()) return known->second;
    const RulesId id = compiled_.rules.size();
    if (id >= kSubschemasLimit) {
      refuse(where, "there are more than " + std::to_string(kSubschemasLimit) + " subschemas");
      return kNoRules;
    }
    places_.emplace(&schema, id);
    Rules& rules = compiled_.rules.emplace_back();
    if (const bool* truth = schema.if_bool()) {
      rules.refuses_all = !*truth;
    } else if (const json::object* object = schema.if_object()) {
      read_keywords(*object, rules, where);
    } else {
      refuse(where, "is neither an object nor true or false");
    }
    return id;
  }

  void read_keywords(const json::object& object, Rules& rules, Where where);

  // --- kinds of values ---

  const json::object* object_of(const json::value& value, Where where) {
    const json::object* object = value.if_object();
    if (object == nullptr) refuse(where, "is not an object");
    return object;
  }

  const json::array* array_of(const json::value& value, Where where) {
    const json::array* array = value.if_array();
    if (array == nullptr) refuse(where, "is not an array");
    return array;
  }

  std::string text_of(const json::value& value, Where where) {
    if (const json::string* text = value.if_string()) return std::string(view(*text));
    refuse(where, "is not a text");
    return {};
  }

  std::size_t count_of(const json::value& value, Where where) {
    if (is_integer(value) && number_of(value) >= 0) {
      return static_cast<std::size_t>(std::min(number_of(value), 1e15L));
    }
    refuse(where, "is not a whole number from 0 on");
    return 0;
  }

  Bound bound_of(const json::value& value, Where where) {
    if (!value.is_number()) {
      refuse(where, "is not a number");
      return {};
    }
    Bound bound{number_of(value), {}};
    append_canonical(bound.text, value);
    return bound;
  }

  Pattern pattern_of(std::string_view text, std::string_view shown, Where where) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemoryBytes);
    auto expression =
        std::make_shared<const re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
    if (!expression->ok()) refuse(where, "is no pattern that RE2 reads: " + expression->error());
    return {std::move(expression), std::string(shown)};
  }

  std::vector<std::string> texts_of(const json::value& value, Where where) {
    std::vector<std::string> texts;
    if (const json::array* array = array_of(value, where)) {
      for (const json::value& item : *array) texts.push_back(text_of(item, where));
    }
    return texts;
  }

  std::vector<RulesId> subschemas_of(const json::value& value, Where where) {
    std::vector<RulesId> ids;
    if (const json::array* array = array_of(value, where)) {
      if (array->empty()) refuse(where, "is empty");
      for (const json::value& item : *array) {
        ids.push_back(subschema(item, where + "/" + std::to_string(ids.size())));
      }
    }
    return ids;
  }

  std::vector<std::pair<std::string, RulesId>> named_subschemas(const json::value& value,
                                                                Where where) {
    std::vector<std::pair<std::string, RulesId>> named;
    if (const json::object* object = object_of(value, where)) {
      for (const auto& [name, schema] : *object) {
        named.emplace_back(name, subschema(schema, where + "/" + std::string(name)));
      }
    }
    return named;
  }

  // --- keywords ---

  void annotation(const json::value&, Rules&, Where) {}

  void version(const json::value& value, Rules&, Where where) {
    std::string text = text_of(value, where);
    if (text.ends_with('#')) text.pop_back();
    if (std::ranges::find(kVersions, text) == kVersions.end()) {
      refuse(where, "'" + text + "' is none of the versions draft-07, 2019-09 and 2020-12");
    }
  }

  void identifier(const json::value& value, Rules&, Where where) {
    (void)text_of(value, where);
    if (where != "/$id") refuse(where, "only the schema as a whole may have an $id");
  }

  void definitions(const json::value& value, Rules&, Where where) {
    (void)named_subschemas(value, where);
  }

  void type(const json::value& value, Rules& rules, Where where) {
    const std::vector<std::string> names =
        value.is_array() ? texts_of(value, where) : std::vector{text_of(value, where)};
    rules.types = 0;
    for (const std::string& name : names) {
      const auto* known =
          std::ranges::find(kTypes, name, [](const auto& one) { return one.first; });
      if (known == kTypes.end()) return refuse(where, "'" + name + "' is no type");
      rules.types |= known->second;
    }
  }

  void enumeration(const json::value& value, Rules& rules, Where where) {
    rules.allowed.emplace();
    if (const json::array* array = array_of(value, where)) {
      for (const json::value& item : *array) {
        std::string text;
        append_canonical(text, item);
        rules.allowed->insert(std::move(text));
      }
    }
  }

  void constant(const json::value& value, Rules& rules, Where) {
    rules.constant.emplace();
    append_canonical(*rules.constant, value);
  }

  template <auto Member>
  void bound(const json::value& value, Rules& rules, Where where) {
    rules.*Member = bound_of(value, where);
  }

  void multiple_of(const json::value& value, Rules& rules, Where where) {
    rules.multiple_of = bound_of(value, where);
    if (rules.multiple_of->value <= 0) refuse(where, "is not above 0");
  }

  template <auto Member>
  void count(const json::value& value, Rules& rules, Where where) {
    rules.*Member = count_of(value, where);
  }

  void pattern(const json::value& value, Rules& rules, Where where) {
    const std::string text = text_of(value, where);
    rules.patterns.push_back(pattern_of(text, "the pattern " + text, where));
  }

  void format(const json::value& value, Rules& rules, Where where) {
    const std::string name = text_of(value, where);
    const auto* known = std::ranges::find(kFormats, name, &Format::name);
    if (known == kFormats.end())
      return refuse(where, "'" + name + "' is not checked here: leave it out");
    rules.patterns.push_back(pattern_of(known->expression, "the format " + name, where));
  }

  template <auto Member>
  void one(const json::value& value, Rules& rules, Where where) {
    rules.*Member = subschema(value, where);
  }

  template <auto Member>
  void several(const json::value& value, Rules& rules, Where where) {
    rules.*Member = subschemas_of(value, where);
  }

  // An array is how draft-07 writes `prefixItems`; `items` is then its `additionalItems`.
  void items(const json::value& value, Rules& rules, Where where) {
    if (!value.is_array()) {
      rules.items = subschema(value, where);
    } else if (!value.get_array().empty()) {
      rules.prefix_items = subschemas_of(value, where);
    }
  }

  void unique_items(const json::value& value, Rules& rules, Where where) {
    if (!value.is_bool()) return refuse(where, "is neither true nor false");
    rules.unique_items = value.get_bool();
  }

  void properties(const json::value& value, Rules& rules, Where where) {
    for (auto& [name, id] : named_subschemas(value, where)) rules.properties.emplace(name, id);
  }

  void pattern_properties(const json::value& value, Rules& rules, Where where) {
    for (const auto& [text, id] : named_subschemas(value, where)) {
      rules.pattern_properties.emplace_back(pattern_of(text, "", where), id);
    }
  }

  void required(const json::value& value, Rules& rules, Where where) {
    rules.required = texts_of(value, where);
  }

  void dependent_required(const json::value& value, Rules& rules, Where where) {
    if (const json::object* object = object_of(value, where)) {
      for (const auto& [name, names] : *object) {
        rules.dependent_required.emplace_back(name, texts_of(names, where));
      }
    }
  }

  void dependent_schemas(const json::value& value, Rules& rules, Where where) {
    for (auto& named : named_subschemas(value, where)) rules.dependent_schemas.push_back(named);
  }

  // draft-07's word for both of the above.
  void dependencies(const json::value& value, Rules& rules, Where where) {
    const json::object* object = object_of(value, where);
    if (object == nullptr) return;
    for (const auto& [name, wanted] : *object) {
      const std::string place = where + "/" + std::string(name);
      if (wanted.is_array()) {
        rules.dependent_required.emplace_back(name, texts_of(wanted, place));
      } else {
        rules.dependent_schemas.emplace_back(name, subschema(wanted, place));
      }
    }
  }

  // `#` and `#/a/JSON/Pointer`: within the schema only. Nothing is ever fetched.
  void reference(const json::value& value, Rules& rules, Where where) {
    const std::string text = text_of(value, where);
    if (!text.starts_with('#') || (text.size() > 1 && text[1] != '/')) {
      return refuse(where, "'" + text + "' is not a place in this schema such as #/$defs/name");
    }
    boost::system::error_code fault;
    const std::string pointer = unescaped(text.substr(1));
    const json::value* target = whole_.find_pointer(pointer, fault);
    if (target == nullptr) return refuse(where, "'" + text + "' is not there");
    rules.reference = subschema(*target, pointer);
  }

  // A fragment's percent signs. One that is none stays as it is: nothing is found there.
  static std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::string digits = text[i] == '%' ? text.substr(i + 1, 2) : "";
      const bool is_escape =
          digits.size() == 2 &&
          digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
      out += is_escape ? static_cast<char>(std::stoi(digits, nullptr, 16)) : text[i];
      if (is_escape) i += 2;
    }
    return out;
  }

  // --- a schema that asks for itself before it goes into the data would never end ---

  static std::vector<RulesId> held_against_the_same(const Rules& rules) {
    std::vector<RulesId> ids{rules.reference, rules.negated, rules.condition, rules.consequence,
                             rules.alternative};
    for (const auto* list : {&rules.all_of, &rules.any_of, &rules.one_of}) {
      ids.insert(ids.end(), list->begin(), list->end());
    }
    for (const auto& named : rules.dependent_schemas) ids.push_back(named.second);
    std::erase(ids, kNoRules);
    return ids;
  }

  void refuse_endless() {
    enum class Mark { fresh, open, done };
    std::vector<Mark> marks(compiled_.rules.size(), Mark::fresh);
    const auto visit = [&](const auto& self, RulesId id) -> void {
      if (marks[id] == Mark::open) {
        return refuse("", "a $ref leads back to itself without going into the data");
      }
      if (marks[id] == Mark::done) return;
      marks[id] = Mark::open;
      for (const RulesId next : held_against_the_same(compiled_.rules[id])) self(self, next);
      marks[id] = Mark::done;
    };
    for (RulesId id = 0; id < marks.size(); ++id) visit(visit, id);
  }

  struct Keyword {
    std::string_view name;
    Reader read;
  };
  static const std::vector<Keyword>& keywords();

  const json::value& whole_;
  Compiled compiled_;
  std::unordered_map<const json::value*, RulesId> places_;
  std::string problem_;
};

const std::vector<Compiler::Keyword>& Compiler::keywords() {
  using C = Compiler;
  using R = Rules;
  static const std::vector<Keyword> table{
      {"$schema", &C::version},
      {"$id", &C::identifier},
      {"$ref", &C::reference},
      {"$defs", &C::definitions},
      {"definitions", &C::definitions},
      {"$comment", &C::annotation},
      {"title", &C::annotation},
      {"description", &C::annotation},
      {"default", &C::annotation},
      {"examples", &C::annotation},
      {"deprecated", &C::annotation},
      {"readOnly", &C::annotation},
      {"writeOnly", &C::annotation},
      {"type", &C::type},
      {"enum", &C::enumeration},
      {"const", &C::constant},
      {"minimum", &C::bound<&R::minimum>},
      {"maximum", &C::bound<&R::maximum>},
      {"exclusiveMinimum", &C::bound<&R::above>},
      {"exclusiveMaximum", &C::bound<&R::below>},
      {"multipleOf", &C::multiple_of},
      {"minLength", &C::count<&R::min_length>},
      {"maxLength", &C::count<&R::max_length>},
      {"pattern", &C::pattern},
      {"format", &C::format},
      {"prefixItems", &C::several<&R::prefix_items>},
      {"items", &C::items},
      {"additionalItems", &C::one<&R::items>},
      {"contains", &C::one<&R::contains>},
      {"minContains", &C::count<&R::min_contains>},
      {"maxContains", &C::count<&R::max_contains>},
      {"minItems", &C::count<&R::min_items>},
      {"maxItems", &C::count<&R::max_items>},
      {"uniqueItems", &C::unique_items},
      {"properties", &C::properties},
      {"patternProperties", &C::pattern_properties},
      {"additionalProperties", &C::one<&R::additional_properties>},
      {"propertyNames", &C::one<&R::property_names>},
      {"required", &C::required},
      {"minProperties", &C::count<&R::min_properties>},
      {"maxProperties", &C::count<&R::max_properties>},
      {"dependentRequired", &C::dependent_required},
      {"dependentSchemas", &C::dependent_schemas},
      {"dependencies", &C::dependencies},
      {"allOf", &C::several<&R::all_of>},
      {"anyOf", &C::several<&R::any_of>},
      {"oneOf", &C::several<&R::one_of>},
      {"not", &C::one<&R::negated>},
      {"if", &C::one<&R::condition>},
      {"then", &C::one<&R::consequence>},
      {"else", &C::one<&R::alternative>},
  };
  return table;
}

void Compiler::read_keywords(const json::object& object, Rules& rules, Where where) {
  for (const auto& [name, value] : object) {
    const auto known = std::ranges::find(keywords(), std::string_view(name), &Keyword::name);
    if (known == keywords().end()) {
      return refuse(where, "'" + std::string(name) + "' is not a keyword that is checked here");
    }
    // Beside a plain `items`, draft-07 lets `additionalItems` mean nothing.
    if (name == "additionalItems" && (!object.contains("items") || !object.at("items").is_array()))
      continue;
    (this->*known->read)(value, rules, where + "/" + std::string(name));
  }
}

}  // namespace

Result<Schema, std::string> Schema::compile(std::string_view text) {
  if (text.size() > kSchemaBytesLimit) {
    return Err{"it is larger than " + std::to_string(kSchemaBytesLimit) + " bytes"};
  }
  const auto whole = read_json(text, kSchemaDepthLimit);
  if (!whole) return Err{"it is not valid JSON: " + whole.error()};
  auto compiled = Compiler(*whole).run();
  if (!compiled) return Err{compiled.error()};
  return Schema(std::make_shared<const Compiled>(std::move(compiled).value()));
}

}  // namespace skyhook::schema
