// Realistic `data` for each event of the catalogue, for `skyhook trigger`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skyhook::cli {

struct Sample {
  std::string_view event;
  std::string_view data;  // a JSON object
};

// One for each event type that is built in, in the catalogue's order.
const std::vector<Sample>& samples();
// Of that list; nullptr where the event is the operator's own.
const Sample* find_sample(std::string_view event);
// The sample's data; for an event type of the operator's own, a small object that says what it is.
std::string sample_data(std::string_view event);

}  // namespace skyhook::cli
