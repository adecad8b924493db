#include "store/sqlite/move_mark.h"

namespace skyhook::store::sqlite {

std::optional<MoveMark> read_move_mark(Connection& connection) {
  Query row(connection.statement("SELECT move_id, place, began_at, is_moved FROM move_mark"));
  if (!row.next()) return std::nullopt;
  return MoveMark{row.text(0), row.text(1), row.time(2), row.integer(3) != 0};
}

void write_move_mark(Connection& connection, const MoveMark& mark) {
  connection
      .statement(
          "REPLACE INTO move_mark (is_single, move_id, place, began_at, is_moved) "
          "VALUES (1, ?1, ?2, ?3, ?4)")
      .run(mark.id, mark.place, mark.began_at, mark.is_moved);
}

void clear_move_mark(Connection& connection) {
  connection.statement("DELETE FROM move_mark").run();
}

std::string why_not_served(const MoveMark& mark, const std::string& data_dir) {
  const std::string begun = to_iso8601(mark.began_at).substr(0, 10);
  const std::string undo = "'skyhook move --from " + data_dir + " --undo'";
  if (mark.is_moved) {
    return data_dir + " was moved to " + mark.place + " (" + begun +
           "): serve it from there, with --database-url; the way back, which is safe as long as "
           "nobody served it there, is " +
           undo;
  }
  return "a move of " + data_dir + " to " + mark.place + " has begun (" + begun +
         ") and is not finished: run the same 'skyhook move' again to go on, or " + undo +
         " to stay here";
}

}  // namespace skyhook::store::sqlite
