#include <algorithm>
#include <map>
#include "platform/directory_rows.h"
#include "platform/passwords.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr const char* kMembers =
    "SELECT id, account, name, roles, created, disabled, totp FROM member WHERE account = $1";

Member member_of(const storage::Row& row) {
  return {.id = row.text(0),
          .account = row.text(1),
          .name = row.text(2),
          .roles = roles_of(row.text(3)),
          .created = row.number(4),
          .disabled = moment(row.number(5)),
          .totp_set = row.text(6).starts_with("set:")};
}

std::vector<std::string> memberships(Query& query, const std::string& member) {
  return query.all([](const storage::Row& row) { return row.text(0); },
                   "SELECT workspace FROM membership WHERE member = $1 ORDER BY workspace", {member});
}

// Every role once; developer if there is none.
std::vector<Role> checked_roles(Query& query, std::vector<Role> roles) {
  std::ranges::sort(roles);
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  if (roles.empty()) roles = {Role::developer};
  if (is_separated(query) && std::ranges::count_if(roles, is_administrative) > 1)
    query.refuse(invalid(
        "roles", "roles are separated on this platform: nobody may hold two of system, security and audit",
        "separation"));
  return roles;
}

void set_workspaces(Query& query, const Actor& who, const std::string& member,
                    const std::vector<std::string>& workspaces) {
  query.change("DELETE FROM membership WHERE member = $1", {member});
  for (const std::string& name : workspaces) {
    const auto found = find_workspace(query, who.account, name);
    if (!found) query.refuse(no_such("workspace"));
    if (query.failed()) return;
    query.change("INSERT INTO membership (member, workspace) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                 {member, found->id});
  }
}

bool is_visible(const Actor& who, const Member& member) {
  return sees_all(who) || (!who.member.empty() && member.id == who.member);
}

// The member, if `who` may change members.
Member changeable(Query& query, const Actor& who, const std::string& member) {
  const auto found = visible_member(query, who, member);
  if (!found) return query.refuse(no_such("member"));
  if (is_refused(query, who, Act::change_members)) return {};
  return *found;
}

void end_sessions(Query& query, const std::string& member) {
  query.change("DELETE FROM session WHERE member = $1", {member});
}

}  // namespace

api::ApiResult<NewPassword> new_password(const std::string& password) {
  NewPassword made{password, {}};
  if (password.empty()) {
    for (int group = 0; group < 4; ++group) made.password += (group ? "-" : "") + random_letters(5);
  }
  if (auto fault = password_fault(made.password)) return invalid("password", *fault);
  auto encoded = hash_password(made.password);
  if (const auto* fault = std::get_if<api::ApiError>(&encoded)) return *fault;
  made.encoded = std::move(std::get<std::string>(encoded));
  return made;
}

std::optional<Member> visible_member(Query& query, const Actor& who, const std::string& member) {
  if (sees_all(who)) return find_member(query, who.account, member);
  return find_member(query, who.account, member, who.member.empty() ? "none" : who.member);
}

std::optional<Member> find_member(Query& query, const std::string& account, const std::string& member,
                                  const std::string& only) {
  auto found =
      query.first(member_of, std::string(kMembers) + " AND (id = $2 OR name = $2) AND ($3 = '' OR id = $3)",
                  {account, member, only});
  if (found) found->workspaces = memberships(query, found->id);
  return found;
}

std::vector<Member> all_members(Query& query, const std::string& account) {
  std::map<std::string, std::vector<std::string>> workspaces;
  for (const auto& row : query.rows("SELECT s.member, s.workspace FROM membership s JOIN member m ON m.id = "
                                    "s.member WHERE m.account = $1"
                                    " ORDER BY s.workspace",
                                    {account}))
    workspaces[row.text(0)].push_back(row.text(1));
  auto found = query.all(member_of, std::string(kMembers) + " ORDER BY name", {account});
  for (Member& member : found) member.workspaces = workspaces[member.id];
  return found;
}

