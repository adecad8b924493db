#include "cli/listen.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cli/json_text.h"
#include "cli/log_position.h"
#include "cli/signed_delivery.h"
#include "signing/ed25519.h"
#include "signing/secrets.h"

namespace skyhook::cli {
namespace {

namespace json = boost::json;

// How often the logs are read. A stream wakes sooner, but tells only what the answering node did.
constexpr Seconds kPollWithStream{5};
constexpr Seconds kPollWithoutStream{2};
constexpr Seconds kPollPerWebhook{1};  // at least this for each: reading keeps to half a rate limit
constexpr Seconds kListWebhooksEvery{10};
constexpr Seconds kSaveEvery{5};
constexpr Seconds kStreamSilence{60};  // then the connection counts as dead
constexpr Seconds kFirstWait{1};
constexpr Seconds kLongestWait{15};
constexpr int kPageSize = 100;
constexpr int kPagesLimit = 10'000;  // of one walk

std::string webhook_path(std::int64_t webhook) {
  return "/api/v1/webhooks/" + std::to_string(webhook);
}

void note(const std::string& message) {
  std::cerr << "skyhook: " << printable(message) << std::endl;
}

// Wakes the one thread that reads the log.
class WakeUp {
 public:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    condition_.notify_one();
  }
  void wait(Millis longest) {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, longest, [this] { return woken_; });
    woken_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool woken_ = false;  // guarded by mutex_
};

// The live stream of one webhook's log: only a reason to look. Its thread keeps it, reconnects by
// itself, and ends with the webhook or the process.
class Stream {
 public:
  static std::shared_ptr<Stream> start(const Access& access, std::int64_t webhook,
                                       std::shared_ptr<WakeUp> wake_up) {
    auto stream = std::shared_ptr<Stream>(new Stream(access, webhook, std::move(wake_up)));
    std::thread([stream] { stream->run(); }).detach();
    return stream;
  }
  bool is_live() const { return live_; }

 private:
  Stream(Access access, std::int64_t webhook, std::shared_ptr<WakeUp> wake_up)
      : access_(std::move(access)), webhook_(webhook), wake_up_(std::move(wake_up)) {}

  void run() {
    const auto client = ApiClient::make(
        {.server = access_.server, .token = access_.token, .timeout = kStreamSilence});
    if (!client) return;
    for (;;) {
      const auto answer =
          client->stream({.method = "GET", .path = webhook_path(webhook_) + "/deliveries/stream"},
                         [this](std::string_view) {
                           live_ = true;
                           wake_up_->wake();
                           return true;
                         });
      live_ = false;
      wake_up_->wake();
      // A server without streams, or a webhook that is gone: the walks go on alone.
      if (answer && answer->status >= 400 && answer->status < 429) return;
      std::this_thread::sleep_for(kFirstWait);
    }
  }

  const Access access_;
  const std::int64_t webhook_;
  const std::shared_ptr<WakeUp> wake_up_;
  std::atomic<bool> live_ = false;
};

struct Followed {
  LogPosition position;
  std::shared_ptr<Stream> stream;
};

// Where the last run stopped.
struct Saved {
  Timestamp at;
  std::int64_t webhook = 0;  // that it was told to follow, 0: all of the account's
  std::map<std::int64_t, LogPosition> positions;  // by webhook
};

class Listener {
 public:
  // Which keys of the command were made for this run, so that nobody knows them yet.
  struct Made {
    bool secret = false;
    bool ed25519_key = false;
  };
  Listener(const Access& access, const Listen& command, Made made, ApiClient api, ApiClient local)
      : access_(access),
        command_(command),
        made_(made),
        api_(std::move(api)),
        local_(std::move(local)) {}

