#include "store/postgres/moved_ids.h"

#include <algorithm>

#include "store/postgres/schema.h"

namespace skyhook::store::postgres {
namespace {

// Nodes' ids follow the day on which they were made, creation times the clock of whoever published:
// a span of time is looked for a day further on either side.
constexpr std::int64_t kDaySlack = 1;
constexpr std::int64_t kMicrosADay = 86'400'000'000;

}  // namespace

Answer<CreationIds> CreationIds::read(Connection& connection) {
  auto rows = connection.query(
      "SELECT d.day, d.first_id, d.created_from, d.created_to, "
      "(SELECT min(began_at) FROM skyhook.moves) "
      "FROM skyhook.moved_days d ORDER BY d.first_id");
  if (!rows) return Err{rows.error()};
  CreationIds ids;
  for (int row = 0; row < rows->count(); ++row) {
    ids.moved_.push_back({rows->integer(row, 0), rows->integer(row, 1), rows->integer(row, 2),
                          rows->integer(row, 3)});
    ids.first_node_day_ = rows->integer(row, 4) / kMicrosADay - kDaySlack;
  }
  return ids;
}

IdRange CreationIds::created(std::optional<Timestamp> from, std::optional<Timestamp> until) const {
  const auto day = [](Timestamp time) { return to_unix_micros(time) / kMicrosADay; };
  const std::int64_t first_day = from ? std::max<std::int64_t>(0, day(*from) - kDaySlack) : 0;
  constexpr std::int64_t kLastDay = std::numeric_limits<std::int64_t>::max() >> kDayShift;
  const std::int64_t last_day = until ? std::min(kLastDay, day(*until) + kDaySlack) : kLastDay;

  // The nodes' part, unless it ended before they began.
  IdRange range{first_day << kDayShift,
                last_day == kLastDay ? IdRange{}.end : (last_day + 1) << kDayShift};
  const bool by_nodes = last_day >= first_node_day_;
  if (!by_nodes) range = {IdRange{}.end, 0};
  for (std::size_t i = 0; i < moved_.size(); ++i) {
    if (moved_[i].created_to < first_day || moved_[i].created_from > last_day) continue;
    range.first = std::min(range.first, moved_[i].first_id);
    const std::int64_t end = i + 1 < moved_.size() ? moved_[i + 1].first_id : kMovedEnd;
    range.end = std::max(range.end, end);
  }
  return range;
}

}  // namespace skyhook::store::postgres
