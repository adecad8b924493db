#include "cluster_simulation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/random.h"

namespace skyhook::delivery::cluster_simulation {
namespace {

constexpr Timestamp kBegin{Seconds{1'700'000'000}};
constexpr Seconds kPlayedAfterPublishing{600};
constexpr int kBurstBatch = 1'000;  // events of a burst that one commit takes
constexpr Millis kTakeOverStatement{10};
constexpr int kNobody = -1;

double seconds(Micros duration) {
  return std::chrono::duration<double>(duration).count();
}

// The virtual time, and what is going to happen in it.
class Future {
 public:
  Timestamp now() const { return now_; }
  void later(Micros delay, std::function<void()> task) {
    queue_.push({now_ + delay, ++order_, std::move(task)});
  }
  // False where nothing is left, or what is left is after `end`.
  bool play_next(Timestamp end) {
    if (queue_.empty() || queue_.top().at > end) return false;
    Happening next = std::move(const_cast<Happening&>(queue_.top()));
    queue_.pop();
    now_ = next.at;
    next.task();
    return true;
  }

 private:
  struct Happening {
    Timestamp at;
    std::uint64_t order;
    std::function<void()> task;
    bool operator>(const Happening& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> queue_;
  std::uint64_t order_ = 0;
  Timestamp now_ = kBegin;
};

struct Row {
  WebhookId webhook;
  Timestamp accepted_at, due_at;
  int owner = kNobody;
  int attempts_made = 0, schedule_position = 0;
  bool is_waiting = true;
  bool is_of_burst = false;
  bool was_begun = false;
  bool was_answered = false;        // 2xx, whether or not anybody heard it
  bool was_owned_by_ended = false;  // when that node ended, waiting
};

// What waits, by who owns it.
class SharedStore {
 public:
  DeliveryId accept(WebhookId webhook, Timestamp now, int owner, bool is_of_burst) {
    rows_.push_back(
        {.webhook = webhook, .accepted_at = now, .due_at = now, .is_of_burst = is_of_burst});
    const DeliveryId id{static_cast<std::int64_t>(rows_.size())};
    own(id, owner);
    return id;
  }
  Row& row(DeliveryId id) { return rows_[static_cast<std::size_t>(id.value - 1)]; }
  const std::vector<Row>& rows() const { return rows_; }

  void own(DeliveryId id, int owner) {
    row(id).owner = owner;
    if (owner != kNobody) waiting_[key(owner, row(id).webhook)].emplace(row(id).due_at, id);
  }
  void disown(DeliveryId id) {
    const Row& gone = row(id);
    if (gone.owner != kNobody) waiting_[key(gone.owner, gone.webhook)].erase({gone.due_at, id});
    row(id).owner = kNobody;
  }
  void settle(DeliveryId id) {
    disown(id);
    row(id).is_waiting = false;
  }
  void put_off(DeliveryId id, Timestamp due_at) {
    const int owner = row(id).owner;
    disown(id);
    row(id).due_at = due_at;
    own(id, owner);
  }

  store::WaitingPage waiting(int owner, WebhookId webhook, Timestamp now,
                             const std::vector<DeliveryId>& except, int limit,
                             const EventPtr& event) {
    store::WaitingPage page;
    for (const auto& [due_at, id] : waiting_[key(owner, webhook)]) {
      if (due_at > now) {
        page.next_due_at = due_at;
        break;
      }
      if (std::binary_search(except.begin(), except.end(), id)) continue;
      if (static_cast<int>(page.deliveries.size()) == limit) {
        page.more = true;
        break;
      }
      page.deliveries.push_back(delivery(id, event));
    }
    return page;
  }
  WaitingDelivery delivery(DeliveryId id, const EventPtr& event) {
    const Row& of = row(id);
    return {.id = id,
            .webhook_id = of.webhook,
            .event = event,
            .created_at = of.accepted_at,
            .due_at = of.due_at,
            .attempts_made = of.attempts_made,
            .schedule_position = of.schedule_position};
  }

 private:
  static std::uint64_t key(int owner, WebhookId webhook) {
    return static_cast<std::uint64_t>(owner) << 40 | static_cast<std::uint64_t>(webhook.value);
  }
  std::vector<Row> rows_;
  std::unordered_map<std::uint64_t, std::set<std::pair<Timestamp, DeliveryId>>> waiting_;
};

class Cluster;

// One process: its lanes and what they need of the world.
class Node final : public Lanes::World {
 public:
  Node(Cluster& cluster, int number);

  bool is_alive() const { return lanes_ != nullptr; }
  void accept(std::vector<DeliveryId> ids);
  void wake(WebhookId webhook) { lanes_->wake(webhook); }
  // Returns how many outcomes nobody will ever hear of.
  std::int64_t end();

 private:
  Timestamp now() override;
  double jitter() override;
  WebhookPtr webhook(WebhookId id) override;
  void attempt(WaitingDelivery delivery, WebhookPtr webhook) override;
  void record(store::AttemptOutcome outcome) override;
  void load(WebhookId id, std::vector<DeliveryId> except, int limit) override;
  void load_in_order(WebhookId id, std::vector<DeliveryId> except, int limit) override {
    load(id, std::move(except), limit);  // no webhook asks for it here
  }
  void fail_waiting(WebhookId) override {}
  void switch_off(WebhookId) override {}
  void wake_at(std::optional<Timestamp> when) override;
  void later(Micros delay, std::function<void()> task);

  Cluster& cluster_;
  const int number_;
  std::optional<Timestamp> wake_;
  std::unique_ptr<Lanes> lanes_;
};

class Cluster {
 public:
  explicit Cluster(const Options& options) : options(options), random(options.seed) {
    auto made = std::make_shared<Event>();
    made->type = "contact.created";
    made->data = R"({"id":1})";
    event = made;
    for (int number = 0; number < options.nodes; ++number) {
      nodes.push_back(std::make_unique<Node>(*this, number));
    }
    const int webhooks = options.accounts * options.webhooks_an_account +
                         (options.burst ? options.burst->webhooks : 0);
    for (int id = 1; id <= webhooks; ++id) {
      auto entry = std::make_shared<WebhookEntry>();
      entry->webhook.id = WebhookId{id};
      directory.push_back(std::move(entry));
    }
  }

  Report play() {
    publish_next();
    if (options.burst) future.later(options.burst->at, [this] { burst(); });
    if (options.end_of_node_at) future.later(*options.end_of_node_at, [this] { end_node(); });
    const Timestamp end = kBegin + options.publishing_for + kPlayedAfterPublishing;
    while (future.play_next(end)) {
    }
    return finish();
  }

  // --- what nodes ask and tell ---

  bool hangs(WebhookId id) const {
    const auto others = options.accounts * options.webhooks_an_account;
    return id.value <= std::llround(options.hanging_share * others);
  }
  void begun(DeliveryId id, int node) {
    Row& row = store.row(id);
    if (row.was_answered) ++report.twice;
    if (row.was_owned_by_ended && report.first_after_s == 0) {
      report.first_after_s = seconds(future.now() - ended_at_);
    }
    if (!row.was_begun && !row.is_of_burst && !hangs(row.webhook)) {
      waits_.push_back(seconds(future.now() - row.accepted_at) * 1e3);
    }
    row.was_begun = true;
    (void)node;
  }
  void committed(const store::AttemptOutcome& outcome, int node) {
    Row& row = store.row(outcome.delivery_id);
    // Fencing: of a node that does not own it, an outcome changes nothing.
    if (row.owner != node || !row.is_waiting) return;
    row.attempts_made = outcome.attempt.number;
    if (const auto* retry = std::get_if<RetryAt>(&outcome.verdict)) {
      ++row.schedule_position;
      store.put_off(outcome.delivery_id, retry->at);
      return;
    }
    store.settle(outcome.delivery_id);
    if (std::holds_alternative<Delivered>(outcome.verdict)) ++report.delivered;
    if (row.was_owned_by_ended) report.last_after_s = seconds(future.now() - ended_at_);
    if (row.is_of_burst) settled_of_burst(row.webhook);
  }

  const Options options;
  SeededRandom random;
  Future future;
  SharedStore store;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<WebhookPtr> directory;
  EventPtr event;
  Report report;

 private:
  // --- publishing ---

  int some_node() {
    for (;;) {
      const auto number = static_cast<std::size_t>(random.next() % nodes.size());
      if (nodes[number]->is_alive()) return static_cast<int>(number);
    }
  }
  void publish(std::vector<WebhookId> webhooks, bool is_of_burst, Micros delay) {
    const int number = some_node();
    future.later(delay + options.commit,
                 [this, number, is_of_burst, webhooks = std::move(webhooks)] {
                   Node& node = *nodes[static_cast<std::size_t>(number)];
                   if (!node.is_alive()) return;  // not accepted: its publisher is told so
                   std::vector<DeliveryId> ids;
                   for (const WebhookId webhook : webhooks) {
                     ids.push_back(store.accept(webhook, future.now(), number, is_of_burst));
                   }
                   report.accepted += static_cast<std::int64_t>(ids.size());
                   node.accept(std::move(ids));
                 });
  }
  void publish_next() {
    if (future.now() - kBegin >= options.publishing_for) return;
    const double gap_s = -std::log(1.0 - random.unit()) / options.events_a_second;
    future.later(Micros{std::llround(gap_s * 1e6)}, [this] {
      const auto webhooks =
          static_cast<std::uint64_t>(options.accounts) * options.webhooks_an_account;
      publish({WebhookId{static_cast<std::int64_t>(1 + random.next() % webhooks)}}, false, {});
      publish_next();
    });
  }
  void burst() {
    const auto first = static_cast<std::int64_t>(directory.size()) - options.burst->webhooks + 1;
    for (int done = 0; done < options.burst->events; done += kBurstBatch) {
      std::vector<WebhookId> webhooks;
      for (int i = done; i < std::min(done + kBurstBatch, options.burst->events); ++i) {
        webhooks.push_back(WebhookId{first + i % options.burst->webhooks});
      }
      // Each node takes a batch at a time.
      publish(std::move(webhooks), true, options.commit * (done / kBurstBatch / options.nodes));
    }
  }
  void settled_of_burst(WebhookId webhook) {
    report.burst_seconds = seconds(future.now() - kBegin - options.burst->at);
    const std::int64_t each = options.burst->events / options.burst->webhooks;
    if (++of_burst_[webhook] < each || report.most_of_burst > 0) return;
    report.most_of_burst = report.least_of_burst = each;
    for (std::size_t i = directory.size() - static_cast<std::size_t>(options.burst->webhooks);
         i < directory.size(); ++i) {
      report.least_of_burst = std::min(report.least_of_burst, of_burst_[directory[i]->webhook.id]);
    }
  }

  // --- the end of a node, and what follows ---

  void end_node() {
    ended_at_ = future.now();
    report.uncertain = nodes[0]->end();
    for (std::size_t i = 0; i < store.rows().size(); ++i) {
      const DeliveryId id{static_cast<std::int64_t>(i + 1)};
      Row& row = store.row(id);
      if (row.owner != 0 || !row.is_waiting) continue;
      row.was_owned_by_ended = true;
      // What it had not parked is taken over as a whole, by the first who comes.
      const bool is_fresh =
          row.attempts_made == 0 && row.accepted_at > ended_at_ - options.park_after;
      (is_fresh ? fresh_ : parked_).push_back(id);
    }
    report.owned = static_cast<std::int64_t>(fresh_.size() + parked_.size());
    const Micros since_heartbeat{
        std::llround(random.unit() * static_cast<double>(Micros{options.heartbeat}.count()))};
    const Micros until_its_end = options.lease - since_heartbeat;
    for (std::size_t number = 1; number < nodes.size(); ++number) {
      const Micros phase{std::llround(
          random.unit() * static_cast<double>(Micros{options.take_over_interval}.count()))};
      future.later(until_its_end + phase, [this, number] { take_over(static_cast<int>(number)); });
    }
  }
  // As Node::take_over(): batch after batch until nothing is left. Rows that another node is taking
  // are locked, and passed over.
  void take_over(int number) {
    std::vector<DeliveryId> taken;
    if (!fresh_.empty()) {
      taken.swap(fresh_);
    } else {
      const std::size_t count = std::min(options.take_over_batch, parked_.size());
      taken.assign(parked_.end() - static_cast<std::ptrdiff_t>(count), parked_.end());
      parked_.resize(parked_.size() - count);
    }
    if (taken.empty()) return;
    const Micros cost =
        kTakeOverStatement + options.take_over_row * static_cast<std::int64_t>(taken.size());
    future.later(cost, [this, number, taken = std::move(taken)] {
      std::set<WebhookId> webhooks;
      for (const DeliveryId id : taken) {
        store.disown(id);
        store.own(id, number);
        webhooks.insert(store.row(id).webhook);
      }
      report.taken[number] += static_cast<std::int64_t>(taken.size());
      for (const WebhookId webhook : webhooks)
        nodes[static_cast<std::size_t>(number)]->wake(webhook);
      take_over(number);
    });
  }

  Report finish() {
    for (const Row& row : store.rows()) report.waiting += row.is_waiting ? 1 : 0;
    std::sort(waits_.begin(), waits_.end());
    if (!waits_.empty()) {
      const auto at = [&](double share) {
        return waits_[static_cast<std::size_t>(share * static_cast<double>(waits_.size() - 1))];
      };
      report.others = {static_cast<std::int64_t>(waits_.size()), at(0.5), at(0.99), waits_.back()};
    }
    report.played = std::chrono::duration_cast<Seconds>(future.now() - kBegin);
    return report;
  }

  std::vector<double> waits_;  // milliseconds
  std::map<WebhookId, std::int64_t> of_burst_;
  Timestamp ended_at_{};
  std::vector<DeliveryId> fresh_, parked_;  // of the ended node, not yet taken
};

Node::Node(Cluster& cluster, int number)
    : cluster_(cluster),
      number_(number),
      lanes_(std::make_unique<Lanes>(*this, cluster.options.lanes)) {}

void Node::accept(std::vector<DeliveryId> ids) {
  std::vector<WaitingDelivery> deliveries;
  for (const DeliveryId id : ids) {
    deliveries.push_back(cluster_.store.delivery(id, cluster_.event));
  }
  lanes_->add(std::move(deliveries));
}

std::int64_t Node::end() {
  const Lanes::Stats stats = lanes_->stats();
  lanes_.reset();
  return stats.in_flight + stats.unrecorded;
}

void Node::later(Micros delay, std::function<void()> task) {
  cluster_.future.later(delay, [this, task = std::move(task)] {
    if (is_alive()) task();
  });
}

Timestamp Node::now() {
  return cluster_.future.now();
}
double Node::jitter() {
  return cluster_.random.unit();
}
WebhookPtr Node::webhook(WebhookId id) {
  return cluster_.directory[static_cast<std::size_t>(id.value - 1)];
}

void Node::attempt(WaitingDelivery delivery, WebhookPtr) {
  cluster_.begun(delivery.id, number_);
  const bool hangs = cluster_.hangs(delivery.webhook_id);
  const double typical = static_cast<double>(Micros{cluster_.options.receiver}.count());
  const Micros takes = hangs ? Micros{cluster_.options.timeout}
                             : Micros{std::llround(typical * (0.5 + cluster_.random.unit()))};
  AttemptReport report;
  report.attempt.number = delivery.attempts_made + 1;
  report.attempt.started_at = now();
  report.attempt.duration = takes;
  report.attempt.failure = hangs ? FailureReason::timeout : FailureReason::none;
  if (!hangs) report.attempt.response_status = 200;
  cluster_.future.later(takes, [this, hangs, report, delivery = std::move(delivery)] {
    if (!hangs) cluster_.store.row(delivery.id).was_answered = true;
    if (is_alive()) lanes_->attempt_finished(delivery, report);
  });
}

void Node::record(store::AttemptOutcome outcome) {
  later(cluster_.options.commit, [this, outcome = std::move(outcome)] {
    cluster_.committed(outcome, number_);
    lanes_->recorded(outcome);
  });
}

void Node::load(WebhookId id, std::vector<DeliveryId> except, int limit) {
  later(cluster_.options.read, [this, id, limit, asked_at = now(), except = std::move(except)] {
    lanes_->loaded(id,
                   cluster_.store.waiting(number_, id, asked_at, except, limit, cluster_.event));
  });
}

void Node::wake_at(std::optional<Timestamp> when) {
  wake_ = when;
  if (!when) return;
  later(std::max(Micros{0}, *when - now()), [this, when] {
    if (wake_ == when) lanes_->on_time();
  });
}

}  // namespace

Report run(const Options& options) {
  return Cluster(options).play();
}

}  // namespace skyhook::delivery::cluster_simulation
