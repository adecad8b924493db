// The embedded store as the source of a move: its tables in pages, its own bookkeeping of the move.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/moving.h"

namespace skyhook::store::sqlite {

// Opens the store in `data_dir` and keeps everybody else out of it while it is open; brings its
// schema up to date. Fails where there is none, or a server has it.
Result<std::unique_ptr<MoveSource>> open_move_source(const std::string& data_dir);

// What of the schema a move reads, as the SQL names it, and what it leaves, with the reason. A test
// compares both with the schema, so that no column is forgotten.
struct MovedColumns {
  std::string_view table;
  std::string_view columns;  // separated by ", "
};
struct LeftColumns {
  std::string_view table;
  std::string_view columns;  // empty: all of them
  std::string_view reason;
};
const std::vector<MovedColumns>& moved_columns();
const std::vector<LeftColumns>& left_columns();

}  // namespace skyhook::store::sqlite
