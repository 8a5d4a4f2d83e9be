// Goal: every route of the admin API opens for the roles that its description says and for no others; nobody learns anything
// of another account, and a developer nothing of a workspace that is not its own, not even that it is there; no answer has a
// secret but the one that makes it. Method: the requests are made from the OpenAPI document, so that a new route is tried
// without a new test. What is another's is compared with what is not there: status, body and the number of statements that
// the database gets.
#include <algorithm>
#include <regex>
#include <set>
#include "platform/admin/testing.h"

namespace autark::platform::admin {
namespace {

// One platform for all tests of this file: passwords are slow.
class AdminAuthorization : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    platform_ = std::make_unique<AdminPlatform>();
    platform_->open_sessions();
  }
  static void TearDownTestSuite() { platform_.reset(); }
  static inline std::unique_ptr<AdminPlatform> platform_;
};

struct Route {
  std::string method, path;
  Json operation;
  std::vector<Json> bodies;  // valid ones
  bool has_id() const { return path.find("{id}") != path.npos; }
  bool opens_for(const std::string& role) const {
    const Json& roles = operation["x-autark-roles"];
    return std::ranges::any_of(roles, [&](const Json& known) { return known == role; });
  }
  bool needs_session() const {
    const Json& security = operation["security"];
    return security.size() == 1 && security[0].contains("session");
  }
  bool takes_sessions() const {
    return std::ranges::any_of(operation["security"], [](const Json& s) { return s.contains("session"); });
  }
};

std::vector<Json> bodies_of(const Json& document, const Json& operation) {
  if (!operation.contains("requestBody")) return {};
  const Json& content = operation["requestBody"]["content"];
  if (!content.contains("application/json")) return {};
  const std::string name = content["application/json"]["schema"]["$ref"];
  const Json& examples = document.at(Json::json_pointer(name.substr(1)))["examples"];
  return {examples.begin(), examples.end()};
}

std::vector<Route> routes() {
  std::vector<Route> all;
  const Json document = admin_openapi();
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = char(std::toupper(uint8_t(c)));
      all.push_back({upper, path, operation, bodies_of(document, operation)});
    }
  return all;
}

// "workspace" of "/admin/v1/workspaces/{id}/disable"; empty for paths without an id.
std::string kind_of(const Route& r) {
  if (!r.has_id()) return {};
  std::string kind = r.path.substr(std::string_view("/admin/v1/").size());
  return kind.substr(0, kind.find('/') - 1);
}

std::string with_id(std::string path, const std::string& id) {
  if (const size_t at = path.find("{id}"); at != path.npos) path.replace(at, 4, id);
  return path;
}

std::string text_of(const Route& r) {
  return r.bodies.empty() ? "" : dump_json(r.bodies.front());
}

// Whether the credentials or the role were refused, whatever else may be wrong with the request.
bool is_turned_away(const Asked& a) {
  static const std::set<std::string> kCodes{"unauthenticated",  "forbidden",   "csrf",
                                            "origin",           "totp_needed", "invalid_api_key",
                                            "permission_denied"};
  return kCodes.contains(a.code());
}

bool is_open(const Route& r) {
  return !r.operation.contains("security");
}

// It would end the sessions that the tests use.
bool ends_oneself(const Route& r) {
  return r.path.ends_with("/sessions/current") || r.path.ends_with("/me/password");
}

// An object of the account; for developers the member is the one that they see.
std::string shown_id(const AdminPlatform& p, const Route& r, const std::string& role = {}) {
  const std::string kind = kind_of(r);
  if (kind == "member" && role == "developer") return p.members.at(role);
  return p.own.contains(kind) ? p.own.at(kind) : "x";
}

