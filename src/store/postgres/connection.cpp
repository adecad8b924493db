#include "store/postgres/connection.h"

#include <endian.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace skyhook::store::postgres {
namespace {

// Object ids of built-in types never change (src/include/catalog/pg_type.dat).
constexpr Oid kBool = 16, kBytea = 17, kBigint = 20, kText = 25;
constexpr Oid kBoolArray = 1000, kByteaArray = 1001, kTextArray = 1009, kBigintArray = 1016;

void put_int32(std::string& out, std::int32_t value) {
  const std::uint32_t wire = htobe32(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

void put_int64(std::string& out, std::int64_t value) {
  const std::uint64_t wire = htobe64(static_cast<std::uint64_t>(value));
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

std::int32_t get_int32(const char* data) {
  std::uint32_t wire;
  std::memcpy(&wire, data, sizeof wire);
  return static_cast<std::int32_t>(be32toh(wire));
}

// The head of a one-dimensional array without nulls.
std::string array_head(Oid element, std::size_t count, std::size_t bytes) {
  std::string out;
  if (count == 0) {
    put_int32(out, 0);
    put_int32(out, 0);
    put_int32(out, static_cast<std::int32_t>(element));
    return out;
  }
  out.reserve(20 + bytes + 4 * count);
  put_int32(out, 1);
  put_int32(out, 0);
  put_int32(out, static_cast<std::int32_t>(element));
  put_int32(out, static_cast<std::int32_t>(count));
  put_int32(out, 1);
  return out;
}

std::string without_nul(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\0') {
      out += "\xEF\xBF\xBD";
    } else {
      out += c;
    }
  }
  return out;
}

// libpq's messages end with a line break, and have a line for each host that it tried.
std::string one_line(std::string_view message) {
  std::string line;
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    if (end > 0 && !line.empty()) line += "; ";
    line += message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return line;
}

std::string string_array(Oid element, const std::vector<std::string_view>& values) {
  std::size_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size();
  std::string out = array_head(element, values.size(), bytes);
  for (const std::string_view value : values) {
    put_int32(out, static_cast<std::int32_t>(value.size()));
    out.append(value);
  }
  return out;
}

}  // namespace

Error to_store_error(const DatabaseError& error) {
  // Class 22 is data that the server cannot take, 23 a broken constraint: those are ours, and
  // trying again would not help. Everything else may pass: connection (08), resources (53),
  // operator (57), read-only (25), conflicts between transactions (40).
  const bool ours = error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23") ||
                    error.sqlstate.starts_with("42");
  std::string detail = error.message;
  if (!error.sqlstate.empty()) detail += " [" + error.sqlstate + "]";
  return {ours ? Error::Kind::corrupt : Error::Kind::unavailable, std::move(detail)};
}

void Params::value(Oid type, std::string data) {
  types_.push_back(type);
  values_.push_back(std::move(data));
}

Params& Params::add(std::int64_t number) {
  std::string data;
  put_int64(data, number);
  value(kBigint, std::move(data));
  return *this;
}

Params& Params::add(bool flag) {
  value(kBool, std::string(1, flag ? '\1' : '\0'));
  return *this;
}

Params& Params::text(std::string_view text) {
  value(kText, without_nul(text));
  return *this;
}

Params& Params::bytes(std::string_view data) {
  value(kBytea, std::string(data));
  return *this;
}

Params& Params::add(const std::vector<std::int64_t>& values) {
  std::string data = array_head(kBigint, values.size(), 8 * values.size());
  for (const std::int64_t number : values) {
    put_int32(data, 8);
    put_int64(data, number);
  }
  value(kBigintArray, std::move(data));
  return *this;
}

Params& Params::bools(const std::vector<bool>& values) {
  std::string data = array_head(kBool, values.size(), values.size());
  for (const bool flag : values) {
    put_int32(data, 1);
    data += flag ? '\1' : '\0';
  }
  value(kBoolArray, std::move(data));
  return *this;
}

Params& Params::texts(const std::vector<std::string_view>& values) {
  value(kTextArray, string_array(kText, values));
  return *this;
}

Params& Params::bytes_list(const std::vector<std::string_view>& values) {
  value(kByteaArray, string_array(kBytea, values));
  return *this;
}

std::int64_t Rows::integer(int row, int column) const {
  const std::string_view data = text(row, column);
  if (data.size() == 8) {
    std::uint64_t wire;
    std::memcpy(&wire, data.data(), sizeof wire);
    return static_cast<std::int64_t>(be64toh(wire));
  }
  if (data.size() == 4) return get_int32(data.data());
  if (data.size() == 2) {
    std::uint16_t wire;
    std::memcpy(&wire, data.data(), sizeof wire);
    return static_cast<std::int16_t>(be16toh(wire));
  }
  return 0;
}

std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::vector<std::string> Rows::texts(int row, int column) const {
  std::vector<std::string> values;
  const std::string_view data = text(row, column);
  if (data.size() < 20 || get_int32(data.data()) != 1) return values;
  const std::int32_t count = get_int32(data.data() + 12);
  std::size_t position = 20;
  for (std::int32_t i = 0; i < count && position + 4 <= data.size(); ++i) {
    const std::int32_t length = get_int32(data.data() + position);
    position += 4;
    if (length < 0 || position + static_cast<std::size_t>(length) > data.size()) break;
    values.emplace_back(data.substr(position, static_cast<std::size_t>(length)));
    position += static_cast<std::size_t>(length);
  }
  return values;
}

namespace {

// The caller's to finish, also where it is not OK.
PGconn* connect(const Connection::Settings& settings) {
  const std::string timeout = std::to_string(settings.connect_timeout.count());
  // The URL comes last, so that what it says wins. TCP settings: a peer that is cut off is noticed
  // within seconds. A server that cannot write is passed over for the next host of the URL.
  const std::array<const char*, 9> names{
      "connect_timeout",      "keepalives_idle",  "keepalives_interval",
      "keepalives_count",     "tcp_user_timeout", "application_name",
      "target_session_attrs", "dbname",           nullptr};
  const std::array<const char*, 9> values{
      timeout.c_str(),      "5",    "2", "3", "10000", "skyhook", "read-write",
      settings.url.c_str(), nullptr};
  return PQconnectdbParams(names.data(), values.data(), 1);
}

}  // namespace

Answer<std::unique_ptr<Connection>> Connection::open(const Settings& settings) {
  const std::time_t began = std::time(nullptr);
  const MonoTime began_mono = std::chrono::steady_clock::now();
  PGconn* raw = connect(settings);
  const Seconds by_wall_clock{std::time(nullptr) - began};
  const auto lasted = std::chrono::steady_clock::now() - began_mono;
  // libpq measures its patience by the wall clock: set forward meanwhile, that ends it at once.
  if (PQstatus(raw) != CONNECTION_OK && lasted < settings.connect_timeout &&
      by_wall_clock >= settings.connect_timeout) {
    PQfinish(raw);
    raw = connect(settings);
  }
  if (PQstatus(raw) != CONNECTION_OK) {
    DatabaseError error{"", one_line(PQerrorMessage(raw)), true};
    PQfinish(raw);
    return Err{std::move(error)};
  }
  PQsetnonblocking(raw, 1);
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  std::unique_ptr<Connection> connection(new Connection(raw, settings));
  // A transaction that this process left open, because it was stopped or cut off in the middle of
  // one, must not hold its locks for ever.
  // Every statement here looks rows up by key, many at a time, and its plan is made once, for all
  // its parameters: perhaps while a table is empty, and used when it has millions of rows. So the
  // planner is not to think that reading all of a table is cheap.
  auto prepared = connection->script(
      "SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on; "
      "SET client_encoding = 'UTF8'; SET statement_timeout = '60s'; "
      "SET plan_cache_mode = force_generic_plan; SET jit = off; "
      "SET max_parallel_workers_per_gather = 0; SET enable_seqscan = off; "
      "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off");
  if (!prepared) return Err{prepared.error()};
  return connection;
}

Connection::Connection(PGconn* connection, Settings settings)
    : connection_(connection), settings_(std::move(settings)) {}

Connection::~Connection() {
  PQfinish(connection_);
}

MonoTime Connection::deadline() const {
  return std::chrono::steady_clock::now() + settings_.answer_timeout;
}

bool Connection::in_transaction() const {
  return PQtransactionStatus(connection_) != PQTRANS_IDLE;
}

DatabaseError Connection::lost(std::string_view message) {
  usable_ = false;
  return {"", one_line(message), true};
}

DatabaseError Connection::error_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  DatabaseError error;
  error.sqlstate = state == nullptr ? "" : state;
  error.message = message == nullptr ? PQresultErrorMessage(result) : message;
  if (const char* context = PQresultErrorField(result, PG_DIAG_CONTEXT)) {
    error.message += std::string(" (") + context + ")";
  }
  // Not the server's word but libpq's: the connection is gone. Class 57P: the server ends it.
  // 25006: it cannot write any more; another connection may lead to one that can.
  if (state == nullptr || PQstatus(connection_) != CONNECTION_OK ||
      error.sqlstate.starts_with("57P") || error.is("25006") || error.is("25P03")) {
    error.lost = true;
    usable_ = false;
  }
  return error;
}

