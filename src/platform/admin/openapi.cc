// The description of the routes, made of the table of operations.
#include <algorithm>
#include <cctype>
#include <sstream>
#include "api/bodies.h"
#include "base/version.h"
#include "platform/admin/bodies.h"
#include "platform/admin/operation.h"
#include "platform/admin/schemas.h"
#include "platform/admin_routes.h"

namespace autark::platform {
namespace {

using admin::Access;
using admin::Operation;
using admin::Takes;

constexpr const char* kJson = "application/json";

Json content(const char* type, Json schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

Json words(const std::string& text) {
  Json all = Json::array();
  std::istringstream in(text);
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

Json fault_response() {
  return {{"description", "A fault"}, {"content", content(kJson, admin::schema_of_type("Error"))}};
}

Json answer_content(std::string_view answer) {
  if (answer == "csv") return content("text/csv", {{"type", "string"}});
  return content(kJson, admin::schema_of_type(answer));
}

Json responses(const Operation& o) {
  Json all;
  if (*o.answer)
    all[std::to_string(o.status)] = {{"description", "The answer"}, {"content", answer_content(o.answer)}};
  if (!*o.answer || std::string_view(o.body) == "NewLimit") all["204"] = {{"description", "Done"}};
  all["503"] = fault_response();
  all["default"] = fault_response();
  return all;
}

Json parameters(const Operation& o, const std::string& path) {
  Json all = Json::array();
  if (path.find("{id}") != path.npos)
    all.push_back({{"name", "id"},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}, {"minLength", 1}}}});
  std::vector<admin::Parameter> named = o.parameters;
  const bool has_pages =
      std::ranges::any_of(named, [](const auto& p) { return p.name == std::string_view("limit"); });
  if (std::string_view(o.answer).ends_with("List") && !has_pages)
    named.insert(named.end(),
                 {{"after", "count", "rows to skip"}, {"limit", "count", "10,000 if it is not given"}});
  for (const admin::Parameter& p : named) {
    Json j{{"name", p.name}, {"in", "query"}, {"schema", admin::schema_of_type(p.type)}};
    if (*p.about) j["description"] = p.about;
    all.push_back(std::move(j));
  }
  return all;
}

Json request_body(const Operation& o) {
  if (o.takes == Takes::toml)
    return {{"required", true}, {"content", content("application/toml", {{"type", "string"}})}};
  const bool required = std::string_view(o.body) != "Nothing";
  return {{"required", required}, {"content", content(kJson, admin::schema_of_type(o.body))}};
}

// "post_admin_v1_keys_id_rotate"
std::string id_of(const std::string& method, const std::string& path) {
  std::string id = method + path;
  std::erase_if(id, [](char c) { return c == '{' || c == '}'; });
  for (char& c : id) c = std::isalnum(uint8_t(c)) ? char(std::tolower(c)) : '_';
  return id;
}

Json security(const Operation& o) {
  const Json session{{"session", Json::array()}};
  if (o.access == Access::session || o.access == Access::early_session) return Json::array({session});
  return Json::array({{{"bearer", Json::array()}}, {{"key", Json::array()}}, session});
}

Json described(const Operation& o, const std::string& path) {
  Json j{{"operationId", id_of(o.method, path)}, {"summary", o.summary}, {"responses", responses(o)}};
  if (Json all = parameters(o, path); !all.empty()) j["parameters"] = std::move(all);
  if (o.takes != Takes::nothing) j["requestBody"] = request_body(o);
  if (o.access == Access::open) return j;
  j["security"] = security(o);
  j["x-autark-roles"] = words(o.roles);
  if (o.roles == std::string_view(admin::kMembers)) j["x-autark-roles-separated"] = words(admin::kSecurity);
  return j;
}

// A route outside of /admin.
Json outside(const char* path, const char* summary, const char* answer, const char* roles,
             std::vector<admin::Parameter> parameters) {
  Operation o{.method = "GET",
              .path = path,
              .summary = summary,
              .roles = roles,
              .handler = nullptr,
              .answer = answer,
              .parameters = std::move(parameters)};
  Json j = described(o, path);
  j["security"] = {{{"bearer", Json::array()}}, {{"key", Json::array()}}};
  return j;
}

std::vector<admin::Parameter> usage_parameters() {
  return {{"start_time", "count", "seconds since 1970; required"},
          {"end_time", "count"},
          {"bucket_width", "text", "1m, 1h or 1d"},
          {"project_ids", "text", "workspaces"},
          {"user_ids"},
          {"api_key_ids"},
          {"models"},
          {"batch", "flag"},
          {"group_by", "text", "project_id, user_id, api_key_id, model, batch, service_tier"},
          {"limit", "count"},
          {"page"}};
}

Json schemas() {
  Json all = admin::answer_schemas();
  for (const admin::BodyKind& kind : admin::body_kinds()) {
    all[kind.name] = api::schema_of(kind.examples, kind.read);
    all[kind.name]["additionalProperties"] = false;
  }
  return all;
}

Json security_schemes() {
  return {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
          {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}},
          {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "autark_session"}}}};
}

}  // namespace

Json admin_openapi() {
  Json paths = Json::object();
  for (const Operation& o : admin::operations()) {
    const std::string path = std::string(admin::kBase) + o.path;
    std::string method = o.method;
    for (char& c : method) c = char(std::tolower(c));
    paths[path][method] = described(o, path);
  }
  paths["/user/balance"]["get"] =
      outside("/user/balance", "What the account of the key has", "UserBalance", admin::kAll, {});
  paths["/v1/organization/usage/completions"]["get"] =
      outside("/v1/organization/usage/completions", "Usage in OpenAI's form", "CompletionsUsage",
              admin::kAdmins, usage_parameters());
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "autark platform"}, {"version", version()}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", schemas()}, {"securitySchemes", security_schemes()}}}};
}

}  // namespace autark::platform