TEST_F(AdminAuthorization, WithoutACredentialNothingOpens) {
  for (const Route& r : routes()) {
    if (is_open(r)) continue;
    for (const Who& who : {Who{}, key_of("ak-wrong"), Who{{"cookie", "autark_session=wrong"}},
                           Who{{"cookie", "autark_session="}}}) {
      const Asked a = platform_->ask(who, r.method, with_id(r.path, "x"), text_of(r));
      EXPECT_TRUE(a.status == 401 || a.status == 429) << r.method << " " << r.path << " " << a.status;
    }
  }
}

TEST_F(AdminAuthorization, EveryRouteOpensForTheRolesThatItSays) {
  for (const Route& r : routes()) {
    if (is_open(r)) continue;
    for (const char* role : {"system", "security", "audit", "developer"}) {
      const std::string path = with_id(r.path, shown_id(*platform_, r, role));
      const Asked a = platform_->ask(platform_->keys[role], r.method, path, text_of(r));
      const bool key_opens = role != std::string("developer") || r.method == "GET";
      EXPECT_EQ(is_turned_away(a), !(r.opens_for(role) && key_opens && !r.needs_session()))
          << role << "'s key: " << r.method << " " << path << " " << a.status << " " << a.body;
      if (ends_oneself(r) || !r.takes_sessions()) continue;
      const Asked s = platform_->ask(platform_->sessions[role], r.method, path, text_of(r));
      EXPECT_EQ(is_turned_away(s), !r.opens_for(role))
          << role << "'s session: " << r.method << " " << path << " " << s.status << " " << s.body;
    }
  }
}

TEST_F(AdminAuthorization, ACookieOpensNothingOutsideOfAdmin) {
  for (const Route& r : routes()) {
    if (r.path.starts_with("/admin/")) continue;
    EXPECT_FALSE(r.takes_sessions()) << r.path;
    EXPECT_EQ(platform_->ask(platform_->sessions["system"], r.method, r.path + "?start_time=0").status, 401);
  }
}

TEST_F(AdminAuthorization, ASessionChangesNothingWithoutItsCsrfTextOrFromAnotherPage) {
  const Who session = platform_->sessions["system"];
  const Who cookie{session[0]};
  const Who others{session[0], platform_->sessions["security"][1]};
  for (const Route& r : routes()) {
    if (r.method == "GET" || is_open(r)) continue;
    const std::string path = with_id(r.path, shown_id(*platform_, r));
    EXPECT_EQ(platform_->ask(cookie, r.method, path, text_of(r)).code(), "csrf") << r.path;
    EXPECT_EQ(platform_->ask(others, r.method, path, text_of(r)).code(), "csrf") << r.path;
    const http::Headers elsewhere{{"origin", "https://evil.example"}, {"host", "server.example"}};
    EXPECT_EQ(platform_->ask(session, r.method, path, text_of(r), elsewhere).code(), "origin") << r.path;
  }
}

// An id of the same form that is not there.
std::string missing(std::string id) {
  std::ranges::reverse(id.begin() + 4, id.end());
  return id;
}

// The answer, with the id taken out, and how many statements it took.
struct Seen {
  std::string answer;
  int64_t statements;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.answer << " (" << seen.statements << " statements)";
}

Seen seen(AdminPlatform& p, const Who& who, const std::string& method, const std::string& path,
          const std::string& body, const std::string& id) {
  const int64_t before = p.database->statements;
  Asked a = p.ask(who, method, path, body);
  for (size_t at; (at = a.body.find(id)) != a.body.npos;) a.body.replace(at, id.size(), "ID");
  static const std::regex kRandom("(key_|wsp_|mem_|credit_|dep_|ak-|new name )[A-Za-z0-9-]+");
  a.body = std::regex_replace(a.body, kRandom, "RANDOM");
  return {std::to_string(a.status) + " " + a.body, p.database->statements - before};
}

// All that may call, except those of the foreign account.
std::vector<Who> callers(AdminPlatform& p) {
  std::vector<Who> all;
  for (const char* role : {"system", "security", "audit", "developer"}) {
    all.push_back(p.keys[role]);
    all.push_back(p.sessions[role]);
  }
  return all;
}

