// Which ids rows have that were created in a span of time. Ids that nodes made carry their day;
// those that were moved here from an embedded store (move_target.h) do not, and are told by a
// table.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/time.h"
#include "store/moving.h"
#include "store/postgres/connection.h"

namespace skyhook::store::postgres {

struct IdRange {
  std::int64_t first = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();  // not in it
};

// Constant after it was read: nothing is moved into a store that is served.
class CreationIds {
 public:
  static Answer<CreationIds> read(Connection& connection);

  // Every row created in [from, until) has its id in the answer; others may have too.
  IdRange created(std::optional<Timestamp> from, std::optional<Timestamp> until) const;

 private:
  std::vector<MovedDay> moved_;      // ascending; empty: nothing was moved
  std::int64_t first_node_day_ = 0;  // nodes made no ids of an earlier one
};

}  // namespace skyhook::store::postgres
