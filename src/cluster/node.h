// This process as one of several nodes on a shared store: learns what others changed, takes over
// what ended nodes left, and picks up what was published by SQL. The lease itself is the store's.
// docs/decisions/shared-store.md draws it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"
#include "delivery/dispatcher.h"
#include "directory/directory.h"
#include "store/change_feed.h"
#include "store/shared.h"

namespace skyhook::cluster {

class Node {
 public:
  struct Options {
    Millis feed_interval{250};  // changes made elsewhere are known this long after, or little more
    Millis take_over_interval{1'000};
    Millis publish_poll{100};  // what was published by SQL is looked for this often
  };
  // Starts its threads. `store` is shared; everything outlives the node. `feed`: what changes in
  // this process's logs, and who watches them here.
  Node(store::Store& store, Directory& directory, delivery::Dispatcher& dispatcher,
       store::ChangeFeed& feed, Options options);
  Node(store::Store& store, Directory& directory, delivery::Dispatcher& dispatcher,
       store::ChangeFeed& feed)
      : Node(store, directory, dispatcher, feed, Options()) {}
  // Joins them: within about the longest interval, plus a statement under way.
  ~Node();

 private:
  void watch();              // thread: changes, the lease, take-over
  void adopt();              // thread: what was published by SQL
  bool wait(Millis length);  // false: stopping
  void read_changes();
  void answer(const store::Inquiry& inquiry);
  void apply(store::SharedChanges&& changes);
  void load_all();
  void watch_lease();
  void take_over();
  void exchange_live();
  void note_gaps(const std::vector<WebhookId>& watched, bool alone);
  store::NewEvent plan(EventPtr event);

  store::Store& store_;
  store::Shared& shared_;
  Directory& directory_;
  delivery::Dispatcher& dispatcher_;
  store::ChangeFeed& feed_;
  const Options options_;

  bool could_deliver_ = true;  // of the watching thread
  std::uint64_t epoch_ = 0;    // likewise
  // Of the watching thread: webhooks that are watched here, and in how many more exchanges the
  // others surely tell what changes of them; 0: they do.
  std::map<WebhookId, int> untold_;
  MonoTime exchanged_at_{};  // likewise

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread watcher_;
  std::thread adopter_;
};

}  // namespace skyhook::cluster
