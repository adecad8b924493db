// libpq, tamed: parameters and results in binary, every wait bounded by a deadline, errors as
// values.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "store/store.h"

namespace skyhook::store::postgres {

// Why a statement failed. `lost`: the connection is gone, and what it was told last may or may not
// have been done.
struct DatabaseError {
  std::string sqlstate;  // five characters; empty where the server did not say
  std::string message;
  bool lost = false;

  bool is(std::string_view state) const { return sqlstate == state; }
};
template <class T>
using Answer = skyhook::Result<T, DatabaseError>;

// What skyhook.fence() raises: this node's lease has ended and others may own what it owned.
inline constexpr std::string_view kLeaseLost = "SK001";

Error to_store_error(const DatabaseError& error);

// Values of one statement, in the binary format.
class Params {
 public:
  Params& add(std::int64_t value);
  Params& add(bool value);
  Params& text(std::string_view value);  // U+0000, which PostgreSQL cannot hold, becomes U+FFFD
  Params& bytes(std::string_view value);
  Params& add(const std::vector<std::int64_t>& values);
  Params& bools(const std::vector<bool>& values);
  Params& texts(const std::vector<std::string_view>& values);
  Params& bytes_list(const std::vector<std::string_view>& values);
  Params& add(Timestamp value) { return add(to_unix_micros(value)); }

 private:
  friend class Connection;
  void value(Oid type, std::string data);
  std::vector<Oid> types_;
  std::vector<std::string> values_;
};

// The rows of one statement.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, &PQclear) {}
  int count() const { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  std::int64_t integer(int row, int column) const;  // of 2, 4 or 8 bytes
  int small(int row, int column) const { return static_cast<int>(integer(row, column)); }
  bool boolean(int row, int column) const { return text(row, column) == std::string_view("\1", 1); }
  Timestamp time(int row, int column) const { return from_unix_micros(integer(row, column)); }
  std::string_view text(int row, int column) const;  // of text and bytea; as long as the rows
  std::string string(int row, int column) const { return std::string(text(row, column)); }
  std::vector<std::string> texts(int row, int column) const;  // of text[]

 private:
  std::shared_ptr<PGresult> result_;
};

// Refers to both, which outlive it.
struct Call {
  Call(std::string_view statement, const Params& values) : sql(statement), params(values) {}
  Call(std::string_view statement, Params&& values) = delete;

  std::string_view sql;
  const Params& params;
};

// One connection, one thread at a time. After an error with `lost` it is of no more use.
class Connection {
 public:
  struct Settings {
    std::string url;
    Seconds connect_timeout{3};
    Millis answer_timeout{15'000};  // then the connection is given up
  };
  static Answer<std::unique_ptr<Connection>> open(const Settings& settings);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One statement, prepared when first used. Its own transaction unless one is open: then success
  // means that it is committed.
  Answer<Rows> query(std::string_view sql, const Params& params = {});
  // Several statements, one round trip, one transaction.
  Answer<std::vector<Rows>> pipeline(const std::vector<Call>& calls);
  // Any number of statements without parameters or results, one transaction.
  Answer<Done> script(const std::string& sql);

  bool usable() const { return usable_; }
  // Before use after a pause: has the server ended the connection meanwhile? Costs one poll(2).
  bool still_usable();
  bool in_transaction() const;
  int server_pid() const { return PQbackendPID(connection_); }

 private:
  Connection(PGconn* connection, Settings settings);
  Answer<std::string> prepared(std::string_view sql, const Params& params);
  DatabaseError error_of(const PGresult* result);
  DatabaseError lost(std::string_view message);
  // Sends what is buffered and waits until an answer can be read; nullopt when all is well.
  std::optional<DatabaseError> flush(MonoTime deadline);
  std::optional<DatabaseError> wait_readable(MonoTime deadline);
  // The next result; nullptr: there is none left of this statement.
  Answer<PGresult*> next(MonoTime deadline);
  // All results of one statement: the last one's rows, or the first error.
  Answer<Rows> collect(MonoTime deadline);
  MonoTime deadline() const;

  PGconn* connection_;
  Settings settings_;
  bool usable_ = true;
  std::unordered_map<std::string, std::string> statements_;  // text -> name
};

}  // namespace skyhook::store::postgres
