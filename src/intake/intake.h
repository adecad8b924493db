// Publish: finds who subscribes, has the event and its deliveries stored in one durable step, and
// hands the deliveries on. The answer to the publisher comes only after the commit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "delivery/dispatcher.h"
#include "directory/directory.h"
#include "store/store.h"

namespace skyhook::intake {

inline constexpr std::size_t kEventBodyLimit =
    256 * 1024;  // bytes of a publish request of one event (contract §5)
inline constexpr std::size_t kBatchEventLimit = 1000;

// Validated by the caller: the account exists, the type is in the catalogue, data is a JSON object.
struct PublishItem {
  AccountId account;
  std::string type;
  std::string data;
  std::optional<std::string> idempotency_key;
  std::string traceparent;  // empty: none
};

// Thread-safe. Directory, store, dispatcher and clock outlive it.
class Intake {
 public:
  Intake(Directory& directory, store::Store& store, delivery::Dispatcher& dispatcher,
         const Clock& clock);

  // `done` runs on a thread of the store after the commit, or at once where the store refuses.
  void publish(std::vector<PublishItem> items, store::PublishCallback done);

  // Stores and sends one webhook.test delivery; `settled` as Dispatcher::send_test.
  void send_test(const WebhookPtr& webhook, std::string data,
                 std::function<void(std::optional<delivery::SettledAttempt>)> settled);

 private:
  Directory& directory_;
  store::Store& store_;
  delivery::Dispatcher& dispatcher_;
  const Clock& clock_;
};

}  // namespace skyhook::intake
