// Who may do what: the one place that decides it, for commands, the admin API and the console.
//
//                                       system   security   audit   developer
//   see usage, balance, limits, keys      all       all       all    its own workspaces
//   see members                           all       all       all    itself
//   see the ledger                        yes       yes       yes    no
//   keys                                  yes       yes       no     in its own workspaces, for itself
//   workspaces, limits, prices, money     yes       no        no     no
//   members                               *         yes       no     no      * unless roles are separated
//   sessions of others                    no        yes       no     no
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "api/caller.h"
#include "base/result.h"

namespace autark::platform {

using Role = api::Caller::Role;

std::string_view name_of(Role role);             // "system"
Result<Role> role_named(std::string_view name);  // an Error lists the names
bool is_administrative(Role role);               // system, security or audit

// Who acts. Ids, never a secret.
struct Actor {
  std::string account;  // it sees and changes this one only
  std::vector<Role> roles;
  std::string member;                   // empty: a key that belongs to its workspace alone, or the operator
  std::string key;                      // empty: a session, or the operator
  std::vector<std::string> workspaces;  // ids of those it is a member of, or of its key
  bool is_operator = false;             // has the platform's files in hands: may do everything
  bool has(Role role) const;
  bool is_administrator() const;  // has an administrative role, or is the operator
};

// Who uses the commands, on one account.
Actor operator_of(const std::string& account);

enum class Act : uint8_t {
  see,  // usage, balance, limits, keys, workspaces, prices
  see_members,
  see_ledger,
  change_keys,
  change_workspaces,
  change_limits,  // and temporary raises
  change_prices,
  change_money,  // deposits, credits
  change_members,
  end_sessions,    // of others
  change_settings  // the separation of roles
};

// Why `who` may not do it; unset if it may. `workspace`: the id of the one that it concerns; empty: none, or all that it
// reaches. A workspace out of reach is not_found, in the words for one that is not there.
std::optional<api::ApiError> refusal(const Actor& who, Act act, const std::string& workspace,
                                     bool separation);
// The fault for what is not there and for what the actor may not see. `what`: "workspace", "key", "member".
api::ApiError no_such(const std::string& what);
// Whether all workspaces of its account are open to it (administrators); else only Actor::workspaces.
bool sees_all(const Actor& who);

}  // namespace autark::platform