  // Returns where it cannot begin, or where nothing is left to follow.
  int run() {
    if (const int status = begin(); status != kOk) return status;
    while (!is_refused_) {
      for (auto& [webhook, followed] : webhooks_) catch_up(webhook, followed);
      save(false);
      if (now() - listed_at_ > kListWebhooksEvery) list_again();
      if (command_.webhook != 0 && webhooks_.empty()) break;  // list_again has said so
      if (!is_refused_) wake_up_->wait(pause());
    }
    return kFailed;
  }

 private:
  Timestamp now() const { return clock_.now(); }

  Millis pause() const {
    const bool all_live = std::ranges::all_of(
        webhooks_, [](const auto& one) { return one.second.stream->is_live(); });
    return std::max(all_live ? kPollWithStream : kPollWithoutStream,
                    kPollPerWebhook * static_cast<int>(webhooks_.size()));
  }

  int begin() {
    listed_at_ = now();
    int exit_status = kOk;
    const auto answer = call(access_, {.method = "GET", .path = "/api/v1/webhooks"}, exit_status);
    if (!answer) return exit_status;
    const auto found = webhooks_in(answer->data);
    if (!found) return fail_with_foreign_answer();
    if (found->empty()) return fail(kFailed, nothing_to_follow());
    if (found->size() > kFollowedWebhooksLimit) {
      return fail(kUsage, "the account has more than " + std::to_string(kFollowedWebhooksLimit) +
                              " webhooks: name one with --webhook");
    }
    const std::optional<Saved> saved = load();
    for (const std::int64_t webhook : *found) {
      auto position = first_position(webhook, saved);
      if (!position) return kFailed;
      follow(webhook, *std::move(position));
    }
    save(true);  // before it says so: from here on nothing is missed
    std::cerr << "Listening to " << found->size() << (found->size() == 1 ? " webhook" : " webhooks")
              << ", forwarding to " << printable(command_.forward) << " (Ctrl-C ends it)\n";
    if (saved) std::cerr << "Going on where the last run stopped.\n";
    if (made_.secret) {
      std::cerr
          << "What is forwarded is signed with this secret, for this run only (--secret names "
             "your own):\n"
          << command_.secret << '\n';
    }
    if (made_.ed25519_key) {
      std::cerr << "And with an Ed25519 key (--ed25519-key names it in the next run):\n"
                << command_.ed25519_key << "\nIts public key, for the receiver:\n"
                << signing::Ed25519Signer::from(command_.ed25519_key).value().public_key() << '\n';
    }
    return kOk;
  }

  std::string nothing_to_follow() const {
    if (command_.webhook != 0) {
      return "the account has no webhook " + std::to_string(command_.webhook);
    }
    return "the account has no webhook yet: create one, and what it subscribes to arrives here";
  }

  // nullopt: what was wrong is printed.
  std::optional<LogPosition> first_position(std::int64_t webhook,
                                            const std::optional<Saved>& saved) {
    if (!saved) return newest_position(webhook);
    const auto known = saved->positions.find(webhook);
    if (known != saved->positions.end()) return known->second;
    // Made since the last run, which followed all that it saw: everything that it has is new.
    if (saved->webhook == 0) return LogPosition{};
    return newest_position(webhook);
  }

  void follow(std::int64_t webhook, LogPosition position) {
    webhooks_[webhook] = {.position = std::move(position),
                          .stream = Stream::start(access_, webhook, wake_up_)};
  }

  // Those to follow: all of the account's, or the named one. nullopt: `data` is no list of
  // webhooks.
  std::optional<std::vector<std::int64_t>> webhooks_in(const json::value& data) const {
    if (!data.is_array()) return std::nullopt;
    std::vector<std::int64_t> webhooks;
    for (const json::value& webhook : data.as_array()) {
      const json::object* object = webhook.if_object();
      const json::value* id = object == nullptr ? nullptr : object->if_contains("id");
      if (id == nullptr || !id->is_int64()) return std::nullopt;
      if (command_.webhook == 0 || command_.webhook == id->as_int64()) {
        webhooks.push_back(id->as_int64());
      }
    }
    return webhooks;
  }

