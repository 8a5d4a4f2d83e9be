// Workspaces, members and price files.
#include <functional>
#include "platform/admin/bodies.h"
#include "platform/admin/operation.h"
#include "platform/directory_json.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;

Answered list_workspaces(Visit& v) {
  return listed(v, v.directory().workspaces(v.actor), workspace_json);
}

Answered create_workspace(Visit& v) {
  auto name = read_name(v.body);
  if (auto* fault = std::get_if<ApiError>(&name)) return std::move(*fault);
  return shown(v.directory().create_workspace(v.actor, std::get<std::string>(name)), workspace_json, 201);
}

Answered show_workspace(Visit& v) {
  return shown(v.directory().workspace(v.actor, v.ids[0]), workspace_json);
}

template <bool enabled>
Answered enable_workspace(Visit& v) {
  return shown(v.directory().enable_workspace(v.actor, v.ids[0], enabled), workspace_json);
}

Answered list_members(Visit& v) {
  return listed(v, v.directory().members(v.actor), member_json);
}

Json made_member_json(const MadeMember& made) {
  Json j = member_json(made.member);
  if (!made.password.empty()) j["password"] = made.password;
  return j;
}

Answered create_member(Visit& v) {
  auto draft = read_member(v.body);
  if (auto* fault = std::get_if<ApiError>(&draft)) return std::move(*fault);
  return shown(v.directory().create_member(v.actor, std::get<MemberDraft>(draft)), made_member_json, 201);
}

Answered show_member(Visit& v) {
  return shown(v.directory().member(v.actor, v.ids[0]), member_json);
}

Answered change_member(Visit& v) {
  auto read = read_member_change(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const MemberChange& change = std::get<MemberChange>(read);
  return shown(v.directory().change_member(v.actor, v.ids[0], change.roles, change.workspaces), member_json);
}

template <bool enabled>
Answered enable_member(Visit& v) {
  return shown(v.directory().enable_member(v.actor, v.ids[0], enabled), member_json);
}

Answered reset_totp(Visit& v) {
  if (auto fault = v.directory().reset_totp(v.actor, v.ids[0])) return std::move(*fault);
  return show_member(v);
}

Answered reset_password(Visit& v) {
  auto read = read_password_reset(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const std::string& given = std::get<std::string>(read);
  auto made = v.directory().reset_password(v.actor, v.ids[0], given);
  if (auto* fault = std::get_if<ApiError>(&made)) return std::move(*fault);
  Answered member = show_member(v);
  auto* answer = std::get_if<Answer>(&member);
  if (answer && given.empty()) (*answer->body)["password"] = std::get<std::string>(made);
  return member;
}

Answered list_prices(Visit& v) {
  auto files = v.directory().price_files(v.actor);
  if (auto* fault = std::get_if<ApiError>(&files)) return std::move(*fault);
  const Json all = prices_json(std::get<std::vector<PriceRecord>>(files), v.now);
  return listed(v, api::ApiResult<std::vector<Json>>(std::vector<Json>(all.begin(), all.end())),
                std::identity());
}

Answered add_prices(Visit& v) {
  auto added = v.directory().add_price_file(v.actor, v.request.body);
  if (auto* fault = std::get_if<ApiError>(&added)) return std::move(*fault);
  const std::string version = std::get<PriceRecord>(added).version;
  return shown(
      v.directory().price_files(v.actor),
      [&](const std::vector<PriceRecord>& all) {
        for (Json& price : prices_json(all, v.now))
          if (price["version"] == version) return price;
        return price_json(std::get<PriceRecord>(added), false);
      },
      201);
}

}  // namespace

std::vector<Operation> workspace_operations() {
  return {{"GET", "/workspaces", "The workspaces", kAll, list_workspaces, "WorkspaceList"},
          {"POST", "/workspaces", "Makes a workspace", kSystem, create_workspace, "Workspace", 201,
           "NewWorkspace", Takes::json},
          {"GET", "/workspaces/{id}", "One workspace, by id or name", kAll, show_workspace, "Workspace"},
          {"POST", "/workspaces/{id}/disable", "Disables a workspace and its keys", kSystem,
           enable_workspace<false>, "Workspace", 200, "Nothing", Takes::json},
          {"POST", "/workspaces/{id}/enable", "Enables it again", kSystem, enable_workspace<true>,
           "Workspace", 200, "Nothing", Takes::json}};
}

std::vector<Operation> member_operations() {
  return {{"GET", "/members", "The members; for developers themselves", kAll, list_members, "MemberList"},
          {"POST", "/members", "Makes a member", kMembers, create_member, "MadeMember", 201, "NewMember",
           Takes::json, Access::normal, true},
          {"GET", "/members/{id}", "One member, by id or name", kAll, show_member, "Member"},
          {"PATCH", "/members/{id}", "Sets a member's roles and workspaces", kMembers, change_member,
           "Member", 200, "MemberChange", Takes::json},
          {"POST", "/members/{id}/disable", "Disables a member, its sessions and keys", kMembers,
           enable_member<false>, "Member", 200, "Nothing", Takes::json},
          {"POST", "/members/{id}/enable", "Enables it again", kMembers, enable_member<true>, "Member", 200,
           "Nothing", Takes::json},
          {"POST", "/members/{id}/reset-totp", "Removes a member's TOTP secret", kMembers, reset_totp,
           "Member", 200, "Nothing", Takes::json},
          {"POST", "/members/{id}/reset-password", "Gives a member a new password", kMembers, reset_password,
           "MadeMember", 200, "PasswordReset", Takes::json, Access::normal, true}};
}

std::vector<Operation> price_operations() {
  return {
      {"GET", "/prices", "The price files", kAll, list_prices, "PriceList"},
      {"POST", "/prices", "Adds a price file", kSystem, add_prices, "Price", 201, "PriceFile", Takes::toml}};
}

}  // namespace autark::platform::admin
