// The options of a webhook as the API reads and shows them: the nested object `options`
// (docs/webhook-options.md). One row of a table an option (webhook_options.cpp).
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string_view>

#include "api/json_writer.h"
#include "api/query.h"
#include "api/validation.h"
#include "domain/webhook_options.h"

namespace skyhook::api {

struct OptionRules {
  std::string_view header_prefix;  // of the settings, such as `X-Skylight-`
  WebhookOptionsPtr present;       // what the webhook has now; nullptr: none, or it is being made
  Timestamp now{};
};

// What a request wants changed.
using OptionsChange = std::function<void(WebhookOptions&)>;

// Reads `options` of a request body; empty where it is absent. An option that is
// absent stays, one that is null goes back to its default, and `"options": null` resets all of
// them. What an answer shows may be sent back as it is. Errors are keyed `options.<name>`; an
// option that does not exist is one.
OptionsChange read_options(const boost::json::object& input, const OptionRules& rules,
                           FieldErrors& errors);

// As a value: every option in its place, null where it is at its default. Header values are not
// shown.
void write_options(JsonWriter& json, const WebhookOptionsPtr& options);

}  // namespace skyhook::api