TEST_F(AdminAuthorization, WhatBelongsToAnotherAccountIsNotThere) {
  for (const Route& r : routes()) {
    if (!r.has_id()) continue;
    ASSERT_TRUE(platform_->foreign.contains(kind_of(r))) << "no foreign object for " << r.path;
    const std::string id = platform_->foreign[kind_of(r)], none = missing(id);
    for (const Who& who : callers(*platform_)) {
      const Seen theirs = seen(*platform_, who, r.method, with_id(r.path, id), text_of(r), id);
      EXPECT_EQ(theirs, seen(*platform_, who, r.method, with_id(r.path, none), text_of(r), none))
          << r.method << " " << r.path;
      EXPECT_TRUE(theirs.answer.starts_with("404") || theirs.answer.starts_with("403")) << theirs.answer;
    }
  }
}

// Ids of the workspace that a developer does not see, and of what is in it, by kind.
std::map<std::string, std::string> hidden_ids(const AdminPlatform& p) {
  return {{"workspace", p.second_workspace}, {"key", p.second_key}, {"member", p.second_member}};
}

std::vector<Who> developers(AdminPlatform& p) {
  return {p.sessions["developer"], p.keys["developer"]};
}

TEST_F(AdminAuthorization, ADevelopersOtherWorkspaceIsNotThere) {
  const auto hidden = hidden_ids(*platform_);
  for (const Route& r : routes()) {
    if (!r.has_id() || !hidden.contains(kind_of(r))) continue;
    const std::string id = hidden.at(kind_of(r)), none = missing(id);
    for (const Who& who : developers(*platform_)) {
      const Seen theirs = seen(*platform_, who, r.method, with_id(r.path, id), text_of(r), id);
      EXPECT_EQ(theirs, seen(*platform_, who, r.method, with_id(r.path, none), text_of(r), none))
          << r.method << " " << r.path;
      EXPECT_TRUE(theirs.answer.starts_with("404") || theirs.answer.starts_with("403")) << theirs.answer;
    }
  }
}

TEST_F(AdminAuthorization, ADevelopersKeySeesItsOwnWorkspace) {
  const Who& who = platform_->keys["developer"];
  for (const std::string list : {"workspaces", "keys", "limits", "usage?by=workspace"}) {
    const Json own = platform_->ask(who, "GET", "/admin/v1/" + list).json()["data"];
    EXPECT_FALSE(own.empty()) << list;
    const Json all = platform_->ask(platform_->keys["audit"], "GET", "/admin/v1/" + list).json()["data"];
    EXPECT_GT(all.size(), own.size()) << list;
    for (const Json& row : own)
      EXPECT_TRUE(std::ranges::any_of(all, [&](const Json& known) { return known == row; })) << row;
  }
  EXPECT_EQ(platform_->ask(who, "GET", "/admin/v1/workspaces/default").status, 200);
  EXPECT_EQ(platform_->ask(who, "GET", "/admin/v1/keys/own").json()["id"], platform_->own["key"]);
  EXPECT_EQ(platform_->ask(who, "GET", "/admin/v1/sessions").json()["data"].size(), 0u);
}

// Puts `id` in the place of each text, and of each list of texts, of a body: one body for each place. Names, ids and
// passwords of what is made refer to nothing.
std::vector<std::string> referring(const Json& body, const std::string& id) {
  static int made = 0;
  std::vector<std::string> all;
  for (const auto& [name, value] : body.items()) {
    if (name == "name" || name == "id" || name == "password") continue;
    Json changed = body;
    changed.erase("id");  // books once
    if (changed.contains("name")) changed["name"] = "new name " + std::to_string(++made);
    if (value.is_string()) changed[name] = id;
    if (value.is_array()) changed[name] = Json::array({id});
    if (changed != body) all.push_back(dump_json(changed));
  }
  return all;
}

