#include "store/sqlite/reader_pool.h"

namespace skyhook::store::sqlite {

ReaderPool::Lease ReaderPool::take() {
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !idle_.empty() || open_ < limit_; });
    if (!idle_.empty()) {
      // The one used last: its cache is warm, and the others stay small.
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(connection));
    }
    ++open_;
  }
  try {
    auto connection = std::make_unique<Connection>(options_);
    connection->execute("PRAGMA query_only = ON");
    return Lease(*this, std::move(connection));
  } catch (const SqliteError&) {
    {
      const std::lock_guard lock(mutex_);
      --open_;
    }
    freed_.notify_one();
    throw;
  }
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  freed_.notify_one();
}

}  // namespace skyhook::store::sqlite
