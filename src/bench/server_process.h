// The server under test: started as a process of its own on a temporary data directory, or one that
// runs already.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/bench.h"

namespace skyhook::bench {

class ServerProcess {
 public:
  // `ca_file`: what it is to trust for deliveries; empty: nothing but the system's.
  static Result<ServerProcess, std::string> start(const Options& options,
                                                  const std::string& ca_file);
  ~ServerProcess();  // ends what it started, and removes a temporary directory
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;

  const std::string& url() const { return url_; }
  const std::string& operator_token() const { return token_; }
  // User and system CPU time so far, in microseconds; 0 where the process is not known.
  std::int64_t cpu_us() const;
  // Highest resident size so far, in KiB.
  std::int64_t peak_memory_kib() const;
  pid_t pid() const { return pid_; }
  // SIGTERM and wait; the exit status, or 128 + signal.
  int stop();

 private:
  ServerProcess() = default;
  std::string url_;
  std::string token_;
  std::string temporary_;
  pid_t pid_ = 0;
  bool started_here_ = false;
};

}  // namespace skyhook::bench
