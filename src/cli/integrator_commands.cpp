#include "cli/integrator_commands.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "base/encoding.h"
#include "cli/account_commands.h"
#include "cli/help.h"
#include "cli/listen.h"
#include "cli/trigger.h"
#include "cli/verify.h"
#include "signing/ed25519.h"
#include "signing/secrets.h"

namespace skyhook::cli {
namespace {

constexpr const char* kVerifyFooter = R"(Examples:
  skyhook verify --secret whsec_... --request @captured.http
      a whole request as it came: headers, an empty line, the body
  skyhook verify --secret whsec_... --body @body.json \
      --header 'webhook-id: ...' --header 'webhook-timestamp: ...' --header 'webhook-signature: v1,...'
  skyhook verify --secret whsec_... --request @captured.http --computed 5f2a...
      what your own code computed: tells how it came to that value)";

constexpr const char* kTriggerFooter = R"(Examples:
  skyhook trigger contact.created --account 1
      published for the account, with a realistic payload
  skyhook trigger booking.created --to http://127.0.0.1:3000/hook --secret whsec_...
      signed and sent straight to a receiver, without a server
  skyhook trigger --list
      the payload of each event)";

constexpr const char* kListenFooter = R"(Examples:
  SKYHOOK_API_KEY=sk_live_... skyhook listen --server https://hooks.example.com \
      --forward http://127.0.0.1:3000/hook
  skyhook listen --key sk_live_... --webhook 7 --events contact.created,contact.updated \
      --forward http://127.0.0.1:3000/hook --secret whsec_...

It needs no open port: it follows the delivery log. What happens while it is away for at most
fifteen minutes is forwarded when it is back.)";

constexpr const char* kOneWebhook = "id of the webhook [the account's only one]";

std::string positive_number_problem(const std::string& text) {
  const bool is_number = !text.empty() && text.size() < 19 && text != "0" &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? "" : "'" + text + "' is not an id, such as 7";
}

}  // namespace

class IntegratorCommands::Impl {
 public:
  Impl(CLI::App& app, Surroundings surroundings) : surroundings_(std::move(surroundings)) {
    add_trigger(app);
    add_listen(app);
    add_deliveries(app);
    add_retry(app);
    add_replay(app);
    add_verify(app);
    add_health(app);
  }

 private:
  void run_with(CLI::App& command, std::function<int()> run) {
    command.callback([this, run = std::move(run)] { surroundings_.choose(run); });
  }

