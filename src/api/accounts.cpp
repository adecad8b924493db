// Accounts and their keys, for the operator (contract §5).
#include <algorithm>
#include <boost/json.hpp>

#include "api/handlers.h"
#include "notices/operator_account.h"
#include "signing/secrets.h"

namespace skyhook::api {

namespace {

void write_account(JsonWriter& json, const Account& account, std::string_view api_key = {}) {
  json.begin_object().field("id", account.id.value).field("name", account.name);
  json.field("is_active", account.is_active).key("allowed_origins").begin_array();
  for (const std::string& origin : account.allowed_origins) json.string(origin);
  json.end_array().key("first_attempt_target");
  if (account.first_attempt_target) {
    json.string(format_duration(*account.first_attempt_target));
  } else {
    json.null();
  }
  json.field("is_kept_by_settings", notices::is_operator_account(account));
  json.field("created_at", to_iso8601(account.created_at));
  if (!api_key.empty()) json.field("api_key", api_key);
  json.end_object();
}

std::string account_json(const Account& account, std::string_view api_key = {}) {
  JsonWriter json;
  write_account(json, account, api_key);
  return json.take();
}

bool equal_ignoring_case(char a, char b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return lower(a) == lower(b);
}

// The case of ASCII letters does not matter.
bool contains_ignoring_case(std::string_view text, std::string_view wanted) {
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), equal_ignoring_case) !=
         text.end();
}

// The same accounts, those with the most waiting deliveries first.
store::Result<std::vector<AccountPtr>> by_waiting(const Services& services,
                                                  std::vector<AccountPtr> accounts) {
  std::vector<WebhookId> ids;
  std::vector<std::size_t> owner;  // of each id: the place of its account
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    for (const WebhookPtr& entry : services.directory.webhooks_of(accounts[i]->id)) {
      ids.push_back(entry->webhook.id);
      owner.push_back(i);
    }
  }
  const auto totals = services.store.totals(ids);
  if (!totals) return Err{totals.error()};
  std::vector<std::pair<std::int64_t, std::size_t>> waiting(accounts.size());  // negative, place
  for (std::size_t i = 0; i < accounts.size(); ++i) waiting[i].second = i;
  for (std::size_t i = 0; i < ids.size(); ++i) waiting[owner[i]].first -= (*totals)[i].pending;
  std::ranges::sort(waiting);
  std::vector<AccountPtr> sorted;
  sorted.reserve(accounts.size());
  for (const auto& [count, place] : waiting) sorted.push_back(std::move(accounts[place]));
  return sorted;
}

// Changes the account and answers with `answer`, or with what went wrong.
void change_account(Call& call, AccountId id, const std::function<void(Account&)>& change,
                    const std::function<void(const Account&)>& answer) {
  const Timestamp now = call.services.clock.now();
  const auto updated = call.services.directory.update_account(id, now, [&](Account& present) {
    change(present);
    return true;
  });
  if (!updated) return call.store_failed(updated.error());
  if (*updated == nullptr) return call.fail(404, kAccountNotFound);
  answer(**updated);
}

// What the settings keep is not the API's to take away.
bool refuse_own(const CallPtr& call, const Account& account) {
  if (!notices::is_operator_account(account)) return false;
  call->fail(409, "This account holds the operator's own webhook and is kept by the settings.");
  return true;
}

}  // namespace

store::Result<AccountPage> find_accounts(const Services& services, const AccountsInput& input) {
  const Directory& directory = services.directory;
  const std::size_t count = directory.account_count();
  if (!input.search && input.order == AccountOrder::id) {
    const auto total = static_cast<std::int64_t>(count);
    const auto skipped = static_cast<std::size_t>(skipped_items(input.page, total));
    return AccountPage{directory.accounts(skipped, static_cast<std::size_t>(input.page.per_page)),
                       total};
  }
  auto found = directory.accounts(0, count);
  if (input.search) {
    std::erase_if(found, [&](const AccountPtr& account) {
      return std::to_string(account->id.value) != *input.search &&
             !contains_ignoring_case(account->name, *input.search);
    });
  }
  if (input.order == AccountOrder::waiting) {
    auto sorted = by_waiting(services, std::move(found));
    if (!sorted) return Err{sorted.error()};
    found = std::move(*sorted);
  }
  const auto total = static_cast<std::int64_t>(found.size());
  const auto first = found.begin() + skipped_items(input.page, total);
  const auto last = first + std::min<std::int64_t>(input.page.per_page, found.end() - first);
  return AccountPage{{first, last}, total};
}

