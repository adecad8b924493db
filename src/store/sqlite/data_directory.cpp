#include "store/sqlite/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace skyhook::store::sqlite {
namespace {

Err<Error> cannot(const std::string& what, int error) {
  return Err{Error{Error::Kind::unavailable, what + ": " + std::strerror(error)}};
}

}  // namespace

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  const std::filesystem::path directory(path);
  std::error_code error;
  if (directory.has_parent_path())
    std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("cannot make the directory " + path, errno);

  const std::string lock_path = directory / "skyhook.lock";
  const int lock_fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd < 0) return cannot("cannot open " + lock_path, errno);
  DataDirectory opened(lock_fd, directory / "skyhook.db");
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("cannot lock " + lock_path, errno);
    return Err{Error{Error::Kind::unavailable,
                     "the data directory " + path + " is in use by another Skyhook"}};
  }

  const int database_fd = ::open(opened.database_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (database_fd < 0) return cannot("cannot open " + opened.database_path_, errno);
  const int changed = ::fchmod(database_fd, 0600);
  const int change_error = errno;
  ::close(database_fd);
  if (changed != 0) return cannot("cannot protect " + opened.database_path_, change_error);
  return opened;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : lock_fd_(std::exchange(other.lock_fd_, -1)),
      database_path_(std::move(other.database_path_)) {}

DataDirectory::~DataDirectory() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

}  // namespace skyhook::store::sqlite
