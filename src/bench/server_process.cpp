#include "bench/server_process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "net/http_server.h"

extern char** environ;

namespace skyhook::bench {

namespace {

constexpr std::string_view kToken = "op_benchbenchbenchbenchbenchbenchbenchbench";
constexpr int kStartTries = 600;  // of 50 ms each

std::uint16_t free_port() {
  std::string error;
  const int fd = net::listen_tcp({.host = "127.0.0.1", .port = 0}, net::Port::exclusive, &error);
  const std::uint16_t port = fd < 0 ? 0 : net::bound_port(fd);
  if (fd >= 0) ::close(fd);
  return port;
}

std::vector<std::string> command_line(const Options& options, const std::string& data_dir,
                                      const std::string& listen, const std::string& ca_file) {
  std::vector<std::string> words{options.server_command,
                                 "serve",
                                 "--listen",
                                 listen,
                                 "--allow-network",
                                 "127.0.0.0/8",
                                 "--allow-http",
                                 "--timeout",
                                 format_duration(options.timeout),
                                 "--rate-limit",
                                 "0",
                                 "--log",
                                 "warn",
                                 "--data",
                                 data_dir};
  if (!options.database_url.empty())
    words.insert(words.end(), {"--database-url", options.database_url});
  if (!ca_file.empty()) words.insert(words.end(), {"--ca-file", ca_file});
  return words;
}

pid_t spawn(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // What the server prints belongs beside the progress, not into the report.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  setenv("SKYHOOK_OPERATOR_TOKEN", std::string(kToken).c_str(), 1);
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  unsetenv("SKYHOOK_OPERATOR_TOKEN");
  posix_spawn_file_actions_destroy(&actions);
  return failed ? -1 : pid;
}

bool accepts_connections(const std::string& host_and_port) {
  const auto address = net::parse_listen_address(host_and_port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(address->port);
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target) == 0;
  ::close(fd);
  return connected;
}

std::int64_t status_kib(pid_t pid, const std::string& label) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(label)) return std::strtoll(line.c_str() + label.size(), nullptr, 10);
  }
  return 0;
}

}  // namespace

Result<ServerProcess, std::string> ServerProcess::start(const Options& options,
                                                        const std::string& ca_file) {
  ServerProcess server;
  if (!options.server.empty()) {
    server.url_ = options.server;
    server.token_ = options.operator_token;
    server.pid_ = options.server_pid;
    return server;
  }
  std::string data_dir = options.data_dir;
  if (data_dir.empty()) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "skyhook-bench-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      return Err{"cannot make a temporary directory: " + std::string(std::strerror(errno))};
    data_dir = server.temporary_ = pattern;
  }
  const std::string listen = "127.0.0.1:" + std::to_string(free_port());
  server.url_ = "http://" + listen;
  server.token_ = kToken;
  server.pid_ = spawn(command_line(options, data_dir, listen, ca_file));
  if (server.pid_ < 0) return Err{"cannot start " + options.server_command};
  server.started_here_ = true;
  for (int i = 0; i < kStartTries; ++i) {
    if (accepts_connections(listen)) return server;
    int status = 0;
    if (waitpid(server.pid_, &status, WNOHANG) == server.pid_) {
      server.started_here_ = false;
      return Err{std::string("the server ended at its start; its own message is above")};
    }
    std::this_thread::sleep_for(Millis{50});
  }
  return Err{std::string("the server did not open its port")};
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : url_(std::move(other.url_)),
      token_(std::move(other.token_)),
      temporary_(std::exchange(other.temporary_, {})),
      pid_(other.pid_),
      started_here_(std::exchange(other.started_here_, false)) {}

ServerProcess::~ServerProcess() {
  stop();
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

int ServerProcess::stop() {
  if (!std::exchange(started_here_, false)) return 0;
  ::kill(pid_, SIGTERM);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::int64_t ServerProcess::cpu_us() const {
  clockid_t clock{};
  timespec time{};
  if (pid_ == 0 || clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0)
    return 0;
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

std::int64_t ServerProcess::peak_memory_kib() const {
  return pid_ ? status_kib(pid_, "VmHWM:") : 0;
}

}  // namespace skyhook::bench
