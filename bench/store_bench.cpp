// What the store costs: CPU of the process for one event with one delivery, from its publish to its
// recorded outcome, by the size of the batch that is committed together, and how long reads take in
// a large log.
//
//   store_bench DIRECTORY hot [EVENTS] [WEBHOOKS]    DIRECTORY must not exist
//   store_bench DIRECTORY target [EVENTS] [WEBHOOKS]   the same, first attempts held against a
//   target store_bench DIRECTORY fill ROWS [WAITING [WEBHOOKS]]   makes a log, of one webhook
//   unless told store_bench DIRECTORY retention [PAIRS]           load without and with the log
//   being removed store_bench DIRECTORY read                        times reads of it
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "store/sqlite/sqlite_store.h"

namespace skyhook::store {
namespace {

const SystemClock system_clock;

// Of a key that nobody has. Not all zeros: that is the operator's own account.
constexpr Sha256 kKeyHash{1};

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

// One delivery of each event, to one of the webhooks in turn.
std::vector<NewEvent> make_events(Store& store, AccountId account,
                                  const std::vector<WebhookId>& webhooks, int count) {
  static std::size_t turn = 0;
  const std::string data =
      R"({"id":123456,"name":"Ada Lovelace","email":"ada@example.com","tags":["a","b"],"note":")" +
      std::string(120, 'x') + "\"}";
  std::vector<NewEvent> events;
  std::int64_t id = store.take_ids(2 * count);
  for (int i = 0; i < count; ++i, id += 2) {
    const Timestamp now = system_clock.now();
    auto event =
        std::make_shared<const Event>(Event{EventId{id}, account, "contact.created", data, now});
    const WebhookId webhook = webhooks[turn++ * 7919 % webhooks.size()];
    events.push_back(
        {event, {{DeliveryId{id + 1}, webhook, event, now, now, 0, 0, false}}, std::nullopt});
  }
  return events;
}

std::vector<AttemptOutcome> outcomes_of(const std::vector<NewEvent>& events) {
  std::vector<AttemptOutcome> outcomes;
  for (const NewEvent& event : events) {
    Attempt attempt;
    attempt.started_at = system_clock.now();
    attempt.duration = Micros{12'345};
    attempt.response_status = 200;
    attempt.response_headers =
        "Content-Type: text/plain\r\nContent-Length: 2\r\nDate: Sun, 01 Mar 2026 10:00:00 GMT\r\n";
    attempt.response_body = "ok";
    outcomes.push_back({event.deliveries[0].id, event.deliveries[0].webhook_id, attempt,
                        Delivered{attempt.started_at}});
  }
  return outcomes;
}

void publish(Store& store, std::vector<NewEvent> events) {
  std::promise<void> done;
  store.publish(std::move(events), [&](Result<PublishOutcome> outcome) {
    must(std::move(outcome));
    done.set_value();
  });
  done.get_future().wait();
}

void record(Store& store, std::vector<AttemptOutcome> outcomes) {
  std::promise<void> done;
  store.record(std::move(outcomes), [&](Result<Done> outcome) {
    must(std::move(outcome));
    done.set_value();
  });
  done.get_future().wait();
}

// Many threads at once: their commits are grouped.
std::vector<WebhookId> make_webhooks(Store& store, AccountId account, int count) {
  std::vector<WebhookId> webhooks(static_cast<std::size_t>(count));
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 32; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < webhooks.size(); i = next++) {
        webhooks[i] = must(store.create_webhook({account,
                                                 "w",
                                                 "https://e.example",
                                                 {"contact.created"},
                                                 true,
                                                 "s",
                                                 system_clock.now()}))
                          .id;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return webhooks;
}

void bench_hot_path(Store& store, int events, int webhook_count, bool has_target) {
  const Account account = must(store.create_account({"Bench", kKeyHash, {}, system_clock.now()}));
  const std::vector<WebhookId> webhooks = make_webhooks(store, account.id, webhook_count);
  std::printf("%8s %10s %14s %14s %12s\n", "batch", "events", "CPU us/event", "of them sys",
              "events/s");
  for (const int batch : {1, 8, 60, 500}) {
    const int total = std::min(events, batch * 2'000);
    double cpu = 0;
    double wall = 0;
    rusage before{};
    rusage after{};
    double system_seconds = 0;
    for (int done = 0; done < total; done += batch) {
      std::vector<NewEvent> made = make_events(store, account.id, webhooks, batch);
      std::vector<AttemptOutcome> outcomes = outcomes_of(made);
      for (AttemptOutcome& outcome : outcomes) {
        if (has_target) outcome.first = FirstAttempt{account.id, Micros{1'500}, false};
      }
      ::getrusage(RUSAGE_SELF, &before);
      const double cpu_before = cpu_seconds();
      const double wall_before = wall_seconds();
      publish(store, std::move(made));
      record(store, std::move(outcomes));
      cpu += cpu_seconds() - cpu_before;
      wall += wall_seconds() - wall_before;
      ::getrusage(RUSAGE_SELF, &after);
      system_seconds +=
          static_cast<double>(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
          static_cast<double>(after.ru_stime.tv_usec - before.ru_stime.tv_usec) * 1e-6;
    }
    std::printf("%8d %10d %14.2f %14.2f %12.0f\n", batch, total, cpu * 1e6 / total,
                system_seconds * 1e6 / total, total / wall);
  }
}

void fill(Store& store, int rows, int waiting, int webhook_count) {
  const Account account = must(store.create_account({"Bench", kKeyHash, {}, system_clock.now()}));
  const std::vector<WebhookId> webhooks = make_webhooks(store, account.id, webhook_count);
  constexpr int kBatch = 2'000;
  for (int done = 0; done < rows; done += kBatch) {
    const int batch = std::max(10, std::min(kBatch, rows - done));
    std::vector<NewEvent> made = make_events(store, account.id, webhooks, batch);
    std::vector<AttemptOutcome> outcomes = outcomes_of(made);
    publish(store, std::move(made));
    // A thousandth fails, and the newest keep waiting.
    outcomes[7].verdict = GaveUp{FailureReason::http_status};
    outcomes[9].verdict = GaveUp{FailureReason::http_status};
    if (done < rows - waiting) record(store, std::move(outcomes));
  }
}

// Publishes and records in batches of 60 for a while. Returns events a second.
double load_for(Store& store, AccountId account, const std::vector<WebhookId>& webhooks,
                double seconds) {
  const double started = wall_seconds();
  int events = 0;
  while (wall_seconds() - started < seconds) {
    std::vector<NewEvent> made = make_events(store, account, webhooks, 60);
    std::vector<AttemptOutcome> outcomes = outcomes_of(made);
    publish(store, std::move(made));
    record(store, std::move(outcomes));
    events += 60;
  }
  return events / (wall_seconds() - started);
}

// Removes steps of the log beside the load, at the pace of app/housekeeping.
void bench_retention(Store& store, int pairs) {
  const AccountId account = must(store.load_accounts()).front().id;
  const std::vector<WebhookId> webhooks = make_webhooks(store, account, 100);
  const Timestamp keep_after = system_clock.now();
  std::printf("%14s %14s %8s %12s %14s\n", "without /s", "with /s", "ratio", "steps/s", "step ms");
  std::vector<double> ratios;
  for (int pair = 0; pair < pairs; ++pair) {
    const double without = load_for(store, account, webhooks, 2);
    std::atomic<bool> stop{false};
    int steps = 0;
    double in_steps = 0;
    std::thread purge([&] {
      while (!stop) {
        const double before = wall_seconds();
        must(store.purge_step(system_clock.now(), keep_after));
        const double took = wall_seconds() - before;
        in_steps += took;
        ++steps;
        std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.005, 9 * took)));
      }
    });
    const double with = load_for(store, account, webhooks, 2);
    stop = true;
    purge.join();
    std::printf("%14.0f %14.0f %8.2f %12.1f %14.2f\n", without, with, with / without, steps / 2.0,
                in_steps * 1e3 / steps);
    ratios.push_back(with / without);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("median ratio %.2f\n", ratios[ratios.size() / 2]);
}

template <class Work>
void timed(const char* name, Work work) {
  double best = 1e9;
  double first = 0;
  for (int i = 0; i < 7; ++i) {
    const double before = wall_seconds();
    work();
    const double took = wall_seconds() - before;
    if (i == 0) first = took;
    best = std::min(best, took);
  }
  std::printf("%-44s first %8.2f ms   then %8.2f ms\n", name, first * 1e3, best * 1e3);
}

void bench_reads(Store& store) {
  const WebhookId webhook = must(store.load_webhooks()).back().id;
  const Timestamp now = system_clock.now();
  const DeliveryTotals totals = must(store.totals({webhook})).at(0);
  std::printf("pending %lld, delivered %lld, failed %lld\n", static_cast<long long>(totals.pending),
              static_cast<long long>(totals.delivered), static_cast<long long>(totals.failed));
  const auto page = [&](std::optional<DeliveryStatus> status, std::int64_t number) {
    DeliveryFilter filter;
    filter.status = status;
    must(store.deliveries(webhook, filter, number, 25));
  };
  timed("deliveries, page 1", [&] { page(std::nullopt, 1); });
  timed("deliveries, page 1, pending", [&] { page(DeliveryStatus::pending, 1); });
  timed("deliveries, page 1, delivered", [&] { page(DeliveryStatus::delivered, 1); });
  timed("deliveries, page 1, failed", [&] { page(DeliveryStatus::failed, 1); });
  timed("deliveries, page 1,000", [&] { page(std::nullopt, 1'000); });
  timed("deliveries, last page", [&] { page(std::nullopt, totals.all() / 25); });
  timed("deliveries, page 1, by type", [&] {
    DeliveryFilter filter;
    filter.event_type = "contact.created";
    must(store.deliveries(webhook, filter, 1, 25));
  });
  timed("waiting, 100 due", [&] { must(store.waiting(webhook, now, {}, 100)); });
  timed("waiting, none due",
        [&] { must(store.waiting(webhook, now - Seconds{86'400'000}, {}, 100)); });
  timed("webhooks_with_waiting", [&] { must(store.webhooks_with_waiting()); });
  timed("queue_stats", [&] { must(store.queue_stats()); });
  timed("totals", [&] { must(store.totals({webhook})); });
  timed("stats, 24 h",
        [&] { must(store.stats({webhook}, now - Seconds{86'400}, now, Seconds{3'600})); });
  timed("count_failed, 24 h",
        [&] { must(store.count_failed(webhook, now - Seconds{86'400}, now)); });
  const AccountId account = must(store.load_webhooks()).back().account_id;
  const auto events = [&](AccountId of, bool with_data) {
    return must(store.events({of, Timestamp{}, now, {}, with_data}, 1'000));
  };
  timed("events, 1,000 found", [&] { events(account, false); });
  timed("events, 1,000 found, with their data", [&] { events(account, true); });
  timed("events, 10,000 of others looked at", [&] { events(AccountId{account.value + 1}, false); });
  const std::vector<EventPtr> found = events(account, false).events;
  timed("replay, 1,000", [&] { must(store.replay({webhook, now, now}, found)); });
}

}  // namespace
}  // namespace skyhook::store

int main(int count, char** arguments) {
  using namespace skyhook::store;
  const std::vector<std::string> given(arguments + 1, arguments + count);
  const auto number = [&](std::size_t index, int otherwise) {
    return given.size() > index ? std::atoi(given[index].c_str()) : otherwise;
  };
  if (given.size() < 2) {
    std::fprintf(stderr, "usage: store_bench DIRECTORY hot|fill|retention|read [NUMBER]...\n");
    return 2;
  }
  const double before = wall_seconds();
  const std::unique_ptr<Store> store =
      must(sqlite::open({.data_dir = given[0], .clock = system_clock}));
  std::printf("opened in %.1f ms\n", (wall_seconds() - before) * 1e3);
  if (given[1] == "hot" || given[1] == "target") {
    bench_hot_path(*store, number(2, 500'000), number(3, 10), given[1] == "target");
  }
  if (given[1] == "fill") fill(*store, number(2, 1'000'000), number(3, 0), number(4, 1));
  if (given[1] == "retention") bench_retention(*store, number(2, 5));
  if (given[1] == "read") bench_reads(*store);
  return 0;
}
