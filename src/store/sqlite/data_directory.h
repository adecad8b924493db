// The directory that holds the database: made, locked against a second process, its files readable
// by the owner only.
#pragma once

#include <string>

#include "store/store.h"

namespace skyhook::store::sqlite {

// Holds the lock until destroyed. Movable.
class DataDirectory {
 public:
  // Makes the directory (mode 0700) and the lock file where they are missing, takes the lock, and
  // makes sure of an own database file with mode 0600; SQLite gives its side files the mode of that
  // one.
  static Result<DataDirectory> open(const std::string& path);
  ~DataDirectory();
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;

  const std::string& database_path() const { return database_path_; }

 private:
  DataDirectory(int lock_fd, std::string database_path)
      : lock_fd_(lock_fd), database_path_(std::move(database_path)) {}

  int lock_fd_;
  std::string database_path_;
};

}  // namespace skyhook::store::sqlite
