// Reads publish requests: the hot path. The fields are found without building a document, `data` is
// passed on byte for byte, and yet the whole body is known to be valid JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/validation.h"
#include "domain/catalogue.h"
#include "domain/ids.h"
#include "intake/intake.h"

namespace skyhook::api {

inline constexpr std::size_t kIdempotencyKeyLimit = 255;  // characters

// What the body of a publish turned out to be.
struct PublishInput {
  bool is_json_object = false;  // else the request is answered 400
  FieldErrors errors;
  std::vector<intake::PublishItem> items;  // whole where `errors` is empty
};

// `body` may gain capacity, not content (the parser reads a little past the end).
// One event; its items[0].account is `account`.
PublishInput read_publish(std::string& body, AccountId account, const Catalogue& catalogue);
// `{"events": […]}`; `account_exists` is asked for the account of each item.
PublishInput read_publish_batch(std::string& body, const Catalogue& catalogue,
                                const std::function<bool(AccountId)>& account_exists);

// One event whose parts arrived apart, as from a queue. `data` is to be a JSON object: it is judged
// as a body is, and so is the rest.
struct PublishParts {
  AccountId account;
  std::string event;
  std::string data;
  std::string idempotency_key;  // empty: none
};
PublishInput read_publish_parts(PublishParts parts, const Catalogue& catalogue);

}  // namespace skyhook::api
