#include "promises.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"

namespace skyhook::delivery::simulation {

namespace {

// Of the vendor's dialect, computed as a receiver does it.
std::string signature_of(std::string_view body, std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data(), &size);
  return "sha256=" + to_hex({digest.data(), size});
}

bool has_header(const net::ClientRequest& request, std::string_view name, std::string_view value) {
  return request.headers.find(std::string(name) + ": " + std::string(value) + "\r\n") !=
         std::string::npos;
}

// From a read of the store to the attempt, at most, where nothing holds it up.
constexpr Micros kOnItsWay = Millis{30};

bool is_2xx(const net::ClientResult& result) {
  return result.failure == FailureReason::none && result.status / 100 == 2;
}

}  // namespace

void Promises::require(bool holds, DeliveryId id, const char* otherwise) const {
  if (!holds) throw Violation("delivery " + std::to_string(id.value) + " " + otherwise);
}

int Promises::attempts_of(WebhookId id, bool is_test) const {
  return is_test ? 1 : 1 + static_cast<int>(schedule_of(id).size());
}

void Promises::accepted(const WaitingDelivery& delivery, Timestamp since) {
  Delivery& fresh = deliveries_[delivery.id];
  fresh.due_since = fresh.made_at = since;
  fresh.accepted_at = clock_.steady();
  fresh.may_be_sent = attempts_of(delivery.webhook_id, delivery.is_test);
}

bool Promises::comes_before(DeliveryId id, DeliveryId other) const {
  const Delivery& one = deliveries_.at(id);
  return !one.was_reopened && one.accepted_at < deliveries_.at(other).made_at;
}

void Promises::reopened(DeliveryId id) {
  Delivery& delivery = deliveries_.at(id);
  delivery.was_reopened = true;
  delivery.due_since = clock_.steady();
  const VirtualStore::Row& row = *store_.find(id);
  delivery.may_be_sent += attempts_of(row.webhook_id, row.is_test);
  ++delivery.may_be_received;
}

// --- an attempt
// -----------------------------------------------------------------------------------

void Promises::sent(const WaitingDelivery& delivery, const net::ClientRequest& request,
                    const WebhookEntry& present_webhook) {
  const auto found = deliveries_.find(delivery.id);
  require(found != deliveries_.end(), delivery.id, "is sent, and was never accepted");
  Delivery& known = found->second;
  const VirtualStore::Row* row = store_.find(delivery.id);
  require(row != nullptr, delivery.id, "is sent after its webhook was deleted");
  require(!known.under_way, delivery.id, "is sent twice at once");
  require(row->status != DeliveryStatus::delivered, delivery.id, "is sent after it was delivered");
  // What waits for a webhook that is switched off fails, a test that is on its way out included.
  require(row->status == DeliveryStatus::pending || row->is_test, delivery.id,
          "is sent after it had failed");
  require(row->due_at <= clock_.latest_since(known.due_since), delivery.id, "is sent early");
  require(present_webhook.webhook.is_active || row->is_test, delivery.id,
          "is sent to a webhook that is switched off");
  require(delivery.attempts_made == row->attempts_made, delivery.id, "miscounts its attempts");
  // One that was on its way out as it was reopened still goes by its old schedule.
  require(delivery.schedule_position == row->schedule_position ||
              clock_.steady() < known.due_since + kOnItsWay,
          delivery.id, "is not where it should be in its schedule");
  check_request(known, *row, delivery.uuid(), request, present_webhook);
  known.under_way = true;
  known.position = delivery.schedule_position;
  ++known.sent;
}

void Promises::check_request(Delivery& delivery, const VirtualStore::Row& row, const Uuid& uuid,
                             const net::ClientRequest& request, const WebhookEntry& webhook) const {
  const auto check = [&](bool holds, const char* otherwise) {
    if (!holds) throw Violation("delivery " + uuid.to_string() + " " + otherwise);
  };
  if (delivery.body.empty()) {
    check(request.body.ends_with(",\"data\":" + row.data + "}"), "changes the publisher's data");
    delivery.body = request.body;
  }
  check(request.body == delivery.body, "has another body than on its first attempt");
  check(has_header(request, "X-Skylight-Delivery", uuid.to_string()), "has another id");
  check(
      has_header(request, "X-Skylight-Timestamp", std::to_string(to_unix_seconds(row.created_at))),
      "has another timestamp");
  check(has_header(request, "X-Skylight-Signature",
                   signature_of(request.body, webhook.webhook.secret)),
        "is not signed with the present secret");
  check(request.url == webhook.url, "does not go to the present URL");
}

