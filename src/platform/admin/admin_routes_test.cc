// Goal: the routes of the admin API do what their contract says, and answer as they are described. Method: one story of an
// administrator and a developer over the routes, without sockets; every answer is compared with its schema.
#include "platform/admin/answer_check.h"
#include "platform/admin/operation.h"
#include "platform/admin/outside_routes.h"
#include "platform/admin/testing.h"

namespace autark::platform::admin {
namespace {

class AdminRoutes : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    platform_ = std::make_unique<AdminPlatform>();
    platform_->open_sessions();
    document_ = admin_openapi();
  }
  static void TearDownTestSuite() { platform_.reset(); }

  // The template of a path: "/admin/v1/keys/{id}".
  static std::string described(const std::string& method, const std::string& path) {
    const Match found = match(method, path.substr(0, path.find('?')));
    return found.operation ? std::string(kBase) + found.operation->path : path.substr(0, path.find('?'));
  }
  static std::string lower(std::string text) {
    for (char& c : text) c = char(std::tolower(uint8_t(c)));
    return text;
  }
  // Checks status and form of the answer by the document.
  static void check(const std::string& method, const std::string& path, const Asked& a) {
    const Json methods = document_["paths"].value(described(method, path), Json::object());
    const std::string status = std::to_string(a.status);
    if (!methods.contains(lower(method))) {
      EXPECT_TRUE(a.status == 404 || a.status == 405) << path;
      return;
    }
    const Json& responses = methods[lower(method)]["responses"];
    ASSERT_TRUE(responses.contains(status) || a.status >= 400) << method << " " << path << " " << status;
    const Json& response = responses[responses.contains(status) ? status : "default"];
    if (!response.contains("content")) {
      EXPECT_EQ(a.body, "");
      return;
    }
    if (response["content"].contains("text/csv")) return;
    EXPECT_EQ(a.header("content-type"), "application/json");
    const Json& schema = response["content"]["application/json"]["schema"];
    EXPECT_EQ(AnswerCheck(document_).fault(a.json(), schema), "") << method << " " << path << "\n" << a.body;
  }
  static Asked ask(const Who& who, const std::string& method, const std::string& path, const Json& body = {},
                   const http::Headers& more = {}) {
    const Asked a = platform_->ask(who, method, path, body.is_null() ? "" : dump_json(body), more);
    check(method, path, a);
    return a;
  }
  static Asked system(const std::string& method, const std::string& path, const Json& body = {}) {
    return ask(platform_->keys["system"], method, "/admin/v1" + path, body);
  }
  static inline std::unique_ptr<AdminPlatform> platform_;
  static inline Json document_;
};

TEST_F(AdminRoutes, EveryListAndObjectIsAsDescribed) {
  for (const Operation& o : operations()) {
    if (o.method != std::string_view("GET")) continue;
    std::string path = o.path;
    const std::string kind = path.substr(1, path.find("s/") - 1);
    if (const size_t at = path.find("{id}"); at != path.npos) path.replace(at, 4, platform_->own[kind]);
    EXPECT_EQ(system("GET", path).status, 200) << path;
    ask(platform_->sessions["developer"], "GET", std::string(kBase) + path);
  }
}

TEST_F(AdminRoutes, MeSaysWhoCalls) {
  const Json key = system("GET", "/me").json();
  EXPECT_EQ(key["roles"], Json::array({"system"}));
  EXPECT_TRUE(key["member"].is_null() && key["csrf"].is_null());
  EXPECT_EQ(key["key"]["name"], "key of system");
  EXPECT_EQ(key["account"]["currency"], "CNY");
  const Who session = platform_->sessions["developer"];
  const Json member = ask(session, "GET", "/admin/v1/me").json();
  EXPECT_EQ(member["member"]["name"], "developer");
  EXPECT_EQ(member["csrf"], session[1].second);
  EXPECT_EQ(member["totp_set"], false);
  EXPECT_EQ(ask(platform_->keys["developer"], "GET", "/admin/v1/me").json()["key"]["role"], "developer");
}

