// Many nodes on one shared store, in virtual time: does the capacity model of docs/scale.md hold in
// what it says of fairness and of take-over? The lanes are the real ones (delivery/lanes.h), a set
// a node; around them are a store that takes its time, receivers, and a load balancer. The same
// seed plays the same history.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "delivery/lanes.h"

namespace skyhook::delivery::cluster_simulation {

struct Options {
  std::uint64_t seed = 1;
  int nodes = 8;
  int accounts = 100;
  int webhooks_an_account = 5;
  double events_a_second = 2'000;  // over all accounts, each as likely as any other
  Seconds publishing_for{30};
  Millis receiver{50};       // answers after half to one and a half times that
  double hanging_share = 0;  // of the webhooks: their receivers never answer
  Millis timeout{30'000};    // of an attempt

  // One account publishes all of these at once, besides.
  struct Burst {
    Seconds at{10};
    int events = 0;
    int webhooks = 5;  // of that account, instead of webhooks_an_account
  };
  std::optional<Burst> burst;
  // Node 0 is gone at once, with all that it had in memory.
  std::optional<Seconds> end_of_node_at;

  // As the store and cluster::Node have them.
  Millis commit{4};  // a batch, until it is durable
  Millis read{5};
  Millis heartbeat{2'000};
  Millis lease{10'000};
  Millis take_over_interval{1'000};
  Millis park_after{5'000};
  std::size_t take_over_batch = 5'000;
  Micros take_over_row{15};
  Lanes::Options lanes;
};

struct Waits {  // from being durable to the beginning of the first attempt
  std::int64_t count = 0;
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
};

struct Report {
  std::int64_t accepted = 0;
  std::int64_t delivered = 0;
  std::int64_t twice = 0;    // requests for a delivery that had been answered 2xx already
  std::int64_t waiting = 0;  // at the end: nothing is lost as long as all three add up
  Waits others;              // of accounts that did not burst, to receivers that answer
  Seconds played{0};

  // Of the burst: from its publishing to the last one's outcome, and how many of each of its
  // webhooks were delivered when the first of them was done.
  double burst_seconds = 0;
  std::int64_t least_of_burst = 0, most_of_burst = 0;

  // Of the node that ended.
  std::int64_t owned = 0;             // waiting or in flight when it ended
  std::int64_t uncertain = 0;         // in flight, or not yet recorded: only these may come twice
  double first_after_s = 0;           // until the first of them was begun elsewhere
  double last_after_s = 0;            // until the last of them was settled
  std::map<int, std::int64_t> taken;  // node -> how many of them
};

// Plays until nothing is left to happen, or an hour of virtual time is over.
Report run(const Options& options);

}  // namespace skyhook::delivery::cluster_simulation
