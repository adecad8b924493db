#include "store/sqlite/tenants.h"

#include <algorithm>

#include "store/options_text.h"
#include "store/sqlite/string_list.h"

namespace skyhook::store::sqlite {
namespace {

std::vector<std::string> list_of(const Query& row, int column) {
  std::optional<std::vector<std::string>> list = decode_list(row.text(column));
  if (!list) throw SqliteError(SQLITE_CORRUPT, "a stored list of strings cannot be read");
  return std::move(*list);
}

WebhookOptionsPtr options_of(const Query& row, int column) {
  auto options = parse_options_text(row.text(column));
  if (!options) throw SqliteError(SQLITE_CORRUPT, "stored options cannot be read");
  return std::move(*options);
}

std::int64_t stored_target(std::optional<Millis> target) {
  return target.value_or(Millis{0}).count();
}

Blob blob_of(const Sha256& hash) {
  return {hash.data(), hash.size()};
}

Account account_of(const Query& row) {
  Account account;
  account.id = AccountId{row.integer(0)};
  account.name = row.text(1);
  account.is_active = row.integer(2) != 0;
  account.allowed_origins = list_of(row, 3);
  const std::string_view hash = row.bytes(4);
  if (hash.size() != account.api_key_hash.size())
    throw SqliteError(SQLITE_CORRUPT, "a stored key hash cannot be read");
  std::copy(hash.begin(), hash.end(), account.api_key_hash.begin());
  account.created_at = row.time(5);
  account.updated_at = row.time(6);
  if (row.integer(7) > 0) account.first_attempt_target = Millis{row.integer(7)};
  return account;
}

Webhook webhook_of(const Query& row) {
  return {WebhookId{row.integer(0)},
          AccountId{row.integer(1)},
          row.text(2),
          row.text(3),
          list_of(row, 4),
          row.integer(5) != 0,
          row.text(6),
          row.time(7),
          row.time(8),
          options_of(row, 9)};
}

}  // namespace

std::vector<Account> load_accounts(Connection& connection, AccountId after, std::int64_t limit) {
  static const std::string sql = "SELECT " + std::string(kAccountColumns) +
                                 " FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2";
  std::vector<Account> accounts;
  for (Query row(connection.statement(sql), after.value, limit); row.next();) {
    accounts.push_back(account_of(row));
  }
  return accounts;
}

std::vector<Webhook> load_webhooks(Connection& connection, WebhookId after, std::int64_t limit) {
  static const std::string sql = "SELECT " + std::string(kWebhookColumns) +
                                 " FROM webhooks WHERE id > ?1 ORDER BY id LIMIT ?2";
  std::vector<Webhook> webhooks;
  for (Query row(connection.statement(sql), after.value, limit); row.next();) {
    webhooks.push_back(webhook_of(row));
  }
  return webhooks;
}

std::optional<Account> read_account(Connection& connection, AccountId id) {
  static const std::string sql =
      "SELECT " + std::string(kAccountColumns) + " FROM accounts WHERE id = ?1";
  Query row(connection.statement(sql), id.value);
  if (!row.next()) return std::nullopt;
  return account_of(row);
}

std::optional<Webhook> read_webhook(Connection& connection, WebhookId id) {
  static const std::string sql =
      "SELECT " + std::string(kWebhookColumns) + " FROM webhooks WHERE id = ?1";
  Query row(connection.statement(sql), id.value);
  if (!row.next()) return std::nullopt;
  return webhook_of(row);
}

Account create_account(WriteSession& session, const NewAccount& added) {
  Connection& connection = session.connection();
  const std::string origins = encode_list(added.allowed_origins);
  connection
      .statement(
          "INSERT INTO accounts (name, is_active, allowed_origins, api_key_hash, created_at, "
          "updated_at, first_attempt_target_ms) "
          "VALUES (?1, 1, ?2, ?3, ?4, ?4, ?5)")
      .run(added.name, origins, blob_of(added.api_key_hash), added.now,
           stored_target(added.first_attempt_target));
  return {AccountId{connection.last_insert_id()},
          added.name,
          true,
          added.allowed_origins,
          added.api_key_hash,
          added.now,
          added.now,
          added.first_attempt_target};
}

bool update_account(WriteSession& session, const Account& account, Timestamp seen) {
  const std::string origins = encode_list(account.allowed_origins);
  return session.connection()
             .statement(
                 "UPDATE accounts SET name = ?2, is_active = ?3, allowed_origins = ?4, "
                 "api_key_hash = ?5, "
                 "updated_at = ?6, first_attempt_target_ms = ?7 WHERE id = ?1 AND updated_at = ?8")
             .run(account.id.value, account.name, account.is_active, origins,
                  blob_of(account.api_key_hash), account.updated_at,
                  stored_target(account.first_attempt_target), seen) == 1;
}

bool delete_account(WriteSession& session, AccountId id) {
  Connection& connection = session.connection();
  if (connection.statement("DELETE FROM accounts WHERE id = ?1").run(id.value) == 0) return false;
  std::vector<WebhookId> webhooks;
  for (Query row(connection.statement("SELECT id FROM webhooks WHERE account_id = ?1"), id.value);
       row.next();) {
    webhooks.push_back(WebhookId{row.integer(0)});
  }
  for (const WebhookId webhook : webhooks) delete_webhook(session, webhook);
  session.account_deleted(id);
  connection.statement("INSERT INTO purges (webhook_id, account_id) VALUES (0, ?1)").run(id.value);
  return true;
}

std::optional<Webhook> create_webhook(WriteSession& session, const NewWebhook& added) {
  Connection& connection = session.connection();
  const std::string events = encode_list(added.events);
  const int inserted =
      connection
          .statement(
              "INSERT INTO webhooks (account_id, name, url, events, is_active, sealed_secret, "
              "created_at, updated_at, options) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8 "
              "WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ?1)")
          .run(added.account_id.value, added.name, added.url, events, added.is_active,
               added.sealed_secret, added.now, options_text(added.options));
  if (inserted == 0) return std::nullopt;
  const WebhookId id{connection.last_insert_id()};
  connection.statement("INSERT INTO webhook_totals VALUES (?1, 0, 0, 0)").run(id.value);
  session.webhook_created(id);
  return Webhook{id,           added.account_id, added.name,          added.url,
                 added.events, added.is_active,  added.sealed_secret, added.now,
                 added.now,    added.options};
}

bool update_webhook(WriteSession& session, const Webhook& webhook, Timestamp seen) {
  const std::string events = encode_list(webhook.events);
  return session.connection()
             .statement(
                 "UPDATE webhooks SET name = ?2, url = ?3, events = ?4, is_active = ?5, "
                 "sealed_secret = ?6, "
                 "updated_at = ?7, options = ?8 WHERE id = ?1 AND updated_at = ?9")
             .run(webhook.id.value, webhook.name, webhook.url, events, webhook.is_active,
                  webhook.secret, webhook.updated_at, options_text(webhook.options), seen) == 1;
}

bool delete_webhook(WriteSession& session, WebhookId id) {
  Connection& connection = session.connection();
  if (connection.statement("DELETE FROM webhooks WHERE id = ?1").run(id.value) == 0) return false;
  session.webhook_deleted(id);
  connection.statement("DELETE FROM webhook_totals WHERE webhook_id = ?1").run(id.value);
  connection.statement("INSERT INTO purges (webhook_id, account_id) VALUES (?1, 0)").run(id.value);
  return true;
}

}  // namespace skyhook::store::sqlite
