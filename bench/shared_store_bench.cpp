// What the shared store costs: CPU of PostgreSQL and of the node for one event with one delivery,
// from its publish to its logged outcome, at the batches that form with so many callers at once.
//
//   shared_store_bench URL POSTMASTER_PID [EVENTS] [WEBHOOKS] [CALLERS]
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "store/postgres/postgres_store.h"

namespace skyhook::store {
namespace {

const SystemClock system_clock;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

// CPU seconds of the server's processes: those that live, and what ended ones left to the
// postmaster.
double server_cpu_seconds(const std::string& postmaster) {
  double ticks = 0;
  DIR* processes = ::opendir("/proc");
  while (const dirent* entry = ::readdir(processes)) {
    std::ifstream in(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    if (!std::getline(in, line)) continue;
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string state, parent, skipped;
    fields >> state >> parent;
    const bool is_postmaster = entry->d_name == postmaster;
    if (!is_postmaster && parent != postmaster) continue;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    double user, system, children_user, children_system;
    fields >> user >> system >> children_user >> children_system;
    ticks += user + system + (is_postmaster ? children_user + children_system : 0);
  }
  ::closedir(processes);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

NewEvent make_event(Store& store, AccountId account, WebhookId webhook) {
  static const std::string data =
      R"({"id":123456,"name":"Ada Lovelace","email":"ada@example.com","tags":["a","b"],"note":")" +
      std::string(120, 'x') + "\"}";
  const std::int64_t id = store.take_ids(2);
  const Timestamp now = system_clock.now();
  auto event =
      std::make_shared<const Event>(Event{EventId{id}, account, "contact.created", data, now});
  return {event, {{DeliveryId{id + 1}, webhook, event, now, now, 0, 0, false}}, std::nullopt};
}

AttemptOutcome outcome_of(const WaitingDelivery& delivery) {
  Attempt attempt;
  attempt.started_at = system_clock.now();
  attempt.duration = Micros{12'345};
  attempt.response_status = 200;
  attempt.response_headers =
      "Content-Type: text/plain\r\nContent-Length: 2\r\nDate: Sun, 01 Mar 2026 10:00:00 GMT\r\n";
  attempt.response_body = "ok";
  return {delivery.id, delivery.webhook_id, attempt, Delivered{attempt.started_at}};
}

// So many events are always under way: when one's outcome is stored, the next is published.
class Load {
 public:
  Load(Store& store, AccountId account, std::vector<WebhookId> webhooks, int events)
      : store_(store),
        account_(account),
        webhooks_(std::move(webhooks)),
        left_(events),
        open_(events) {}

  void next() {
    const int turn = left_.fetch_sub(1);
    if (turn <= 0) return;
    NewEvent event = make_event(
        store_, account_, webhooks_[static_cast<std::size_t>(turn) * 7919 % webhooks_.size()]);
    const WaitingDelivery delivery = event.deliveries[0];
    std::vector<NewEvent> events;
    events.push_back(std::move(event));
    store_.publish(std::move(events), [this, delivery](Result<PublishOutcome> published) {
      must(std::move(published));
      store_.record({outcome_of(delivery)}, [this](Result<Done> recorded) {
        must(std::move(recorded));
        if (open_.fetch_sub(1) == 1) done_.set_value();
        next();
      });
    });
  }
  void wait() { done_.get_future().wait(); }

 private:
  Store& store_;
  const AccountId account_;
  const std::vector<WebhookId> webhooks_;
  std::atomic<int> left_, open_;
  std::promise<void> done_;
};

int run(int argc, char** argv) {
  const auto number = [&](int index, int otherwise) {
    return argc > index ? std::atoi(argv[index]) : otherwise;
  };
  const std::string postmaster = argv[2];
  const int events = number(3, 100'000), webhooks = number(4, 100), callers = number(5, 2'000);
  auto store = must(postgres::open({.database_url = argv[1], .clock = system_clock}));
  const Account account = must(store->create_account({"bench", {}, {}, system_clock.now()}));
  std::vector<WebhookId> ids;
  for (int i = 0; i < webhooks; ++i) {
    ids.push_back(must(store->create_webhook({account.id,
                                              "w",
                                              "https://example.com/",
                                              {"contact.created"},
                                              true,
                                              "whsec_x",
                                              system_clock.now()}))
                      .id);
  }
  Load load(*store, account.id, ids, events);
  const double server = server_cpu_seconds(postmaster), own = own_cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < callers; ++i) load.next();
  load.wait();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf(
      "%d events, %d webhooks, %d at once: %.0f events/s, PostgreSQL %.1f us, node %.1f us an "
      "event\n",
      events, webhooks, callers, events / wall,
      (server_cpu_seconds(postmaster) - server) / events * 1e6,
      (own_cpu_seconds() - own) / events * 1e6);
  return 0;
}

}  // namespace
}  // namespace skyhook::store

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "shared_store_bench URL POSTMASTER_PID [EVENTS] [WEBHOOKS] [CALLERS]\n");
    return 2;
  }
  return skyhook::store::run(argc, argv);
}
