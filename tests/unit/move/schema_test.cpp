// That a move forgets no column: what it names is compared with what the two schemas have.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "store/postgres/connection.h"
#include "store/postgres/move_target.h"
#include "store/postgres/schema.h"
#include "store/sqlite/database.h"
#include "store/sqlite/move_source.h"
#include "store/sqlite/schema.h"
#include "support/postgres_server.h"

namespace skyhook::store {
namespace {

using Schema = std::map<std::string, std::set<std::string>>;  // table -> columns

void add(Schema& schema, std::string_view table, std::string_view columns) {
  while (!columns.empty()) {
    const std::size_t end = std::min(columns.find(", "), columns.size());
    EXPECT_TRUE(schema[std::string(table)].emplace(columns.substr(0, end)).second)
        << table << " names " << columns.substr(0, end) << " twice";
    columns.remove_prefix(std::min(end + 2, columns.size()));
  }
}

TEST(MovedSchema, AllOfTheEmbeddedStoreIsReadOrLeftForAReason) {
  sqlite::Connection connection({.path = ":memory:", .vfs = "", .busy_timeout = {}});
  sqlite::migrate(connection, sqlite::migrations());
  Schema has;
  for (sqlite::Query row(connection.statement(
           "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
           "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"));
       row.next();) {
    has[row.text(0)].insert(row.text(1));
  }
  Schema told;
  for (const auto& moved : sqlite::moved_columns()) add(told, moved.table, moved.columns);
  for (const auto& left : sqlite::left_columns()) {
    if (!left.columns.empty()) {
      add(told, left.table, left.columns);
    } else {
      EXPECT_TRUE(told.emplace(left.table, has[std::string(left.table)]).second);
    }
  }
  EXPECT_EQ(told, has);
}

TEST(MovedSchema, AllOfTheSharedStoreIsWrittenOrLeftForAReason) {
  auto connection =
      postgres::Connection::open({.url = testing_support::postgres_server().make_database()});
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE(postgres::migrate(**connection).ok());
  auto rows = (*connection)
                  ->query(
                      "SELECT c.relname::text, a.attname::text FROM pg_class c "
                      "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
                      "AND NOT a.attisdropped WHERE c.relnamespace = 'skyhook'::regnamespace "
                      "AND c.relkind IN ('r', 'p') AND NOT c.relispartition");
  ASSERT_TRUE(rows.ok());
  Schema has;
  for (int row = 0; row < rows->count(); ++row)
    has[rows->string(row, 0)].insert(rows->string(row, 1));
  Schema told;
  for (const auto& moved : postgres::moved_columns()) add(told, moved.table, moved.columns);
  for (const auto& left : postgres::left_tables()) {
    EXPECT_TRUE(told.emplace(left.table, has[std::string(left.table)]).second);
  }
  EXPECT_EQ(told, has);
}

}  // namespace
}  // namespace skyhook::store
