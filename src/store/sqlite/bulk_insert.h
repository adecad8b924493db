// Inserts rows some at a time. A statement opens a cursor on its table and on every index of it,
// and frees them at its end: for small rows a fifth of the work, so several rows share it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "store/sqlite/database.h"

namespace skyhook::store::sqlite {

// Writer thread only, within a transaction. What was added is in the table after flush(), in the
// order in which it was added; text and blobs must live until then.
template <class... Columns>
class BulkInsert {
 public:
  // `into`: "INSERT INTO table (column, …)"; `row`: "(?, …)", with a parameter for each of Columns.
  BulkInsert(sqlite3* database, std::string_view into, std::string_view row)
      : one_(database, sql(into, row, 1)), many_(database, sql(into, row, kRowsAtOnce)) {
    rows_.reserve(kRowsAtOnce);
  }

  void add(const Columns&... columns) {
    rows_.emplace_back(columns...);
    if (rows_.size() == kRowsAtOnce) flush();
  }

  void flush() {
    if (rows_.size() == kRowsAtOnce) {
      for (std::size_t i = 0; i < kRowsAtOnce; ++i) bind_row(many_, i, rows_[i]);
      many_.run_as_bound();
    } else {
      for (const Row& row : rows_) {
        bind_row(one_, 0, row);
        one_.run_as_bound();
      }
    }
    rows_.clear();
  }

  // Forgets what was not flushed: the transaction is given up.
  void clear() { rows_.clear(); }
  bool empty() const { return rows_.empty(); }

  // Under load a transaction has some tens of rows; what is left over goes one by one.
  static constexpr std::size_t kRowsAtOnce = 8;

 private:
  using Row = std::tuple<Columns...>;

  static std::string sql(std::string_view into, std::string_view row, std::size_t rows) {
    std::string text = std::string(into) + " VALUES ";
    for (std::size_t i = 0; i < rows; ++i) text.append(i == 0 ? "" : ", ").append(row);
    return text;
  }
  static void bind_row(Statement& statement, std::size_t place, const Row& row) {
    std::apply(
        [&](const Columns&... columns) {
          statement.bind_from(1 + static_cast<int>(place * sizeof...(Columns)), columns...);
        },
        row);
  }

  Statement one_;
  Statement many_;
  std::vector<Row> rows_;
};

}  // namespace skyhook::store::sqlite
