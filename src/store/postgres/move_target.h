// The shared store as the target of a move: an empty database takes all that an embedded store
// held. What waited belongs to a node that never lived and whose lease has ended, so that the first
// one that starts takes it over as it would that of any other.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/moving.h"

namespace skyhook::store::postgres {

struct MoveTargetOptions {
  std::string database_url;  // libpq's
  std::string version;       // of the program, for whoever looks at skyhook.nodes
};

// Connects, brings the schema up to date, and keeps every other move out while it is open.
Result<std::unique_ptr<MoveTarget>> open_move_target(const MoveTargetOptions& options);

// What of the schema a move writes, as the SQL names it, and what it leaves, with the reason. A
// test compares both with the schema, so that no column is forgotten.
struct MovedColumns {
  std::string_view table;
  std::string_view columns;  // separated by ", "
};
struct LeftTable {
  std::string_view table;
  std::string_view reason;
};
const std::vector<MovedColumns>& moved_columns();
const std::vector<LeftTable>& left_tables();

}  // namespace skyhook::store::postgres