void list_accounts(const CallPtr& call) {
  FieldErrors errors;
  const AccountsInput input = read_accounts(Query(call->request.query), errors);
  if (!errors.empty()) return call->invalid(errors);
  const auto page = find_accounts(call->services, input);
  if (!page) return call->store_failed(page.error());
  JsonWriter json;
  json.begin_array();
  for (const AccountPtr& account : page->accounts) write_account(json, *account);
  json.end_array();
  call->succeed(200, json.take(), "Accounts retrieved successfully.",
                page_meta(input.page, page->total));
}

std::int64_t skipped_items(const PageInput& page, std::int64_t total) {
  const bool past_the_end = page.page - 1 > total / page.per_page;
  return past_the_end ? total : std::min(total, (page.page - 1) * page.per_page);
}

std::string page_meta(const PageInput& page, std::int64_t total) {
  const std::int64_t last_page =
      std::max<std::int64_t>(1, (total + page.per_page - 1) / page.per_page);
  JsonWriter meta;
  meta.begin_object().field("current_page", page.page).field("last_page", last_page);
  meta.field("per_page", std::int64_t{page.per_page}).field("total", total).end_object();
  return meta.take();
}

void create_account(const CallPtr& call) {
  const auto body = parse_object(call->request.body);
  if (!body) return call->fail(400, kNotJson);
  FieldErrors errors;
  AccountInput input = read_account(*body, Presence::required, errors);
  if (!errors.empty()) return call->invalid(errors);
  const std::string key = signing::make_api_key();
  constexpr std::string_view kMessage =
      "Account created. Store the API key securely — it won't be shown again.";
  const auto created = call->services.directory.create_account(
      {.name = std::move(*input.name),
       .api_key_hash = signing::sha256(key),
       .allowed_origins = input.allowed_origins.value_or(std::vector<std::string>{}),
       .now = call->services.clock.now(),
       .first_attempt_target = input.first_attempt_target.value_or(std::nullopt)});
  if (!created) return call->store_failed(created.error());
  if (input.is_active.value_or(true)) {
    return call->succeed(201, account_json(**created, key), kMessage);
  }
  change_account(
      *call, (*created)->id, [](Account& present) { present.is_active = false; },
      [&](const Account& account) { call->succeed(201, account_json(account, key), kMessage); });
}

void get_account(const CallPtr& call) {
  const AccountPtr account = call->named_account();
  if (!account) return;
  call->succeed(200, account_json(*account), "Account retrieved successfully.");
}

void update_account(const CallPtr& call) {
  const auto body = parse_object(call->request.body);
  if (!body) return call->fail(400, kNotJson);
  const AccountPtr account = call->named_account();
  if (!account) return;
  FieldErrors errors;
  const AccountInput wanted = read_account(*body, Presence::optional, errors);
  if (!errors.empty()) return call->invalid(errors);
  // What the settings keep of the operator's own; its target is free.
  const bool is_kept = wanted.name || wanted.is_active || wanted.allowed_origins;
  if (is_kept && refuse_own(call, *account)) return;
  change_account(
      *call, account->id,
      [&](Account& present) {
        if (wanted.name) present.name = *wanted.name;
        if (wanted.is_active) present.is_active = *wanted.is_active;
        if (wanted.allowed_origins) present.allowed_origins = *wanted.allowed_origins;
        if (wanted.first_attempt_target) {
          present.first_attempt_target = *wanted.first_attempt_target;
        }
      },
      [&](const Account& changed) {
        call->succeed(200, account_json(changed), "Account updated successfully.");
      });
}

void delete_account(const CallPtr& call) {
  const AccountPtr account = call->named_account();
  if (!account || refuse_own(call, *account)) return;
  const auto deleted = call->services.directory.delete_account(account->id);
  if (!deleted) return call->store_failed(deleted.error());
  if (!*deleted) return call->fail(404, kAccountNotFound);
  call->no_content();
}

void regenerate_key(const CallPtr& call) {
  const AccountPtr account = call->named_account();
  if (!account || refuse_own(call, *account)) return;
  const std::string key = signing::make_api_key();
  change_account(
      *call, account->id, [&](Account& present) { present.api_key_hash = signing::sha256(key); },
      [&](const Account&) {
        JsonWriter json;
        json.begin_object().field("api_key", key).end_object();
        call->succeed(200, json.take(),
                      "API key regenerated. Store it securely — it won't be shown again.");
      });
}

}  // namespace skyhook::api
