#include "app/network_threads.h"

#include <pthread.h>

#include <string>

namespace skyhook::app {

NetworkThreads::NetworkThreads(int count, const Clock& clock) {
  for (int i = 0; i < count; ++i) {
    owned_.push_back(std::make_unique<net::Loop>(clock));
    loops_.push_back(owned_.back().get());
  }
}

NetworkThreads::~NetworkThreads() {
  stop();
}

void NetworkThreads::start() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    threads_.emplace_back([loop = loops_[i]] { loop->run(); });
    pthread_setname_np(threads_.back().native_handle(), ("net-" + std::to_string(i)).c_str());
  }
}

void NetworkThreads::stop() {
  for (net::Loop* loop : loops_) loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace skyhook::app
