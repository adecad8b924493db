// That this store is being moved to another one, or was: whoever opens it to serve it is refused.
#pragma once

#include <optional>
#include <string>

#include "store/moving.h"
#include "store/sqlite/database.h"

namespace skyhook::store::sqlite {

std::optional<MoveMark> read_move_mark(Connection& connection);
// Each is a transaction of its own.
void write_move_mark(Connection& connection, const MoveMark& mark);
void clear_move_mark(Connection& connection);

// One line for people, with the way on and the way back.
std::string why_not_served(const MoveMark& mark, const std::string& data_dir);

}  // namespace skyhook::store::sqlite
