// A webhook's options as the text that a store keeps in its `options` column: a JSON object with a
// member for each option that is not at its default; no options are the empty text. Both backends
// write and read it here.
//
// Members that this binary does not know are kept (WebhookOptions::unknown) and written back: nodes
// of two versions may share a store, and the older must not undo what the newer wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/webhook_options.h"

namespace skyhook::store {

std::string options_text(const WebhookOptionsPtr& options);
// nullopt: not what options_text wrote.
std::optional<WebhookOptionsPtr> parse_options_text(std::string_view text);

}  // namespace skyhook::store
