// How much the operator is told: a storm of failures must not become a storm of events.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/time.h"
#include "domain/ids.h"

namespace skyhook::notices {

// Deliveries that failed: so many a minute are told, the rest is counted. Not thread-safe.
class FailureTelling {
 public:
  static constexpr int kPerWebhook = 10;  // a minute
  static constexpr int kInAll = 300;      // a minute

  // What is to become of one failure.
  struct Decision {
    WebhookId webhook;
    std::int64_t minute = 0;
    // nullopt: it is counted only. Otherwise it is told, with the number of those that were not
    // since the last one that was.
    std::optional<std::int64_t> not_told;
  };
  Decision decide(WebhookId webhook, Timestamp now);
  // As if it had not been decided: the store could not take it, and it will be asked of again.
  void take_back(const Decision& decision);

 private:
  std::int64_t minute_ = 0;
  std::unordered_map<WebhookId, int> told_;  // in this minute; at most kInAll
  int told_in_all_ = 0;
  std::int64_t not_told_ = 0;  // below 0: taken back after they had been counted in an event
};

// Accounts over their limit: each is told of once in an hour of the clock. Not thread-safe.
class LimitTelling {
 public:
  // Accounts that are remembered; past it all are forgotten. Telling twice does no harm.
  static constexpr std::size_t kRememberedLimit = 100'000;

  // The hour, counted since the Unix epoch, where the account is to be told of; else nullopt.
  std::optional<std::int64_t> tell(AccountId account, Timestamp now);

 private:
  std::unordered_map<AccountId, std::int64_t> told_;  // the hour
};

}  // namespace skyhook::notices
