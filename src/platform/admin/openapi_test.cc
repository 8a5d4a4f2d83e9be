// Goal: /admin/openapi.json describes every route, is well formed, and paths find their operations. Method: every reference,
// parameter and schema is followed; the paths of the document are looked up in the table.
#include <gtest/gtest.h>
#include <set>
#include "platform/admin/operation.h"
#include "platform/admin/schemas.h"
#include "platform/admin_routes.h"

namespace autark::platform::admin {
namespace {

// References name something, types are those of JSON Schema, and required members are described.
void follow(const Json& document, const Json& part) {
  static const std::set<std::string> kTypes{"string", "number", "integer", "boolean",
                                            "array",  "object", "null"};
  if (part.is_object() && part.contains("$ref") && part["$ref"].is_string()) {
    const std::string to = part["$ref"];
    ASSERT_TRUE(to.starts_with("#/")) << to;
    EXPECT_TRUE(document.contains(Json::json_pointer(to.substr(1)))) << to;
  }
  const bool typed = part.is_object() && part.contains("type") && part["type"].is_string();
  EXPECT_TRUE(!typed || kTypes.contains(part["type"]) || part.contains("scheme") || part["type"] == "apiKey");
  if (part.is_structured())
    for (const auto& inner : part) follow(document, inner);
}

TEST(AdminOpenApi, IsWellFormed) {
  const Json document = admin_openapi();
  EXPECT_EQ(document["openapi"], "3.1.0");
  follow(document, document);
}

TEST(AdminOpenApi, OperationsAreNamedOnceAndSayWhoMayCall) {
  const Json document = admin_openapi();
  std::set<std::string> ids;
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(ids.insert(operation["operationId"]).second) << path;
      EXPECT_FALSE(operation["summary"].get<std::string>().empty());
      EXPECT_TRUE(operation["responses"].contains("default")) << path;
      EXPECT_EQ(operation.contains("security"), operation.contains("x-autark-roles")) << path;
      const bool sign_in = path == "/admin/v1/sessions" && method == "post";
      EXPECT_EQ(operation.contains("security"), !sign_in) << "only sign-in is open: " << path;
    }
  EXPECT_EQ(ids.size(), operations().size() + 2) << "and the two routes outside of /admin";
}

TEST(AdminOpenApi, EveryPathFindsItsOperation) {
  for (const Operation& o : operations()) {
    std::string path = std::string(kBase) + o.path;
    const size_t at = path.find("{id}");
    if (at != path.npos) path.replace(at, 4, "some thing");
    const Match found = match(o.method, path);
    ASSERT_EQ(found.operation, &o) << o.method << " " << path;
    EXPECT_EQ(found.ids,
              at == path.npos ? std::vector<std::string>() : std::vector<std::string>{"some thing"});
  }
}

TEST(AdminOpenApi, OtherPathsFindNothing) {
  for (const char* path :
       {"", "/", "/admin", "/admin/v1", "/admin/v1/", "/admin/v1/key", "/admin/v1/keys/a/b",
        "/admin/v1/keys/a/rotate/b", "/admin/v2/keys", "/admin/v1keys", "/v1/keys"}) {
    const Match found = match("GET", path);
    EXPECT_TRUE(!found.operation && found.allowed.empty()) << path;
  }
  EXPECT_EQ(match("DELETE", "/admin/v1/keys").allowed, "GET, HEAD, POST");
  EXPECT_EQ(match("DELETE", "/admin/v1/sessions/current").ids.size(), 0u) << "the exact path counts first";
  EXPECT_EQ(match("HEAD", "/admin/v1/keys").operation, match("GET", "/admin/v1/keys").operation);
}

TEST(AdminOpenApi, EveryAnswerIsDescribedOnce) {
  const Json schemas = answer_schemas();
  for (const Operation& o : operations()) {
    const std::string answer = o.answer;
    EXPECT_TRUE(answer.empty() || answer == "csv" || schemas.contains(answer)) << o.path << " " << answer;
    EXPECT_EQ(answer.empty(), o.status == 204) << o.path;
  }
}

}  // namespace
}  // namespace autark::platform::admin
