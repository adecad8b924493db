// The API's description, made by the build from docs/openapi/openapi.json: the OpenAPI 3.1 document
// and a page to read it on.
#pragma once

#include <string>
#include <string_view>

#include "domain/catalogue.h"

namespace skyhook::apidocs {

// The document as JSON, with this server's own catalogue as the list of event names.
std::string openapi_document(const Catalogue& catalogue);

// The page at /docs: HTML without scripts and without requests, to be served with page_policy() as
// its Content-Security-Policy.
std::string_view page();
std::string_view page_policy();

}  // namespace skyhook::apidocs
