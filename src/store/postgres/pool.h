// A few connections for the calls that block. Bounded: a caller waits for one to come free, and is
// refused after a while.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/postgres/connection.h"

namespace skyhook::store::postgres {

// Any thread.
class Pool {
 public:
  // How long a caller waits for a connection to come free.
  static constexpr Millis kPatience{5'000};
  // After a failed attempt to connect, callers are refused at once for this long.
  static constexpr Millis kBackoff{250};

  Pool(Connection::Settings settings, std::size_t limit)
      : settings_(std::move(settings)), limit_(limit) {}

  // A connection on loan; returns it when destroyed, or closes it where it is of no more use.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    Connection* operator->() { return connection_.get(); }
    Connection& operator*() { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };
  Answer<Lease> take();

 private:
  void give_back(std::unique_ptr<Connection> connection);

  const Connection::Settings settings_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
  std::size_t out_ = 0;                            // guarded by mutex_
  MonoTime not_before_{};                          // guarded by mutex_; the next attempt to connect
};

}  // namespace skyhook::store::postgres
