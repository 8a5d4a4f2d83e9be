// Goal: the OpenAPI document describes exactly the routes that the router has, is well formed, and says which
// routes need the key. Method: the routes of a service are compared with the document in both directions; every
// reference, parameter and schema is followed.
#include "serve/openapi.h"
#include <set>
#include "serve/api_key.h"
#include "serve/testing.h"

namespace autark::serve {
namespace {

struct Described {
  std::string method, path;
  Json operation;
};

std::vector<Described> operations(const Json& document) {
  std::vector<Described> all;
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = char(std::toupper(uint8_t(c)));
      all.push_back({upper, path, operation});
    }
  return all;
}

// A path with a value for its parameter.
std::string concrete(std::string path) {
  if (const size_t at = path.find('{'); at != path.npos) path.replace(at, path.find('}') + 1 - at, "x");
  return path;
}

bool answers(const std::pair<std::string, std::string>& route, const Described& d) {
  const auto& [method, path] = route;
  if (method != d.method) return false;
  const std::string want = concrete(d.path);
  return path.ends_with("/*") ? want.starts_with(path.substr(0, path.size() - 1)) : path == want;
}

TEST(OpenApiTest, HasExactlyTheRoutesOfTheRouter) {
  Service service({});
  const http::Router router = service.router();
  const auto routes = router.routes();
  const auto described = operations(openapi(false));
  for (const Described& d : described)
    EXPECT_TRUE(std::ranges::any_of(routes, [&](const auto& r) { return answers(r, d); }))
        << "no route: " << d.method << " " << d.path;
  for (const auto& route : routes)
    EXPECT_TRUE(std::ranges::any_of(described, [&](const Described& d) { return answers(route, d); }))
        << "not described: " << route.first << " " << route.second;
}
TEST(OpenApiTest, OperationsAreNamedOnceAndDescribeTheirPathsParameters) {
  std::set<std::string> ids;
  for (const Described& d : operations(openapi(false))) {
    EXPECT_TRUE(ids.insert(d.operation["operationId"]).second) << d.path;
    EXPECT_FALSE(d.operation["responses"].empty()) << d.path;
    int in_path = 0;
    for (const Json& p : d.operation.value("parameters", Json::array())) {
      EXPECT_TRUE(p.contains("schema")) << d.path;
      if (p["in"] != "path") continue;
      ++in_path;
      EXPECT_NE(d.path.find("{" + p["name"].get<std::string>() + "}"), d.path.npos);
      EXPECT_EQ(p["required"], true);
    }
    EXPECT_EQ(in_path, std::ranges::count(d.path, '{')) << d.path;
  }
}
// References name something, and types are those of JSON Schema.
void follow(const Json& document, const Json& part) {
  static const std::set<std::string> kTypes{"string", "number", "integer", "boolean",
                                            "array",  "object", "null"};
  if (part.is_object() && part.contains("$ref")) {
    const std::string to = part["$ref"];
    ASSERT_TRUE(to.starts_with("#/")) << to;
    EXPECT_TRUE(document.contains(Json::json_pointer(to.substr(1)))) << to;
  }
  if (part.is_object() && part.contains("type") && part["type"].is_array()) {
    for (const Json& type : part["type"]) EXPECT_TRUE(kTypes.contains(type)) << type;
  }
  if (part.is_structured())
    for (const auto& inner : part) follow(document, inner);
}
TEST(OpenApiTest, IsWellFormed) {
  for (const bool key : {false, true}) {
    const Json document = openapi(key);
    EXPECT_EQ(document["openapi"], "3.1.0");
    EXPECT_TRUE(document["info"].contains("title") && document["info"].contains("version"));
    follow(document, document);
  }
}
TEST(OpenApiTest, RoutesThatNeedTheKeySayIt) {
  const Json open = openapi(false), closed = openapi(true);
  for (const Described& d : operations(open)) EXPECT_FALSE(d.operation.contains("security")) << d.path;
  for (const Described& d : operations(closed))
    EXPECT_EQ(d.operation.contains("security"), needs_key(d.path)) << d.path;
  EXPECT_TRUE(closed["components"]["securitySchemes"].contains("bearer"));
}
TEST(OpenApiTest, IsServedWithoutAKey) {
  const Running running(say_hello, {.api_key = "secret"});
  const Answered a = running.ask("GET", "/openapi.json");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.json(), openapi(true));
}

}  // namespace
}  // namespace autark::serve
