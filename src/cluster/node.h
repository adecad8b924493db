// This process as one of several nodes on a shared store: learns what others changed, takes over
// what ended nodes left, and picks up what was published by SQL. The lease itself is the store's.
// docs/decisions/shared-store.md draws it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/time.h"
#include "delivery/dispatcher.h"
#include "directory/directory.h"
#include "store/shared.h"

namespace skyhook::cluster {

class Node {
 public:
  struct Options {
    Millis feed_interval{250};  // changes made elsewhere are known this long after, or little more
    Millis take_over_interval{1'000};
    Millis publish_poll{100};  // what was published by SQL is looked for this often
  };
  // Starts its threads. `store` is shared; it, the directory and the dispatcher outlive the node.
  Node(store::Store& store, Directory& directory, delivery::Dispatcher& dispatcher,
       Options options);
  Node(store::Store& store, Directory& directory, delivery::Dispatcher& dispatcher)
      : Node(store, directory, dispatcher, Options()) {}
  // Joins them: within about the longest interval, plus a statement under way.
  ~Node();

 private:
  void watch();              // thread: changes, the lease, take-over
  void adopt();              // thread: what was published by SQL
  bool wait(Millis length);  // false: stopping
  void read_changes();
  void apply(store::SharedChanges changes);
  void load_all();
  void watch_lease();
  void take_over();
  store::NewEvent plan(EventPtr event);

  store::Store& store_;
  store::Shared& shared_;
  Directory& directory_;
  delivery::Dispatcher& dispatcher_;
  const Options options_;

  bool could_deliver_ = true;  // of the watching thread
  std::uint64_t epoch_ = 0;    // likewise

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread watcher_;
  std::thread adopter_;
};

}  // namespace skyhook::cluster