  std::optional<std::string> variable(const std::string& name) const {
    const auto found = surroundings_.environment.find(name);
    if (found == surroundings_.environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  // --- an account's key -------------------------------------------------------------------------

  void add_account_access(CLI::App& command, const std::string& webhook_help) {
    add_server(command);
    command
        .add_option("--key", key_,
                    wrapped("the account's API key [SKYHOOK_API_KEY, or the file that "
                            "SKYHOOK_API_KEY_FILE names]"))
        ->option_text("KEY")
        ->group("Server");
    command.add_option("--webhook", webhook_, wrapped(webhook_help))
        ->check(positive_number_problem)
        ->option_text("ID");
  }

  void add_server(CLI::App& command) {
    command
        .add_option(
            "--server", server_,
            wrapped(
                "URL of the server [http://127.0.0.1:8080, or as SKYHOOK_LISTEN; SKYHOOK_SERVER]"))
        ->option_text("URL")
        ->group("Server");
  }

  std::string server() const { return server_.empty() ? surroundings_.default_server() : server_; }

  int with_account(const std::function<int(const Access&)>& run) {
    Access access{.server = server(), .token = key_};
    if (access.token.empty()) access.token = variable("SKYHOOK_API_KEY").value_or("");
    if (const auto file = variable("SKYHOOK_API_KEY_FILE"); access.token.empty() && file) {
      std::ifstream stream(*file);
      std::getline(stream, access.token);
    }
    if (access.token.empty()) {
      return fail(kUsage, "no API key: give --key, SKYHOOK_API_KEY or SKYHOOK_API_KEY_FILE");
    }
    return run(access);
  }

  std::string secret() const {
    return secret_.empty() ? variable("SKYHOOK_SECRET").value_or("") : secret_;
  }

  void add_secret(CLI::App& command, const std::string& help) {
    command.add_option("--secret", secret_, wrapped(help + " [SKYHOOK_SECRET]"))
        ->option_text("SECRET");
    command.add_option("--prefix", prefix_, "of the vendor's headers [X-Skylight-]")
        ->option_text("PREFIX");
  }

  void add_ed25519_key(CLI::App& command, const std::string& help, const std::string& text) {
    command.add_option("--ed25519-key", ed25519_key_, help)->option_text(text);
  }

  // What is wrong with the Ed25519 key that was given to sign with; empty: nothing.
  std::string ed25519_key_problem() const {
    if (ed25519_key_.empty() || signing::Ed25519Signer::from(ed25519_key_)) return "";
    return "--ed25519-key: is not a key such as 'skyhook listen --ed25519-key new' makes "
           "(whsk_...)";
  }

  // --- commands ---------------------------------------------------------------------------------

  void add_trigger(CLI::App& app) {
    CLI::App* command =
        add_command(app, "trigger", "send a realistic event of any kind",
                    "Sends an event with data as a platform would: published for an account "
                    "through a server, or\n"
                    "signed and posted straight to a receiver, without any server.");
    command->footer(kTriggerFooter);
    command->add_option("event", trigger_.event, "event type, such as contact.created")
        ->option_text("EVENT");
    command->add_option("--account", trigger_.account, "publish for this account")
        ->check(positive_number_problem)
        ->option_text("ID");
    command->add_option("--to", trigger_.to, "or send straight to this URL")->option_text("URL");
    command->add_option("--data", trigger_.data, "data in place of the sample: JSON, @FILE or @-")
        ->option_text("JSON|@FILE");
    command->add_flag("--list", list_samples_, "print the sample of each event");
    command->add_flag("--json", trigger_.as_json, "print JSON");
    add_secret(*command, "with --to: signs the delivery");
    add_ed25519_key(*command, "with --to: signs it with this Ed25519 key too (whsk_...)", "KEY");
    surroundings_.add_operator_access(*command);
    run_with(*command, [this] { return run_trigger(); });
  }

  int run_trigger() {
    if (list_samples_) return list_samples();
    if (trigger_.event.empty()) return fail(kUsage, "name an event, or give --list");
    if (trigger_.to.empty() == (trigger_.account == 0)) {
      return fail(kUsage, "give either --account or --to");
    }
    if (trigger_.to.empty()) {
      return surroundings_.with_operator_access(
          [this](const Access& access) { return trigger_through_server(access, trigger_); });
    }
    trigger_.secret = secret();
    trigger_.header_prefix = prefix_;
    if (trigger_.secret.empty())
      return fail(kUsage, "--to needs --secret, which the receiver knows");
    if (const auto problem = ed25519_key_problem(); !problem.empty()) return fail(kUsage, problem);
    trigger_.ed25519_key = ed25519_key_;
    return trigger_directly(trigger_);
  }

  void add_listen(CLI::App& app) {
    CLI::App* command = add_command(
        app, "listen", "forward an account's deliveries to a laptop",
        "Follows the delivery log of an account's webhooks, posts each new delivery to a URL of "
        "this\n"
        "machine too, and prints what it answered. The webhooks' own URLs get theirs as ever.");
    command->footer(kListenFooter);
    command->add_option("--forward", listen_.forward, "where to post each delivery")
        ->required()
        ->option_text("URL");
    command->add_option("--events", events_, "only these event types, separated by commas")
        ->option_text("NAME,...");
    command
        ->add_option("--state", listen_.state_file,
                     wrapped("file that keeps the position [one in ~/.local/state/skyhook]"))
        ->option_text("FILE");
    command->add_flag("--fresh", fresh_, "begin with what is new now, whatever was kept");
    command->add_flag("--json", listen_.as_json, "print one JSON object a line");
    add_secret(*command, "signs what is forwarded; without one, one is made and printed");
    add_ed25519_key(*command, "signs it with this Ed25519 key too; new: one is made", "KEY|new");
    add_account_access(*command, "follow this webhook only [all of the account]");
    run_with(*command, [this] {
      return with_account([this](const Access& access) { return run_listen(access); });
    });
  }

  int run_listen(const Access& access) {
    listen_.webhook = webhook_;
    listen_.secret = secret();
    listen_.ed25519_key = ed25519_key_;
    const std::string problem = ed25519_key_ == kNewKey ? "" : ed25519_key_problem();
    if (!problem.empty()) return fail(kUsage, problem);
    listen_.header_prefix = prefix_;
    std::stringstream names(events_);
    for (std::string name; std::getline(names, name, ',');) {
      if (!name.empty()) listen_.events.insert(name);
    }
    if (listen_.state_file.empty()) listen_.state_file = default_state_file(access);
    std::error_code ignored;
    if (fresh_) std::filesystem::remove(listen_.state_file, ignored);
    return listen(access, listen_);
  }

  // One for each server, key and URL; empty where there is no home directory.
  std::string default_state_file(const Access& access) const {
    std::string directory = variable("XDG_STATE_HOME").value_or("");
    if (directory.empty()) {
      const auto home = variable("HOME");
      if (!home) return "";
      directory = *home + "/.local/state";
    }
    directory += "/skyhook";
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) return "";
    const Sha256 hash = signing::sha256(access.server + "\n" + access.token + "\n" +
                                        listen_.forward + "\n" + std::to_string(webhook_));
    constexpr std::size_t kHashBytes = 8;
    return directory + "/listen-" + to_hex(std::span(hash).first(kHashBytes)) + ".json";
  }

  void add_deliveries(CLI::App& app) {
    CLI::App* command = add_command(
        app, "deliveries", "show the delivery log",
        "Lists the deliveries of a webhook, the newest first, or shows one in full: its "
        "payload, and\nevery attempt with its answer.");
    command->footer(
        "Examples:\n  skyhook deliveries --status failed\n"
        "  skyhook deliveries 01956f3c-7d80-7000-8000-000000000400\n"
        "      one delivery with its payload and every attempt");
    command->add_option("delivery", deliveries_.delivery_id, "show this one in full")
        ->option_text("DELIVERY_ID");
    command->add_option("--status", deliveries_.status, "only those that stand so")
        ->check(CLI::IsMember({"pending", "delivered", "failed"}))
        ->option_text("pending|delivered|failed");
    command->add_option("--limit", deliveries_.limit, "how many, the newest first [25]")
        ->check(CLI::Range(1, 100))
        ->option_text("N");
    command->add_flag("--json", deliveries_.as_json, "print JSON, one entry a line");
    add_account_access(*command, kOneWebhook);
    run_with(*command, [this] {
      deliveries_.webhook = webhook_;
      return with_account(
          [this](const Access& access) { return list_deliveries(access, deliveries_); });
    });
  }

  void add_retry(CLI::App& app) {
    CLI::App* command = add_command(
        app, "retry", "deliver once more",
        "Delivers once more, now, to the webhook's own URL; a failure is retried by the schedule.");
    command->footer("Example:\n  skyhook retry 01956f3c-7d80-7000-8000-000000000400");
    command->add_option("delivery", retry_.delivery_id, "the delivery's id")
        ->required()
        ->option_text("DELIVERY_ID");
    command->add_flag("--json", retry_.as_json, "print JSON");
    add_account_access(*command, kOneWebhook);
    run_with(*command, [this] {
      retry_.webhook = webhook_;
      return with_account([this](const Access& access) { return retry(access, retry_); });
    });
  }

  void add_replay(CLI::App& app) {
    CLI::App* command = add_command(
        app, "replay", "send the events of a span once more",
        "Sends every event of a span of time to a webhook once more, whether or not it got them\n"
        "before, as new deliveries that are dealt out over time.");
    command->footer(
        "Examples:\n  skyhook replay --since 2026-03-01T00:00:00Z --dry-run\n"
        "      only counts\n"
        "  skyhook replay --since 2026-03-01T00:00:00Z --until 2026-03-02T00:00:00Z --webhook 7");
    command->add_option("--since", replay_.since, "events published from here on")
        ->required()
        ->option_text("TIME");
    command->add_option("--until", replay_.until, "and before here [now]")->option_text("TIME");
    command->add_option("--after", replay_.after, "go on where a replay was interrupted")
        ->check(positive_number_problem)
        ->option_text("ID");
    command->add_flag("--dry-run", replay_.is_dry_run, "only count");
    command->add_flag("--json", replay_.as_json, "print JSON");
    add_account_access(*command, kOneWebhook);
    run_with(*command, [this] {
      replay_.webhook = webhook_;
      return with_account([this](const Access& access) { return replay(access, replay_); });
    });
  }

  void add_verify(CLI::App& app) {
    CLI::App* command = add_command(
        app, "verify", "tell why a signature does not match",
        "Checks the signatures of a delivery that was captured. Where one does not match, "
        "it names the\nmistake. Ends with status 0 only where everything is right.");
    command->footer(kVerifyFooter);
    command
        ->add_option("--request", verify_.request,
                     "a whole request: @FILE, or @- for standard input")
        ->option_text("@FILE");
    command->add_option("--body", verify_.body, "the raw body: text, @FILE or @-")
        ->option_text("TEXT|@FILE");
    command->add_option("--header", verify_.headers, "a header of the delivery; repeat it")
        ->allow_extra_args(false)
        ->option_text("'Name: value' ...");
    command->add_option("--computed", verify_.computed, "what your own code computed")
        ->option_text("SIGNATURE");
    command->add_flag("--ignore-age", verify_.ignore_age, "for a copy that was kept");
    command->add_flag("--json", verify_.as_json, "print JSON");
    add_secret(*command, "the webhook's secret");
    command->add_option("--public-key", verify_.public_key, "of its Ed25519 key (whpk_...)")
        ->option_text("KEY");
    run_with(*command, [this] { return run_verify(); });
  }

  int run_verify() {
    verify_.secret = secret();
    verify_.header_prefix = prefix_;
    if (verify_.secret.empty() && verify_.public_key.empty()) {
      return fail(kUsage, "--secret: is missing (or give --public-key)");
    }
    if (!verify_.public_key.empty() && !signing::Ed25519Verifier::from(verify_.public_key)) {
      return fail(kUsage, "--public-key: is not whpk_ and the base64 of 32 bytes");
    }
    if (verify_.secret.empty() && !verify_.computed.empty()) {
      return fail(kUsage, "--computed needs --secret: what a public key verifies is not computed");
    }
    if (verify_.request.empty() == verify_.body.empty()) {
      return fail(kUsage, "give either --request or --body");
    }
    return verify(verify_);
  }

  void add_health(CLI::App& app) {
    CLI::App* command = add_command(
        app, "health", "is a server ready? for health checks",
        "Asks a server whether it can take writes (GET /readyz). Ends with status 0 where it can, "
        "else 1.");
    command->footer(
        "Example:\n  skyhook health --server http://10.0.0.5:8080\n"
        "      status 0 where it answers and takes writes");
    add_server(*command);
    run_with(*command, [this] { return health(server()); });
  }

  const Surroundings surroundings_;
  std::string server_;
  std::string key_;
  std::int64_t webhook_ = 0;
  std::string secret_;
  std::string ed25519_key_;
  std::string prefix_ = "X-Skylight-";
  std::string events_;
  bool fresh_ = false;
  bool list_samples_ = false;
  Trigger trigger_;
  Listen listen_;
  Deliveries deliveries_;
  Retry retry_;
  Replay replay_;
  Verify verify_;
};

IntegratorCommands::IntegratorCommands(CLI::App& app, Surroundings surroundings)
    : impl_(std::make_unique<Impl>(app, std::move(surroundings))) {}
IntegratorCommands::~IntegratorCommands() = default;

}  // namespace skyhook::cli
