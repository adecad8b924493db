// A real PostgreSQL for the length of a test binary; a database of its own for every test.
#pragma once

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace skyhook::testing_support {

class PostgresServer {
 public:
  PostgresServer() {
    std::string pattern = std::filesystem::temp_directory_path() / "skyhook-pg-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    url_ = script("start");
  }
  ~PostgresServer() {
    static_cast<void>(script("stop"));
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // Of the database `name`, or of `postgres`.
  std::string url(const std::string& name = "postgres") const {
    return url_.substr(0, url_.rfind('/') + 1) + name;
  }
  // Makes an empty database; returns its URL.
  std::string make_database() {
    const std::string name = "test" + std::to_string(++databases_);
    sql("CREATE DATABASE " + name);
    return url(name);
  }
  // Returns the rows, bare: columns between `|`, a row a line.
  std::string sql(const std::string& statement, const std::string& database = "postgres") const {
    return run("psql -qXAt -v ON_ERROR_STOP=1 '" + url(database) + "' -c \"" + statement + "\"");
  }
  // Arguments as the script says: stop, run, pid.
  std::string script(const std::string& command) const {
    return run(std::string(SKYHOOK_TESTS) + "/support/postgres.sh " + command + " " + directory_);
  }

 private:
  static std::string run(const std::string& command) {
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
    std::string output;
    std::array<char, 256> part;
    while (std::fgets(part.data(), part.size(), pipe.get()) != nullptr) output += part.data();
    if (::pclose(pipe.release()) != 0) throw std::runtime_error("failed: " + command);
    while (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
  }

  std::string directory_;
  std::string url_;
  std::atomic<int> databases_{0};
};

// Started when first asked for, stopped when the binary ends.
inline PostgresServer& postgres_server() {
  static PostgresServer server;
  return server;
}

}  // namespace skyhook::testing_support
