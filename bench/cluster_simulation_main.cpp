// Plays the claims of docs/scale.md on many nodes and prints what came of them.
//
//   cluster_simulation [SEED]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cluster_simulation.h"

namespace {

using namespace skyhook::delivery::cluster_simulation;
using skyhook::Millis;
using skyhook::Seconds;

Options base;

void print_head(const char* title, const char* columns) {
  std::printf("\n%s\n%s\n", title, columns);
}

bool all_there(const Report& report) {
  return report.accepted == report.delivered + report.waiting;
}

// How long others wait for their first attempt, whatever one account or a part of the receivers
// does.
void fairness() {
  print_head(
      "Waiting for the first attempt, accounts that do nothing unusual",
      "                                       events   p50 ms   p99 ms   max ms   twice   lost");
  const auto play = [](const char* name, const Options& options) {
    const Report report = run(options);
    std::printf("%-34s %10lld %8.1f %8.1f %8.1f %7lld %6s\n", name,
                static_cast<long long>(report.others.count), report.others.p50_ms,
                report.others.p99_ms, report.others.max_ms, static_cast<long long>(report.twice),
                all_there(report) ? "none" : "SOME");
  };
  play("nothing unusual", base);
  for (const int webhooks : {5, 100, 1'000}) {
    Options options = base;
    options.burst = Options::Burst{.at = Seconds{10}, .events = 200'000, .webhooks = webhooks};
    play(("200,000 at once to " + std::to_string(webhooks) + " webhooks").c_str(), options);
  }
  Options hanging = base;
  hanging.hanging_share = 0.2;
  play("a fifth of the receivers hang", hanging);
}

void equality() {
  print_head("Slots over lanes: a burst over equal webhooks, when the first of them is done",
             "webhooks    each has   least done   after s");
  for (const int webhooks : {10, 100, 1'000}) {
    Options options = base;
    options.burst = Options::Burst{.at = Seconds{10}, .events = 200'000, .webhooks = webhooks};
    const Report report = run(options);
    std::printf("%8d %11lld %12lld %9.1f\n", webhooks, static_cast<long long>(report.most_of_burst),
                static_cast<long long>(report.least_of_burst), report.burst_seconds);
  }
}

void take_over() {
  print_head("A node of the cluster ends while it owns much (receivers that take 500 ms)",
             " nodes     owned   first after s   last after s   model   twice   uncertain   taken "
             "by   most by one");
  for (const int nodes : {3, 8}) {
    for (const int burst : {60'000, 300'000}) {
      Options options = base;
      options.nodes = nodes;
      options.receiver = Millis{500};
      options.burst =
          Options::Burst{.at = Seconds{5}, .events = burst * nodes / 4, .webhooks = 100};
      options.end_of_node_at = Seconds{11};
      const Report report = run(options);
      // What is left when the node ends, over the slots of the survivors.
      const double node_rate = options.lanes.in_flight_limit / 0.5;
      const double left = options.burst->events - nodes * node_rate * 6;
      const double model = left / ((nodes - 1) * node_rate);
      std::int64_t most = 0;
      for (const auto& [node, rows] : report.taken) most = std::max(most, rows);
      std::printf("%6d %9lld %15.1f %14.1f %7.1f %7lld %11lld %10zu %12.0f %%\n", nodes,
                  static_cast<long long>(report.owned), report.first_after_s, report.last_after_s,
                  model, static_cast<long long>(report.twice),
                  static_cast<long long>(report.uncertain), report.taken.size(),
                  report.owned > 0
                      ? 100.0 * static_cast<double>(most) / static_cast<double>(report.owned)
                      : 0.0);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) base.seed = std::strtoull(argv[1], nullptr, 10);
  std::printf("%d nodes, %d accounts with %d webhooks each, %.0f events/s for %lld s, seed %llu\n",
              base.nodes, base.accounts, base.webhooks_an_account, base.events_a_second,
              static_cast<long long>(base.publishing_for.count()),
              static_cast<unsigned long long>(base.seed));
  fairness();
  equality();
  take_over();
  return 0;
}
