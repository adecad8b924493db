// Integer keys that cannot be swapped for one another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace skyhook {

template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using AccountId = Id<struct AccountTag>;
using WebhookId = Id<struct WebhookTag>;
using EventId = Id<struct EventTag>;
using DeliveryId = Id<struct DeliveryTag>;

}  // namespace skyhook

template <class Tag>
struct std::hash<skyhook::Id<Tag>> {
  std::size_t operator()(skyhook::Id<Tag> id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