std::optional<DatabaseError> Connection::wait_readable(MonoTime deadline) {
  pollfd descriptor{PQsocket(connection_), POLLIN, 0};
  const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
  const int ready = left <= 0 ? 0 : poll(&descriptor, 1, static_cast<int>(left));
  if (ready == 0) return lost("the database did not answer in time");
  if (PQconsumeInput(connection_) == 0) return lost(PQerrorMessage(connection_));
  return std::nullopt;
}

std::optional<DatabaseError> Connection::flush(MonoTime deadline) {
  for (;;) {
    const int state = PQflush(connection_);
    if (state == 0) return std::nullopt;
    if (state < 0) return lost(PQerrorMessage(connection_));
    pollfd descriptor{PQsocket(connection_), POLLIN | POLLOUT, 0};
    const auto left =
        std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
    const int ready = left <= 0 ? 0 : poll(&descriptor, 1, static_cast<int>(left));
    if (ready == 0) return lost("the database did not take a statement in time");
    if ((descriptor.revents & POLLIN) != 0 && PQconsumeInput(connection_) == 0) {
      return lost(PQerrorMessage(connection_));
    }
  }
}

Answer<PGresult*> Connection::next(MonoTime deadline) {
  if (auto failed = flush(deadline)) return Err{std::move(*failed)};
  while (PQisBusy(connection_) != 0) {
    if (auto failed = wait_readable(deadline)) return Err{std::move(*failed)};
  }
  return PQgetResult(connection_);
}

