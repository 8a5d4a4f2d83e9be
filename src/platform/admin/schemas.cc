#include "platform/admin/schemas.h"
#include <algorithm>
#include <string>

namespace autark::platform::admin {
namespace {

struct Named {
  const char* name;
  const char* members;  // "NAME:TYPE …"; a name with "?" at its end may be left out
};

constexpr Named kObjects[] = {
    {"Sum", "currency:text amount:text"},
    {"Account", "id:text name:text currency:text"},
    {"Workspace", "id:text name:text created:time disabled:time? key_count:count member_count:count"},
    {"Member", "id:text name:text roles:roles workspaces:texts created:time disabled:time? totp_set:flag"},
    {"MadeMember",
     "id:text name:text roles:roles workspaces:texts created:time disabled:time? totp_set:flag "
     "password?:text"},
    {"Limit",
     "level:level subject:text model:text? kind:kind amount:quantity period:text? raised:quantity? "
     "until:time?"
     " used:quantity? reset:time?"},
    {"Key",
     "id:text name:text prefix:text workspace:text workspace_name:text member:text? role:role models:texts"
     " routes:texts ips:texts created:time expires:time? disabled:time? used:time? limits:limits"
     " rotating_until:time?"},
    {"MadeKey",
     "id:text name:text prefix:text workspace:text workspace_name:text member:text? role:role models:texts"
     " routes:texts ips:texts created:time expires:time? disabled:time? used:time? limits:limits"
     " rotating_until:time? secret:text"},
    {"Session",
     "id:text member:text member_name:text created:time used:time expires:time address:text current:flag"},
    {"SignedIn", "id:text csrf:text member:Member expires:time totp_set:flag"},
    {"Me", "member:Member? key:Key? roles:roles account:Account separation:flag csrf:text? totp_set:flag?"},
    {"TotpOffer", "secret:text uri:text"},
    {"Credit",
     "id:text kind:text unit:text model:text? amount:quantity used:quantity created:time expires:time?"},
    {"Balance", "currency:text total:Sum topped_up:Sum granted:Sum spent:Sum credits:credits"},
    {"Deposit", "id:text amount:Sum"},
    {"Posting", "number:count entry:text time:time book:text unit:text amount:plain"},
    {"Price",
     "version:text valid_from:time currency:text? time_zone:text? current:flag added:time body:text"},
    {"UserBalance", "is_available:flag balance_infos:balance_infos"},
    {"BalanceInfo", "currency:text total_balance:text granted_balance:text topped_up_balance:text"}};

// Lists {"data","has_more"} of the object whose name stands before "List".
constexpr const char* kLists[] = {"Session", "Workspace", "Member", "Key", "Limit", "Posting", "Price"};

Json reference(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

Json either(Json a, Json b) {
  return {{"anyOf", Json::array({std::move(a), std::move(b)})}};
}

struct Type {
  std::string_view name;
  Json schema;
};

const std::vector<Type>& types() {
  const Json text{{"type", "string"}}, count{{"type", "integer"}, {"minimum", 0}},
      number{{"type", "integer"}};
  const Json role{{"type", "string"}, {"enum", {"system", "security", "audit", "developer"}}};
  static const std::vector<Type> kTypes{
      {"text", text},
      {"count", count},
      {"number", number},
      {"flag", {{"type", "boolean"}}},
      {"time", {{"type", "string"}, {"format", "date-time"}}},
      {"role", role},
      {"level", {{"type", "string"}, {"enum", {"account", "workspace", "key", "model"}}}},
      {"kind", {{"type", "string"}, {"enum", {"rpm", "tpm", "concurrency", "burst", "budget"}}}},
      {"roles", list_of(role)},
      {"texts", list_of(text)},
      {"limits", list_of(reference("Limit"))},
      {"credits", list_of(reference("Credit"))},
      {"balance_infos", list_of(reference("BalanceInfo"))},
      {"quantity", either(number, reference("Sum"))},
      {"plain", either(number, text)}};
  return kTypes;
}

Json object_of(std::string_view members) {
  Json object{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  while (!members.empty()) {
    const std::string_view member = members.substr(0, members.find(' '));
    members.remove_prefix(std::min(members.size(), member.size() + 1));
    const size_t colon = member.find(':');
    std::string name(member.substr(0, colon));
    const bool optional = name.ends_with('?');
    if (optional) name.pop_back();
    object["properties"][name] = schema_of_type(member.substr(colon + 1));
    if (!optional) object["required"].push_back(name);
  }
  object["additionalProperties"] = false;
  return object;
}

Json page_of(Json items) {
  Json object = object_of("has_more:flag");
  object["properties"]["data"] = list_of(std::move(items));
  object["required"].push_back("data");
  return object;
}

// Rows of a report have the members that were asked for besides the sums.
Json usage_schema() {
  Json row = object_of(
      "requests:count input:count cached:count cache_write:count output:count reasoning:count cost:text");
  row.erase("additionalProperties");
  Json usage = page_of(row);
  usage["properties"]["currency"] = schema_of_type("text");
  usage["properties"]["total"] = row;
  usage["required"].insert(usage["required"].end(), {"currency", "total"});
  return usage;
}

Json error_schema() {
  Json error = object_of("message:text type:text param:text? code:text?");
  return {{"type", "object"}, {"properties", {{"error", std::move(error)}}}, {"required", {"error"}}};
}

}  // namespace

Json schema_of_type(std::string_view type) {
  const bool nullable = type.ends_with('?');
  if (nullable) type.remove_suffix(1);
  const auto known = std::ranges::find(types(), type, &Type::name);
  Json schema = known == types().end() ? reference(type) : known->schema;
  return nullable ? either(std::move(schema), {{"type", "null"}}) : schema;
}

Json answer_schemas() {
  Json all = Json::object();
  for (const Named& o : kObjects) all[o.name] = object_of(o.members);
  for (const char* name : kLists) all[name + std::string("List")] = page_of(reference(name));
  all["Usage"] = usage_schema();
  all["CompletionsUsage"] = {{"type", "object"}, {"required", {"object", "data", "has_more", "next_page"}}};
  all["Error"] = error_schema();
  return all;
}

}  // namespace autark::platform::admin
