// A thin, owning layer over SQLite's C interface. Inside this room a failed call throws
// SqliteError; the store turns it into a Result before it leaves.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "base/time.h"
#include "store/store.h"

namespace skyhook::store::sqlite {

class SqliteError : public std::exception {
 public:
  // `code` is an extended result code.
  SqliteError(int code, std::string message) : code_(code), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  int code() const { return code_; }
  // What the world did to us (disk full, I/O, read-only, busy, memory) is `unavailable`; all else
  // is `corrupt`.
  Error to_error() const;

 private:
  int code_;
  std::string message_;
};

// Bytes to bind as a BLOB.
struct Blob {
  const void* data;
  std::size_t size;
};

// A prepared statement. Not thread-safe. Text and blobs that are bound must live until the
// statement has run.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds ?1, ?2, … and runs a statement that yields no rows. Returns how many rows it changed.
  template <class... Args>
  int run(const Args&... args) {
    bind_all(args...);
    return run_as_bound();
  }

  template <class... Args>
  void bind_all(const Args&... args) {
    bind_from(1, args...);
  }
  // Binds ?first, ?first+1, …; run_as_bound() then runs it.
  template <class... Args>
  void bind_from(int first, const Args&... args) {
    int index = first;
    (bind(index++, args), ...);
  }
  int run_as_bound();

 private:
  friend class Query;
  void bind(int index, std::int64_t value) { check(sqlite3_bind_int64(statement_, index, value)); }
  void bind(int index, int value) { check(sqlite3_bind_int64(statement_, index, value)); }
  void bind(int index, bool value) { check(sqlite3_bind_int64(statement_, index, value ? 1 : 0)); }
  void bind(int index, Timestamp value) { bind(index, to_unix_micros(value)); }
  void bind(int index, std::string_view value) {
    // An empty view may hold a null pointer, which SQLite would take for NULL.
    check(sqlite3_bind_text64(statement_, index, value.data() ? value.data() : "", value.size(),
                              SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, Blob value) {
    check(sqlite3_bind_blob64(statement_, index, value.size ? value.data : "", value.size,
                              SQLITE_STATIC));
  }
  void check(int code) const {
    if (code != SQLITE_OK) fail(code);
  }
  [[noreturn]] void fail(int code) const;
  bool step();
  void reset() { sqlite3_reset(statement_); }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// One run of a statement that yields rows; resets it at the end, whatever happens.
//
//   for (Query query(statement, webhook.value); query.next();) use(query.integer(0));
class Query {
 public:
  template <class... Args>
  explicit Query(Statement& statement, Args&&... args) : statement_(statement) {
    static_assert((!std::is_same_v<Args, std::string> && ...), "bound text must outlive the query");
    statement_.bind_all(args...);
  }
  ~Query() { statement_.reset(); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next() { return statement_.step(); }
  bool is_null(int column) const {
    return sqlite3_column_type(statement_.statement_, column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) const {
    return sqlite3_column_int64(statement_.statement_, column);
  }
  int small(int column) const { return sqlite3_column_int(statement_.statement_, column); }
  Timestamp time(int column) const { return from_unix_micros(integer(column)); }
  std::string text(int column) const { return std::string(bytes(column)); }
  // Valid until the next call of next().
  std::string_view bytes(int column) const;

 private:
  Statement& statement_;
};

// A connection with its prepared statements. One thread at a time.
class Connection {
 public:
  struct Options {
    std::string path;
    std::string vfs;
    Millis busy_timeout{0};
    int cache_kib = 2'048;
  };
  explicit Connection(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs SQL that is not worth keeping prepared.
  void execute(const std::string& sql);
  std::int64_t pragma(const std::string& name);  // its value, for those that yield one integer
  // Prepared once for a text, then kept.
  Statement& statement(std::string_view sql);
  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }
  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(database_); }
  sqlite3* handle() { return database_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  sqlite3* database_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<Statement>, Hash, std::equal_to<>> statements_;
};

// Several reads of one state of the database.
class ReadTransaction {
 public:
  explicit ReadTransaction(Connection& connection) : connection_(connection) {
    connection_.statement("BEGIN").run();
  }
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Connection& connection_;
};

}  // namespace skyhook::store::sqlite