  // Webhooks made meanwhile, from their first delivery on; those that are gone are let go.
  void list_again() {
    listed_at_ = now();
    const auto answer = ask({.method = "GET", .path = "/api/v1/webhooks"});
    if (!answer) return;
    const auto data = data_of(answer->body);
    const auto found = data ? webhooks_in(*data) : std::nullopt;
    if (!found) return (void)fail_with_foreign_answer();
    const bool had_any = !webhooks_.empty();
    std::erase_if(webhooks_, [&](const auto& one) {
      return std::ranges::find(*found, one.first) == found->end();
    });
    for (const std::int64_t webhook : *found) {
      if (!webhooks_.contains(webhook) && webhooks_.size() < kFollowedWebhooksLimit) {
        follow(webhook, {});
      }
    }
    if (had_any && webhooks_.empty()) note(nothing_to_follow());
  }

  // Nothing that is in the log already is new.
  std::optional<LogPosition> newest_position(std::int64_t webhook) {
    LogPosition position;
    const auto entries = walk(webhook, position, /*pages=*/kPagesLimit, /*stop_at_overlap=*/true);
    if (!entries) return std::nullopt;
    for (const LogEntry& entry : *entries) position.note(entry);
    return position;
  }

  // The new entries, oldest first. With `stop_at_overlap` those of the newest overlap only.
  std::optional<std::vector<LogEntry>> walk(std::int64_t webhook, const LogPosition& position,
                                            int pages, bool stop_at_overlap) {
    std::vector<LogEntry> found;
    std::string query = "?per_page=" + std::to_string(kPageSize);
    Timestamp horizon = position.horizon();
    for (int page = 0; page < pages; ++page) {
      const auto answer =
          ask({.method = "GET", .path = webhook_path(webhook) + "/deliveries" + query});
      if (!answer) return std::nullopt;
      const auto entries = parse_log_page(answer->body);
      if (!entries) {
        fail_with_foreign_answer();
        return std::nullopt;
      }
      if (entries->empty()) break;
      if (stop_at_overlap && page == 0) {
        horizon = entries->front().created_at - LogPosition::kOverlap;
      }
      bool all_known = true;
      for (const LogEntry& entry : *entries) {
        if (entry.created_at >= horizon) all_known = false;
        if (entry.created_at >= horizon && position.is_new(entry)) found.push_back(entry);
      }
      if (all_known || entries->size() < kPageSize) break;
      query = "?per_page=" + std::to_string(kPageSize) +
              "&before_id=" + std::to_string(entries->back().id);
    }
    std::ranges::sort(found, {}, &LogEntry::id);
    return found;
  }

  // Waits out a server that is away, restarting or says "slow down". nullopt: the answer was an
  // error that waiting does not mend, printed.
  std::optional<ApiResponse> ask(const ApiRequest& request) {
    Seconds wait = kFirstWait;
    for (;;) {
      const auto answer = api_.send(request);
      if (answer && answer->status >= 200 && answer->status <= 299) {
        if (std::exchange(is_away_, false)) note("the server is back");
        return *answer;
      }
      constexpr int kTooMany = 429;
      if (answer && answer->status < 500 && answer->status != kTooMany) {
        refused(*answer);
        return std::nullopt;
      }
      if (!answer && !std::exchange(is_away_, true)) note(answer.error() + "; trying again");
      std::this_thread::sleep_for(answer ? retry_after(*answer).value_or(wait) : wait);
      wait = std::min(wait * 2, kLongestWait);
    }
  }

  // Told once: a key that is refused ends the run, a webhook that is gone is let go.
  void refused(const ApiResponse& answer) {
    constexpr int kUnauthorized = 401, kForbidden = 403, kNotFound = 404;
    is_refused_ = answer.status == kUnauthorized || answer.status == kForbidden;
    if (answer.status == kNotFound) {
      listed_at_ = {};
    } else {
      fail_with_answer(answer);
    }
  }

