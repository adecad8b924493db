#include "process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>

#include "base/time.h"
#include "cli/cli.h"

namespace skyhook::cli {
namespace {

constexpr Seconds kPatience{60};

}  // namespace

Process::Process(const std::function<int()>& child) {
  std::array<int, 2> output{};
  std::array<int, 2> error{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0 || ::pipe2(error.data(), O_CLOEXEC) != 0) std::abort();
  std::cout << std::flush;
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(output[1], STDOUT_FILENO);
    ::dup2(error[1], STDERR_FILENO);
    ::close(output[0]);
    ::close(error[0]);
    const int status = child();
    std::cout << std::flush;
    std::_Exit(status);
  }
  ::close(output[1]);
  ::close(error[1]);
  output_fd_ = output[0];
  error_fd_ = error[0];
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait();
  }
  close_output();
  ::close(error_fd_);
}

void Process::close_output() {
  if (output_fd_ >= 0) ::close(output_fd_);
  output_fd_ = -1;
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

bool Process::read_more(int fd, std::string& into, int timeout_ms) {
  pollfd poll_fd{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&poll_fd, 1, timeout_ms) <= 0) return false;
  std::array<char, 4096> chunk{};
  const ssize_t bytes = ::read(fd, chunk.data(), chunk.size());
  if (bytes <= 0) return false;
  into.append(chunk.data(), static_cast<std::size_t>(bytes));
  return true;
}

std::string Process::read_until(int fd, std::string& from, const std::string& text) {
  const SystemClock clock;
  const MonoTime deadline = clock.mono() + kPatience;
  while (from.find(text) == std::string::npos) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - clock.mono()).count();
    if (left <= 0 || !read_more(fd, from, static_cast<int>(left))) {
      ADD_FAILURE() << "no '" << text << "' in:\n" << from;
      break;
    }
  }
  return from;
}

std::string Process::output_until(const std::string& text) {
  return read_until(output_fd_, output_, text);
}

std::string Process::error_until(const std::string& text) {
  return read_until(error_fd_, error_, text);
}

int Process::wait() {
  while (output_fd_ >= 0 && read_more(output_fd_, output_, 20'000)) {
  }
  while (read_more(error_fd_, error_, 20'000)) {
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_skyhook(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "skyhook");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const auto serve = [](const config::ServeConfig& config) {
    std::cout << "serving listen=" << config.listen << " allow_http=" << config.allow_http
              << " networks=" << config.allow_networks.size()
              << " retries=" << config.retry_schedule.delays.size()
              << " timeout=" << format_duration(config.timeout) << '\n';
    return 7;
  };
  const auto rekey = [](const config::ServeConfig&, const std::string&) { return 8; };
  const auto move = [](const config::ServeConfig& config) {
    std::cout << "moving " << config.data_dir << " to " << config.database_url << '\n';
    return 9;
  };
  const auto undo_move = [](const config::ServeConfig& config) {
    std::cout << "undoing " << config.data_dir << '\n';
    return 10;
  };
  return run(static_cast<int>(arguments.size()), argv.data(),
             {.serve = serve, .rekey = rekey, .move = move, .undo_move = undo_move});
}

int execute(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  return 127;
}

}  // namespace skyhook::cli
