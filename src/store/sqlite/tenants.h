// Accounts and webhooks in the database.
#pragma once

#include <vector>

#include "store/sqlite/write_session.h"

namespace skyhook::store::sqlite {

std::vector<Account> load_accounts(Connection& connection);
std::vector<Webhook> load_webhooks(Connection& connection);

// Changes; on the writer's thread.
Account create_account(WriteSession& session, const NewAccount& added);
bool update_account(WriteSession& session, const Account& account);
bool delete_account(WriteSession& session, AccountId id);
// nullopt where the account does not exist.
std::optional<Webhook> create_webhook(WriteSession& session, const NewWebhook& added);
bool update_webhook(WriteSession& session, const Webhook& webhook);
bool delete_webhook(WriteSession& session, WebhookId id);

}  // namespace skyhook::store::sqlite
