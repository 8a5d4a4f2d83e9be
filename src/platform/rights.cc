#include "platform/rights.h"
#include <algorithm>

namespace autark::platform {
namespace {

constexpr std::pair<Role, std::string_view> kNames[] = {{Role::system, "system"},
                                                        {Role::security, "security"},
                                                        {Role::audit, "audit"},
                                                        {Role::developer, "developer"}};

bool may(Role role, Act act, bool separation) {
  const bool system = role == Role::system, security = role == Role::security;
  switch (act) {
    case Act::see:
    case Act::see_members:
      return true;
    case Act::see_ledger:
      return role != Role::developer;
    case Act::change_keys:
      return role != Role::audit;
    case Act::change_workspaces:
    case Act::change_limits:
    case Act::change_prices:
    case Act::change_money:
      return system;
    case Act::change_members:
      return security || (system && !separation);
    case Act::end_sessions:
      return security;
    case Act::change_settings:
      return false;
  }
  return false;
}

// A developer's right to keys counts in its workspaces only, and needs a session: a key alone makes no others.
bool counts(const Actor& who, Role role, Act act, const std::string& workspace) {
  if (role != Role::developer) return true;
  if (act == Act::change_keys && who.member.empty()) return false;
  if (act == Act::change_keys && !who.key.empty()) return false;
  return workspace.empty() || std::ranges::count(who.workspaces, workspace) > 0;
}

}  // namespace

std::string_view name_of(Role role) {
  for (const auto& [known, name] : kNames)
    if (known == role) return name;
  return "developer";
}

Result<Role> role_named(std::string_view name) {
  for (const auto& [role, known] : kNames)
    if (known == name) return role;
  return Error{Code::invalid, "there is no role '" + std::string(name) +
                                  "'; there are system, security, audit and developer"};
}

bool is_administrative(Role role) {
  return role != Role::developer;
}

bool Actor::has(Role role) const {
  return std::ranges::count(roles, role) > 0;
}

bool Actor::is_administrator() const {
  return is_operator || std::ranges::any_of(roles, is_administrative);
}

Actor operator_of(const std::string& account) {
  Actor who;
  who.account = account;
  who.is_operator = true;
  return who;
}

bool sees_all(const Actor& who) {
  return who.is_administrator();
}

std::optional<api::ApiError> refusal(const Actor& who, Act act, const std::string& workspace,
                                     bool separation) {
  if (who.is_operator) return {};
  for (const Role role : who.roles)
    if (may(role, act, separation) && counts(who, role, act, workspace)) return {};
  const bool hidden =
      !workspace.empty() && !sees_all(who) && std::ranges::count(who.workspaces, workspace) == 0;
  if (hidden) return no_such("workspace");
  return api::ApiError{.kind = api::ApiError::Kind::forbidden,
                       .message = "your role may not do this; ask an administrator of the platform",
                       .code = "forbidden"};
}

api::ApiError no_such(const std::string& what) {
  return {.kind = api::ApiError::Kind::not_found,
          .message = "there is no such " + what + ", or you may not see it",
          .code = "not_found"};
}

}  // namespace autark::platform