void Promises::answered(DeliveryId id, const Answer& answer) {
  Delivery& delivery = deliveries_.at(id);
  delivery.answer = answer;
  if (is_2xx(answer.result)) ++delivery.received;
}

const std::vector<Millis>& Promises::schedule_of(WebhookId id) const {
  const auto own = own_schedules_.find(id);
  return own == own_schedules_.end() ? schedule_ : own->second;
}

// The verdict that contract §4 asks for; a retry at its earliest.
Verdict Promises::verdict_due(const Delivery& delivery, const VirtualStore::Row& row,
                              bool webhook_is_active) const {
  const net::ClientResult& result = delivery.answer.result;
  if (is_2xx(result)) return Delivered{clock_.now()};
  if (result.status == 410) return GaveUp{FailureReason::gone, true};
  const FailureReason reason =
      result.failure == FailureReason::none ? FailureReason::http_status : result.failure;
  if (row.is_test) return GaveUp{reason};
  if (!webhook_is_active) return GaveUp{FailureReason::webhook_inactive};
  const std::vector<Millis>& schedule = schedule_of(row.webhook_id);
  if (delivery.position >= static_cast<int>(schedule.size())) return GaveUp{reason};
  const Micros scheduled = schedule[static_cast<std::size_t>(delivery.position)];
  return RetryAt{clock_.now() + std::max(scheduled, asked_for(delivery.answer))};
}

// The pause that the receiver asked for; an hour at most is heeded.
Micros Promises::asked_for(const Answer& answer) const {
  Micros pause = answer.leave_alone.value_or(Micros{0});
  if (answer.leave_alone_until) pause = *answer.leave_alone_until - clock_.now();
  return std::min<Micros>(pause, std::chrono::hours{1});
}

void Promises::judged(const store::AttemptOutcome& outcome, bool webhook_is_active) {
  const DeliveryId id = outcome.delivery_id;
  const VirtualStore::Row* row = store_.find(id);
  if (row == nullptr) return;  // deleted meanwhile: nobody reads the verdict
  const Verdict due = verdict_due(deliveries_.at(id), *row, webhook_is_active);
  require(outcome.verdict.index() == due.index(), id,
          "gets another verdict than its answer calls for");
  require(outcome.attempt.number == row->attempts_made + 1, id, "misnumbers its attempt");
  if (const auto* earliest = std::get_if<RetryAt>(&due)) {
    const Timestamp at = std::get<RetryAt>(outcome.verdict).at;
    require(at >= earliest->at, id, "is to be tried again early");
    // A tenth, of a delay that is kept in whole milliseconds.
    const Micros delay = earliest->at - clock_.now() + Millis{1};
    require(at <= clock_.now() + delay + delay / 10, id,
            "is to be tried again more than a tenth late");
  } else if (const auto* gave_up = std::get_if<GaveUp>(&due)) {
    require(std::get<GaveUp>(outcome.verdict).reason == gave_up->reason, id,
            "fails with the wrong reason");
  }
}

void Promises::recorded(const store::AttemptOutcome& outcome, bool switched_off) const {
  const auto* gave_up = std::get_if<GaveUp>(&outcome.verdict);
  const bool gone = gave_up != nullptr && gave_up->switch_webhook_off;
  require(gone == switched_off, outcome.delivery_id,
          gone ? "was answered 410 and its webhook is not switched off"
               : "was not answered 410 and its webhook is switched off");
}

void Promises::outcome_is_durable(DeliveryId id) {
  Delivery& delivery = deliveries_.at(id);
  delivery.under_way = false;
  delivery.due_since = clock_.steady();
}

// --- ends
// -----------------------------------------------------------------------------------------

int Promises::process_ended() {
  int lost = 0;
  for (auto& [id, delivery] : deliveries_) {
    if (!std::exchange(delivery.under_way, false)) continue;
    ++delivery.lost;
    ++lost;
  }
  return lost;
}

void Promises::check_end() const {
  for (const auto& [id, delivery] : deliveries_) {
    require(delivery.received <= delivery.may_be_received + delivery.lost, id,
            "was duplicated, and was in flight at no crash");
    require(delivery.sent <= delivery.may_be_sent + delivery.lost, id, "was sent too often");
    const VirtualStore::Row* row = store_.find(id);
    if (row == nullptr) continue;
    require(row->status != DeliveryStatus::pending, id, "was forgotten");
    require(row->status != DeliveryStatus::delivered || delivery.received > 0, id,
            "is delivered by nobody");
  }
}

int Promises::duplicates() const {
  return static_cast<int>(std::count_if(
      deliveries_.begin(), deliveries_.end(),
      [](const auto& entry) { return entry.second.received > entry.second.may_be_received; }));
}

}  // namespace skyhook::delivery::simulation
