#include "notices/telling.h"

#include <algorithm>

namespace skyhook::notices {

FailureTelling::Decision FailureTelling::decide(WebhookId webhook, Timestamp now) {
  if (const std::int64_t minute = to_unix_seconds(now) / 60; minute != minute_) {
    minute_ = minute;
    told_.clear();
    told_in_all_ = 0;
  }
  Decision decision{.webhook = webhook, .minute = minute_, .not_told = std::nullopt};
  if (told_in_all_ >= kInAll || told_[webhook] >= kPerWebhook) {
    ++not_told_;
    return decision;
  }
  ++told_in_all_;
  ++told_[webhook];
  decision.not_told = std::max<std::int64_t>(not_told_, 0);
  not_told_ -= *decision.not_told;
  return decision;
}

void FailureTelling::take_back(const Decision& decision) {
  if (!decision.not_told) {
    --not_told_;
    return;
  }
  not_told_ += *decision.not_told;
  if (decision.minute != minute_) return;
  --told_in_all_;
  --told_[decision.webhook];
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
