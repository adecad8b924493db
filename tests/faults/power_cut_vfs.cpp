#include "power_cut_vfs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace skyhook::faults {

namespace {

// What a disk writes as a whole.
constexpr std::size_t kSectorBytes = 512;

// What SQLite holds for an open file: ours, then the system's own right behind it.
struct File {
  sqlite3_file base;
  PowerCutVfs* vfs;
  std::string* path;  // nullptr: a temporary file, of no interest
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* file_of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return file_of(file)->real();
}

std::int64_t size_of(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  real(file)->pMethods->xFileSize(real(file), &size);
  return size;
}

std::string read_range(sqlite3_file* file, std::int64_t offset, std::int64_t length) {
  const std::int64_t available = std::clamp<std::int64_t>(size_of(file) - offset, 0, length);
  std::string bytes(static_cast<std::size_t>(available), '\0');
  if (available > 0)
    real(file)->pMethods->xRead(real(file), bytes.data(), static_cast<int>(available), offset);
  return bytes;
}

int close_file(sqlite3_file* file) {
  const int result = real(file)->pMethods->xClose(real(file));
  delete file_of(file)->path;
  return result;
}

int read_file(sqlite3_file* file, void* into, int length, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), into, length, offset);
}

int write_file(sqlite3_file* file, const void* from, int length, sqlite3_int64 offset) {
  File* ours = file_of(file);
  if (!ours->vfs->may_write()) return SQLITE_IOERR_WRITE;
  if (ours->path) {
    ours->vfs->remember(*ours->path, {.offset = offset,
                                      .before = read_range(file, offset, length),
                                      .after = std::string(static_cast<const char*>(from),
                                                           static_cast<std::size_t>(length)),
                                      .size_before = size_of(file),
                                      .truncation = false});
  }
  return ours->real()->pMethods->xWrite(ours->real(), from, length, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  File* ours = file_of(file);
  if (!ours->vfs->may_write()) return SQLITE_IOERR_TRUNCATE;
  if (ours->path) {
    const std::int64_t before = size_of(file);
    ours->vfs->remember(*ours->path, {.offset = size,
                                      .before = read_range(file, size, before - size),
                                      .after = "",
                                      .size_before = before,
                                      .truncation = true});
  }
  return ours->real()->pMethods->xTruncate(ours->real(), size);
}

int sync_file(sqlite3_file* file, int) {
  File* ours = file_of(file);
  if (!ours->vfs->may_write()) return SQLITE_IOERR_FSYNC;
  // The real sync is not needed: what survives is decided here, not by the disk.
  if (ours->path) ours->vfs->synced(*ours->path);
  return SQLITE_OK;
}

int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
int lock_file(sqlite3_file* f, int level) {
  return real(f)->pMethods->xLock(real(f), level);
}
int unlock_file(sqlite3_file* f, int level) {
  return real(f)->pMethods->xUnlock(real(f), level);
}
int check_lock(sqlite3_file* f, int* out) {
  return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
int control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int sector_size(sqlite3_file* f) {
  return real(f)->pMethods->xSectorSize(real(f));
}
int characteristics(sqlite3_file*) {
  return 0;
}  // no promise of atomic or ordered writes
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) {
  real(f)->pMethods->xShmBarrier(real(f));
}
int shm_unmap(sqlite3_file* f, int remove) {
  return real(f)->pMethods->xShmUnmap(real(f), remove);
}

const sqlite3_io_methods kMethods = {.iVersion = 2,
                                     .xClose = close_file,
                                     .xRead = read_file,
                                     .xWrite = write_file,
                                     .xTruncate = truncate_file,
                                     .xSync = sync_file,
                                     .xFileSize = file_size,
                                     .xLock = lock_file,
                                     .xUnlock = unlock_file,
                                     .xCheckReservedLock = check_lock,
                                     .xFileControl = control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics,
                                     .xShmMap = shm_map,
                                     .xShmLock = shm_lock,
                                     .xShmBarrier = shm_barrier,
                                     .xShmUnmap = shm_unmap,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

sqlite3_vfs* system_vfs() {
  return sqlite3_vfs_find("unix");
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  File* ours = file_of(file);
  std::memset(static_cast<void*>(ours), 0, sizeof(File));
  ours->vfs = static_cast<PowerCutVfs*>(vfs->pAppData);
  const int result = system_vfs()->xOpen(system_vfs(), path, ours->real(), flags, out_flags);
  if (result != SQLITE_OK) return result;
  const bool kept =
      path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
  ours->path = kept ? new std::string(path) : nullptr;
  ours->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  auto* ours = static_cast<PowerCutVfs*>(vfs->pAppData);
  if (!ours->may_write()) return SQLITE_IOERR_DELETE;
  ours->deleted(path);
  return system_vfs()->xDelete(system_vfs(), path, sync_directory);
}

void put(int fd, std::int64_t offset, const std::string& bytes) {
  (void)!::pwrite(fd, bytes.data(), bytes.size(), offset);
}

}  // namespace

PowerCutVfs::PowerCutVfs(std::string name)
    : name_(std::move(name)), vfs_(std::make_unique<sqlite3_vfs>(*system_vfs())) {
  vfs_->szOsFile = static_cast<int>(sizeof(File)) + system_vfs()->szOsFile;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->pNext = nullptr;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  sqlite3_vfs_register(vfs_.get(), 0);
}

PowerCutVfs::~PowerCutVfs() {
  sqlite3_vfs_unregister(vfs_.get());
}

void PowerCutVfs::cut_at(std::uint64_t operation) {
  std::lock_guard lock(mutex_);
  cut_at_ = operations_ + operation;
}

bool PowerCutVfs::is_cut() const {
  std::lock_guard lock(mutex_);
  return cut_;
}

std::uint64_t PowerCutVfs::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

bool PowerCutVfs::may_write() {
  std::lock_guard lock(mutex_);
  ++operations_;
  if (cut_at_ != 0 && operations_ >= cut_at_) cut_ = true;
  return !cut_;
}

void PowerCutVfs::remember(const std::string& path, Replaced replaced) {
  std::lock_guard lock(mutex_);
  unsynced_[path].push_back(std::move(replaced));
}

void PowerCutVfs::synced(const std::string& path) {
  std::lock_guard lock(mutex_);
  unsynced_.erase(path);
}

void PowerCutVfs::deleted(const std::string& path) {
  synced(path);
}

void PowerCutVfs::lose_unsynced(Random& random, double survival) {
  std::lock_guard lock(mutex_);
  for (const auto& [path, writes] : unsynced_) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    for (auto it = writes.rbegin(); it != writes.rend(); ++it) {
      put(fd, it->offset, it->before);
      (void)!::ftruncate(fd, it->size_before);
    }
    for (const Replaced& write : writes) {
      if (write.truncation || random.unit() >= survival) continue;
      const std::size_t sectors = (write.after.size() + kSectorBytes - 1) / kSectorBytes;
      const bool is_torn = random.next() % 4 == 0;
      const std::size_t kept = is_torn ? random.next() % sectors * kSectorBytes : std::string::npos;
      put(fd, write.offset, write.after.substr(0, kept));
    }
    ::close(fd);
  }
  unsynced_.clear();
  cut_at_ = 0;
  cut_ = false;
}

}  // namespace skyhook::faults
