#include "store/postgres/pool.h"

namespace skyhook::store::postgres {

Answer<Pool::Lease> Pool::take() {
  std::unique_ptr<Connection> ready;
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, kPatience, [&] { return out_ < limit_; })) {
      return Err{DatabaseError{"", "no connection came free in time", false}};
    }
    while (!ready && !idle_.empty()) {
      ready = std::move(idle_.back());
      idle_.pop_back();
      if (!ready->still_usable()) ready.reset();
    }
    if (!ready && std::chrono::steady_clock::now() < not_before_) {
      return Err{DatabaseError{"", "the database cannot be reached", true}};
    }
    ++out_;
  }
  if (ready) return Lease(*this, std::move(ready));
  auto opened = Connection::open(settings_);
  if (opened) return Lease(*this, std::move(*opened));
  std::lock_guard lock(mutex_);
  --out_;
  not_before_ = std::chrono::steady_clock::now() + kBackoff;
  freed_.notify_one();
  return Err{opened.error()};
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  const bool keep = connection->usable() && !connection->in_transaction();
  std::lock_guard lock(mutex_);
  --out_;
  if (keep) {
    idle_.push_back(std::move(connection));
  } else {
    // The others were opened to the same server, which may be gone too: each would cost its caller
    // an error.
    idle_.clear();
  }
  freed_.notify_one();
}

}  // namespace skyhook::store::postgres
