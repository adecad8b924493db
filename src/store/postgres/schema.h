// The tables and functions of the shared store, by version. docs/decisions/shared-store.md says
// why they are as they are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/postgres/connection.h"

namespace skyhook::store::postgres {

// Ids of events and deliveries carry the day, so that a row's partition follows from its id:
// id = days since the Unix epoch × 2^38 + a number from a sequence. Below 2^53 until 2059: such an
// id survives JavaScript. The upper half of a day's numbers is for skyhook.publish().
inline constexpr int kDayShift = 38;
inline constexpr std::int64_t kNumbersOfNodes = std::int64_t{1} << 37;

// Rows that were moved here from an embedded store keep the ids that they had there: all below
// this, the first id of the year 2000.
inline constexpr std::int64_t kMovedEnd = std::int64_t{10'957} << kDayShift;

// Advisory locks of the database, by their second key (the first is 1397442891), each for one
// thing: 1 migrating · 2 making and dropping days · 3 taking numbers of rows · 4 moving into it · 5
// taking what was published by SQL in turn. Those of nodes (1397442892, node) are
// skyhook.fence()'s.

// Step i leads from version i to version i + 1.
const std::vector<std::string_view>& migrations();

// Brings the database up to date, under a lock, so that of several nodes that start together one
// does it and the others wait. Refuses a schema that is newer than this program: sqlstate "SK002".
Answer<Done> migrate(Connection& connection,
                     const std::vector<std::string_view>& steps = migrations());
inline constexpr std::string_view kSchemaTooNew = "SK002";
// Of a node that starts where a move is not finished.
inline constexpr std::string_view kMoveUnfinished = "SK003";

}  // namespace skyhook::store::postgres
