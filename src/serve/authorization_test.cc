// Goal: every route opens for the keys that it says, and a key of one workspace learns nothing of another's objects:
// not by content, by status or by a list. Method: the requests are made from the OpenAPI document, so that a new route
// is tried without a new test; what another workspace gets is compared with what it gets for an id that is not there.
#include <algorithm>
#include <set>
#include "serve/api_key.h"
#include "serve/fake_gate.h"
#include "serve/openapi.h"
#include "serve/testing.h"

namespace autark::serve {
namespace {

constexpr const char* kMark = "TEXT-OF-A";  // in all that workspace A sends
using Role = api::Caller::Role;

std::string key_header(const std::string& key) {
  return key.empty() ? "" : "authorization: Bearer secret-" + key + "\r\n";
}

// A server with two workspaces, administrators, and a key that was disabled. Requests that say "wait" are not answered.
class Authorization : public testing::Test {
 protected:
  Authorization() {
    gate_->add({.key = "a", .workspace = "ws_a"});
    gate_->add({.key = "b", .workspace = "ws_b"});
    gate_->add({.key = "disabled", .workspace = "ws_a"});
    gate_->add({.key = "system", .workspace = "ws_s", .role = Role::system});
    gate_->add({.key = "audit", .workspace = "ws_s", .role = Role::audit});
    gate_->add({.key = "narrow", .workspace = "ws_b", .models = {"other"}});
    gate_->disable("disabled");
  }
  ~Authorization() override {
    s_.service.stop();
    const std::lock_guard lock(mutex_);
    held_.clear();
  }

  api::Backend::Handle answer(api::Request r, api::Backend::Sink sink) {
    {
      const std::lock_guard lock(mutex_);
      callers_.insert(r.caller ? r.caller->key : "none");
      if (r.user == "wait") return held_.push_back(std::move(sink)), api::Backend::Handle([] {});
    }
    return say_hello(std::move(r), std::move(sink));
  }
  Answered ask(const std::string& key, const std::string& method, const std::string& path,
               const std::string& body = {}, const std::string& headers = {}) {
    return s_.ask(method, path, body, key_header(key) + headers);
  }
  std::string id_of(const Answered& a) {
    EXPECT_EQ(a.status, 200) << a.body;
    return a.json().value("id", "");
  }
  std::string upload(const std::string& key, const std::string& text) {
    return id_of(
        ask(key, "POST", "/v1/files",
            "--BB\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(kMark) +
                "\"\r\n\r\n" + text +
                "\r\n--BB\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--BB--\r\n",
            "content-type: multipart/form-data; boundary=BB\r\n"));
  }
  std::string batch_body(const std::string& file) {
    return R"({"input_file_id":")" + file + R"(","endpoint":"/v1/chat/completions"})";
  }

  std::shared_ptr<FakeGate> gate_ = std::make_shared<FakeGate>();
  std::mutex mutex_;
  std::vector<api::Backend::Sink> held_;
  std::multiset<std::string> callers_;  // the keys of the requests that the backend got
  Running s_{[this](api::Request r, api::Backend::Sink s) { return answer(std::move(r), std::move(s)); },
             {.gate = gate_}};
};

struct Route {
  std::string method, path;
  bool needs_key;
};

std::vector<Route> routes() {
  std::vector<Route> all;
  const Json document = openapi(true);
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = char(std::toupper(uint8_t(c)));
      all.push_back({upper, path, operation.contains("security")});
    }
  return all;
}

// The path with an id in the place of its parameter.
std::string with_id(std::string path, const std::string& id) {
  if (const size_t at = path.find('{'); at != path.npos) path.replace(at, path.find('}') + 1 - at, id);
  return path;
}

TEST_F(Authorization, EveryRouteOpensForTheKeysThatItSays) {
  for (const Route& r : routes()) {
    const std::string path = with_id(r.path, "x"), body = r.method == "POST" ? "{}" : "";
    for (const char* key : {"", "wrong", "disabled"}) {
      const int status = ask(key, r.method, path, body).status;
      EXPECT_EQ(status == 401, r.needs_key) << key << " " << r.method << " " << path << " " << status;
    }
    for (const char* key : {"a", "b", "system", "audit"}) {
      const int status = ask(key, r.method, path, body).status;
      const bool changes = r.method != "GET";
      const bool may = key == std::string("system") || (key == std::string("audit") && !changes);
      EXPECT_EQ(status == 403, is_of_the_server(r.path) && !may) << key << " " << r.method << " " << path;
      EXPECT_NE(status, 401) << key << " " << r.method << " " << path;
    }
  }
}

TEST_F(Authorization, AKeyThatIsDisabledOpensNothingMore) {
  EXPECT_EQ(ask("a", "GET", "/v1/models").status, 200);
  gate_->disable("a");
  const Answered refused = ask("a", "GET", "/v1/models");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body, ask("wrong", "GET", "/v1/models").body) << "it looks like one that never was";
}

