// Asking the node that owns a delivery whether it has it in flight, and answering that.
#include <thread>

#include "store/postgres/node_store.h"

namespace skyhook::store::postgres {
namespace {

// How often it is looked for the answer.
constexpr Millis kAnswerPoll{20};

}  // namespace

Answer<std::vector<Inquiry>> NodeStore::read_inquiries(Connection& connection) {
  Params params;
  params.add(std::int64_t{membership_.node_id()});
  auto rows = connection.query(
      "SELECT account_id, inquiry_id, webhook_id, delivery_id FROM skyhook.inquiries "
      "WHERE node_id = $1 AND in_flight IS NULL",
      params);
  if (!rows) return Err{rows.error()};
  std::vector<Inquiry> inquiries;
  inquiries.reserve(static_cast<std::size_t>(rows->count()));
  for (int row = 0; row < rows->count(); ++row) {
    inquiries.push_back({AccountId{rows->integer(row, 0)}, rows->integer(row, 1),
                         WebhookId{rows->integer(row, 2)}, DeliveryId{rows->integer(row, 3)}});
  }
  return inquiries;
}

Result<bool> NodeStore::in_flight_elsewhere(WebhookId webhook, DeliveryId delivery) {
  if (inquiring_.fetch_add(1) >= kInquiryLimit) {
    inquiring_.fetch_sub(1);
    return Err{Error{Error::Kind::overloaded, "other nodes are being asked already"}};
  }
  auto answer = ask(webhook, delivery);
  inquiring_.fetch_sub(1);
  return answer;
}

Result<bool> NodeStore::ask(WebhookId webhook, DeliveryId delivery) {
  const auto inquiry = inquire(webhook, delivery);
  if (!inquiry) return Err{inquiry.error()};
  if (!*inquiry) return false;
  return wait_for_answer(**inquiry);
}

Result<std::optional<Inquiry>> NodeStore::inquire(WebhookId webhook, DeliveryId delivery) {
  return write([&](Connection& connection) -> Answer<std::optional<Inquiry>> {
    auto account = account_of(connection, webhook);
    if (!account) return Err{account.error()};
    if (!*account) return std::optional<Inquiry>{};
    Params params;
    params.add(std::int64_t{membership_.node_id()}).add((*account)->value).add(webhook.value);
    params.add(delivery.value);
    auto asked = connection.query("SELECT skyhook.inquire($1::int, $2, $3, $4)", params);
    if (!asked) return Err{asked.error()};
    if (asked->is_null(0, 0)) return std::optional<Inquiry>{};
    return std::optional<Inquiry>{{**account, asked->integer(0, 0), webhook, delivery}};
  });
}

Result<bool> NodeStore::wait_for_answer(const Inquiry& inquiry) {
  const MonoTime until = std::chrono::steady_clock::now() + kAnswerPatience;
  // A connection for each look only: there are few, and others want to read meanwhile.
  for (;;) {
    const bool is_last = std::chrono::steady_clock::now() >= until;
    auto answer = write([&](Connection& connection) -> Answer<std::optional<bool>> {
      Params params;
      params.add(inquiry.account.value).add(inquiry.id).add(is_last);
      auto rows = connection.query(
          "DELETE FROM skyhook.inquiries WHERE account_id = $1 AND inquiry_id = $2 "
          "AND (in_flight IS NOT NULL OR $3) RETURNING in_flight",
          params);
      if (!rows) return Err{rows.error()};
      if (rows->count() == 0 || rows->is_null(0, 0)) return std::optional<bool>{};
      return std::optional<bool>{rows->boolean(0, 0)};
    });
    if (!answer) return Err{answer.error()};
    if (*answer) return **answer;
    if (is_last) break;
    std::this_thread::sleep_for(kAnswerPoll);
  }
  return Err{Error{Error::Kind::unavailable, "the node that has the delivery does not answer"}};
}

Result<Done> NodeStore::answer(const Inquiry& inquiry, bool in_flight) {
  return write([&](Connection& connection) -> Answer<Done> {
    Params params;
    params.add(inquiry.account.value).add(inquiry.id).add(in_flight);
    auto rows = connection.query(
        "UPDATE skyhook.inquiries SET in_flight = $3 WHERE account_id = $1 AND inquiry_id = $2",
        params);
    if (!rows) return Err{rows.error()};
    return Done{};
  });
}

}  // namespace skyhook::store::postgres
