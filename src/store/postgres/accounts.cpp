// Accounts and webhooks of the shared store.
#include "store/options_text.h"
#include "store/postgres/node_store.h"

namespace skyhook::store::postgres {
namespace {

std::vector<std::string_view> views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::string_view bytes_of(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

constexpr std::string_view kAccountColumns =
    "account_id, name, is_active, allowed_origins, api_key_hash, created_at, updated_at, "
    "first_attempt_target_ms";

std::int64_t stored_target(std::optional<Millis> target) {
  return target.value_or(Millis{0}).count();
}

Account account_from(const Rows& rows, int row) {
  Account account;
  account.id = AccountId{rows.integer(row, 0)};
  account.name = rows.string(row, 1);
  account.is_active = rows.boolean(row, 2);
  account.allowed_origins = rows.texts(row, 3);
  const std::string_view hash = rows.text(row, 4);
  std::copy_n(hash.begin(), std::min(hash.size(), account.api_key_hash.size()),
              account.api_key_hash.begin());
  account.created_at = rows.time(row, 5);
  account.updated_at = rows.time(row, 6);
  const std::int64_t target = rows.integer(row, 7);
  if (target > 0) account.first_attempt_target = Millis{target};
  return account;
}

constexpr std::string_view kWebhookColumns =
    "webhook_id, account_id, name, url, events, is_active, sealed_secret, created_at, updated_at, "
    "options";

Answer<Webhook> webhook_from(const Rows& rows, int row) {
  Webhook webhook;
  webhook.id = WebhookId{rows.integer(row, 0)};
  webhook.account_id = AccountId{rows.integer(row, 1)};
  webhook.name = rows.string(row, 2);
  webhook.url = rows.string(row, 3);
  webhook.events = rows.texts(row, 4);
  webhook.is_active = rows.boolean(row, 5);
  webhook.secret = rows.string(row, 6);
  webhook.created_at = rows.time(row, 7);
  webhook.updated_at = rows.time(row, 8);
  auto options = parse_options_text(rows.text(row, 9));
  if (!options) return Err{DatabaseError{"22000", "stored options cannot be read", false}};
  webhook.options = std::move(*options);
  return webhook;
}

// `which`: what comes after FROM and the table.
Answer<std::vector<Account>> read_accounts(Connection& connection, std::string_view which,
                                           const Params& params) {
  auto rows = connection.query(
      "SELECT " + std::string(kAccountColumns) + " FROM skyhook.accounts " + std::string(which),
      params);
  if (!rows) return Err{rows.error()};
  std::vector<Account> accounts;
  accounts.reserve(static_cast<std::size_t>(rows->count()));
  for (int row = 0; row < rows->count(); ++row) accounts.push_back(account_from(*rows, row));
  return accounts;
}

Answer<std::vector<Webhook>> read_webhooks(Connection& connection, std::string_view which,
                                           const Params& params) {
  auto rows = connection.query(
      "SELECT " + std::string(kWebhookColumns) + " FROM skyhook.webhooks " + std::string(which),
      params);
  if (!rows) return Err{rows.error()};
  std::vector<Webhook> webhooks;
  for (int row = 0; row < rows->count(); ++row) {
    auto webhook = webhook_from(*rows, row);
    if (!webhook) return Err{webhook.error()};
    webhooks.push_back(std::move(*webhook));
  }
  return webhooks;
}

Answer<std::vector<Account>> accounts_by_id(Connection& connection,
                                            const std::vector<std::int64_t>& ids) {
  Params params;
  params.add(ids);
  return read_accounts(connection, "WHERE account_id = ANY ($1)", params);
}

Answer<std::vector<Webhook>> webhooks_by_id(Connection& connection,
                                            const std::vector<std::int64_t>& ids) {
  Params params;
  params.add(ids);
  return read_webhooks(connection, "WHERE webhook_id = ANY ($1)", params);
}

template <class Row>
Answer<std::optional<Row>> only_one(Answer<std::vector<Row>> rows) {
  if (!rows) return Err{rows.error()};
  if (rows->empty()) return std::optional<Row>{};
  return std::optional{std::move(rows->front())};
}

}  // namespace

Answer<std::optional<AccountId>> NodeStore::account_of(Connection& connection, WebhookId webhook) {
  if (deleted_.contains(webhook)) return std::optional<AccountId>{};
  Params params;
  params.add(webhook.value);
  auto rows =
      connection.query("SELECT account_id FROM skyhook.webhooks WHERE webhook_id = $1", params);
  if (!rows) return Err{rows.error()};
  if (rows->count() == 0) return std::optional<AccountId>{};
  return std::optional<AccountId>{AccountId{rows->integer(0, 0)}};
}

Result<std::vector<Account>> NodeStore::load_accounts() {
  return read([](Connection& connection) {
    return read_accounts(connection, "ORDER BY account_id", Params());
  });
}

Result<std::vector<Webhook>> NodeStore::load_webhooks() {
  return read([this](Connection& connection) {
    auto webhooks = read_webhooks(connection, "ORDER BY webhook_id", Params());
    if (!webhooks) return webhooks;
    for (const Webhook& webhook : *webhooks) accounts_.put(webhook.id, webhook.account_id);
    return webhooks;
  });
}

Result<std::optional<Account>> NodeStore::account(AccountId id) {
  return read(
      [id](Connection& connection) { return only_one(accounts_by_id(connection, {id.value})); });
}

Result<std::optional<Webhook>> NodeStore::webhook(WebhookId id) {
  return read(
      [id](Connection& connection) { return only_one(webhooks_by_id(connection, {id.value})); });
}

Result<Account> NodeStore::create_account(const NewAccount& account) {
  return write([&](Connection& connection) -> Answer<Account> {
    Params params;
    params.text(account.name).texts(views(account.allowed_origins));
    params.bytes(bytes_of(account.api_key_hash)).add(account.now);
    params.add(stored_target(account.first_attempt_target));
    auto rows = connection.query(
        "INSERT INTO skyhook.accounts (name, is_active, allowed_origins, api_key_hash, created_at, "
        "updated_at, first_attempt_target_ms) VALUES ($1, true, $2, $3, $4, $4, $5) RETURNING " +
            std::string(kAccountColumns),
        params);
    if (!rows) return Err{rows.error()};
    return account_from(*rows, 0);
  });
}

Result<bool> NodeStore::update_account(const Account& account, Timestamp seen) {
  return write([&](Connection& connection) -> Answer<bool> {
    Params params;
    params.add(account.id.value).text(account.name).add(account.is_active);
    params.texts(views(account.allowed_origins)).bytes(bytes_of(account.api_key_hash));
    params.add(account.updated_at).add(stored_target(account.first_attempt_target));
    params.add(seen);
    auto rows = connection.query(
        "UPDATE skyhook.accounts SET name = $2, is_active = $3, allowed_origins = $4, "
        "api_key_hash = $5, updated_at = $6, first_attempt_target_ms = $7 "
        "WHERE account_id = $1 AND updated_at = $8 RETURNING 1",
        params);
    if (!rows) return Err{rows.error()};
    return rows->count() == 1;
  });
}

Result<bool> NodeStore::delete_account(AccountId id) {
  std::vector<WebhookId> webhooks;
  auto deleted = write([&](Connection& connection) -> Answer<bool> {
    Params params;
    params.add(id.value);
    auto gone = connection.query(
        "WITH gone AS (DELETE FROM skyhook.webhooks WHERE account_id = $1 "
        "RETURNING account_id, webhook_id) "
        "INSERT INTO skyhook.purges SELECT * FROM gone RETURNING webhook_id",
        params);
    if (!gone) return Err{gone.error()};
    auto account = connection.query(
        "WITH gone AS (DELETE FROM skyhook.accounts WHERE account_id = $1 RETURNING account_id) "
        "INSERT INTO skyhook.purges SELECT account_id, 0 FROM gone RETURNING 1",
        params);
    if (!account) return Err{account.error()};
    for (int row = 0; row < gone->count(); ++row) {
      webhooks.push_back(WebhookId{gone->integer(row, 0)});
    }
    return account->count() == 1;
  });
  for (const WebhookId webhook : webhooks) {
    deleted_.add(webhook);
    registry_.forget(webhook);
    accounts_.erase(webhook);
  }
  return deleted;
}

Result<Webhook> NodeStore::create_webhook(const NewWebhook& webhook) {
  auto created = write([&](Connection& connection) -> Answer<Webhook> {
    Params params;
    params.add(webhook.account_id.value).text(webhook.name).text(webhook.url);
    params.texts(views(webhook.events)).add(webhook.is_active).text(webhook.sealed_secret);
    params.add(webhook.now);
    const std::string options = options_text(webhook.options);
    params.text(options);
    auto rows = connection.query(
        "INSERT INTO skyhook.webhooks (account_id, name, url, events, is_active, sealed_secret, "
        "created_at, updated_at, options) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) RETURNING " +
            std::string(kWebhookColumns),
        params);
    if (!rows) return Err{rows.error()};
    return webhook_from(*rows, 0);
  });
  if (created) accounts_.put(created->id, created->account_id);
  return created;
}

Result<bool> NodeStore::update_webhook(const Webhook& webhook, Timestamp seen) {
  return write([&](Connection& connection) -> Answer<bool> {
    Params params;
    params.add(webhook.account_id.value).add(webhook.id.value).text(webhook.name);
    params.text(webhook.url).texts(views(webhook.events)).add(webhook.is_active);
    const std::string options = options_text(webhook.options);
    params.text(webhook.secret).add(webhook.updated_at).text(options).add(seen);
    auto rows = connection.query(
        "UPDATE skyhook.webhooks SET name = $3, url = $4, events = $5, is_active = $6, "
        "sealed_secret = $7, updated_at = $8, options = $9 WHERE account_id = $1 AND "
        "webhook_id = $2 AND updated_at = $10 RETURNING 1",
        params);
    if (!rows) return Err{rows.error()};
    return rows->count() == 1;
  });
}

Result<bool> NodeStore::delete_webhook(WebhookId id) {
  auto deleted = write([&](Connection& connection) -> Answer<bool> {
    Params params;
    params.add(id.value);
    auto rows = connection.query(
        "WITH gone AS (DELETE FROM skyhook.webhooks WHERE webhook_id = $1 "
        "RETURNING account_id, webhook_id) "
        "INSERT INTO skyhook.purges SELECT * FROM gone RETURNING 1",
        params);
    if (!rows) return Err{rows.error()};
    return rows->count() == 1;
  });
  if (deleted && *deleted) {
    deleted_.add(id);
    registry_.forget(id);
    accounts_.erase(id);
  }
  return deleted;
}

Answer<Done> NodeStore::read_changed(Connection& connection, const std::set<std::int64_t>& accounts,
                                     const std::set<std::int64_t>& webhooks,
                                     SharedChanges& changes) {
  if (!accounts.empty()) {
    std::set<std::int64_t> gone = accounts;
    auto present = accounts_by_id(connection, {accounts.begin(), accounts.end()});
    if (!present) return Err{present.error()};
    for (Account& account : *present) {
      gone.erase(account.id.value);
      changes.accounts.emplace_back(account.id, std::move(account));
    }
    for (const std::int64_t id : gone) changes.accounts.emplace_back(AccountId{id}, std::nullopt);
  }
  if (!webhooks.empty()) {
    std::set<std::int64_t> gone = webhooks;
    auto present = webhooks_by_id(connection, {webhooks.begin(), webhooks.end()});
    if (!present) return Err{present.error()};
    for (Webhook& webhook : *present) {
      gone.erase(webhook.id.value);
      accounts_.put(webhook.id, webhook.account_id);
      changes.webhooks.emplace_back(webhook.id, std::move(webhook));
    }
    for (const std::int64_t id : gone) {
      deleted_.add(WebhookId{id});
      registry_.forget(WebhookId{id});
      accounts_.erase(WebhookId{id});
      changes.webhooks.emplace_back(WebhookId{id}, std::nullopt);
    }
  }
  return Done{};
}

}  // namespace skyhook::store::postgres