Answer<Rows> Connection::collect(MonoTime deadline) {
  std::optional<DatabaseError> error;
  std::optional<Rows> rows;
  for (;;) {
    auto result = next(deadline);
    if (!result) return Err{error ? *error : result.error()};
    if (*result == nullptr) break;
    Rows kept(*result);
    const ExecStatusType status = PQresultStatus(*result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows = std::move(kept);
    } else if (!error) {
      error = error_of(*result);
    }
  }
  if (error) return Err{std::move(*error)};
  if (PQstatus(connection_) != CONNECTION_OK || !rows) {
    return Err{lost(PQerrorMessage(connection_))};
  }
  return std::move(*rows);
}

Answer<std::string> Connection::prepared(std::string_view sql, const Params& params) {
  const auto known = statements_.find(std::string(sql));
  if (known != statements_.end()) return known->second;
  std::string name = "s" + std::to_string(statements_.size());
  if (PQsendPrepare(connection_, name.c_str(), std::string(sql).c_str(),
                    static_cast<int>(params.types_.size()), params.types_.data()) == 0) {
    return Err{lost(PQerrorMessage(connection_))};
  }
  auto done = collect(deadline());
  if (!done) return Err{done.error()};
  statements_.emplace(sql, name);
  return name;
}

namespace {
struct Bound {
  explicit Bound(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      values.push_back(text.data());
      lengths.push_back(static_cast<int>(text.size()));
      formats.push_back(1);
    }
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};
}  // namespace