TEST_F(AdminAuthorization, AReferenceToAnothersObjectIsOneToNothing) {
  for (const auto& [kind, id] : platform_->foreign) {
    const std::string none = missing(id);
    for (const Route& r : routes()) {
      if (kind == "session") continue;  // no body names one
      if (is_open(r) || ends_oneself(r) || r.path.find("/me/") != r.path.npos) continue;
      for (const Json& body : r.bodies) {
        const auto theirs = referring(body, id), nothings = referring(body, none);
        for (size_t i = 0; i < theirs.size(); ++i) {
          const std::string path = with_id(r.path, shown_id(*platform_, r));
          const Who& who = platform_->keys[r.opens_for("system") ? "system" : "security"];
          EXPECT_EQ(seen(*platform_, who, r.method, path, theirs[i], id),
                    seen(*platform_, who, r.method, path, nothings[i], none))
              << r.method << " " << path << " " << theirs[i];
        }
      }
    }
  }
}

void expect_filters_tell_nothing(AdminPlatform& platform, const Who& who,
                                 const std::map<std::string, std::string>& hidden) {
  for (const auto& [kind, id] : hidden)
    for (const Route& r : routes()) {
      const std::string none = missing(id);
      for (const Json& p : r.operation.value("parameters", Json::array())) {
        if (p["in"] != "query" || r.method != "GET") continue;
        const std::string query = r.path + (r.path.starts_with("/v1/") ? "?start_time=0&" : "?") +
                                  (p["name"] == "subject" ? "level=" + kind + "&" : "") +
                                  p["name"].get<std::string>() + "=";
        EXPECT_EQ(seen(platform, who, "GET", query + id, "", id),
                  seen(platform, who, "GET", query + none, "", none))
            << query;
      }
    }
}

TEST_F(AdminAuthorization, AFilterByAnothersObjectIsOneByNothing) {
  expect_filters_tell_nothing(*platform_, platform_->keys["system"], platform_->foreign);
  for (const Who& who : developers(*platform_))
    expect_filters_tell_nothing(*platform_, who, hidden_ids(*platform_));
}

TEST_F(AdminAuthorization, ListsShowOnesOwnAndNoSecrets) {
  for (const Route& r : routes()) {
    if (r.method != "GET" || is_open(r)) continue;
    const std::string path =
        with_id(r.path, shown_id(*platform_, r)) + (r.path.starts_with("/v1/") ? "?start_time=0" : "");
    for (const Who& who : callers(*platform_)) {
      const Asked a = platform_->ask(who, "GET", path);
      EXPECT_EQ(a.body.find(kForeign), a.body.npos) << path;
      for (const std::string& secret : platform_->secrets)
        EXPECT_EQ(a.body.find(secret), a.body.npos) << path;
    }
    for (const Who& who : developers(*platform_)) {
      const Asked a = platform_->ask(who, "GET", path);
      EXPECT_EQ(a.body.find(kSecond), a.body.npos) << path << " " << a.body;
      for (const auto& [kind, id] : hidden_ids(*platform_)) EXPECT_EQ(a.body.find(id), a.body.npos) << path;
    }
  }
  EXPECT_NE(platform_->ask(platform_->keys["system"], "GET", "/admin/v1/keys").body.find(kSecond),
            std::string::npos)
      << "the mark is there for those who may see it";
  EXPECT_NE(platform_->ask(platform_->keys["foreign"], "GET", "/admin/v1/keys").body.find(kForeign),
            std::string::npos);
}

TEST_F(AdminAuthorization, AnswersAreNotKept) {
  for (const Route& r : routes())
    for (const Who& who : {Who{}, platform_->keys["audit"]}) {
      const Asked a = platform_->ask(who, r.method == "GET" ? "GET" : "OPTIONS", with_id(r.path, "x"));
      EXPECT_EQ(a.header("cache-control"), "no-store") << r.path;
      EXPECT_EQ(a.header("access-control-allow-origin"), "") << r.path;
    }
}

}  // namespace
}  // namespace autark::platform::admin
