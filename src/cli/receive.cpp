#include "cli/receive.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "cli/delivery_check.h"
#include "cli/json_text.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace skyhook::cli {
namespace {

namespace json = boost::json;

constexpr int kUnauthorized = 401;
constexpr int kServerError = 500;

struct Colours {
  const char* good = "";
  const char* bad = "";
  const char* strong = "";
  const char* quiet = "";
  const char* end = "";
};

Colours terminal_colours() {
  const char* no_colour = std::getenv("NO_COLOR");
  if (::isatty(STDOUT_FILENO) == 0 || (no_colour != nullptr && *no_colour != '\0')) return {};
  return {"\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"};
}

// The raw text of `data` in a delivery's body, for printing as it came.
struct Payload {
  bool is_json = false;
  std::string event;
};

Payload parse_payload(const std::string& body) {
  Payload payload{.is_json = is_json(body), .event = ""};
  if (!payload.is_json) return payload;
  json::error_code error;
  json::parse_options options;
  options.max_depth = kJsonDepthLimit;
  const json::value value = json::parse(body, error, {}, options);
  if (error || !value.is_object()) return payload;
  if (const json::value* event = value.as_object().if_contains("event");
      event != nullptr && event->is_string()) {
    payload.event = event->as_string();
  }
  return payload;
}

// What is known of one received delivery when it is printed.
struct Received {
  const net::ServerRequest& request;
  const DeliveryCheck& check;
  const SeenDeliveries::Seen seen;
  const Payload payload;
  const Timestamp at;
  const int status;

  const std::string& event() const { return check.event.empty() ? payload.event : check.event; }
};

std::string as_json_line(const Received& r) {
  const auto signature = [](const std::optional<SignatureCheck>& check) {
    return quote_json(!check ? "not checked" : check->good ? "verified" : check->reason);
  };
  std::string line = "{\"received_at\":" + quote_json(to_iso8601(r.at));
  line += ",\"method\":" + quote_json(r.request.method);
  line += ",\"path\":" + quote_json(r.request.path);
  line += ",\"event\":" + quote_json(r.event());
  line += ",\"delivery_id\":" + quote_json(r.check.delivery_id);
  line += ",\"attempt_seen\":" + std::to_string(r.seen.times);
  line += std::string(",\"duplicate\":") + (r.seen.was_accepted ? "true" : "false");
  line +=
      std::string(",\"verified\":") + (r.check.was_verified() && r.check.good() ? "true" : "false");
  line += ",\"signatures\":{\"vendor\":" + signature(r.check.vendor) +
          ",\"standard\":" + signature(r.check.standard) +
          ",\"ed25519\":" + signature(r.check.ed25519) + "}";
  line += ",\"answered\":" + std::to_string(r.status);
  line += ",\"body\":" +
          (r.payload.is_json ? compact_json(r.request.body) : quote_json(r.request.body));
  return line + "}\n";
}

class TextPrinter {
 public:
  TextPrinter(Colours colours, std::string header_prefix)
      : colours_(colours), header_prefix_(std::move(header_prefix)) {}

  std::string print(const Received& r) const {
    std::string text = headline(r);
    text += signature_line(header_prefix_ + "Signature", r.check.vendor);
    text += signature_line("webhook-signature", r.check.standard);
    text += signature_line("webhook-signature (v1a)", r.check.ed25519);
    text += "  answered " + std::to_string(r.status) + "\n";
    constexpr std::string_view kMargin = "  ";
    const std::string body = r.payload.is_json ? indent_json(r.request.body, kMargin)
                                               : std::string(kMargin) + r.request.body;
    return text + printable(body, true) + "\n\n";
  }

 private:
  std::string headline(const Received& r) const {
    const std::string time = to_iso8601(r.at).substr(11, 12);
    const std::string event = r.event().empty() ? "(no event)" : r.event();
    std::string text = std::string(colours_.quiet) + time + "Z" + colours_.end + "  " +
                       colours_.strong + printable(event) + colours_.end;
    if (!r.check.delivery_id.empty()) text += "  " + printable(r.check.delivery_id);
    if (r.seen.was_accepted) {
      text += std::string("  ") + colours_.bad + "duplicate, time " + std::to_string(r.seen.times) +
              colours_.end;
    } else {
      text += "  attempt " + std::to_string(r.seen.times);
    }
    if (r.request.method != "POST") text += "  " + printable(r.request.method);
    return text + "\n";
  }

  // Empty where it was not checked.
  std::string signature_line(const std::string& name,
                             const std::optional<SignatureCheck>& check) const {
    if (!check) return "";
    const std::string verdict = check->good ? "verified" : printable(check->reason);
    return "  " + printable(name) + ": " + (check->good ? colours_.good : colours_.bad) + verdict +
           colours_.end + "\n";
  }

