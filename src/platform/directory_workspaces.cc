#include "platform/directory_rows.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr const char* kWorkspaces =
    "SELECT w.id, w.account, w.name, w.created, w.disabled,"
    " (SELECT COUNT(*) FROM api_key k WHERE k.workspace = w.id AND k.disabled = 0),"
    " (SELECT COUNT(*) FROM membership s JOIN member m ON m.id = s.member"
    "  WHERE s.workspace = w.id AND m.disabled = 0)"
    " FROM workspace w WHERE w.account = $1";

Workspace workspace_of(const storage::Row& row) {
  return {.id = row.text(0),
          .account = row.text(1),
          .name = row.text(2),
          .created = row.number(3),
          .disabled = moment(row.number(4)),
          .key_count = row.number(5),
          .member_count = row.number(6)};
}

}  // namespace

std::optional<Workspace> find_workspace(Query& query, const std::string& account,
                                        const std::string& workspace) {
  return query.first(workspace_of, std::string(kWorkspaces) + " AND (w.id = $2 OR w.name = $2)",
                     {account, workspace});
}

std::vector<Workspace> all_workspaces(Query& query, const std::string& account) {
  return query.all(workspace_of, std::string(kWorkspaces) + " ORDER BY w.name", {account});
}

std::string insert_workspace(Query& query, const std::string& account, const std::string& name, Micros now) {
  const std::string id = new_id("wsp");
  query.change("INSERT INTO workspace (id, account, name, created) VALUES ($1, $2, $3, $4)",
               {id, account, name, now});
  return id;
}

api::ApiResult<Workspace> Directory::create_workspace(const Actor& who, const std::string& name) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Workspace {
    if (is_refused(query, who, Act::change_workspaces)) return {};
    check_name(query, name);
    if (find_workspace(query, who.account, name)) return query.refuse(name_taken("workspace", name));
    const std::string id = insert_workspace(query, who.account, name, clock_());
    return find_workspace(query, who.account, id).value_or(Workspace{});
  });
}

api::ApiResult<std::vector<Workspace>> Directory::workspaces(const Actor& who) {
  return transact(*database_, Kind::reads, [&](Query& query) {
    std::vector<Workspace> found = all_workspaces(query, who.account);
    std::erase_if(found, [&](const Workspace& w) { return refusal(who, Act::see, w.id, false).has_value(); });
    return found;
  });
}

api::ApiResult<Workspace> Directory::workspace(const Actor& who, const std::string& workspace) {
  return transact(*database_, Kind::reads,
                  [&](Query& query) { return reachable_workspace(query, who, Act::see, workspace); });
}

api::ApiResult<Workspace> Directory::enable_workspace(const Actor& who, const std::string& workspace,
                                                      bool enabled) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Workspace {
    const Workspace found = reachable_workspace(query, who, Act::change_workspaces, workspace);
    query.change("UPDATE workspace SET disabled = $2 WHERE id = $1", {found.id, enabled ? 0 : clock_()});
    return find_workspace(query, who.account, found.id).value_or(Workspace{});
  });
}

}  // namespace autark::platform
