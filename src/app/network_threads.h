// The network threads and their loops.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/time.h"
#include "net/loop.h"

namespace skyhook::app {

class NetworkThreads {
 public:
  // Makes `count` loops; no thread runs yet. `clock` outlives this.
  NetworkThreads(int count, const Clock& clock);
  // Stops and joins what runs.
  ~NetworkThreads();
  NetworkThreads(const NetworkThreads&) = delete;
  NetworkThreads& operator=(const NetworkThreads&) = delete;

  const std::vector<net::Loop*>& loops() const { return loops_; }
  void start();
  // Idempotent. What was posted and not yet run is dropped.
  void stop();

 private:
  std::vector<std::unique_ptr<net::Loop>> owned_;
  std::vector<net::Loop*> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace skyhook::app
