// This process as a node of the cluster: its lease, its ids, the partitions it needs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "store/postgres/connection.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/registry.h"

namespace skyhook::store::postgres {

// What take_ids answers when it has none left, because the database could not be reached: no such
// id can be stored.
inline constexpr std::int64_t kNoIds = 1;

class Membership {
 public:
  // `registry` and what `options` refers to outlive it. `on_lost` runs on the thread of the lease,
  // after the node lost its lease and before it takes a new one.
  Membership(const Options& options, Connection::Settings settings, Registry& registry,
             std::function<void()> on_lost);
  ~Membership();  // gives the lease back, so that others take over at once

  // Registers; then a thread keeps the lease.
  Answer<Done> join();

  // Any thread.
  int node_id() const { return node_id_.load(); }
  std::uint64_t epoch() const { return epoch_.load(); }
  int live_nodes() const { return live_nodes_.load(); }  // as of the last heartbeat
  // Is it certain that the lease has not ended?
  bool holds_lease() const { return options_.clock.mono() < MonoTime{safe_until_.load()}; }
  Micros lease_left() const;
  // Ends the leases of nodes that ran on this machine and whose process is gone: for those nobody
  // has to wait.
  Answer<Done> end_dead_neighbours(Connection& connection);
  // The database said that the lease is lost: do not wait for the next heartbeat to notice.
  void lease_lost();
  // Does not wait for the next heartbeat to be due.
  void beat_now();
  std::int64_t take_ids(std::int64_t count);
  // Makes the partitions of the day that `id` falls on where this process does not know of them.
  Answer<Done> ensure_day(Connection& connection, int day);
  int today() const;

 private:
  struct Block {
    std::int64_t next = 0, end = 0;  // numbers within a day
    std::int64_t left() const { return end - next; }
  };

  void run();
  Answer<Done> beat(Connection& connection);
  Answer<Done> register_node(Connection& connection);
  Answer<Done> refuse_unfinished_move(Connection& connection, std::int64_t node);
  Answer<Done> count_nodes(Connection& connection);
  Answer<Done> refill(Connection& connection);
  Answer<Done> make_days(Connection& connection);
  std::int64_t fresh_from();
  std::int64_t id_of(std::int64_t number) const;

  const Options& options_;
  const Connection::Settings settings_;
  Registry& registry_;
  const std::function<void()> on_lost_;
  std::unique_ptr<Connection> connection_;  // of the thread; before it runs, of join()

  std::atomic<int> node_id_{0};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<int> live_nodes_{1};
  std::atomic<MonoTime::duration> safe_until_{MonoTime::duration::zero()};

  std::mutex ids_mutex_;
  Block current_, spare_;    // guarded by ids_mutex_
  std::int64_t used_ = 0;    // since the last refill; guarded by ids_mutex_
  std::int64_t wanted_ = 0;  // more than there was; guarded by ids_mutex_
  // No id below it is given out since. Of the thread.
  struct Floor {
    std::int64_t value = 0;
    MonoTime taken_at{};
  };
  Floor floor_, older_floor_;  // the older one has the age of a heartbeat at least

  std::mutex days_mutex_;
  std::set<int> days_;  // known to exist; guarded by days_mutex_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool wake_now_ = false;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace skyhook::store::postgres
