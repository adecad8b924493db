// The tables, as an ordered list of migrations, and how a database is brought to the newest of
// them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/database.h"

namespace skyhook::store::sqlite {

inline constexpr std::int64_t kApplicationId = 0x534b5948;  // "SKYH", in the file's header
inline constexpr int kPageSizeBytes = 4096;

// SQL that turns schema version i into i + 1, where i is its place in the list. Never edit one that
// was released; append.
const std::vector<std::string_view>& migrations();

// Runs the migrations that the database has not seen, each in a transaction of its own together
// with the version number. Throws SqliteError (SQLITE_NOTADB) where the file is another
// application's or newer than this list.
void migrate(Connection& connection, const std::vector<std::string_view>& steps);

// Opens the database to write it: commits that last, the newest schema. Throws SqliteError.
std::unique_ptr<Connection> open_for_writing(const Connection::Options& options);

}  // namespace skyhook::store::sqlite
