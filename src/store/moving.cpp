#include "store/moving.h"

namespace skyhook::store {

std::string_view to_string(MoveTable table) {
  switch (table) {
    case MoveTable::accounts:
      return "accounts";
    case MoveTable::webhooks:
      return "webhooks";
    case MoveTable::events:
      return "events";
    case MoveTable::deliveries:
      return "deliveries";
    case MoveTable::totals:
      return "totals";
    case MoveTable::rollups:
      return "roll-ups";
    case MoveTable::keys:
      return "idempotency keys";
  }
  return "";
}

std::vector<std::pair<std::string_view, std::int64_t>> MoveCounts::named() const {
  return {{"accounts", accounts},
          {"webhooks", webhooks},
          {"events", events},
          {"deliveries waiting", waiting},
          {"deliveries delivered", delivered},
          {"deliveries failed", failed},
          {"attempts", attempts},
          {"totals of webhooks", totals},
          {"roll-ups", rollups},
          {"idempotency keys", keys}};
}

std::int64_t MoveCounts::all() const {
  std::int64_t sum = 0;
  for (const auto& [name, rows] : named()) sum += rows;
  return sum;
}

}  // namespace skyhook::store
