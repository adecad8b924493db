// A SQLite VFS that can lose power: it writes to real files through the system's own VFS, remembers
// what each write replaced until the file is synced, and at a chosen write or sync stops the world.
// What was not synced is then taken back.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"

namespace skyhook::faults {

class PowerCutVfs {
 public:
  explicit PowerCutVfs(std::string name);
  ~PowerCutVfs();
  PowerCutVfs(const PowerCutVfs&) = delete;
  PowerCutVfs& operator=(const PowerCutVfs&) = delete;

  const std::string& name() const { return name_; }
  // The power goes at the `operation`-th write, truncation or sync from now: it and all later ones
  // fail and change nothing.
  void cut_at(std::uint64_t operation);
  bool is_cut() const;
  std::uint64_t operations() const;
  // After everything is closed: takes back what was not synced; of those writes, each survives with
  // probability `survival` (a disk may have written some of them, in any order), a quarter of those
  // torn: their first sectors only. Then the power is on again.
  void lose_unsynced(Random& random, double survival);

  struct Replaced {  // undo of one write or truncation
    std::int64_t offset;
    std::string before;  // the bytes that stood there; shorter where the file ended
    std::string after;   // the bytes written
    std::int64_t size_before;
    bool truncation;
  };
  // True while the power is on; counts the operation.
  bool may_write();
  void remember(const std::string& path, Replaced replaced);
  void synced(const std::string& path);
  void deleted(const std::string& path);

 private:
  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Replaced>>
      unsynced_;                  // by path, oldest first; guarded by mutex_
  std::uint64_t operations_ = 0;  // guarded by mutex_
  std::uint64_t cut_at_ = 0;      // 0: never; guarded by mutex_
  bool cut_ = false;              // guarded by mutex_
};

}  // namespace skyhook::faults