Answer<Rows> Connection::query(std::string_view sql, const Params& params) {
  auto name = prepared(sql, params);
  if (!name) return Err{name.error()};
  const Bound bound(params.values_);
  if (PQsendQueryPrepared(connection_, name->c_str(), static_cast<int>(bound.values.size()),
                          bound.values.data(), bound.lengths.data(), bound.formats.data(),
                          1) == 0) {
    return Err{lost(PQerrorMessage(connection_))};
  }
  return collect(deadline());
}

Answer<std::vector<Rows>> Connection::pipeline(const std::vector<Call>& calls) {
  std::vector<std::string> names;
  for (const Call& call : calls) {
    auto name = prepared(call.sql, call.params);
    if (!name) return Err{name.error()};
    names.push_back(std::move(*name));
  }
  if (PQenterPipelineMode(connection_) == 0) return Err{lost(PQerrorMessage(connection_))};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Bound bound(calls[i].params.values_);
    if (PQsendQueryPrepared(connection_, names[i].c_str(), static_cast<int>(bound.values.size()),
                            bound.values.data(), bound.lengths.data(), bound.formats.data(),
                            1) == 0) {
      return Err{lost(PQerrorMessage(connection_))};
    }
  }
  if (PQpipelineSync(connection_) == 0) return Err{lost(PQerrorMessage(connection_))};
  const MonoTime until = deadline();
  std::vector<Rows> rows;
  std::optional<DatabaseError> error;
  // The answer to the Sync is the word that the transaction is committed: nothing counts before it.
  for (bool synced = false; !synced;) {
    auto result = next(until);
    if (!result) return Err{error ? *error : result.error()};
    if (*result == nullptr) {
      if (PQstatus(connection_) != CONNECTION_OK) return Err{lost(PQerrorMessage(connection_))};
      continue;  // the end of one statement's results
    }
    Rows kept(*result);
    const ExecStatusType status = PQresultStatus(*result);
    if (status == PGRES_PIPELINE_SYNC) {
      synced = true;
    } else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows.push_back(std::move(kept));
    } else if (status != PGRES_PIPELINE_ABORTED && !error) {
      error = error_of(*result);
      if (error->lost) return Err{std::move(*error)};
    }
  }
  if (PQexitPipelineMode(connection_) == 0) return Err{lost(PQerrorMessage(connection_))};
  if (error) return Err{std::move(*error)};
  return rows;
}

Answer<Done> Connection::script(const std::string& sql) {
  if (PQsendQuery(connection_, sql.c_str()) == 0) return Err{lost(PQerrorMessage(connection_))};
  auto rows = collect(deadline());
  if (!rows) return Err{rows.error()};
  return Done{};
}

bool Connection::still_usable() {
  // A server that ends a connection says so, then closes it: what it said is read first.
  for (int read = 0; usable_ && read < 3; ++read) {
    pollfd descriptor{PQsocket(connection_), POLLIN, 0};
    if (poll(&descriptor, 1, 0) <= 0) break;
    if (PQconsumeInput(connection_) == 0) usable_ = false;
  }
  if (PQstatus(connection_) != CONNECTION_OK) usable_ = false;
  return usable_;
}

}  // namespace skyhook::store::postgres
