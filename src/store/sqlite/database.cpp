#include "store/sqlite/database.h"

namespace skyhook::store::sqlite {

Error SqliteError::to_error() const {
  switch (code_ & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return {Error::Kind::unavailable, message_};
    default:
      return {Error::Kind::corrupt, message_};
  }
}

Statement::Statement(sqlite3* database, std::string_view sql) : database_(database) {
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK)
    throw SqliteError(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
}

void Statement::fail(int code) const {
  const int extended = sqlite3_extended_errcode(database_);
  throw SqliteError((extended & 0xff) == (code & 0xff) ? extended : code,
                    sqlite3_errmsg(database_));
}

int Statement::run_as_bound() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    // The message must be read before the reset, which may replace it.
    try {
      fail(code);
    } catch (...) {
      reset();
      throw;
    }
  }
  const int changes = sqlite3_changes(database_);
  reset();
  return changes;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(code);
  return false;
}

std::string_view Query::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.statement_, column);
  const int size = sqlite3_column_bytes(statement_.statement_, column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

namespace {

// SQLite counts its memory under one lock of the process, taken twice for every piece that it
// allocates; nobody asks for that count. Must come before its first use.
void configure_library() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;  // where it is in use already, it goes on counting
}

}  // namespace

Connection::Connection(const Options& options) {
  configure_library();
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(options.path.c_str(), &database_, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) {
    SqliteError error(code,
                      database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(code));
    sqlite3_close(database_);
    throw error;
  }
  sqlite3_busy_timeout(database_, static_cast<int>(options.busy_timeout.count()));
  try {
    execute("PRAGMA cache_size = -" + std::to_string(options.cache_kib));
  } catch (...) {
    sqlite3_close(database_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(database_);
}

void Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    throw SqliteError(sqlite3_extended_errcode(database_), sqlite3_errmsg(database_));
}

std::int64_t Connection::pragma(const std::string& name) {
  Statement statement(database_, "PRAGMA " + name);
  Query query(statement);
  return query.next() ? query.integer(0) : 0;
}

Statement& Connection::statement(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return *known->second;
  auto made = std::make_unique<Statement>(database_, sql);
  return *statements_.emplace(std::string(sql), std::move(made)).first->second;
}

ReadTransaction::~ReadTransaction() {
  try {
    connection_.statement("COMMIT").run();
  } catch (const SqliteError&) {
    // A read has nothing to lose; what made this fail shows in the next call.
  }
}

}  // namespace skyhook::store::sqlite