TEST_F(AdminRoutes, AWorkspaceAKeyAndItsLimits) {
  const Json workspace = system("POST", "/workspaces", {{"name", "team"}}).json();
  EXPECT_EQ(system("GET", "/workspaces/team").json(), workspace);
  const Asked made = system("POST", "/keys",
                            {{"workspace", "team"},
                             {"name", "app"},
                             {"rpm", 60},
                             {"budget", "5CNY/day"},
                             {"expires", "30d"},
                             {"ips", {"192.0.2.0/24"}}});
  ASSERT_EQ(made.status, 201) << made.body;
  Json key = made.json();
  const std::string id = key["id"], secret = key["secret"];
  EXPECT_TRUE(secret.starts_with(key["prefix"].get<std::string>()));
  EXPECT_EQ(ask(key_of(secret), "GET", "/admin/v1/me").status, 200) << "a new key opens at once";
  key = system("GET", "/keys/" + id).json();
  EXPECT_EQ(system("GET", "/keys?workspace=team").json()["data"], Json::array({key}));
  ASSERT_EQ(key["limits"].size(), 2u);
  const Json& budget = key["limits"][0]["kind"] == "budget" ? key["limits"][0] : key["limits"][1];
  EXPECT_EQ(budget["amount"], (Json{{"currency", "CNY"}, {"amount", "5"}}));
  EXPECT_EQ(budget["used"], (Json{{"currency", "CNY"}, {"amount", "0"}}));
  EXPECT_EQ(budget["period"], "day");
  EXPECT_TRUE(budget["reset"].is_string());
  const Asked rotated = system("POST", "/keys/" + id + "/rotate", {{"overlap", "24h"}});
  EXPECT_EQ(rotated.json()["id"], id);
  EXPECT_NE(rotated.json()["secret"], secret);
  EXPECT_TRUE(rotated.json()["rotating_until"].is_string());
  EXPECT_TRUE(system("POST", "/keys/" + id + "/disable").json()["disabled"].is_string());
  EXPECT_EQ(ask(key_of(secret), "GET", "/admin/v1/me").status, 401) << "a disabled one does not";
  EXPECT_TRUE(system("GET", "/keys?workspace=team").json()["data"].empty());
  EXPECT_EQ(system("GET", "/keys?workspace=team&include_disabled=true").json()["data"].size(), 1u);
  EXPECT_TRUE(system("POST", "/keys/" + id + "/enable", Json::object()).json()["disabled"].is_null());
}

