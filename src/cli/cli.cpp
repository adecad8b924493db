#include "cli/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/version.h"
#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/integrator_commands.h"
#include "cli/json_text.h"
#include "cli/receive.h"
#include "config/load.h"
#include "config/settings.h"
#include "logging/log.h"
#include "net/http_server.h"
#include "signing/ed25519.h"

namespace skyhook::cli {
namespace {

constexpr const char* kAbout =
    "Skyhook delivers webhooks: it takes events from your platform, sends each to every webhook\n"
    "that subscribed, signed, retries what fails and keeps a log of it all.";

constexpr const char* kAboutFooter = R"(Begin here:
  skyhook serve --allow-http --allow-network 127.0.0.0/8
  skyhook account create --name "My company"
  skyhook receive --secret whsec_...
  skyhook publish --account 1 --event contact.created --data '{"id":1}'

'skyhook COMMAND --help' tells more of each.)";

constexpr const char* kServeFooter =
    R"(Flags win over the SKYHOOK_... variables in brackets, those over the TOML file. A secret may also
be read from a file: SKYHOOK_MASTER_KEY_FILE=/run/secrets/master-key.

Examples:
  skyhook serve
      the API at http://127.0.0.1:8080, everything kept in ./skyhook-data; the operator's token
      is made there, in the file operator-token
  skyhook serve --allow-http --allow-network 127.0.0.0/8
      for development: webhooks may point at this machine
  SKYHOOK_MASTER_KEY=$(openssl rand -hex 32) skyhook serve --listen :8080 --data /var/lib/skyhook
      webhook secrets encrypted at rest (keep the key: without it they are lost))";

constexpr const char* kReceiveFooter = R"(Examples:
  skyhook receive --secret whsec_...
      verify and print what arrives at http://127.0.0.1:4000/
  skyhook receive --secret whsec_... --fail-first 2
      see retries: the first two attempts of each delivery get a 500
  skyhook receive --secret whsec_... --delay 45s
      see a timeout
  skyhook receive --secret whsec_... --json | jq .body.data
      for scripts)";

constexpr const char* kBenchFooter =
    R"(Without --server it starts a server of its own on a temporary data directory, so that
nothing else is touched. Everything stays on this machine.

Examples:
  skyhook bench
      20,000 events, one a request, as fast as they are taken
  skyhook bench --rate 1000 --events 20000
      latency from publish to receipt at 1,000 events a second
  skyhook bench --batch 100 --events 100000
      published in batches
  skyhook bench --webhooks 100 --hanging 0.1 --rate 500
      a tenth of the receivers never answers: what do the others notice?)";

constexpr const char* kPublishFooter = R"(Examples:
  skyhook publish --account 1 --event contact.created --data '{"id":1,"name":"Ann"}'
  skyhook publish --account 1 --event contact.created --data @contact.json \
      --idempotency-key order-1042
      published once, however often this is run within 24 hours)";

constexpr const char* kRekeyFooter = R"(Example:
  systemctl stop skyhook
  SKYHOOK_MASTER_KEY_FILE=old-key skyhook rekey --data /var/lib/skyhook --new-master-key-file new-key
  # put the new key where the server reads it, then
  systemctl start skyhook)";

constexpr const char* kMoveFooter =
    R"(What is moved: accounts and their keys, webhooks with their secrets as they are sealed, events, the
log with every attempt, what waits (with its due times), counts, charts, idempotency keys. Ids stay.

The server on the directory must be stopped first, and the database must be empty. A run that was
interrupted is gone on with by the next one. Nothing is delivered twice by it: from its beginning the
directory is not served any more, and the database not before its end. What waits is delivered by the
first server that starts there.

Examples:
  systemctl stop skyhook
  skyhook move --from /var/lib/skyhook --to postgres://skyhook@db/skyhook
      SKYHOOK_MASTER_KEY as for serve: it is checked that the secrets open with it
  SKYHOOK_DATABASE_URL_FILE=/etc/skyhook/database-url skyhook move --from /var/lib/skyhook
      the password on no command line
  skyhook move --from /var/lib/skyhook --undo
      back to the directory, as it was when the move began)";

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string account_id_problem(const std::string& text) {
  const bool is_number = !text.empty() && text.size() < 19 && text != "0" &&
                         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? "" : "'" + text + "' is not the id of an account, such as 1";
}

