// What the operator is told (docs/operator-events.md): events of an account of its own, published
// and delivered as all events are.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "delivery/notices.h"
#include "directory/directory.h"
#include "intake/intake.h"
#include "notices/telling.h"

namespace skyhook::notices {

// The types of these events. They are in no catalogue: nobody else can subscribe to or publish
// them.
std::vector<std::string> operator_event_types();

// Thread-safe; no call blocks. What concerns the operator's own account is not told, so that no
// event is about another.
class OperatorEvents final : public delivery::Notices {
 public:
  // All outlive it; `account` is the operator's own.
  OperatorEvents(Directory& directory, intake::Intake& intake, const Clock& clock,
                 AccountId account)
      : directory_(directory), intake_(intake), clock_(clock), account_(account) {}

  void deliveries_failed(std::vector<delivery::FailedDelivery> failed, Done done) override;
  void switched_off(const Webhook& webhook, const SwitchedOff& why, Done done) override;
  // A request of the account was refused, since it makes more than `limit_per_minute`. On any
  // number of nodes it is told once an hour.
  void account_limited(const Account& account, int limit_per_minute);

 private:
  void publish(std::vector<intake::PublishItem> items, Done done);
  void take_back(const std::vector<FailureTelling::Decision>& decided);
  std::string name_of(AccountId account) const;

  Directory& directory_;
  intake::Intake& intake_;
  const Clock& clock_;
  const AccountId account_;
  std::mutex mutex_;
  FailureTelling failures_;  // guarded by mutex_
  LimitTelling limits_;      // guarded by mutex_
};

}  // namespace skyhook::notices