  static std::optional<Seconds> retry_after(const ApiResponse& answer) {
    for (const auto& [name, value] : answer.headers) {
      if (name != "retry-after") continue;
      const int seconds = std::atoi(value.c_str());
      return Seconds{std::clamp(seconds, 1, 60)};
    }
    return std::nullopt;
  }

  void catch_up(std::int64_t webhook, Followed& followed) {
    const auto entries = walk(webhook, followed.position, kPagesLimit, false);
    if (!entries) return;
    for (const LogEntry& entry : *entries) {
      std::optional<Forwarded> forwarded;
      if (command_.events.empty() || command_.events.contains(entry.event)) {
        forwarded = forward(webhook, entry);
      }
      if (is_refused_) return;
      followed.position.note(entry);
      save(true);
      // Last: what it has told of is not forwarded again, whenever it is stopped.
      if (forwarded) print(entry, *forwarded);
    }
  }

  struct Forwarded {
    Result<ApiResponse, std::string> answer;
    Millis duration;
  };

  // nullopt: it cannot be had any more, or that was printed.
  std::optional<Forwarded> forward(std::int64_t webhook, const LogEntry& entry) {
    const auto detail =
        ask({.method = "GET", .path = webhook_path(webhook) + "/deliveries/" + entry.delivery_id});
    if (!detail) return std::nullopt;
    const auto data = data_of(detail->body);
    const json::value* payload =
        data && data->is_object() ? data->as_object().if_contains("payload") : nullptr;
    if (payload == nullptr || !payload->is_string()) {
      fail_with_foreign_answer();
      return std::nullopt;
    }
    const Timestamp begun = now();
    auto answer = deliver({.event = entry.event,
                           .delivery_id = entry.delivery_id,
                           .body = std::string(payload->as_string()),
                           .secret = command_.secret,
                           .ed25519_key = command_.ed25519_key,
                           .header_prefix = command_.header_prefix,
                           .sent_at = begun});
    return Forwarded{std::move(answer), std::chrono::duration_cast<Millis>(now() - begun)};
  }

  // While nothing listens at the local URL (it is being restarted, say) the delivery waits.
  Result<ApiResponse, std::string> deliver(SignedDelivery delivery) {
    const Timestamp give_up_at = delivery.sent_at + kForwardPatience;
    for (bool is_told = false;; is_told = true) {
      delivery.sent_at = now();
      auto answer = local_.send(to_request(delivery));
      if (answer || now() > give_up_at) return answer;
      if (!is_told) note("nothing answers at " + command_.forward + "; waiting for it");
      save(false);  // a stop now counts from now
      std::this_thread::sleep_for(kFirstWait);
    }
  }

  void print(const LogEntry& entry, const Forwarded& forwarded) const {
    const auto& [answer, duration] = forwarded;
    const std::string status = answer ? std::to_string(answer->status) : "no answer";
    if (command_.as_json) {
      std::cout << "{\"event\":" << quote_json(entry.event)
                << ",\"delivery_id\":" << quote_json(entry.delivery_id)
                << ",\"created_at\":" << quote_json(to_iso8601(entry.created_at))
                << ",\"status\":" << (answer ? status : "null")
                << ",\"duration_ms\":" << duration.count() << "}" << std::endl;
      return;
    }
    std::cout << to_iso8601(entry.created_at).substr(11, 12) << "Z  " << printable(entry.event)
              << "  " << printable(entry.delivery_id) << "  -> " << status << " in "
              << duration.count() << " ms\n";
    constexpr std::size_t kShownBody = 500;
    if (answer && (answer->status < 200 || answer->status > 299) && !answer->body.empty()) {
      std::cout << "    " << printable(trim_end(answer->body).substr(0, kShownBody)) << '\n';
    }
    std::cout << std::flush;
  }

  // --- the position, kept for the next run ----------------------------------------------------

