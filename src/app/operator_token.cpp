#include "app/operator_token.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "signing/secrets.h"

namespace skyhook::app {

namespace {

constexpr std::size_t kTokenFileLimit = 4096;

Err<std::string> failed(const std::string& what, const std::string& file) {
  return Err{what + " " + file + ": " + std::strerror(errno)};
}

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text.erase(end == std::string::npos ? 0 : end + 1);
  return text;
}

Result<std::string, std::string> read_token(int fd, const std::string& file) {
  std::string text(kTokenFileLimit, '\0');
  const ssize_t length = ::read(fd, text.data(), text.size());
  if (length < 0) return failed("cannot read the operator token in", file);
  text.resize(static_cast<std::size_t>(length));
  text = trimmed(std::move(text));
  if (text.empty())
    return Err{"the operator token file " + file + " is empty: delete it to have a new one made"};
  return text;
}

// Durable before it is used: a token that was printed must be the token after a crash.
Result<std::string, std::string> write_token(int fd, const std::string& file) {
  const std::string token = signing::make_operator_token();
  const std::string line = token + "\n";
  if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(fd) != 0) {
    const Err<std::string> error = failed("cannot write the operator token to", file);
    ::unlink(file.c_str());
    return error;
  }
  return token;
}

}  // namespace

Result<OperatorToken, std::string> operator_token(const std::string& configured,
                                                  const std::string& data_dir) {
  if (!configured.empty()) return OperatorToken{.token = configured, .file = ""};
  const std::string file = data_dir + "/operator-token";
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_new = fd < 0 && errno == ENOENT;
  if (is_new) fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("cannot open the operator token file", file);
  auto token = is_new ? write_token(fd, file) : read_token(fd, file);
  ::close(fd);
  if (!token) return Err{token.error()};
  return OperatorToken{.token = std::move(*token), .file = file};
}

}  // namespace skyhook::app
