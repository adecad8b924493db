// What docs/openapi/build.py writes into the build directory.
#pragma once

#include <string_view>

namespace skyhook::apidocs {

// The document, cut where the items of the list of event names belong.
extern const std::string_view kDocumentBeforeCatalogue;
extern const std::string_view kDocumentAfterCatalogue;
extern const std::string_view kPage;
extern const std::string_view kPagePolicy;

}  // namespace skyhook::apidocs
