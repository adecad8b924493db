#include "domain/webhook.h"

#include <algorithm>

namespace skyhook {

bool Webhook::subscribes_to(std::string_view event_type) const {
  return std::ranges::find(events, event_type) != events.end();
}

}  // namespace skyhook