  const Colours colours_;
  const std::string header_prefix_;
};

// SIGINT and SIGTERM as an event of the loop.
class StopSignals final : public net::IoHandler {
 public:
  explicit StopSignals(net::Loop& loop) : loop_(loop) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    fd_ = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    loop_.watch(fd_, EPOLLIN, this);
  }
  ~StopSignals() override {
    loop_.unwatch(fd_);
    ::close(fd_);
  }
  void on_io(std::uint32_t) override {
    signalfd_siginfo taken{};
    if (::read(fd_, &taken, sizeof taken) == sizeof taken) loop_.stop();
  }

 private:
  net::Loop& loop_;
  int fd_ = -1;
};

class Receiver {
 public:
  Receiver(const Receive& command, net::Loop& loop)
      : command_(command),
        loop_(loop),
        checker_(command.secrets, command.public_keys, command.header_prefix),
        printer_(terminal_colours(), command.header_prefix) {}

  void on_request(const net::ServerRequest& request, net::Responder responder) {
    const Timestamp now = loop_.clock().now();
    const DeliveryCheck check = checker_.check(request, now);
    const SeenDeliveries::Seen seen = seen_.note(check.delivery_id);
    const int status = answer_status(command_, seen.times, check.good());
    print({.request = request,
           .check = check,
           .seen = seen,
           .payload = parse_payload(request.body),
           .at = now,
           .status = status});
    if (status >= 200 && status <= 299) seen_.accepted(check.delivery_id);
    answer(std::move(responder), status, check.good());
  }

 private:
  struct Delayed {
    Delayed(net::Responder owed, net::ServerResponse answer)
        : responder(std::move(owed)), response(std::move(answer)) {}
    net::Responder responder;
    net::ServerResponse response;
    net::Timer timer;
  };

  void print(const Received& received) {
    std::cout << (command_.as_json ? as_json_line(received) : printer_.print(received))
              << std::flush;
    if (!std::cout) loop_.stop();
  }

  void answer(net::Responder responder, int status, bool good) {
    net::ServerResponse response{.status = status, .headers = {}, .body = ""};
    constexpr int kNoContent = 204;
    if (status != kNoContent) {
      response.headers.emplace_back("Content-Type", "text/plain");
      response.body = good ? "Received.\n" : "The signature is not good.\n";
    }
    if (command_.delay.count() == 0) {
      responder.respond(std::move(response));
      return;
    }
    // As many at once as the server holds connections.
    delayed_.push_back(std::make_unique<Delayed>(std::move(responder), std::move(response)));
    const auto position = std::prev(delayed_.end());
    net::Timer& timer = (*position)->timer;
    timer.on_expiry = [this, position] {
      const std::unique_ptr<Delayed> due = std::move(*position);
      delayed_.erase(position);
      due->responder.respond(std::move(due->response));
    };
    loop_.arm(timer, command_.delay);
  }

  const Receive& command_;
  net::Loop& loop_;
  DeliveryChecker checker_;
  SeenDeliveries seen_;
  const TextPrinter printer_;
  std::list<std::unique_ptr<Delayed>> delayed_;
};

void announce(const Receive& command, const net::ListenAddress& address, int listen_fd) {
  std::string host = address.host.empty() ? "127.0.0.1" : address.host;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  std::cerr << "Receiving at http://" << host << ':' << net::bound_port(listen_fd)
            << "/ (Ctrl-C ends it)\n";
  if (command.secrets.empty() && command.public_keys.empty()) {
    std::cerr << "Signatures are not verified: give the webhook's secret with --secret.\n";
  }
}

}  // namespace

int answer_status(const Receive& command, int times, bool good) {
  if (times <= command.fail_first) return command.status != 0 ? command.status : kServerError;
  if (command.status != 0 && command.fail_first == 0) return command.status;
  return good ? 200 : kUnauthorized;
}

int receive(const Receive& command) {
  const auto address = net::parse_listen_address(command.listen);
  if (!address) {
    std::cerr << "skyhook: --listen: '" << printable(command.listen)
              << "' is not an address such as 127.0.0.1:4000\n";
    return 2;
  }
  std::string error;
  const int listen_fd = net::listen_tcp(*address, net::Port::exclusive, &error);
  if (listen_fd < 0) {
    std::cerr << "skyhook: cannot listen at " << printable(command.listen) << ": " << error << '\n';
    return 1;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const SystemClock clock;
  net::Loop loop(clock);
  const StopSignals signals(loop);
  Receiver receiver(command, loop);
  net::HttpServer server(
      loop, {},
      [&](const net::ServerRequest& request, net::Responder responder) {
        receiver.on_request(request, std::move(responder));
      },
      [](int status) { return net::ServerResponse{.status = status, .headers = {}, .body = ""}; });
  announce(command, *address, listen_fd);
  loop.post([&] { server.serve(listen_fd); });
  loop.run();
  return 0;
}

}  // namespace skyhook::cli