int usage_error(const std::string& message) {
  std::cerr << "skyhook: " << message << '\n';
  return kUsage;
}

// Where the operator API is and what opens it, from flags, else from the environment.
struct AccessFlags {
  std::string server;
  std::string token;
  std::string data;
};

class CommandLine {
 public:
  explicit CommandLine(const StoreCommands& store_commands)
      : store_commands_(store_commands), environment_(environment()) {
    app_.name("skyhook");
    app_.footer(kAboutFooter);
    app_.set_version_flag("--version", "skyhook " + std::string(kVersion), "print the version");
    app_.get_formatter()->column_width(kHelpColumn);
    app_.require_subcommand(1);
    add_serve();
    add_account();
    add_publish();
    add_receive();
    add_bench();
    add_rekey();
    add_move();
    integrator_commands_.emplace(
        app_,
        IntegratorCommands::Surroundings{
            .environment = environment_,
            .default_server = [this] { return server_url(); },
            .choose = [this](std::function<int()> run) { command_ = std::move(run); },
            .add_operator_access = [this](CLI::App& command) { add_access(command, "--data-dir"); },
            .with_operator_access =
                [this](const std::function<int(const Access&)>& run) { return with_access(run); },
        });
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app_.exit(error);  // --help, --version
      return parse_error(error);
    }
    return command_();
  }

 private:
  int parse_error(const CLI::ParseError& error) const {
    std::string path = "skyhook";
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      path += " " + app->get_name();
    }
    std::string message = error.what();
    // The library says of a mistyped command only that one is required.
    if (app->get_require_subcommand_min() > 0 && !app->remaining().empty()) {
      message = "there is no command '" + app->remaining().front() + "'";
    }
    std::ranges::replace(message, '\n', ' ');
    return usage_error(printable(message) + " (see '" + path + " --help')");
  }

  void add_serve() {
    CLI::App* serve = add_command(
        app_, "serve", "run the server",
        "Runs the server: the API, the delivery of events and their log, in one process.");
    serve->footer(kServeFooter);
    serve
        ->add_option("--config", config_file_,
                     wrapped("TOML file with these settings [SKYHOOK_CONFIG]"))
        ->option_text("FILE");
    const config::ServeConfig defaults;
    for (const config::Setting& setting : config::settings()) {
      add_setting(*serve, setting, setting.show(defaults));
    }
    serve->callback([this, serve] { command_ = [this, serve] { return run_serve(*serve); }; });
  }

  void add_setting(CLI::App& serve, const config::Setting& setting, const std::string& shown) {
    const bool tells_default = !shown.empty() && !setting.placeholder.empty();
    const std::string help =
        wrapped(setting.help + " [" + (tells_default ? shown + "; " : "") + setting.variable + "]");
    CLI::Option* option = nullptr;
    if (setting.placeholder.empty()) {
      option = serve.add_flag(setting.flag, flag_texts_[setting.name], help);
    } else if (setting.separator != '\0') {
      option = serve.add_option(setting.flag, list_texts_[setting.name], help)
                   ->allow_extra_args(false)
                   ->option_text(setting.placeholder + " ...");
    } else {
      option = serve.add_option(setting.flag, flag_texts_[setting.name], help)
                   ->option_text(setting.placeholder);
    }
    option->group(setting.group);
  }

  // What the command's flags, the environment and the file say of the settings.
  config::Input input_of(const CLI::App& command) {
    config::Input input;
    input.environment = environment_;
    input.file = config_file_;
    input.other_variables = {"SKYHOOK_SERVER", "SKYHOOK_SECRET", "SKYHOOK_API_KEY",
                             "SKYHOOK_API_KEY_FILE"};
    for (const config::Setting& setting : config::settings()) {
      if (command.get_option_no_throw(setting.flag) == nullptr ||
          command.count(setting.flag) == 0) {
        continue;
      }
      std::string text = flag_texts_[setting.name];
      const auto list = list_texts_.find(setting.name);
      if (list != list_texts_.end()) {
        text.clear();
        for (const std::string& item : list->second) {
          if (!text.empty()) text += setting.separator;
          text += item;
        }
      }
      input.flags.emplace(setting.name, std::move(text));
    }
    return input;
  }

  // Where the surroundings name a directory, as a container's do, a database's URL wins quietly.
  static std::optional<std::string> two_stores(const CLI::App& command) {
    if (command.count("--data") == 0 || command.count("--database-url") == 0) return std::nullopt;
    return "--data and --database-url: only one of the two stores can hold what is accepted";
  }

  int run_serve(const CLI::App& serve) {
    if (const auto problem = two_stores(serve)) return usage_error(*problem);
    const auto loaded = config::load(input_of(serve));
    if (!loaded) return usage_error(loaded.error());
    log::configure(loaded->config.log_level, loaded->config.log_format);
    for (const std::string& warning : loaded->warnings) log::warn(warning);
    return store_commands_.serve(loaded->config);
  }

  // `data_flags`: without "--data" where --data means something else.
  void add_access(CLI::App& command, const std::string& data_flags) {
    command
        .add_option(
            "--server", access_.server,
            wrapped(
                "URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]"))
        ->option_text("URL")
        ->group("Server");
    command
        .add_option(
            "--operator-token", access_.token,
            wrapped("the operator's key [read from the data directory; SKYHOOK_OPERATOR_TOKEN]"))
        ->option_text("TOKEN")
        ->group("Server");
    command
        .add_option(
            data_flags, access_.data,
            wrapped("data directory of a server on this machine [skyhook-data; SKYHOOK_DATA]"))
        ->option_text("DIR")
        ->group("Server");
  }

  void add_rekey() {
    CLI::App* rekey = add_command(
        app_, "rekey", "encrypt the webhook secrets under another master key",
        "Seals every webhook secret under a new master key. The server must not run meanwhile; "
        "start\n"
        "it with the new key afterwards. Interrupted, it is run again with the same keys.");
    rekey->footer(kRekeyFooter);
    rekey->add_option("--config", config_file_, wrapped("TOML file of the server [SKYHOOK_CONFIG]"))
        ->option_text("FILE");
    for (const char* name : {"data", "database_url"}) {
      add_setting(*rekey, *config::find_setting(name), "");
    }
    rekey
        ->add_option("--new-master-key-file", new_master_key_file_,
                     wrapped("file that holds the new key [SKYHOOK_NEW_MASTER_KEY_FILE, or the key "
                             "itself in SKYHOOK_NEW_MASTER_KEY]"))
        ->option_text("FILE");
    rekey->callback([this, rekey] { command_ = [this, rekey] { return run_rekey(*rekey); }; });
  }

  int run_rekey(const CLI::App& rekey) {
    if (const auto problem = two_stores(rekey)) return usage_error(*problem);
    config::Input input = input_of(rekey);
    input.other_variables.insert({"SKYHOOK_NEW_MASTER_KEY", "SKYHOOK_NEW_MASTER_KEY_FILE"});
    const auto loaded = config::load(input);
    if (!loaded) return usage_error(loaded.error());
    if (new_master_key_file_.empty()) {
      new_master_key_file_ = variable("SKYHOOK_NEW_MASTER_KEY_FILE").value_or("");
    }
    std::string key = variable("SKYHOOK_NEW_MASTER_KEY").value_or("");
    if (!new_master_key_file_.empty()) {
      std::ifstream stream(new_master_key_file_);
      if (!std::getline(stream, key)) {
        return usage_error("'" + printable(new_master_key_file_) + "' cannot be read");
      }
    }
    if (key.empty()) {
      return usage_error("no new master key: give --new-master-key-file or SKYHOOK_NEW_MASTER_KEY");
    }
    return store_commands_.rekey(loaded->config, key);
  }

  void add_move() {
    CLI::App* move = add_command(
        app_, "move", "move everything from the embedded store to PostgreSQL",
        "Copies all that a data directory holds to an empty PostgreSQL database, checks it by "
        "counts,\nand leaves the directory marked as moved.");
    move->footer(kMoveFooter);
    move->add_option("--from", flag_texts_["data"],
                     wrapped("data directory of a server that is stopped"))
        ->required()
        ->option_text("DIR");
    move->add_option("--to", flag_texts_["database_url"],
                     wrapped("the PostgreSQL database [SKYHOOK_DATABASE_URL]"))
        ->option_text("URL");
    move->add_option("--config", config_file_,
                     wrapped("TOML file of the server, for its master key [SKYHOOK_CONFIG]"))
        ->option_text("FILE");
    move->add_flag("--undo", undo_move_,
                   wrapped("serve the directory again: takes the mark of a move away"));
    move->callback([this, move] { command_ = [this, move] { return run_move(*move); }; });
  }

  int run_move(const CLI::App& move) {
    config::Input input = input_of(move);
    for (const auto& [flag, setting] : {std::pair("--from", "data"), {"--to", "database_url"}}) {
      if (move.count(flag) == 0) continue;
      config::ServeConfig judged;
      if (const auto problem = config::find_setting(setting)->parse(judged, flag_texts_[setting])) {
        return usage_error(std::string(flag) + ": the value " + *problem);
      }
      input.flags[setting] = flag_texts_[setting];
    }
    const auto loaded = config::load(input);
    if (!loaded) return usage_error(loaded.error());
    if (undo_move_) return store_commands_.undo_move(loaded->config);
    if (loaded->config.database_url.empty()) {
      return usage_error("where to? give --to or SKYHOOK_DATABASE_URL, a postgres:// URL");
    }
    return store_commands_.move(loaded->config);
  }

  void add_account() {
    CLI::App* account = add_command(app_, "account", "create accounts",
                                    "Creates accounts: an account is a customer of the platform.");
    account->footer("'skyhook account COMMAND --help' tells more of each.");
    account->require_subcommand(1);
    CLI::App* create = add_command(
        *account, "create", "create an account, print its API key",
        "Creates an account on a running server and prints its id and its API key, which is not\n"
        "shown again.");
    create->footer("Example:\n  skyhook account create --name \"My company\"");
    create->add_option("--name", account_create_.name, wrapped("whom the account is for"))
        ->required()
        ->option_text("NAME");
    create->add_flag("--json", account_create_.as_json, "print the server's answer as JSON");
    add_access(*create, "--data,--data-dir");
    create->callback([this] {
      command_ = [this] {
        return with_access(
            [this](const Access& access) { return create_account(access, account_create_); });
      };
    });
  }

  void add_publish() {
    CLI::App* publish = add_command(
        app_, "publish", "publish an event",
        "Publishes one event: every active webhook of the account that subscribed to it gets it.");
    publish->footer(kPublishFooter);
    publish->add_option("--account", publish_.account, wrapped("id of the account"))
        ->required()
        ->check(account_id_problem)
        ->option_text("ID");
    publish->add_option("--event", publish_.event, wrapped("event type, such as contact.created"))
        ->required()
        ->option_text("NAME");
    publish
        ->add_option("--data", publish_.data,
                     wrapped("the event's data: a JSON object, @FILE, or @- for standard input"))
        ->required()
        ->option_text("JSON|@FILE");
    publish
        ->add_option("--idempotency-key", publish_.idempotency_key,
                     wrapped("the same key within 24 h publishes once"))
        ->option_text("KEY");
    publish->add_flag("--json", publish_.as_json, "print the server's answer as JSON");
    add_access(*publish, "--data-dir");
    publish->callback([this] {
      command_ = [this] {
        return with_access([this](const Access& access) { return cli::publish(access, publish_); });
      };
    });
  }

  void add_receive() {
    CLI::App* receive = add_command(
        app_, "receive", "receive, verify and print deliveries",
        "A receiver for trying things out: verifies the signatures of each delivery, prints it,\n"
        "and answers 200 where they are good, 401 where not, or as it is told to.");
    receive->footer(kReceiveFooter);
    receive
        ->add_option("--secret", receive_.secrets,
                     wrapped("the webhook's secret; may be repeated [SKYHOOK_SECRET]"))
        ->allow_extra_args(false)
        ->option_text("SECRET ...");
    receive
        ->add_option("--public-key", receive_.public_keys,
                     wrapped("verifies Ed25519 signatures (whpk_...); may be repeated"))
        ->allow_extra_args(false)
        ->option_text("KEY ...");
    receive->add_option("--listen", receive_.listen, wrapped("where to listen [127.0.0.1:4000]"))
        ->option_text("ADDRESS");
    receive->add_option("--delay", delay_text_, wrapped("wait before each answer [0s]"))
        ->option_text("DURATION");
    receive
        ->add_option("--status", receive_.status,
                     wrapped("answer every delivery so, or those of --fail-first [200]"))
        ->check(CLI::Range(200, 599))
        ->option_text("STATUS");
    receive
        ->add_option(
            "--fail-first", receive_.fail_first,
            wrapped("fail the first N attempts of each delivery, with --status or 500 [0]"))
        ->check(CLI::Range(0, 1000))
        ->option_text("N");
    receive
        ->add_option("--prefix", receive_.header_prefix,
                     wrapped("of the vendor's headers [X-Skylight-]"))
        ->option_text("PREFIX");
    receive->add_flag("--json", receive_.as_json, "print one JSON object a line");
    receive->callback([this] { command_ = [this] { return run_receive(); }; });
  }

  int run_receive() {
    if (receive_.secrets.empty()) {
      if (const auto secret = variable("SKYHOOK_SECRET")) receive_.secrets.push_back(*secret);
    }
    if (std::ranges::find(receive_.secrets, "") != receive_.secrets.end()) {
      return usage_error("--secret: is empty");
    }
    for (const std::string& key : receive_.public_keys) {
      if (signing::Ed25519Verifier::from(key)) continue;
      return usage_error("--public-key: '" + printable(key) +
                         "' is not whpk_ and the base64 of 32 bytes");
    }
    if (!delay_text_.empty()) {
      const auto delay = parse_duration(delay_text_);
      if (!delay || *delay > kReceiveDelayLimit) {
        return usage_error("--delay: '" + printable(delay_text_) +
                           "' is not a duration such as 2s, of at most " +
                           format_duration(kReceiveDelayLimit));
      }
      receive_.delay = *delay;
    }
    return receive(receive_);
  }

  void add_bench() {
    CLI::App* bench = add_command(
        app_, "bench", "measure a server: throughput, latency, CPU, memory",
        "Publishes events to a server, receives what it delivers, and prints what it measured, "
        "beside\n"
        "the limit: the CPU of a bare client that sends the same requests with nothing behind it.");
    bench->footer(kBenchFooter);
    bench::Options& options = bench_;
    const auto number = [&](const char* flag, auto& value, const char* help, double least,
                            double most) {
      bench->add_option(flag, value, wrapped(help))
          ->check(CLI::Range(least, most))
          ->option_text("N");
    };
    number("--events", options.events, "events to publish [20000]", 1, 1e8);
    number("--rate", options.rate, "events a second; 0 is as fast as they are taken [0]", 0, 1e7);
    number("--batch", options.batch, "events a publish request [1]", 1, 1000);
    number("--connections", options.connections, "publish requests at once [64]", 1, 1000);
    number("--webhooks", options.webhooks, "webhooks, each of an account of its own [1]", 1, 1e6);
    number("--data-bytes", options.data_bytes, "size of each event's data [200]", 64, 200'000);
    number("--slow", options.slow, "share of receivers that answer after 500 ms [0]", 0, 1);
    number("--failing", options.failing, "share of receivers that answer 500 [0]", 0, 1);
    number("--hanging", options.hanging, "share of receivers that never answer [0]", 0, 1);
    number("--resetting", options.resetting, "share of receivers that reset the connection [0]", 0,
           1);
    bench->add_flag("--tls", options.tls, "deliver over TLS");
    bench->add_flag_callback(
        "--no-limit", [&options] { options.limit = false; }, "do not measure the bare client");
    bench->add_flag("--json", options.json, "print one JSON object");
    bench
        ->add_option("--server", options.server,
                     wrapped("a server that runs already [one is started]"))
        ->option_text("URL")
        ->group("Server");
    bench
        ->add_option("--operator-token", options.operator_token,
                     wrapped("of that server [SKYHOOK_OPERATOR_TOKEN]"))
        ->option_text("TOKEN")
        ->group("Server");
    bench
        ->add_option("--server-pid", options.server_pid,
                     wrapped("its process, whose CPU time is measured"))
        ->option_text("PID")
        ->group("Server");
    bench
        ->add_option("--data", options.data_dir,
                     wrapped("data directory of the started server [a temporary one]"))
        ->option_text("DIR")
        ->group("Server");
    bench
        ->add_option("--database-url", options.database_url,
                     wrapped("store of the started server [the embedded one]"))
        ->option_text("URL")
        ->group("Server");
    bench->callback([this, bench] { command_ = [this, bench] { return run_bench(*bench); }; });
  }

  int run_bench(const CLI::App& command) {
    if (const auto problem = two_stores(command)) return usage_error(*problem);
    if (bench_.slow + bench_.failing + bench_.hanging + bench_.resetting > 1) {
      return usage_error("--slow, --failing, --hanging and --resetting are shares of one whole");
    }
    if (!bench_.server.empty() && bench_.operator_token.empty()) {
      bench_.operator_token = variable("SKYHOOK_OPERATOR_TOKEN").value_or("");
      if (bench_.operator_token.empty()) return usage_error("--server needs --operator-token");
    }
    bench_.server_command = "/proc/self/exe";
    return bench::run(bench_);
  }

  std::optional<std::string> variable(const std::string& name) const {
    const auto found = environment_.find(name);
    if (found == environment_.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  int with_access(const std::function<int(const Access&)>& run_command) {
    Access access;
    access.server = server_url();
    access.token =
        !access_.token.empty() ? access_.token : variable("SKYHOOK_OPERATOR_TOKEN").value_or("");
    if (access.token.empty()) {
      const auto file = variable("SKYHOOK_OPERATOR_TOKEN_FILE");
      const std::string path = file ? *file : data_directory() + "/operator-token";
      std::ifstream stream(path);
      if (!std::getline(stream, access.token) || access.token.empty()) {
        return usage_error(
            "no operator token: give --operator-token or SKYHOOK_OPERATOR_TOKEN "
            "('" +
            printable(path) + "' cannot be read)");
      }
    }
    return run_command(access);
  }

  // Where nothing names the server, the one that the same environment would start.
  std::string server_url() const {
    if (!access_.server.empty()) return access_.server;
    if (const auto server = variable("SKYHOOK_SERVER")) return *server;
    auto address = net::parse_listen_address(
        variable("SKYHOOK_LISTEN").value_or(config::ServeConfig().listen));
    if (!address) address = net::parse_listen_address(config::ServeConfig().listen);
    const bool is_any =
        address->host.empty() || address->host == "0.0.0.0" || address->host == "::";
    std::string host = is_any ? "127.0.0.1" : address->host;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return "http://" + host + ":" + std::to_string(address->port);
  }

  std::string data_directory() const {
    if (!access_.data.empty()) return access_.data;
    return variable("SKYHOOK_DATA").value_or(config::ServeConfig().data_dir);
  }

  const StoreCommands& store_commands_;
  const std::map<std::string, std::string> environment_;
  CLI::App app_{kAbout};
  std::function<int()> command_;

  std::string config_file_;
  std::map<std::string, std::string> flag_texts_;               // by setting
  std::map<std::string, std::vector<std::string>> list_texts_;  // by setting
  AccessFlags access_;
  AccountCreate account_create_;
  Publish publish_;
  Receive receive_;
  std::string delay_text_;
  bench::Options bench_;
  std::string new_master_key_file_;
  bool undo_move_ = false;
  std::optional<IntegratorCommands> integrator_commands_;
};

}  // namespace

int run(int argc, char** argv, const StoreCommands& store_commands) {
  return CommandLine(store_commands).run(argc, argv);
}

}  // namespace skyhook::cli