// Ids and the id of the exchange are taken out.
std::string shown(Answered a, const std::string& id) {
  for (size_t at; (at = a.body.find(id)) != a.body.npos;) a.body.replace(at, id.size(), "ID");
  return std::to_string(a.status) + " " + a.body;
}

// One object of each kind, of workspace A. By the beginning of the paths that show it.
using Objects = std::map<std::string, std::string>;

class AuthorizationOfObjects : public Authorization {
 protected:
  Objects make() {
    const std::string said = std::string(R"("messages":[{"role":"user","content":")") + kMark + R"("}])";
    const std::string line =
        R"({"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{)" + said + "}}\n";
    Objects o;
    o["/v1/responses/"] =
        id_of(ask("a", "POST", "/v1/responses", R"({"input":")" + std::string(kMark) + "\"}"));
    o["/v1/chat/completions/"] =
        id_of(ask("a", "POST", "/v1/chat/completions", R"({"store":true,)" + said + "}"));
    o["/v1/files/"] = upload("a", line);
    o["/v1/batches/"] = id_of(ask("a", "POST", "/v1/batches", batch_body(o["/v1/files/"])));
    waiting_.send(
        request_text("POST", "/v1/chat/completions", R"({"user":"wait",)" + said + "}", key_header("a")));
    for (Json all; all.empty() || o["/v1/engine/requests/"].empty();) {
      all = ask("a", "GET", "/v1/engine").json()["requests"];
      for (const Json& r : all)
        if (r["state"] == "submitted" || r["state"] == "queued") o["/v1/engine/requests/"] = r["id"];
    }
    return o;
  }
  // The object that a path shows; empty: it shows none.
  static std::string object_of(const Objects& objects, const std::string& path) {
    for (const auto& [begin, id] : objects)
      if (path.starts_with(begin)) return id;
    return {};
  }
  http::RawSocket waiting_ = s_.connect();
};

TEST_F(AuthorizationOfObjects, AnotherWorkspaceFindsNothing) {
  const Objects objects = make();
  std::vector<Route> all;
  for (const Route& r : routes())
    if (r.path.find('{') != r.path.npos && !r.path.starts_with("/v1/models/") &&
        !r.path.starts_with("/v1/conversations/"))
      all.push_back(r);
  std::ranges::stable_sort(all, {}, [](const Route& r) { return r.method == "DELETE"; });
  for (const Route& r : all) {
    const std::string id = object_of(objects, r.path), body = r.method == "POST" ? R"({"metadata":{}})" : "";
    ASSERT_FALSE(id.empty()) << "make() has no object for " << r.path;
    std::string missing = id;
    std::ranges::reverse(missing.end() - 8, missing.end());
    const Answered theirs = ask("b", r.method, with_id(r.path, id), body);
    EXPECT_EQ(theirs.status, 404) << r.method << " " << r.path;
    EXPECT_EQ(shown(theirs, id), shown(ask("b", r.method, with_id(r.path, missing), body), missing))
        << r.path;
    EXPECT_EQ(theirs.body.find(kMark), std::string::npos) << r.path;
  }
  for (const Route& r : all) {  // the tries above have not removed anything
    const std::string id = object_of(objects, r.path), body = r.method == "POST" ? R"({"metadata":{}})" : "";
    EXPECT_NE(ask("a", r.method, with_id(r.path, id), body).status, 404) << r.method << " " << r.path;
  }
}

