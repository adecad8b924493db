// The account that is the operator's own, with the one webhook that its events go to. It is an
// account like any other: its deliveries are signed, retried, logged and shown as all are.
#pragma once

#include <string>

#include "base/time.h"
#include "directory/directory.h"
#include "domain/account.h"
#include "store/store.h"

namespace skyhook::notices {

// Where the operator wants its events; an empty URL: nowhere.
struct OperatorWebhook {
  std::string url;
  std::string secret;
};

// At start, after Directory::load(). Makes the account and its webhook where they are not there and
// brings the webhook up to date; where it is not wanted, switches off what is there. Nodes that
// start at the same time end up with one of each. Blocking. nullptr: not wanted.
store::Result<AccountPtr> prepare_operator_account(Directory& directory, store::Store& store,
                                                   const OperatorWebhook& wanted, Timestamp now);

// No key opens it, and its own it must not get: it is known by having none.
bool is_operator_account(const Account& account);

}  // namespace skyhook::notices
