#include "platform/directory_rows.h"
#include <algorithm>
#include "base/json.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

bool is_like_an_id(const std::string& name) {
  return std::ranges::any_of(std::initializer_list<const char*>{"acc_", "wsp_", "mem_", "key_", "ak-"},
                             [&](const char* kind) { return name.starts_with(kind); });
}

// Characters that nobody sees, or that turn the text around them: a name with one could look like another one. Joiners, which
// emoji and some scripts need, are not among them.
constexpr std::string_view kUnseen[] = {"\u00ad", "\u061c", "\u200b", "\u200e", "\u200f", "\u2028",
                                        "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                                        "\u2060", "\u2061", "\u2062", "\u2063", "\u2064", "\u2066",
                                        "\u2067", "\u2068", "\u2069", "\ufeff"};

bool is_plain(const std::string& name) {
  return std::ranges::none_of(name, [](char c) { return uint8_t(c) < ' ' || c == 127; }) &&
         std::ranges::none_of(kUnseen, [&](std::string_view c) { return name.find(c) != name.npos; });
}

int64_t characters_of(const std::string& text) {
  return std::ranges::count_if(text, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; });
}

}  // namespace

std::optional<api::ApiError> fault_of(const api::ApiResult<Done>& result) {
  const auto* fault = std::get_if<api::ApiError>(&result);
  return fault ? std::optional(*fault) : std::nullopt;
}

bool is_separated(Query& query) {
  const auto rows = query.rows("SELECT value FROM setting WHERE name = 'separation'");
  return !rows.empty() && rows[0].text(0) == "on";
}

bool is_refused(Query& query, const Actor& who, Act act, const std::string& workspace) {
  if (auto fault = refusal(who, act, workspace, is_separated(query))) query.refuse(*fault);
  return query.failed();
}

api::ApiError invalid(const std::string& param, const std::string& message, const std::string& code) {
  return {.kind = api::ApiError::Kind::invalid, .message = message, .param = param, .code = code};
}

api::ApiError name_taken(const std::string& what, const std::string& name) {
  return invalid("name", "there is a " + what + " '" + name + "' already; choose another name", "name_taken");
}

void check_name(Query& query, const std::string& name) {
  const int64_t count = characters_of(name);
  if (count < 1 || count > 64 || name.size() > 256 || !is_text(name))
    query.refuse(invalid("name", "a name has 1 to 64 characters"));
  else if (!is_plain(name) || name.front() == ' ' || name.back() == ' ')
    query.refuse(invalid("name", "a name has no control or invisible characters, and no blanks at its ends"));
  else if (is_like_an_id(name))
    query.refuse(invalid("name", "the name '" + name + "' begins like an id; choose another"));
}

std::optional<Micros> moment(int64_t column) {
  return column == 0 ? std::nullopt : std::optional(column);
}

std::string list_text(const std::vector<std::string>& list) {
  return dump_json(Json(list));
}

std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> list;
  const auto json = parse_json(text, "a list of the directory");
  if (!json || !json->is_array()) return list;
  for (const Json& entry : *json)
    if (entry.is_string()) list.push_back(entry.get<std::string>());
  return list;
}

std::string roles_text(const std::vector<Role>& roles) {
  std::vector<std::string> names;
  for (const Role role : roles) names.emplace_back(name_of(role));
  return list_text(names);
}

std::vector<Role> roles_of(const std::string& text) {
  std::vector<Role> roles;
  for (const std::string& name : list_of(text))
    if (const auto role = role_named(name)) roles.push_back(*role);
  return roles;
}

Workspace reachable_workspace(Query& query, const Actor& who, Act act, const std::string& workspace) {
  auto found = find_workspace(query, who.account, workspace);
  if (found && refusal(who, Act::see, found->id, false)) found.reset();  // before more is read for it
  if (!found) return query.refuse(no_such("workspace"));
  if (is_refused(query, who, act, found->id)) return {};
  return *found;
}

Key reachable_key(Query& query, const Actor& who, Act act, const std::string& key, Micros now) {
  std::vector<Key> found = find_keys(query, who.account, key, now);
  const auto hidden = [&](const Key& k) { return refusal(who, Act::see, k.workspace, false).has_value(); };
  std::erase_if(found, hidden);
  if (found.empty()) return query.refuse(no_such("key"));
  if (found.size() > 1) {
    std::string ids;
    for (const Key& k : found) ids += (ids.empty() ? "" : ", ") + k.id + " in " + k.workspace_name;
    return query.refuse(invalid("key", "several keys have the name '" + key + "': " + ids + "; give the id"));
  }
  if (is_refused(query, who, act, found[0].workspace)) return {};
  return found[0];
}

}  // namespace autark::platform
