// What a page about webhooks needs at a glance: the asking account and how its deliveries are made,
// the health of many webhooks at once, figures of a whole account or of the service, live changes.
#include <algorithm>
#include <limits>

#include "api/handlers.h"
#include "api/live_streams.h"

namespace skyhook::api {

namespace {

// Of so many waiting deliveries the oldest is looked up; of more, the one that is due next stands
// in for it, which is nearly as old.
constexpr std::int64_t kExactOldestLimit = 2'000;
constexpr std::int64_t kOldestPage = 100;

constexpr DeliveryId kNewest{std::numeric_limits<std::int64_t>::max()};

void write_steps(JsonWriter& json, const std::vector<store::StatsStep>& steps) {
  json.key("steps").raw(steps_json(steps));
}

store::Result<std::optional<Timestamp>> oldest_waiting(const Services& services, WebhookId webhook,
                                                       std::int64_t pending) {
  if (pending == 0) return std::optional<Timestamp>{};
  if (pending <= kExactOldestLimit) {
    store::DeliveryFilter filter;
    filter.status = DeliveryStatus::pending;
    const auto page = services.store.deliveries(
        webhook, filter, (pending + kOldestPage - 1) / kOldestPage, static_cast<int>(kOldestPage));
    if (!page) return Err{page.error()};
    if (page->entries.empty()) return std::optional<Timestamp>{};
    return std::optional<Timestamp>{page->entries.back().created_at};
  }
  const auto next = services.store.waiting(webhook, services.clock.now(), {}, 1);
  if (!next) return Err{next.error()};
  if (next->deliveries.empty()) return next->next_due_at;
  return std::optional<Timestamp>{next->deliveries.front().created_at};
}

// Everything of one webhook's health but its totals, which are read for all at once.
store::Result<Done> write_health(JsonWriter& json, const Services& services, WebhookId webhook,
                                 const DeliveryTotals& totals, const StatsInput& span) {
  const auto oldest = oldest_waiting(services, webhook, totals.pending);
  if (!oldest) return Err{oldest.error()};
  const auto last = services.store.deliveries_before(webhook, {}, kNewest, 1);
  if (!last) return Err{last.error()};
  const auto steps = services.store.stats({webhook}, span.from, span.until, span.step);
  if (!steps) return Err{steps.error()};
  json.begin_object().field("id", webhook.value).field("pending", totals.pending);
  json.field("delivered", totals.delivered).field("failed", totals.failed);
  write_time(json, "oldest_waiting_at", *oldest);
  json.key("last_delivery");
  if (last->entries.empty()) {
    json.null();
  } else {
    const DeliveryEntry& entry = last->entries.front();
    json.begin_object();
    write_entry_fields(json, entry);
    write_error(json, entry.failure);
    json.end_object();
  }
  write_steps(json, *steps);
  json.end_object();
  return Done{};
}

std::vector<WebhookId> ids_of(const std::vector<WebhookPtr>& webhooks) {
  std::vector<WebhookId> ids;
  ids.reserve(webhooks.size());
  for (const WebhookPtr& entry : webhooks) ids.push_back(entry->webhook.id);
  return ids;
}

// How many webhooks the account has, their totals, and what became of deliveries in the span.
store::Result<Done> write_account_health(JsonWriter& json, const Services& services,
                                         const Account& account, const StatsInput& span) {
  const auto webhooks = services.directory.webhooks_of(account.id);
  const auto totals = services.store.totals(ids_of(webhooks));
  if (!totals) return Err{totals.error()};
  const auto steps = services.store.stats(ids_of(webhooks), span.from, span.until, span.step);
  if (!steps) return Err{steps.error()};
  DeliveryTotals sum;
  for (const DeliveryTotals& one : *totals) {
    sum.pending += one.pending;
    sum.delivered += one.delivered;
    sum.failed += one.failed;
  }
  const auto active = std::ranges::count_if(
      webhooks, [](const WebhookPtr& entry) { return entry->webhook.is_active; });
  json.begin_object().field("id", account.id.value).field("name", account.name);
  json.field("is_active", account.is_active);
  json.field("webhooks", static_cast<std::int64_t>(webhooks.size()));
  json.field("active_webhooks", static_cast<std::int64_t>(active));
  json.field("pending", sum.pending).field("delivered", sum.delivered);
  json.field("failed", sum.failed);
  write_steps(json, *steps);
  json.end_object();
  return Done{};
}

// Of accounts as a whole: with how many events they published, and how soon first attempts began.
void answer_stats(const CallPtr& call, const std::vector<AccountId>& accounts) {
  std::vector<WebhookId> webhooks;
  for (const AccountId account : accounts) {
    const auto ids = ids_of(call->services.directory.webhooks_of(account));
    webhooks.insert(webhooks.end(), ids.begin(), ids.end());
  }
  FieldErrors errors;
  const StatsInput input =
      read_stats(Query(call->request.query), call->services.clock.now(), errors);
  if (!errors.empty()) return call->invalid(errors);
  store::Store& store = call->services.store;
  const auto steps = store.stats(webhooks, input.from, input.until, input.step);
  if (!steps) return call->store_failed(steps.error());
  const auto of_accounts = store.account_stats(accounts, input.from, input.until, input.step);
  if (!of_accounts) return call->store_failed(of_accounts.error());
  call->succeed(200, steps_json(*steps, &*of_accounts), "Statistics retrieved successfully.");
}

}  // namespace

void get_own_account(const CallPtr& call) {
  const Services& services = call->services;
  JsonWriter json;
  json.begin_object().field("id", call->account->id.value).field("name", call->account->name);
  write_settings(json, services);
  json.end_object();
  call->succeed(200, json.take(), "Account retrieved successfully.");
}

// A page of the account's webhooks, in the order of the list, with the health of each.
void webhooks_health(const CallPtr& call) {
  const Services& services = call->services;
  const Query query(call->request.query);
  FieldErrors errors;
  const PageInput page = read_page(query, errors);
  const StatsInput span = read_stats(query, services.clock.now(), errors);
  if (!errors.empty()) return call->invalid(errors);
  std::vector<WebhookId> ids = ids_of(services.directory.webhooks_of(call->account->id));
  const auto total = static_cast<std::int64_t>(ids.size());
  const std::int64_t first = skipped_items(page, total);
  const std::int64_t last = std::min(total, first + page.per_page);
  ids = std::vector<WebhookId>(ids.begin() + first, ids.begin() + last);
  const auto totals = services.store.totals(ids);
  if (!totals) return call->store_failed(totals.error());
  JsonWriter json;
  json.begin_array();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto written = write_health(json, services, ids[i], (*totals)[i], span);
    if (!written) return call->store_failed(written.error());
  }
  json.end_array();
  call->succeed(200, json.take(), "Health retrieved successfully.", page_meta(page, total));
}