  // nullopt: there is none, or it is too old.
  std::optional<Saved> load() const {
    std::ifstream stream(command_.state_file);
    const std::string text((std::istreambuf_iterator<char>(stream)),
                           std::istreambuf_iterator<char>());
    json::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object()) return std::nullopt;
    const json::value* saved_at = value.as_object().if_contains("saved_at");
    const json::value* webhook = value.as_object().if_contains("webhook");
    const json::value* webhooks = value.as_object().if_contains("webhooks");
    if (saved_at == nullptr || !saved_at->is_int64() || webhook == nullptr ||
        !webhook->is_int64() || webhooks == nullptr || !webhooks->is_object()) {
      return std::nullopt;
    }
    Saved saved{.at = from_unix_micros(saved_at->as_int64()),
                .webhook = webhook->as_int64(),
                .positions = {}};
    if (now() - saved.at > kResumeWithin) {
      note("the last run stopped more than " + format_duration(kResumeWithin) +
           " ago: beginning with what is new now");
      return std::nullopt;
    }
    for (const auto& [id, position] : webhooks->as_object()) {
      auto read = LogPosition::from_json(json::serialize(position));
      if (!read) return std::nullopt;  // without it all of the webhook's log would seem new
      saved.positions.emplace(std::strtoll(std::string(id).c_str(), nullptr, 10), *std::move(read));
    }
    return saved;
  }

  void save(bool is_changed) {
    if (command_.state_file.empty() || (!is_changed && now() - saved_at_ < kSaveEvery)) return;
    saved_at_ = now();
    json::object webhooks;
    for (const auto& [id, followed] : webhooks_) {
      webhooks[std::to_string(id)] = json::parse(followed.position.to_json());
    }
    const std::string text = json::serialize(json::object{{"saved_at", to_unix_micros(saved_at_)},
                                                          {"webhook", command_.webhook},
                                                          {"webhooks", std::move(webhooks)}});
    // Whole or not at all: the command may be ended at any moment.
    const std::string temporary = command_.state_file + ".new";
    {
      std::ofstream stream(temporary, std::ios::trunc);
      stream << text;
      if (!stream.flush()) {
        if (!std::exchange(save_failed_, true)) {
          note("cannot write " + temporary + ": after a restart it begins with what is new then");
        }
        return;
      }
    }
    std::rename(temporary.c_str(), command_.state_file.c_str());
  }

  const Access& access_;
  const Listen& command_;
  const Made made_;
  const SystemClock clock_;
  const ApiClient api_;
  const ApiClient local_;
  const std::shared_ptr<WakeUp> wake_up_ = std::make_shared<WakeUp>();
  std::map<std::int64_t, Followed> webhooks_;
  Timestamp listed_at_{};
  Timestamp saved_at_{};
  bool is_away_ = false;
  bool is_refused_ = false;  // the key opens nothing any more
  bool save_failed_ = false;
};

// Every step leaves the state file whole, so the process may end at once.
void end_on_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    std::_Exit(kOk);
  }).detach();
}

}  // namespace

int listen(const Access& access, const Listen& command) {
  auto api = ApiClient::make({.server = access.server, .token = access.token});
  if (!api) return fail(kUsage, api.error());
  auto local = ApiClient::make({.server = command.forward, .token = "", .timeout = Millis{30'000}});
  if (!local) {
    return fail(kUsage, "--forward: '" + command.forward +
                            "' is not a URL such as http://127.0.0.1:3000/hook");
  }
  ::signal(SIGPIPE, SIG_IGN);
  end_on_signals();
  Listen prepared = command;
  const Listener::Made made{.secret = command.secret.empty(),
                            .ed25519_key = command.ed25519_key == kNewKey};
  if (made.secret) prepared.secret = signing::make_webhook_secret();
  if (made.ed25519_key) prepared.ed25519_key = signing::make_ed25519_key();
  return Listener(access, prepared, made, *std::move(api), *std::move(local)).run();
}

}  // namespace skyhook::cli
