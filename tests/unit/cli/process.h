// A child process whose output is read: the command line as a user runs it, or a program of the
// system.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace skyhook::cli {

class Process {
 public:
  // Runs `child` in a fork; what it returns is the exit status.
  explicit Process(const std::function<int()>& child);
  // Kills it if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Reads until the output (standard error for `error_until`) holds `text`; what was read so far,
  // or a test failure after 20 s.
  std::string output_until(const std::string& text);
  std::string error_until(const std::string& text);
  void signal(int number) const;
  void close_output();
  // Waits for its end; -1 where a signal ended it. The rest of both outputs is kept.
  int wait();
  const std::string& output() const { return output_; }
  const std::string& error() const { return error_; }

 private:
  bool read_more(int fd, std::string& into, int timeout_ms);
  std::string read_until(int fd, std::string& from, const std::string& text);

  pid_t pid_ = -1;
  int output_fd_ = -1;
  int error_fd_ = -1;
  std::string output_;
  std::string error_;
};

// `skyhook ARGUMENTS…`; its serve prints "serving" and what it was given.
int run_skyhook(std::vector<std::string> arguments);
// Replaces the process; 127 where the program is not there.
int execute(std::vector<std::string> command);

}  // namespace skyhook::cli
