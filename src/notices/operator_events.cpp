#include "notices/operator_events.h"

#include <atomic>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "logging/log.h"

namespace skyhook::notices {
namespace {

namespace json = boost::json;

constexpr const char* kSwitchedOff = "operator.webhook.switched_off";
constexpr const char* kFailed = "operator.delivery.failed";
constexpr const char* kLimited = "operator.account.limited";

json::value time_or_null(const std::optional<Timestamp>& time) {
  return time ? json::value(to_iso8601(*time)) : json::value(nullptr);
}

json::object about(const Webhook& webhook, const std::string& account_name) {
  return {{"account_id", webhook.account_id.value},
          {"account_name", account_name},
          {"webhook_id", webhook.id.value},
          {"webhook_name", webhook.name},
          {"url", webhook.url}};
}

json::object about(const delivery::FailedDelivery& failed, const std::string& account_name,
                   std::int64_t not_told) {
  const Attempt& attempt = failed.attempt;
  json::object data = about(failed.webhook->webhook, account_name);
  data["delivery_id"] = failed.delivery.to_string();
  data["event_id"] = failed.event.to_string();
  data["event"] = failed.event_type;
  data["attempts"] = attempt.number;
  data["response_status_code"] =
      attempt.response_status ? json::value(*attempt.response_status) : json::value(nullptr);
  data["error"] = std::string(to_string(attempt.failure));
  data["failed_at"] = to_iso8601(attempt.started_at + attempt.duration);
  data["not_told"] = not_told;
  return data;
}

}  // namespace

std::vector<std::string> operator_event_types() {
  return {kSwitchedOff, kFailed, kLimited};
}

std::string OperatorEvents::name_of(AccountId id) const {
  const AccountPtr account = directory_.account(id);
  return account ? account->name : std::string();
}

// Each on its own: of several that are published as one, a key that is known would stop all.
void OperatorEvents::publish(std::vector<intake::PublishItem> items, Done done) {
  if (items.empty()) return done(true);
  struct Progress {
    std::atomic<std::size_t> left;
    std::atomic<bool> failed{false};
    Done done;
  };
  const auto progress = std::make_shared<Progress>();
  progress->left = items.size();
  progress->done = std::move(done);
  for (intake::PublishItem& item : items) {
    std::vector<intake::PublishItem> one;
    one.push_back(std::move(item));
    // A key that is known already, with whatever data, means that this was told: before a crash, or
    // by another node.
    intake_.publish(std::move(one), [progress](const store::Result<store::PublishOutcome>& result) {
      if (!result) {
        log::warn("the operator could not be told yet", {{"reason", result.error().detail}});
        progress->failed = true;
      }
      if (progress->left.fetch_sub(1) == 1) progress->done(!progress->failed);
    });
  }
}

void OperatorEvents::deliveries_failed(std::vector<delivery::FailedDelivery> failed, Done done) {
  std::vector<intake::PublishItem> items;
  std::vector<FailureTelling::Decision> decided;
  for (const delivery::FailedDelivery& one : failed) {
    const Webhook& webhook = one.webhook->webhook;
    if (webhook.account_id == account_) continue;
    {
      std::lock_guard lock(mutex_);
      decided.push_back(failures_.decide(webhook.id, clock_.now()));
    }
    const auto not_told = decided.back().not_told;
    if (!not_told) continue;
    items.push_back({.account = account_,
                     .type = kFailed,
                     .data = json::serialize(about(one, name_of(webhook.account_id), *not_told)),
                     .idempotency_key = "failed " + one.delivery.to_string() + " " +
                                        std::to_string(one.attempt.number),
                     .traceparent = {}});
  }
  publish(std::move(items),
          [this, decided = std::move(decided), done = std::move(done)](bool told) {
            if (!told) take_back(decided);
            done(told);
          });
}

// All of them are offered again: what could not be stored must not use up what may be told.
void OperatorEvents::take_back(const std::vector<FailureTelling::Decision>& decided) {
  std::lock_guard lock(mutex_);
  for (const FailureTelling::Decision& one : decided) failures_.take_back(one);
}

void OperatorEvents::switched_off(const Webhook& webhook, const SwitchedOff& why, Done done) {
  if (webhook.account_id == account_) {
    // The operator's own stays on however long it fails, since nobody could be told of it.
    return done(why.reason != SwitchedOff::Reason::failing);
  }
  json::object data = about(webhook, name_of(webhook.account_id));
  data["reason"] = std::string(to_string(why.reason));
  data["switched_off_at"] = to_iso8601(why.at);
  data["failing_since"] = time_or_null(why.failing_since);
  // The same until the webhook is changed, which switching it off does.
  const std::string key = "switched off " + std::to_string(webhook.id.value) + " " +
                          std::to_string(to_unix_micros(webhook.updated_at));
  publish({{.account = account_,
            .type = kSwitchedOff,
            .data = json::serialize(data),
            .idempotency_key = key,
            .traceparent = {}}},
          std::move(done));
}

void OperatorEvents::account_limited(const Account& account, int limit_per_minute) {
  if (account.id == account_) return;
  const Timestamp now = clock_.now();
  std::optional<std::int64_t> hour;
  {
    std::lock_guard lock(mutex_);
    hour = limits_.tell(account.id, now);
  }
  if (!hour) return;
  const json::object data{{"account_id", account.id.value},
                          {"account_name", account.name},
                          {"limit_per_minute", limit_per_minute},
                          {"limited_at", to_iso8601(now)}};
  const std::string key =
      "limited " + std::to_string(account.id.value) + " " + std::to_string(*hour);
  publish({{.account = account_,
            .type = kLimited,
            .data = json::serialize(data),
            .idempotency_key = key,
            .traceparent = {}}},
          [](bool) {});
}

}  // namespace skyhook::notices