TEST_F(AuthorizationOfObjects, ListsShowOnesOwn) {
  const Objects objects = make();
  for (const Route& r : routes()) {
    if (r.method != "GET" || !r.needs_key || r.path.find('{') != r.path.npos) continue;
    const std::string theirs = ask("b", "GET", r.path).body;
    EXPECT_EQ(theirs.find(kMark), std::string::npos) << r.path;
    for (const auto& [kind, id] : objects)
      EXPECT_EQ(theirs.find(id), std::string::npos) << r.path << " " << kind;
  }
  for (const char* list : {"/v1/chat/completions", "/v1/files", "/v1/batches", "/v1/engine"}) {
    const std::string own = ask("a", "GET", list).body;
    EXPECT_TRUE(std::ranges::any_of(objects, [&](const auto& o) { return own.find(o.second) != own.npos; }))
        << list;
  }
  EXPECT_FALSE(ask("b", "GET", "/v1/engine").json().contains("queue")) << "of the whole server";
  EXPECT_EQ(ask("system", "GET", "/v1/engine").json()["requests"].size(), 1u);
}

TEST_F(AuthorizationOfObjects, AReferenceToAnothersObjectIsOneToNothing) {
  const Objects objects = make();
  const auto refer = [&](const std::string& id) {
    return shown(ask("b", "POST", "/v1/responses", R"({"input":"x","previous_response_id":")" + id + "\"}"),
                 id);
  };
  const std::string response = objects.at("/v1/responses/"), file = objects.at("/v1/files/");
  EXPECT_EQ(refer(response), refer("resp_none"));
  EXPECT_TRUE(refer(response).starts_with("400"));
  EXPECT_EQ(shown(ask("b", "POST", "/v1/batches", batch_body(file)), file),
            shown(ask("b", "POST", "/v1/batches", batch_body("file-none")), "file-none"));
  EXPECT_EQ(
      ask("a", "POST", "/v1/responses", R"({"input":"x","previous_response_id":")" + response + "\"}").status,
      200);
}

TEST_F(Authorization, AnotherWorkspacesIdempotencyKeyIsAnotherKey) {
  const std::string header = "idempotency-key: k\r\n";
  EXPECT_EQ(ask("a", "POST", "/v1/chat/completions", kChat, header).status, 200);
  const Answered theirs = ask("b", "POST", "/v1/chat/completions", kChat, header);
  EXPECT_EQ(theirs.status, 200);
  EXPECT_EQ(theirs.header("idempotent-replayed"), "");
  EXPECT_EQ(ask("a", "POST", "/v1/chat/completions", kChat, header).header("idempotent-replayed"), "true");
}

TEST_F(Authorization, TheCallerReachesTheBackendOnEveryRoute) {
  const std::pair<const char*, const char*> requests[] = {
      {"/v1/chat/completions", kChat},
      {"/beta/completions", R"({"prompt":"a"})"},
      {"/v1/messages", kMessagesStream},
      {"/v1/responses", R"({"input":"a"})"},
      {"/v1/responses", R"({"input":"a","background":true})"}};
  for (const auto& [path, body] : requests) EXPECT_EQ(ask("b", "POST", path, body).status, 200) << path;
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(callers_, (std::multiset<std::string>{"b", "b", "b", "b", "b"}));
}

TEST_F(Authorization, AModelThatAKeyMayNotNameIsNotThere) {
  EXPECT_TRUE(ask("narrow", "GET", "/v1/models").json()["data"].empty());
  EXPECT_EQ(ask("a", "GET", "/v1/models").json()["data"].size(), 1u);
  EXPECT_EQ(ask("narrow", "GET", "/v1/models/tiny").status, 404);
  for (const char* path : {"/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"}) {
    const Answered there = ask("narrow", "POST", path, kMessages);
    EXPECT_EQ(there.status, 404) << path;
    std::string body = kMessages;
    body.replace(body.find("tiny"), 4, "none");
    std::string none = ask("narrow", "POST", path, body).body;
    const auto without_id = [](std::string text) { return text.substr(0, text.find("request_id")); };
    none.replace(none.find("'none'"), 6, "'tiny'");
    EXPECT_EQ(without_id(there.body), without_id(none)) << path;
  }
  EXPECT_EQ(
      ask("narrow", "POST", "/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}]})").status,
      404)
      << "a request without a name gets no other model either";
}

}  // namespace
}  // namespace autark::serve