void account_stats(const CallPtr& call) {
  answer_stats(call, {call->account->id});
}

void stream_deliveries(const CallPtr& call) {
  const WebhookPtr webhook = call->own_webhook();
  if (!webhook) return;
  LiveStreams* live = call->services.live;
  if (live == nullptr) return call->fail(404, "Not found.");
  if (call->request.method == "HEAD") return call->no_content();
  const std::string* last = call->request.header("last-event-id");
  std::optional<Sha256> key;
  if (!call->operator_asks) key = call->account->api_key_hash;
  call->stream([&](net::Responder& responder) {
    return live->open({.account = call->account->id,
                       .key_hash = key,
                       .webhook = webhook->webhook.id,
                       .last_event_id = last != nullptr ? *last : std::string(),
                       .headers = call->common_headers()},
                      responder);
  });
}

void service_stats(const CallPtr& call) {
  const Directory& directory = call->services.directory;
  std::vector<AccountId> all;
  for (const AccountPtr& account : directory.accounts(0, directory.account_count())) {
    all.push_back(account->id);
  }
  answer_stats(call, all);
}

void accounts_health(const CallPtr& call) {
  const Query query(call->request.query);
  FieldErrors errors;
  const AccountsInput input = read_accounts(query, errors);
  const StatsInput span = read_stats(query, call->services.clock.now(), errors);
  if (!errors.empty()) return call->invalid(errors);
  const auto page = find_accounts(call->services, input);
  if (!page) return call->store_failed(page.error());
  JsonWriter json;
  json.begin_array();
  for (const AccountPtr& account : page->accounts) {
    const auto written = write_account_health(json, call->services, *account, span);
    if (!written) return call->store_failed(written.error());
  }
  json.end_array();
  call->succeed(200, json.take(), "Health retrieved successfully.",
                page_meta(input.page, page->total));
}

void list_nodes(const CallPtr& call) {
  const auto nodes = call->services.store.nodes();
  if (!nodes) return call->store_failed(nodes.error());
  JsonWriter json;
  json.begin_array();
  for (const store::NodeLease& node : *nodes) {
    json.begin_object().field("id", node.id).field("name", node.name);
    json.field("is_self", node.is_self).field("started_at", to_iso8601(node.started_at));
    json.field("lease_until", to_iso8601(node.lease_until)).end_object();
  }
  json.end_array();
  call->succeed(200, json.take(), "Nodes retrieved successfully.");
}

}  // namespace skyhook::api
