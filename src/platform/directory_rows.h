// The rows of the directory as its parts read them, and what they check. Inside of a transaction.
#pragma once
#include "platform/directory.h"
#include "platform/query.h"

namespace autark::platform {

// What a transaction without a result returns.
struct Done {};
std::optional<api::ApiError> fault_of(const api::ApiResult<Done>& result);

// Refuses if `who` may not do it; true if the transaction has failed.
bool is_refused(Query& query, const Actor& who, Act act, const std::string& workspace = {});
bool is_separated(Query& query);

// 1 to 64 characters of UTF-8, no control or invisible characters, no blanks at its ends, and not like an id. Refuses others.
void check_name(Query& query, const std::string& name);
api::ApiError invalid(const std::string& param, const std::string& message, const std::string& code = {});
api::ApiError name_taken(const std::string& what, const std::string& name);

// Times and lists in the tables: 0 is never, lists are JSON.
std::optional<Micros> moment(int64_t column);
std::string list_text(const std::vector<std::string>& list);
std::vector<std::string> list_of(const std::string& text);
std::string roles_text(const std::vector<Role>& roles);
std::vector<Role> roles_of(const std::string& text);

// By id or name, in this account. Unset if there is none; nothing is refused.
std::optional<Account> find_account(Query& query, const std::string& account);
std::optional<Workspace> find_workspace(Query& query, const std::string& account,
                                        const std::string& workspace);
std::vector<Workspace> all_workspaces(Query& query, const std::string& account);
// `only`: the id of the one that may be found; empty: all.
std::optional<Member> find_member(Query& query, const std::string& account, const std::string& member,
                                  const std::string& only = {});
// The member if `who` may see it. No more is read for a hidden one than for one that is not there.
std::optional<Member> visible_member(Query& query, const Actor& who, const std::string& member);
std::vector<Member> all_members(Query& query, const std::string& account);
// By id, prefix or name.
std::vector<Key> find_keys(Query& query, const std::string& account, const std::string& key, Micros now);
std::vector<Key> all_keys(Query& query, const std::string& account, Micros now);

// Refuse what `who` cannot reach; empty then.
Workspace reachable_workspace(Query& query, const Actor& who, Act act, const std::string& workspace);
Key reachable_key(Query& query, const Actor& who, Act act, const std::string& key, Micros now);

// Write one row and return its id. They check nothing.
std::string insert_account(Query& query, const std::string& name, const std::string& currency, Micros now);
std::string insert_workspace(Query& query, const std::string& account, const std::string& name, Micros now);
// `draft`: without its workspace, member and limits.
std::string insert_key(Query& query, const std::string& workspace, const std::string& member,
                       const KeyDraft& draft, const std::string& secret, Micros now);
void insert_price_file(Query& query, const PriceRecord& record);
// Refuses an account in another currency than the prices, which count for all accounts.
void check_price_currency(Query& query, const std::string& currency);

// Unset for three capital letters.
std::optional<api::ApiError> currency_fault(const std::string& currency);
// Checks and writes one limit, whose subject is an id.
void put_limit(Query& query, const Limit& limit);

// Checks a password's length, or makes one if it is empty, and hashes it. Takes a while.
struct NewPassword {
  std::string password, encoded;
};
api::ApiResult<NewPassword> new_password(const std::string& password);

}  // namespace autark::platform
