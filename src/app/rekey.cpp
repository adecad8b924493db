#include "app/rekey.h"

#include <cstdio>
#include <memory>

#include "base/time.h"
#include "base/version.h"
#include "signing/secrets.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store/store.h"

namespace skyhook::app {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongSetting = 2;

int refuse(int status, const std::string& message) {
  std::fprintf(stderr, "skyhook: %s\n", message.c_str());
  return status;
}

store::Result<std::unique_ptr<store::Store>> open_store(const config::ServeConfig& config,
                                                        const Clock& clock) {
  if (config.database_url.empty()) {
    return store::sqlite::open({.data_dir = config.data_dir, .clock = clock});
  }
  return store::postgres::open(
      {.database_url = config.database_url, .clock = clock, .version = std::string(kVersion)});
}

struct Tally {
  int sealed = 0;
  int already = 0;
  int unopened = 0;
};

store::Result<Tally> seal_all(store::Store& store, const signing::SecretBox& old_box,
                              const signing::SecretBox& new_box) {
  auto webhooks = store.load_webhooks();
  if (!webhooks) return Err{webhooks.error()};
  Tally tally;
  for (Webhook& webhook : *webhooks) {
    if (new_box.open(webhook.secret)) {
      ++tally.already;
      continue;
    }
    const auto secret = old_box.open(webhook.secret);
    if (!secret) {
      ++tally.unopened;
      continue;
    }
    webhook.secret = new_box.seal(*secret);
    const auto updated = store.update_webhook(webhook);
    if (!updated) return Err{updated.error()};
    ++tally.sealed;
  }
  return tally;
}

}  // namespace

int rekey(const config::ServeConfig& config, const std::string& new_master_key) {
  const auto new_box = signing::SecretBox::from_master_key(new_master_key);
  if (!new_box) {
    return refuse(kWrongSetting, "the new master key is not 32 bytes, as 64 hex digits or base64");
  }
  signing::SecretBox old_box;
  if (!config.master_key.empty()) {
    const auto keyed = signing::SecretBox::from_master_key(config.master_key);
    if (!keyed) return refuse(kWrongSetting, "master_key: give 32 bytes, as hex or base64");
    old_box = *keyed;
  }
  const SystemClock clock;
  auto store = open_store(config, clock);
  if (!store) return refuse(kFailed, store.error().detail);
  const auto tally = seal_all(**store, old_box, *new_box);
  if (!tally) return refuse(kFailed, "the store failed: " + tally.error().detail);
  std::printf("%d secrets sealed under the new key, %d were already\n", tally->sealed,
              tally->already);
  if (tally->unopened > 0) {
    return refuse(kFailed, std::to_string(tally->unopened) +
                               " secrets open with neither key and were left as they are");
  }
  return 0;
}

}  // namespace skyhook::app
