#include "config/settings.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/encoding.h"
#include "config/event_types.h"
#include "domain/account.h"
#include "net/address_guard.h"
#include "net/http_server.h"
#include "net/proxy.h"
#include "net/url.h"
#include "signing/secrets.h"

namespace skyhook::config {
namespace {

using Problem = std::optional<std::string>;
constexpr Problem kNoProblem = std::nullopt;

constexpr std::size_t kNameLimit = 100;
constexpr std::size_t kHeaderPrefixLimit = 64;
constexpr std::size_t kOperatorTokenLimit = 255;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The trimmed items; none of an empty text.
std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> items;
  while (!trim(text).empty()) {
    const std::size_t end = text.find(separator);
    items.emplace_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return items;
}

std::string join(const std::vector<std::string>& items, char separator) {
  std::string joined;
  for (const std::string& item : items) {
    if (!joined.empty()) joined += separator;
    joined += item;
  }
  return joined;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string with_dashes(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

Setting make(const std::string& name, std::string placeholder, std::string help) {
  Setting setting;
  setting.name = name;
  setting.flag = "--" + with_dashes(name);
  setting.variable = "SKYHOOK_" + upper_case(name);
  setting.placeholder = std::move(placeholder);
  setting.help = std::move(help);
  return setting;
}

Setting text_setting(const std::string& name, std::string placeholder,
                     std::string ServeConfig::*field,
                     std::function<Problem(std::string_view)> check, std::string help) {
  Setting setting = make(name, std::move(placeholder), std::move(help));
  setting.parse = [field, check = std::move(check)](ServeConfig& config, std::string_view text) {
    Problem problem = check(text);
    if (!problem) config.*field = std::string(text);
    return problem;
  };
  setting.show = [field](const ServeConfig& config) { return config.*field; };
  return setting;
}

Setting secret_setting(const std::string& name, std::string placeholder,
                       std::string ServeConfig::*field,
                       std::function<Problem(std::string_view)> check, std::string help) {
  Setting setting =
      text_setting(name, std::move(placeholder), field, std::move(check), std::move(help));
  setting.is_secret = true;
  setting.show = [](const ServeConfig&) { return std::string(); };
  return setting;
}

Setting number_setting(const std::string& name, int ServeConfig::*field, int lowest, int highest,
                       std::string help) {
  Setting setting = make(name, "N", std::move(help));
  setting.range = std::to_string(lowest) + " to " + std::to_string(highest);
  setting.parse = [=, range = setting.range](ServeConfig& config,
                                             std::string_view text) -> Problem {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc{} && end == text.data() + text.size();
    if (!is_number || value < lowest || value > highest) {
      return "is not a whole number from " + range;
    }
    config.*field = value;
    return kNoProblem;
  };
  setting.show = [field](const ServeConfig& config) { return std::to_string(config.*field); };
  return setting;
}

Setting duration_setting(const std::string& name, Millis ServeConfig::*field, Millis shortest,
                         Millis longest, std::string help) {
  Setting setting = make(name, "DURATION", std::move(help));
  setting.range = format_duration(shortest) + " to " + format_duration(longest);
  setting.parse = [=](ServeConfig& config, std::string_view text) -> Problem {
    const auto value = text == "0" ? Millis{0} : parse_duration(text);
    if (!value) return "is not a duration such as 30s or 2m";
    if (*value < shortest || *value > longest) {
      return "is not between " + format_duration(shortest) + " and " + format_duration(longest);
    }
    config.*field = *value;
    return kNoProblem;
  };
  setting.show = [field](const ServeConfig& config) { return format_duration(config.*field); };
  return setting;
}

Setting switch_setting(const std::string& name, bool ServeConfig::*field, std::string help) {
  Setting setting = make(name, "", std::move(help));
  setting.parse = [field](ServeConfig& config, std::string_view text) -> Problem {
    const bool is_true = text == "true" || text == "1" || text == "yes" || text == "on";
    const bool is_false = text == "false" || text == "0" || text == "no" || text == "off";
    if (!is_true && !is_false) return "is neither true nor false";
    config.*field = is_true;
    return kNoProblem;
  };
  setting.show = [field](const ServeConfig& config) { return config.*field ? "true" : "false"; };
  return setting;
}

template <class Value>
struct Choice {
  std::string name;
  Value value;
};

template <class Value>
Setting choice_setting(const std::string& name, Value ServeConfig::*field,
                       std::vector<Choice<Value>> choices, std::string help) {
  std::vector<std::string> names;
  names.reserve(choices.size());
  for (const auto& choice : choices) names.push_back(choice.name);
  Setting setting = make(name, join(names, '|'), std::move(help));
  setting.parse = [=](ServeConfig& config, std::string_view text) -> Problem {
    for (const auto& choice : choices) {
      if (text != choice.name) continue;
      config.*field = choice.value;
      return kNoProblem;
    }
    return "is none of " + join(names, ' ');
  };
  setting.show = [=](const ServeConfig& config) {
    for (const auto& choice : choices) {
      if (config.*field == choice.value) return choice.name;
    }
    return std::string();
  };
  return setting;
}

Problem check_listen(std::string_view text) {
  if (net::parse_listen_address(text)) return kNoProblem;
  return "is not an address such as 127.0.0.1:8080, [::1]:8080 or :8080";
}

Problem check_data_dir(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return "is not a directory's path";
  return kNoProblem;
}

Problem check_database_url(std::string_view text) {
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) return kNoProblem;
  return "is not a URL such as postgres://user@host/database";
}

Problem check_operator_token(std::string_view text) {
  const bool is_visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!text.empty() && text.size() <= kOperatorTokenLimit && is_visible) return kNoProblem;
  return "is not 1 to " + std::to_string(kOperatorTokenLimit) +
         " visible ASCII characters without spaces";
}

Problem check_master_key(std::string_view text) {
  if (signing::SecretBox::from_master_key(text)) return kNoProblem;
  return "is not 32 bytes as 64 hex digits or as base64 (openssl rand -hex 32 makes one)";
}

Problem check_operator_webhook(std::string_view text) {
  if (net::parse_url(text)) return kNoProblem;
  return "is not a URL such as https://example.com/skyhook";
}

// As Standard Webhooks has secrets.
Problem check_webhook_secret(std::string_view text) {
  constexpr std::string_view kPrefix = "whsec_";
  constexpr std::size_t kShortest = 24;
  constexpr std::size_t kLongest = 64;
  if (text.starts_with(kPrefix)) {
    const auto key = from_base64(text.substr(kPrefix.size()));
    if (key && key->size() >= kShortest && key->size() <= kLongest) return kNoProblem;
  }
  return "is not whsec_ and the base64 of 24 to 64 bytes";
}

Problem check_header_prefix(std::string_view text) {
  const bool is_token = std::ranges::all_of(
      text, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
  if (text.empty() || text.size() > kHeaderPrefixLimit || !is_token) {
    return "is not the beginning of a header name such as X-Skylight-";
  }
  // webhook-timestamp and webhook-signature are the other dialect's.
  if (upper_case(std::string(text)) == "WEBHOOK-")
    return "belongs to the Standard Webhooks headers";
  return kNoProblem;
}

Problem check_sender_name(std::string_view text) {
  const bool has_control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (trim(text).empty() || text.size() > kNameLimit || has_control) {
    return "is not a name of 1 to " + std::to_string(kNameLimit) + " bytes";
  }
  return kNoProblem;
}

Problem check_ca_file(std::string_view text) {
  if (::access(std::string(text).c_str(), R_OK) == 0) return kNoProblem;
  return "is not a file that can be read";
}

Problem check_proxy(std::string_view text) {
  if (net::parse_proxy(text)) return kNoProblem;
  return "is not a proxy such as http://user:password@10.0.0.1:3128";
}

Problem check_dns_servers(std::string_view text) {
  for (const std::string& server : split(text, ',')) {
    const auto with_port = net::parse_listen_address(server);
    const bool is_literal_with_port =
        with_port && with_port->port != 0 && net::parse_ip(with_port->host).has_value();
    if (!net::parse_ip(server) && !is_literal_with_port) {
      return "is not a list of addresses such as 9.9.9.9,127.0.0.1:5353";
    }
  }
  return kNoProblem;
}

Setting allow_networks_setting() {
  Setting setting = make("allow_networks", "CIDR",
                         "networks that webhooks may point at although they are not public");
  setting.flag = "--allow-network";
  setting.separator = ',';
  setting.parse = [](ServeConfig& config, std::string_view text) -> Problem {
    std::vector<std::string> networks = split(text, ',');
    const bool all_are_networks = std::ranges::all_of(
        networks, [](const std::string& n) { return net::parse_cidr(n).has_value(); });
    if (!all_are_networks) return "is not a list of networks such as 127.0.0.0/8,fd00::/8";
    config.allow_networks = std::move(networks);
    return kNoProblem;
  };
  setting.show = [](const ServeConfig& config) { return join(config.allow_networks, ','); };
  return setting;
}

Setting retry_schedule_setting() {
  Setting setting = make("retry_schedule", "LIST",
                         "delays before the second, third, … attempt; none: never retry");
  setting.separator = ',';
  setting.range =
      std::to_string(kScheduleLimit) + " of at most " + format_duration(kScheduleDelayLimit);
  setting.parse = [](ServeConfig& config, std::string_view text) -> Problem {
    auto schedule = parse_retry_schedule(text == "none" ? "" : text);
    if (!schedule) return "is not a list of up to 20 durations of at most 30d such as 2m,10m,30m";
    config.retry_schedule = *std::move(schedule);
    return kNoProblem;
  };
  setting.show = [](const ServeConfig& config) {
    std::vector<std::string> delays;
    for (const Millis delay : config.retry_schedule.delays) {
      delays.push_back(format_duration(delay));
    }
    return delays.empty() ? "none" : join(delays, ',');
  };
  return setting;
}

Setting event_types_setting() {
  Setting setting =
      make("event_types", "NAME=DESCRIPTION", "event types besides the eleven built in");
  setting.flag = "--event-type";
  setting.separator = ';';
  setting.parse = [](ServeConfig& config, std::string_view text) -> Problem {
    std::vector<EventTypeEntry> entries;
    for (const std::string& item : split(text, ';')) {
      const std::size_t equals = std::min(item.find('='), item.size());
      EventTypeEntry& entry = entries.emplace_back();
      entry.name = trim(std::string_view(item).substr(0, equals));
      if (equals < item.size()) entry.description = trim(std::string_view(item).substr(equals + 1));
    }
    return set_event_types(config, entries, "");
  };
  setting.show = [](const ServeConfig& config) {
    std::vector<std::string> items;
    for (const EventType& type : config.event_types) {
      items.push_back(type.name + "=" + type.description);
    }
    return join(items, ';');
  };
  return setting;
}

Problem check_kafka_brokers(std::string_view text) {
  const std::vector<std::string> brokers = split(text, ',');
  const bool all_have_ports = std::ranges::all_of(brokers, [](const std::string& broker) {
    const auto address = net::parse_listen_address(broker);
    const bool is_visible = std::ranges::all_of(broker, [](char c) { return c > ' ' && c < 0x7f; });
    return is_visible && broker.rfind(':') != std::string::npos && !broker.starts_with(':') &&
           (!address || address->port != 0);
  });
  if (!brokers.empty() && all_have_ports) return kNoProblem;
  return "is not a list of brokers such as kafka1:9092,kafka2:9092";
}

// A topic's or a group's.
Problem check_kafka_name(std::string_view text) {
  constexpr std::size_t kLimit = 190;  // kafka/record.h: what is made of it has to fit a key
  const bool is_valid = std::ranges::all_of(
      text, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  if (!text.empty() && text.size() <= kLimit && is_valid) return kNoProblem;
  return "is not 1 to " + std::to_string(kLimit) + " letters, digits, '.', '_' or '-'";
}

Setting kafka_properties_setting() {
  Setting setting = make("kafka_properties", "NAME=VALUE",
                         "properties of librdkafka, one a line: TLS, SASL and whatever else");
  setting.flag = "--kafka-property";
  setting.separator = '\n';
  setting.is_secret = true;
  setting.parse = [](ServeConfig& config, std::string_view text) -> Problem {
    std::vector<std::pair<std::string, std::string>> properties;
    for (const std::string& line : split(text, '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      const std::size_t equals = line.find('=');
      const std::string_view name = trim(std::string_view(line).substr(0, equals));
      if (equals == std::string::npos || name.empty()) {
        return "has a line that is not NAME=VALUE such as security.protocol=sasl_ssl";
      }
      properties.emplace_back(name, trim(std::string_view(line).substr(equals + 1)));
    }
    config.kafka_properties = std::move(properties);
    return kNoProblem;
  };
  setting.show = [](const ServeConfig&) { return std::string(); };
  return setting;
}

class Table {
 public:
  void group(std::string name) { group_ = std::move(name); }
  void add(Setting setting) {
    setting.group = group_;
    settings_.push_back(std::move(setting));
  }
  std::vector<Setting> take() { return std::move(settings_); }

 private:
  std::string group_;
  std::vector<Setting> settings_;
};

void add_server_settings(Table& table) {
  using C = ServeConfig;
  table.group("Server");
  table.add(text_setting("listen", "ADDRESS", &C::listen, check_listen,
                         "where the API listens; :8080 is every address of the machine"));
  Setting data = text_setting("data", "DIR", &C::data_dir, check_data_dir,
                              "directory of the embedded store and of the operator token");
  table.add(std::move(data));
  table.add(secret_setting("database_url", "URL", &C::database_url, check_database_url,
                           "PostgreSQL in place of the embedded store"));
  table.add(secret_setting("operator_token", "TOKEN", &C::operator_token, check_operator_token,
                           "the operator's key; made on first start and kept in the data directory "
                           "where none is given"));
  table.add(secret_setting("master_key", "KEY", &C::master_key, check_master_key,
                           "32 bytes in hex or base64 that encrypt webhook secrets at rest"));
  // URLs of receivers often hold a token.
  table.add(secret_setting("operator_webhook", "URL", &C::operator_webhook, check_operator_webhook,
                           "where the operator is told of webhooks switched off, deliveries failed "
                           "for good and accounts over their limits"));
  table.add(secret_setting("operator_webhook_secret", "SECRET", &C::operator_webhook_secret,
                           check_webhook_secret,
                           "what those events are signed with: whsec_ and the base64 of 24 to 64 "
                           "bytes"));
  table.add(number_setting("rate_limit", &C::rate_limit, 0, 1'000'000,
                           "requests a minute for each API key; 0: no limit"));
  table.add(number_setting("max_connections", &C::max_connections, 10, 100'000,
                           "connections of API clients at once"));
  table.add(switch_setting("open_metrics", &C::open_metrics,
                           "serve /metrics without the operator token"));
  table.add(duration_setting("retention", &C::retention, Millis{0}, std::chrono::hours{24 * 3650},
                             "how long settled deliveries stay in the log; 0: for ever"));
  table.add(duration_setting("shutdown_timeout", &C::shutdown_timeout, Seconds{1},
                             std::chrono::minutes{10},
                             "how long what is in flight may take to finish after SIGTERM"));
}

void add_delivery_settings(Table& table) {
  using C = ServeConfig;
  table.group("Delivery");
  table.add(retry_schedule_setting());
  table.add(duration_setting("timeout", &C::timeout, Millis{100}, std::chrono::minutes{5},
                             "for one attempt, from the name to the last byte of the answer"));
  table.add(duration_setting("switch_off_after", &C::switch_off_after, Millis{0},
                             std::chrono::hours{24 * 90},
                             "switch a webhook off after this time of nothing but failures; 0: "
                             "never"));
  table.add(duration_setting("first_attempt_target", &C::first_attempt_target, Millis{0},
                             kLongestFirstAttemptTarget,
                             "how soon after its publish an event's first attempt is to begin, for "
                             "accounts without a target of their own; 0: none"));
  table.add(switch_setting("allow_http", &C::allow_http,
                           "accept webhook URLs without TLS, for development"));
  table.add(allow_networks_setting());
  table.add(text_setting("header_prefix", "PREFIX", &C::header_prefix, check_header_prefix,
                         "of the vendor's headers"));
  table.add(text_setting("sender_name", "NAME", &C::sender_name, check_sender_name,
                         "who the test message says that it is from"));
  table.add(event_types_setting());
  table.add(text_setting("ca_file", "FILE", &C::ca_file, check_ca_file,
                         "PEM certificates to trust in place of the system's"));
  table.add(text_setting("dns_servers", "LIST", &C::dns_servers, check_dns_servers,
                         "name servers in place of the system's"));
  table.add(secret_setting("proxy", "URL", &C::proxy, check_proxy,
                           "an HTTP proxy that all deliveries go through: "
                           "http://[user:password@]host[:port]"));
}

void add_sizing_settings(Table& table) {
  using C = ServeConfig;
  table.group("Sizing");
  table.add(number_setting("network_threads", &C::network_threads, 1, 64,
                           "threads that receive requests and send deliveries"));
  table.add(number_setting("max_in_flight", &C::max_in_flight, 1, 16'000,
                           "attempts at once over all webhooks"));
  table.add(number_setting("max_in_flight_per_webhook", &C::max_in_flight_per_webhook, 1, 1'000,
                           "attempts at once for one webhook while its receiver keeps up"));
  table.add(
      number_setting("lane_memory", &C::lane_memory, 16, 10'000,
                     "waiting deliveries of one webhook held in memory; the rest waits in the "
                     "store"));
  table.add(number_setting("memory_budget_mib", &C::memory_budget_mib, 1, 65'536,
                           "MiB of waiting payloads held in memory over all webhooks"));
}

void add_kafka_settings(Table& table) {
  using C = ServeConfig;
  table.group("Kafka");
  table.add(text_setting("kafka_brokers", "LIST", &C::kafka_brokers, check_kafka_brokers,
                         "brokers to ask first, host:port; none: nothing is read from Kafka"));
  table.add(text_setting("kafka_topic", "NAME", &C::kafka_topic, check_kafka_name,
                         "the topic whose records are published"));
  table.add(text_setting("kafka_group", "NAME", &C::kafka_group, check_kafka_name,
                         "the consumer group, the same on all nodes"));
  table.add(text_setting("kafka_dead_letter_topic", "NAME", &C::kafka_dead_letter_topic,
                         check_kafka_name,
                         "where records go that can never be published; the topic's name and "
                         ".dead-letter where none is given"));
  table.add(choice_setting<KafkaAccount>(
      "kafka_account", &C::kafka_account,
      {{"key", KafkaAccount::key}, {"header", KafkaAccount::header}},
      "where a record names its account: its key, or its header account"));
  table.add(kafka_properties_setting());
}

void add_log_settings(Table& table) {
  using C = ServeConfig;
  table.group("Log");
  table.add(choice_setting<log::Level>("log", &C::log_level,
                                       {{"debug", log::Level::debug},
                                        {"info", log::Level::info},
                                        {"warn", log::Level::warn},
                                        {"error", log::Level::error},
                                        {"off", log::Level::off}},
                                       "the least important lines to write to standard error"));
  table.add(choice_setting<log::Format>("log_format", &C::log_format,
                                        {{"text", log::Format::text}, {"json", log::Format::json}},
                                        "readable lines, or one JSON object a line"));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = [] {
    Table made;
    add_server_settings(made);
    add_delivery_settings(made);
    add_sizing_settings(made);
    add_kafka_settings(made);
    add_log_settings(made);
    return made.take();
  }();
  return table;
}

const Setting* find_setting(std::string_view name) {
  const auto found = std::ranges::find(settings(), name, &Setting::name);
  return found == settings().end() ? nullptr : &*found;
}

std::optional<std::string> nearest_name(std::string_view text,
                                        const std::vector<std::string>& known) {
  constexpr std::size_t kLongestText = 64;
  if (text.size() > kLongestText) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t smallest = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(text, name);
    if (distance >= smallest) continue;
    smallest = distance;
    nearest = name;
  }
  return nearest;
}

std::string settings_as_markdown() {
  const ServeConfig defaults;
  std::string text =
      "| Flag | Variable | Key in the file | Default | Range | Meaning |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const Setting& setting : settings()) {
    std::string placeholder = setting.placeholder;
    for (std::size_t bar = placeholder.find('|'); bar != std::string::npos;
         bar = placeholder.find('|', bar + 2)) {
      placeholder.insert(bar, "\\");
    }
    const std::string shown = setting.show(defaults);
    text += "| `" + setting.flag + (placeholder.empty() ? "" : " " + placeholder) + "` | `" +
            setting.variable + (setting.is_secret ? "` (`…_FILE`)" : "`") + " | `" + setting.name +
            "` | " + (shown.empty() ? "" : "`" + shown + "`") + " | " + setting.range + " | " +
            setting.help + " |\n";
  }
  return text;
}

}  // namespace skyhook::config
