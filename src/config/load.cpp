#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "config/event_types.h"
#include "config/read_file.h"
#include "config/settings.h"
#include "config/toml_file.h"

namespace skyhook::config {
namespace {

constexpr std::string_view kVariablePrefix = "SKYHOOK_";
constexpr const char* kFileVariable = "SKYHOOK_CONFIG";
constexpr std::size_t kShortestGoodToken = 20;
constexpr std::size_t kValueShown = 200;   // bytes of a wrong value in its error
constexpr std::size_t kErrorShown = 1000;  // bytes of an error that quotes a file

// On one line and of bounded length, whatever was given.
std::string printable(std::string_view text, std::size_t limit = kValueShown) {
  std::string shown(text.substr(0, limit));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > limit ? shown + "…" : shown;
}

using Problem = std::optional<std::string>;  // a whole error line

class Loader {
 public:
  explicit Loader(const Input& input) : input_(input) {}

  Result<Loaded, std::string> run() {
    for (const auto step :
         {&Loader::apply_file, &Loader::apply_environment, &Loader::apply_flags}) {
      if (const Problem problem = (this->*step)()) return Err{*problem};
    }
    warn_of_unknown_variables();
    warn_of_weak_token();
    return std::move(loaded_);
  }

 private:
  Problem apply(const Setting& setting, std::string_view text, const std::string& source) {
    const auto problem = setting.parse(loaded_.config, text);
    if (!problem) return std::nullopt;
    if (setting.is_secret) return source + ": the value " + *problem;
    return source + ": '" + printable(text) + "' " + *problem;
  }

  std::optional<std::string> variable(const std::string& name) const {
    const auto found = input_.environment.find(name);
    if (found == input_.environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  Problem apply_file() {
    const bool by_flag = !input_.file.empty();
    const std::string path = by_flag ? input_.file : variable(kFileVariable).value_or("");
    if (path.empty()) return std::nullopt;
    const auto content = read_file(path, kConfigFileLimit);
    if (!content) {
      return std::string(by_flag ? "--config" : kFileVariable) + ": cannot read '" +
             printable(path) + "': " + content.error();
    }
    const auto values = read_toml(*content, path);
    if (!values) return printable(values.error(), kErrorShown);
    const std::string folder = std::filesystem::path(path).parent_path().string();
    for (const FileValue& value : *values) {
      if (!value.event_types.empty()) {
        const auto problem = set_event_types(loaded_.config, value.event_types, folder);
        if (problem) return printable(value.source + " " + *problem, kErrorShown);
        continue;
      }
      if (Problem problem = apply(*find_setting(value.setting), value.text, value.source)) {
        return problem;
      }
    }
    return std::nullopt;
  }

  Problem apply_environment() {
    for (const Setting& setting : settings()) {
      const auto value = variable(setting.variable);
      if (setting.is_secret) {
        if (Problem problem = apply_secret_file(setting, value.has_value())) return problem;
      }
      if (!value) continue;
      if (Problem problem = apply(setting, *value, setting.variable)) return problem;
    }
    return std::nullopt;
  }

  Problem apply_secret_file(const Setting& setting, bool also_given_directly) {
    const std::string name = setting.variable + "_FILE";
    const auto path = variable(name);
    if (!path) return std::nullopt;
    if (also_given_directly) {
      return name + ": " + setting.variable + " is set too; only one of them can hold";
    }
    auto content = read_file(*path, kSecretFileLimit);
    if (!content) return name + ": cannot read '" + printable(*path) + "': " + content.error();
    const std::size_t end = content->find_last_not_of("\r\n");
    content->resize(end == std::string::npos ? 0 : end + 1);
    return apply(setting, *content, name);
  }

  Problem apply_flags() {
    for (const Setting& setting : settings()) {
      const auto given = input_.flags.find(setting.name);
      if (given == input_.flags.end()) continue;
      if (Problem problem = apply(setting, given->second, setting.flag)) return problem;
    }
    return std::nullopt;
  }

  void warn_of_unknown_variables() {
    std::vector<std::string> known{kFileVariable};
    known.insert(known.end(), input_.other_variables.begin(), input_.other_variables.end());
    for (const Setting& setting : settings()) {
      known.push_back(setting.variable);
      if (setting.is_secret) known.push_back(setting.variable + "_FILE");
    }
    for (const auto& [name, value] : input_.environment) {
      const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
      if (!name.starts_with(kVariablePrefix) || is_known) continue;
      std::string warning = "unknown variable " + printable(name) + " is ignored";
      if (const auto nearest = nearest_name(name, known)) {
        warning += ", did you mean " + *nearest + "?";
      }
      loaded_.warnings.push_back(std::move(warning));
    }
  }

  void warn_of_weak_token() {
    const std::size_t length = loaded_.config.operator_token.size();
    if (length == 0 || length >= kShortestGoodToken) return;
    loaded_.warnings.push_back("the operator token is shorter than " +
                               std::to_string(kShortestGoodToken) +
                               " characters and may be guessed");
  }

  const Input& input_;
  Loaded loaded_;
};

}  // namespace

Result<Loaded, std::string> load(const Input& input) {
  return Loader(input).run();
}

}  // namespace skyhook::config
