// A few connections that read beside the writer, lent to one thread at a time.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sqlite/database.h"

namespace skyhook::store::sqlite {

// Thread-safe.
class ReaderPool {
 public:
  // Gives its connection back when destroyed; must not outlive the pool.
  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Lease() { pool_.give_back(std::move(connection_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& operator*() { return *connection_; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Opens up to `limit` connections, each when it is first needed.
  ReaderPool(Connection::Options options, std::size_t limit)
      : options_(std::move(options)), limit_(limit) {}

  // Waits for a free connection. Throws SqliteError where a new one cannot be opened.
  Lease take();

 private:
  void give_back(std::unique_ptr<Connection> connection);

  const Connection::Options options_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
  std::size_t open_ = 0;                           // guarded by mutex_
};

}  // namespace skyhook::store::sqlite
