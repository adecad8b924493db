#include "apidocs/apidocs.h"

#include "apidocs/embedded.h"

namespace skyhook::apidocs {

std::string openapi_document(const Catalogue& catalogue) {
  std::string document(kDocumentBeforeCatalogue);
  std::string_view separator;
  for (const EventType& type : catalogue.types()) {  // names need no escapes, see EventType
    document.append(separator).append("\"").append(type.name).append("\"");
    separator = ",";
  }
  return document.append(kDocumentAfterCatalogue);
}

std::string_view page() {
  return kPage;
}
std::string_view page_policy() {
  return kPagePolicy;
}

}  // namespace skyhook::apidocs
