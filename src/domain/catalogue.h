// The event catalogue: the eleven types of the seed, then the operator's own (contract §3,
// "events").
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "domain/event.h"

namespace skyhook {

// Constant after construction; read from any thread.
class Catalogue {
 public:
  // `own_types` repeat no name, neither the seed's nor their own (config refuses such a file).
  explicit Catalogue(std::vector<EventType> own_types = {});
  bool contains(std::string_view type) const { return find(type) != nullptr; }
  // nullptr where there is none of that name. Lives as long as the catalogue.
  const EventType* find(std::string_view type) const;
  // Does the name or pattern (domain/event_pattern.h) stand for a type of the catalogue?
  bool has(std::string_view name_or_pattern) const;
  const std::vector<EventType>& types() const { return types_; }

 private:
  std::vector<EventType> types_;
  std::vector<std::size_t> by_name_;  // indices into types_, in order of name
};

}  // namespace skyhook