// Rights are looked at before the password is hashed, and again in the transaction that writes.
api::ApiResult<MadeMember> Directory::create_member(const Actor& who, const MemberDraft& draft) {
  const auto may = transact(*database_, Kind::reads, [&](Query& query) -> Done {
    is_refused(query, who, Act::change_members);
    return {};
  });
  if (auto fault = fault_of(may)) return *fault;
  auto password = new_password(draft.password);
  if (const auto* fault = std::get_if<api::ApiError>(&password)) return *fault;
  const NewPassword& made = std::get<NewPassword>(password);
  return transact(*database_, Kind::changes, [&](Query& query) -> MadeMember {
    if (is_refused(query, who, Act::change_members)) return {};
    check_name(query, draft.name);
    if (!query.rows("SELECT id FROM member WHERE name = $1", {draft.name}).empty())
      return query.refuse(name_taken("member", draft.name));
    const std::string id = new_id("mem"), roles = roles_text(checked_roles(query, draft.roles));
    query.change(
        "INSERT INTO member (id, account, name, roles, password, totp, created)"
        " VALUES ($1, $2, $3, $4, $5, '', $6)",
        {id, who.account, draft.name, roles, made.encoded, clock_()});
    set_workspaces(query, who, id, draft.workspaces);
    return {find_member(query, who.account, id).value_or(Member{}),
            draft.password.empty() ? made.password : ""};
  });
}

api::ApiResult<std::vector<Member>> Directory::members(const Actor& who) {
  return transact(*database_, Kind::reads, [&](Query& query) {
    std::vector<Member> found = all_members(query, who.account);
    std::erase_if(found, [&](const Member& m) { return !is_visible(who, m); });
    return found;
  });
}

api::ApiResult<Member> Directory::member(const Actor& who, const std::string& member) {
  return transact(*database_, Kind::reads, [&](Query& query) -> Member {
    const auto found = visible_member(query, who, member);
    if (!found) return query.refuse(no_such("member"));
    return *found;
  });
}

api::ApiResult<Member> Directory::change_member(const Actor& who, const std::string& member,
                                                const std::optional<std::vector<Role>>& roles,
                                                const std::optional<std::vector<std::string>>& workspaces) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Member {
    const Member found = changeable(query, who, member);
    if (roles)
      query.change("UPDATE member SET roles = $2 WHERE id = $1",
                   {found.id, roles_text(checked_roles(query, *roles))});
    if (workspaces) set_workspaces(query, who, found.id, *workspaces);
    return find_member(query, who.account, found.id).value_or(Member{});
  });
}

api::ApiResult<Member> Directory::enable_member(const Actor& who, const std::string& member, bool enabled) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Member {
    const Member found = changeable(query, who, member);
    if (enabled) checked_roles(query, found.roles);
    query.change("UPDATE member SET disabled = $2 WHERE id = $1", {found.id, enabled ? 0 : clock_()});
    if (!enabled) end_sessions(query, found.id);
    return find_member(query, who.account, found.id).value_or(Member{});
  });
}

std::optional<api::ApiError> Directory::reset_totp(const Actor& who, const std::string& member) {
  return fault_of(transact(*database_, Kind::changes, [&](Query& query) -> Done {
    const Member found = changeable(query, who, member);
    query.change("UPDATE member SET totp = '' WHERE id = $1", {found.id});
    end_sessions(query, found.id);
    return {};
  }));
}

api::ApiResult<std::string> Directory::reset_password(const Actor& who, const std::string& member,
                                                      const std::string& password) {
  const auto id =
      transact(*database_, Kind::reads, [&](Query& query) { return changeable(query, who, member).id; });
  if (const auto* fault = std::get_if<api::ApiError>(&id)) return *fault;
  auto fresh = new_password(password);
  if (const auto* fault = std::get_if<api::ApiError>(&fresh)) return *fault;
  const NewPassword& made = std::get<NewPassword>(fresh);
  return transact(*database_, Kind::changes, [&](Query& query) -> std::string {
    const Member found = changeable(query, who, std::get<std::string>(id));
    query.change("UPDATE member SET password = $2 WHERE id = $1", {found.id, made.encoded});
    end_sessions(query, found.id);
    return made.password;
  });
}

}  // namespace autark::platform
