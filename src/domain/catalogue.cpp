#include "domain/catalogue.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "domain/event_pattern.h"

namespace skyhook {
namespace {

// The seed's, in its order and words.
std::vector<EventType> seed_types() {
  return {
      {"contact.created", "A new contact is added"},
      {"contact.updated", "A contact's details are updated"},
      {"contact.deleted", "A contact is deleted"},
      {"message.received", "An inbound message is received from a contact"},
      {"message.sent", "An outbound message is sent to a contact"},
      {"booking.created", "A new booking is created"},
      {"booking.updated", "A booking is updated"},
      {"booking.cancelled", "A booking is cancelled"},
      {"booking.completed", "A booking is marked as completed"},
      {"ticket.created", "A new support ticket is opened"},
      {"ticket.replied", "A reply is added to a support ticket"},
  };
}

}  // namespace

Catalogue::Catalogue(std::vector<EventType> own_types) : types_(seed_types()) {
  std::ranges::move(own_types, std::back_inserter(types_));
  by_name_.resize(types_.size());
  std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
  std::ranges::sort(by_name_, {}, [this](std::size_t i) { return types_[i].name; });
}

const EventType* Catalogue::find(std::string_view type) const {
  const auto name_of = [this](std::size_t i) -> std::string_view { return types_[i].name; };
  const auto found = std::ranges::lower_bound(by_name_, type, {}, name_of);
  return found != by_name_.end() && name_of(*found) == type ? &types_[*found] : nullptr;
}

bool Catalogue::has(std::string_view name_or_pattern) const {
  if (!is_event_pattern(name_or_pattern)) return contains(name_or_pattern);
  return std::ranges::any_of(
      types_, [&](const EventType& type) { return covers(name_or_pattern, type.name); });
}

}  // namespace skyhook
