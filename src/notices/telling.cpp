#include "notices/telling.h"

#include <utility>

namespace skyhook::notices {

std::optional<std::int64_t> FailureTelling::tell(WebhookId webhook, Timestamp now) {
  if (const std::int64_t minute = to_unix_seconds(now) / 60; minute != minute_) {
    minute_ = minute;
    told_.clear();
    told_in_all_ = 0;
  }
  if (told_in_all_ >= kInAll || told_[webhook] >= kPerWebhook) {
    ++not_told_;
    return std::nullopt;
  }
  ++told_in_all_;
  ++told_[webhook];
  return std::exchange(not_told_, 0);
}

std::optional<std::int64_t> LimitTelling::tell(AccountId account, Timestamp now) {
  const std::int64_t hour = to_unix_seconds(now) / 3600;
  const auto known = told_.find(account);
  if (known != told_.end() && known->second == hour) return std::nullopt;
  if (told_.size() >= kRememberedLimit) told_.clear();
  told_[account] = hour;
  return hour;
}

}  // namespace skyhook::notices
