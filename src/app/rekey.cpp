#include "app/rekey.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/time.h"
#include "base/version.h"
#include "signing/secrets.h"
#include "signing/webhook_secrets.h"
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

// Nodes that may be running; the embedded store lets nobody else open it.
store::Result<std::int64_t> other_nodes(store::Store& store, const Clock& clock) {
  const auto nodes = store.nodes();
  if (!nodes) return Err{nodes.error()};
  return std::ranges::count_if(*nodes, [now = clock.now()](const store::NodeLease& node) {
    return !node.is_self && node.lease_until > now;
  });
}

struct Tally {  // of webhooks
  int sealed = 0;
  int already = 0;
  int unopened = 0;
  int newer = 0;  // with options that this program does not know: something in them may be secret
};

// Its owner changes nothing: updated_at moves by the least step only.
store::Result<Done> seal_anew(store::Store& store, const Webhook& opened,
                              const signing::SecretBox& box) {
  Webhook sealed = signing::sealed(opened, box);
  sealed.updated_at = store::stamp_after(opened.updated_at, opened.updated_at);
  const auto updated = store.update_webhook(sealed, opened.updated_at);
  if (!updated) return Err{updated.error()};
  if (*updated) return Done{};
  return Err{store::Error{store::Error::Kind::unavailable,
                          "webhook " + std::to_string(opened.id.value) +
                              " was changed meanwhile: stop the nodes and run it again"}};
}

store::Result<Tally> seal_all(store::Store& store, const signing::SecretBox& old_box,
                              const signing::SecretBox& new_box) {
  auto webhooks = store.load_webhooks();
  if (!webhooks) return Err{webhooks.error()};
  Tally tally;
  for (const Webhook& webhook : *webhooks) {
    if (webhook.options && !webhook.options->unknown.empty()) {
      ++tally.newer;
      continue;
    }
    // The old box first: the new one too opens what was never sealed.
    if (const auto opened = signing::opened(webhook, old_box)) {
      if (auto sealed = seal_anew(store, *opened, new_box); !sealed) return Err{sealed.error()};
      ++tally.sealed;
    } else {
      ++(signing::opened(webhook, new_box) ? tally.already : tally.unopened);
    }
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
  const auto others = other_nodes(**store, clock);
  if (!others) return refuse(kFailed, "the store failed: " + others.error().detail);
  if (*others > 0) {
    return refuse(kFailed, std::to_string(*others) +
                               " nodes hold a lease on this database: stop them first (a node that "
                               "was killed holds its lease for some seconds)");
  }
  const auto tally = seal_all(**store, old_box, *new_box);
  if (!tally) return refuse(kFailed, "the store failed: " + tally.error().detail);
  std::printf("%d secrets sealed under the new key, %d were already\n", tally->sealed,
              tally->already);
  if (tally->newer > 0) {
    return refuse(kFailed, std::to_string(tally->newer) +
                               " webhooks have options that a newer version wrote and were left as"
                               " they are: rekey with that version");
  }
  if (tally->unopened > 0) {
    return refuse(kFailed, std::to_string(tally->unopened) +
                               " secrets open with neither key and were left as they are");
  }
  return 0;
}

}  // namespace skyhook::app
