// Live logs between nodes: who watches what, and what changed of it elsewhere.
#include "store/postgres/node_store.h"

namespace skyhook::store::postgres {

Result<Shared::LiveExchange> NodeStore::exchange_live(const std::vector<WebhookId>& watched_here,
                                                      const std::vector<Change>& changed_here) {
  std::vector<std::int64_t> watched, webhooks, deliveries;
  for (const WebhookId webhook : watched_here) watched.push_back(webhook.value);
  for (const Change& change : changed_here) {
    webhooks.push_back(change.webhook.value);
    deliveries.push_back(change.delivery.value);
  }
  return write([&](Connection& connection) -> Answer<LiveExchange> {
    Params params;
    params.add(std::int64_t{membership_.node_id()}).add(watched).add(webhooks).add(deliveries);
    auto rows = connection.query(
        "SELECT told, of_webhook, of_delivery "
        "FROM skyhook.exchange_live($1::int, $2, $3, $4)",
        params);
    if (!rows) return Err{rows.error()};
    LiveExchange exchange;
    for (int row = 0; row < rows->count(); ++row) {
      const std::string_view told = rows->text(row, 0);
      if (told == "node") exchange.alone = false;
      if (told == "watch") exchange.watched_elsewhere.push_back(WebhookId{rows->integer(row, 1)});
      if (told == "change") {
        exchange.changed_elsewhere.push_back(
            {WebhookId{rows->integer(row, 1)}, DeliveryId{rows->integer(row, 2)}});
      }
    }
    return exchange;
  });
}

}  // namespace skyhook::store::postgres
