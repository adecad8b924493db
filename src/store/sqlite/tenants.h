// Accounts and webhooks in the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/sqlite/write_session.h"

namespace skyhook::store::sqlite {

inline constexpr std::string_view kAccountColumns =
    "id, name, is_active, allowed_origins, api_key_hash, created_at, updated_at, "
    "first_attempt_target_ms";
inline constexpr std::string_view kWebhookColumns =
    "id, account_id, name, url, events, is_active, sealed_secret, created_at, updated_at, options";

// In order of their ids; with `limit`, that many after `after`.
inline constexpr std::int64_t kNoLimit = -1;
std::vector<Account> load_accounts(Connection& connection, AccountId after = {},
                                   std::int64_t limit = kNoLimit);
std::vector<Webhook> load_webhooks(Connection& connection, WebhookId after = {},
                                   std::int64_t limit = kNoLimit);
// nullopt where it does not exist.
std::optional<Account> read_account(Connection& connection, AccountId id);
std::optional<Webhook> read_webhook(Connection& connection, WebhookId id);

// Changes; on the writer's thread.
Account create_account(WriteSession& session, const NewAccount& added);
bool update_account(WriteSession& session, const Account& account, Timestamp seen);
bool delete_account(WriteSession& session, AccountId id);
// nullopt where the account does not exist.
std::optional<Webhook> create_webhook(WriteSession& session, const NewWebhook& added);
bool update_webhook(WriteSession& session, const Webhook& webhook, Timestamp seen);
bool delete_webhook(WriteSession& session, WebhookId id);

}  // namespace skyhook::store::sqlite
