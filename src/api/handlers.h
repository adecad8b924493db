// What the routes do; one source file a resource.
#pragma once

#include "api/call.h"

namespace skyhook::api {

// webhooks.cpp
void list_webhooks(const CallPtr& call);
void create_webhook(const CallPtr& call);
void get_webhook(const CallPtr& call);
void update_webhook(const CallPtr& call);
void delete_webhook(const CallPtr& call);
void test_webhook(const CallPtr& call);
void regenerate_secret(const CallPtr& call);
void list_event_types(const CallPtr& call);

// deliveries.cpp
void list_deliveries(const CallPtr& call);
void get_delivery(const CallPtr& call);
void retry_delivery(const CallPtr& call);
void recover_deliveries(const CallPtr& call);
// How far apart deliveries are dealt out that come in numbers, so that the receiver is not stormed.
Micros spacing_of(std::int64_t deliveries);
void write_entry_fields(JsonWriter& json, const DeliveryEntry& entry);
// `error`: the name of contract §7, null for none.
void write_error(JsonWriter& json, FailureReason failure);
void write_time(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& time);

// replay.cpp
void replay_events(const CallPtr& call);

// stats.cpp
void webhook_stats(const CallPtr& call);
void operator_stats(const CallPtr& call);
// `accounts`: of the accounts in each step, where that is told.
std::string steps_json(const std::vector<store::StatsStep>& steps,
                       const std::vector<store::AccountStep>* accounts = nullptr);
// `settings`: how deliveries are made.
void write_settings(JsonWriter& json, const Services& services);

// insight.cpp
void get_own_account(const CallPtr& call);
void webhooks_health(const CallPtr& call);
void account_stats(const CallPtr& call);
void stream_deliveries(const CallPtr& call);
void service_stats(const CallPtr& call);
void accounts_health(const CallPtr& call);
void list_nodes(const CallPtr& call);

// accounts.cpp
void list_accounts(const CallPtr& call);
void create_account(const CallPtr& call);
void get_account(const CallPtr& call);
void update_account(const CallPtr& call);
void delete_account(const CallPtr& call);
void regenerate_key(const CallPtr& call);
// A page of the accounts that are asked for, and how many there are of them.
struct AccountPage {
  std::vector<AccountPtr> accounts;
  std::int64_t total = 0;
};
store::Result<AccountPage> find_accounts(const Services& services, const AccountsInput& input);
// `meta` of a page of a list that has `total` items.
std::string page_meta(const PageInput& page, std::int64_t total);
// How many items of a list stand before the page; `total` for a page past the end.
std::int64_t skipped_items(const PageInput& page, std::int64_t total);

// events.cpp
void publish_event(const CallPtr& call);
void publish_events(const CallPtr& call);

// service.cpp
void health(const CallPtr& call);
void readiness(const CallPtr& call);
void metrics_text(const CallPtr& call);
void openapi_document(const CallPtr& call);
void docs_page(const CallPtr& call);

}  // namespace skyhook::api