TEST_F(AdminRoutes, PagesOfAListAreTheWhole) {
  for (const std::string list : {"/workspaces", "/members", "/keys", "/limits", "/sessions", "/prices"}) {
    const Json whole = system("GET", list).json();
    EXPECT_EQ(whole["has_more"], false);
    const size_t count = whole["data"].size();
    for (const size_t limit : {1, 2, 10'000}) {
      Json joined = Json::array();
      for (bool more = true; more;) {
        const std::string query =
            "limit=" + std::to_string(limit) + "&after=" + std::to_string(joined.size());
        const Json page = system("GET", list + "?" + query).json();
        EXPECT_EQ(page["data"].size(), std::min(limit, count - joined.size())) << list;
        for (const Json& one : page["data"]) joined.push_back(one);
        more = page["has_more"].get<bool>();
        EXPECT_EQ(more, joined.size() < count) << list;
      }
      EXPECT_EQ(joined, whole["data"]) << list;
    }
    EXPECT_TRUE(system("GET", list + "?after=1000000000").json()["data"].empty());
    for (const char* wrong : {"limit=0", "limit=10001", "after=-1", "page=2"})
      EXPECT_EQ(system("GET", list + "?" + wrong).status, 400) << list << wrong;
  }
}

TEST_F(AdminRoutes, LimitsAreSetRaisedAndRemoved) {
  const Json set{{"level", "workspace"}, {"subject", "default"}, {"kind", "tpm"}, {"amount", 1000}};
  EXPECT_EQ(system("PUT", "/limits", set).json()["amount"], 1000);
  Json raise = set;
  raise["amount"] = 5000, raise["until"] = "2h";
  const Json raised = system("POST", "/limits/raise", raise).json();
  EXPECT_EQ(raised["raised"], 5000);
  EXPECT_EQ(raised["amount"], 1000);
  EXPECT_TRUE(raised["until"].is_string());
  platform_->advance(3 * 60 * kMinute);
  const std::string list = "/limits?level=workspace&subject=default";
  const Json later = system("GET", list).json();
  for (const Json& limit : later["data"]) EXPECT_TRUE(limit["raised"].is_null()) << limit;
  platform_->advance(-3 * 60 * kMinute);
  Json remove = set;
  remove["amount"] = nullptr;
  const size_t before = system("GET", list).json()["data"].size();
  EXPECT_EQ(system("PUT", "/limits", remove).status, 204);
  EXPECT_EQ(system("GET", list).json()["data"].size(), before - 1);
}

TEST_F(AdminRoutes, AMemberGetsAPasswordOnce) {
  const Asked made = system("POST", "/members", {{"name", "bo"}, {"workspaces", {"default"}}});
  ASSERT_EQ(made.status, 201) << made.body;
  const Json bo = made.json();
  EXPECT_EQ(bo["roles"], Json::array({"developer"}));
  const Json credentials{{"name", "bo"}, {"password", bo["password"]}};
  EXPECT_EQ(ask({}, "POST", "/admin/v1/sessions", credentials).status, 201);
  const Json reset = system("POST", "/members/bo/reset-password").json();
  EXPECT_NE(reset["password"], bo["password"]);
  EXPECT_EQ(ask({}, "POST", "/admin/v1/sessions", credentials).code(), "wrong_credentials");
  EXPECT_EQ(system("PATCH", "/members/bo", {{"roles", {"developer", "audit"}}}).json()["roles"].size(), 2u);
  EXPECT_FALSE(system("POST", "/members/bo/reset-password", {{"password", "a long enough password"}})
                   .json()
                   .contains("password"));
  EXPECT_TRUE(system("POST", "/members/bo/disable").json()["disabled"].is_string());
}

TEST_F(AdminRoutes, AnAdministratorSetsUpTotpFirst) {
  EXPECT_EQ(system("POST", "/members",
                   {{"name", "eve"}, {"roles", {"audit"}}, {"password", AdminPlatform::kPassword}})
                .status,
            201);
  const Who eve = platform_->sign_in("eve", false);
  EXPECT_EQ(ask(eve, "GET", "/admin/v1/keys").code(), "totp_needed");
  EXPECT_EQ(ask(eve, "POST", "/admin/v1/me/password", {{"old", "x"}, {"new", "y"}}).code(), "totp_needed");
  EXPECT_EQ(ask(eve, "GET", "/admin/v1/me").json()["totp_set"], false);
  platform_->set_totp(eve);
  EXPECT_EQ(ask(eve, "GET", "/admin/v1/keys").status, 200);
  const Asked out = ask(eve, "DELETE", "/admin/v1/sessions/current");
  EXPECT_EQ(out.status, 204);
  EXPECT_NE(out.header("set-cookie").find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(ask(eve, "GET", "/admin/v1/me").code(), "unauthenticated");
  const Asked again =
      ask({}, "POST", "/admin/v1/sessions", {{"name", "eve"}, {"password", AdminPlatform::kPassword}});
  EXPECT_EQ(again.code(), "totp_required");
}

TEST_F(AdminRoutes, SignInFromAnotherPageIsRefused) {
  const Json credentials{{"name", "developer"}, {"password", AdminPlatform::kPassword}};
  const http::Headers other{{"origin", "https://evil.example"}, {"host", "server.example"}};
  const Asked refused = ask({}, "POST", "/admin/v1/sessions", credentials, other);
  EXPECT_EQ(refused.code(), "origin");
  EXPECT_EQ(refused.header("set-cookie"), "");
}

TEST_F(AdminRoutes, SessionsAreListedAndEnded) {
  const Who one = platform_->sign_in("developer", false), two = platform_->sign_in("developer", false);
  std::string id;
  const Json sessions = ask(one, "GET", "/admin/v1/sessions").json();
  for (const Json& s : sessions["data"]) {
    EXPECT_EQ(s["member_name"], "developer");
    if (s["current"] == true) id = s["id"];
  }
  EXPECT_EQ(ask(two, "DELETE", "/admin/v1/sessions/" + id).status, 204);
  EXPECT_EQ(ask(one, "GET", "/admin/v1/me").status, 401);
  EXPECT_EQ(ask(two, "GET", "/admin/v1/me").status, 200);
}

TEST_F(AdminRoutes, MoneyComesInOnceAndIsSeen) {
  EXPECT_EQ(system("POST", "/deposits", {{"amount", "100CNY"}, {"id", "invoice 1"}}).status, 201);
  EXPECT_EQ(system("POST", "/deposits", {{"amount", "100CNY"}, {"id", "invoice 1"}}).status, 201);
  EXPECT_EQ(system("POST", "/deposits", {{"amount", "50CNY"}, {"id", "invoice 1"}}).status, 400);
  EXPECT_EQ(
      ask(platform_->keys["foreign"], "POST", "/admin/v1/deposits", {{"amount", "7CNY"}, {"id", "invoice 1"}})
          .status,
      201)
      << "another account's ids are its own";
  EXPECT_EQ(system("POST", "/credits", {{"kind", "free"}, {"amount", "5CNY"}}).status, 201);
  const Json balance = system("GET", "/balance").json();
  EXPECT_EQ(balance["topped_up"]["amount"], "100");
  EXPECT_EQ(balance["total"]["amount"], "105");
  EXPECT_EQ(balance["credits"].size(), 1u);
  const Json ledger = system("GET", "/ledger?limit=1").json();
  ASSERT_EQ(ledger["data"].size(), 1u);
  EXPECT_EQ(ledger["has_more"], true);
  const std::string after = dump_json(ledger["data"][0]["number"]);
  EXPECT_EQ(system("GET", "/ledger?limit=1000&after=" + after).json()["data"].size(), 3u);
  const Json user = ask(platform_->keys["developer"], "GET", "/user/balance").json();
  EXPECT_EQ(user["balance_infos"][0]["total_balance"], "105.00");
  EXPECT_EQ(user["balance_infos"][0]["granted_balance"], "5.00");
  const Json theirs = ask(platform_->keys["foreign"], "GET", "/admin/v1/ledger").json();
  EXPECT_EQ(theirs["data"].size(), 2u) << theirs;
}

TEST_F(AdminRoutes, PriceFilesNeverChange) {
  const auto post = [&](const std::string& toml) {
    return platform_->ask(platform_->keys["system"], "POST", "/admin/v1/prices", toml,
                          {{"content-type", "application/toml"}});
  };
  const std::string file =
      "version = \"t1\"\nvalid_from = 2026-01-01T00:00:00Z\ncurrency = \"CNY\"\n[models.\"*\"]\ninput = 1\n"
      "output = 2\n";
  const Asked made = post(file);
  ASSERT_EQ(made.status, 201) << made.body;
  check("POST", "/admin/v1/prices", made);
  EXPECT_EQ(made.json()["current"], true);
  EXPECT_EQ(post(file + "reasoning = 3\n").code(), "version_taken");
  EXPECT_EQ(post("version = 1\n").status, 400);
  EXPECT_EQ(system("GET", "/prices").json()["data"][0]["body"], file);
}

TEST_F(AdminRoutes, WhatIsWrongIsNamed) {
  const auto wrong = [&](const std::string& method, const std::string& path, const Json& body = {}) {
    const Asked a = system(method, path, body);
    const Json param = a.json()["error"]["param"];
    return std::to_string(a.status) + " " + (param.is_string() ? param.get<std::string>() : "");
  };
  EXPECT_EQ(wrong("POST", "/workspaces", {{"name", "x"}, {"colour", "red"}}), "400 colour");
  EXPECT_EQ(wrong("POST", "/keys", {{"workspace", "default"}, {"name", "x"}, {"rpm", "many"}}), "400 rpm");
  EXPECT_EQ(wrong("POST", "/keys", {{"workspace", "default"}, {"name", "x"}, {"expires", "soon"}}),
            "400 expires");
  EXPECT_EQ(wrong("GET", "/keys?colour=red"), "400 colour");
  EXPECT_EQ(wrong("GET", "/usage?from=30d"), "400 from");
  EXPECT_EQ(wrong("GET", "/usage?limit=0"), "400 limit");
  EXPECT_EQ(wrong("POST", "/keys/" + platform_->own["key"] + "/disable", {{"x", 1}}), "400 x");
  EXPECT_EQ(system("DELETE", "/keys").status, 405);
  EXPECT_EQ(system("GET", "/nothing").code(), "not_found");
  EXPECT_EQ(platform_->ask(platform_->keys["system"], "POST", "/admin/v1/workspaces", "{\"name\":").status,
            400);
  EXPECT_EQ(platform_->ask({}, "POST", "/admin/v1/sessions", std::string((1 << 20) + 1, ' ')).status, 413);
}

TEST_F(AdminRoutes, OrganizationUsageIsForAdministrators) {
  const std::string path = "/v1/organization/usage/completions";
  EXPECT_EQ(ask(platform_->keys["developer"], "GET", path + "?start_time=1767225600").status, 403);
  const Json page =
      ask(platform_->keys["audit"], "GET", path + "?start_time=1767225600&group_by[]=model").json();
  EXPECT_EQ(page["object"], "page");
  EXPECT_EQ(ask(platform_->keys["audit"], "GET", path).json()["error"]["param"], "start_time");
}

TEST(AdminQueue, BeyondItsBoundRequestsAreRefused) {
  AdminPlatform p;
  http::Router router;
  add_routes(router, p.platform, {.workers = {.threads = 1, .jobs = 0}});
  const auto stream = std::make_shared<TakenAnswer>();
  router.handle({.method = "GET", .path = "/admin/v1/me", .peer = "192.0.2.1:1"}, stream);
  const http::Response r = stream->get();
  EXPECT_EQ(r.status, 503);
}

TEST(AdminStore, WhatIsWrongWithItIsNotTold) {
  AdminPlatform p;
  EXPECT_FALSE(p.database->write([](storage::Transaction& t) -> std::optional<Error> {
    const auto renamed = t.change("ALTER TABLE member RENAME TO hidden_member");
    return renamed ? std::nullopt : std::optional(renamed.error());
  }));
  const Asked asked =
      p.ask({}, "POST", "/admin/v1/sessions", R"({"name":"ada","password":"correct horse battery"})");
  EXPECT_EQ(asked.status, 503);
  EXPECT_EQ(asked.json()["error"]["message"], "the database does not answer; try again later");
  EXPECT_EQ(asked.body.find("member"), std::string::npos) << asked.body;
}

TEST(AdminBalance, AmountsHaveTwoDigitsAndAreNeverMoreThanThereIs) {
  EXPECT_EQ(two_digits(0), "0.00");
  EXPECT_EQ(two_digits(12'345'678'901), "12.34");
  EXPECT_EQ(two_digits(9'999'999), "0.00");
  EXPECT_EQ(two_digits(-1), "-0.01");
  EXPECT_EQ(two_digits(-12'340'000'000), "-12.34");
  EXPECT_EQ(two_digits(INT64_MIN), "-9223372036.86");
}

}  // namespace
}  // namespace autark::platform::admin
