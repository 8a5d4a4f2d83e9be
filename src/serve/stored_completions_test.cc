// Goal: chat completions with `store: true` are found, listed, changed and removed as in OpenAI's API; all others
// are not kept, and neither another key nor /v1/responses finds them. Method: a scripted backend behind a real
// server.
#include <set>
#include "serve/testing.h"
#include "store/sqlite_store.h"

namespace autark::serve {
namespace {

const std::string kPath = "/v1/chat/completions";

std::string kept_chat(const std::string& more = {}) {
  return R"({"model":"tiny","store":true,"messages":[{"role":"system","content":"s"},)"
         R"({"role":"user","content":[{"type":"text","text":"hi"}]}])" +
         more + "}";
}
std::string id_of(const Answered& a) {
  return a.json().value("id", "");
}

TEST(StoredCompletions, AreFoundAsTheyWereAnswered) {
  const Running s(say_hello);
  const Answered made = s.ask("POST", kPath, kept_chat(R"(,"metadata":{"a":"b"})"));
  Json want = made.json();
  want["metadata"] = {{"a", "b"}};
  EXPECT_EQ(s.ask("GET", kPath + "/" + id_of(made)).json(), want);
}
TEST(StoredCompletions, StreamedOnesAreKeptWhole) {
  const Running s(say_hello);
  const Answered made = s.ask("POST", kPath, kept_chat(R"(,"stream":true)"));
  const size_t at = made.body.find("chatcmpl-");
  const std::string id = made.body.substr(at, made.body.find('"', at) - at);
  const Json found = s.ask("GET", kPath + "/" + id).json();
  EXPECT_EQ(found["object"], "chat.completion");
  EXPECT_EQ(found["choices"][0]["message"]["content"], "Hello world");
}
TEST(StoredCompletions, OthersAreNotKept) {
  const Running s(say_hello);
  for (const char* body : {kChat, R"({"store":false,"messages":[{"role":"user","content":"hi"}]})"}) {
    const Answered a = s.ask("GET", kPath + "/" + id_of(s.ask("POST", kPath, body)));
    EXPECT_EQ(a.status, 404);
    EXPECT_EQ(a.json()["error"]["code"], "not_found");
  }
  EXPECT_EQ(s.ask("GET", kPath).json()["data"], Json::array());
}
TEST(StoredCompletions, TheRequestsMessagesAreListed) {
  const Running s(say_hello);
  const std::string id = id_of(s.ask("POST", kPath, kept_chat()));
  const Json all = s.ask("GET", kPath + "/" + id + "/messages").json();
  ASSERT_EQ(all["data"].size(), 2u);
  EXPECT_EQ(all["data"][0]["content"], "s");
  EXPECT_EQ(all["data"][0]["id"], id + "-0");
  EXPECT_EQ(all["data"][1]["content"], nullptr);
  EXPECT_EQ(all["data"][1]["content_parts"][0]["text"], "hi");
  const Json last = s.ask("GET", kPath + "/" + id + "/messages?order=desc&limit=1").json();
  EXPECT_EQ(last["data"][0]["role"], "user");
  EXPECT_EQ(last["has_more"], true);
}
TEST(StoredCompletions, AreListedInPagesAndFiltered) {
  const Running s(say_hello);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(id_of(s.ask(
        "POST", kPath, kept_chat(R"(,"metadata":{"k":")" + std::string(i % 2 ? "odd" : "a b") + "\"}"))));
  s.ask("POST", "/v1/responses", R"({"input":"hi"})");
  std::set<std::string> seen;
  std::string after;
  for (bool more = true; more;) {
    const Json page = s.ask("GET", kPath + "?limit=2" + after).json();
    for (const Json& c : page["data"]) EXPECT_TRUE(seen.insert(c["id"]).second);
    more = page["has_more"];
    after = "&after=" + page["last_id"].get<std::string>();
  }
  EXPECT_EQ(seen, std::set<std::string>(ids.begin(), ids.end()));
  EXPECT_EQ(s.ask("GET", kPath + "?metadata[k]=odd").json()["data"].size(), 2u);
  EXPECT_EQ(s.ask("GET", kPath + "?metadata%5Bk%5D=a%20b&limit=2").json()["has_more"], true);
  EXPECT_EQ(s.ask("GET", kPath + "?model=other").json()["data"].size(), 0u);
  for (const char* wrong : {"?limit=0", "?limit=2x", "?order=up"})
    EXPECT_EQ(s.ask("GET", kPath + wrong).status, 400) << wrong;
}
TEST(StoredCompletions, MetadataCanBeSet) {
  const Running s(say_hello);
  const std::string path = kPath + "/" + id_of(s.ask("POST", kPath, kept_chat(R"(,"metadata":{"a":"b"})")));
  EXPECT_EQ(s.ask("POST", path, R"({"metadata":{"c":"d"}})").json()["metadata"], (Json{{"c", "d"}}));
  EXPECT_EQ(s.ask("GET", path).json()["metadata"], (Json{{"c", "d"}}));
  EXPECT_EQ(s.ask("GET", path).json()["choices"][0]["message"]["content"], "Hello world");
  for (const char* wrong : {"{}", "[]", R"({"metadata":"x"})", R"({"metadata":{"a":1}})", "{"})
    EXPECT_EQ(s.ask("POST", path, wrong).status, 400) << wrong;
  EXPECT_EQ(s.ask("POST", kPath + "/chatcmpl-none", R"({"metadata":{}})").status, 404);
}
TEST(StoredCompletions, CanBeRemoved) {
  const Running s(say_hello);
  const std::string id = id_of(s.ask("POST", kPath, kept_chat()));
  const Json gone = s.ask("DELETE", kPath + "/" + id).json();
  EXPECT_EQ(gone, (Json{{"object", "chat.completion.deleted"}, {"id", id}, {"deleted", true}}));
  for (const char* method : {"GET", "DELETE"}) EXPECT_EQ(s.ask(method, kPath + "/" + id).status, 404);
  EXPECT_EQ(s.ask("GET", kPath).json()["data"], Json::array());
}
TEST(StoredCompletions, ResponsesAndCompletionsAreNotMixed) {
  const Running s(say_hello);
  const std::string chat = id_of(s.ask("POST", kPath, kept_chat()));
  const std::string response = id_of(s.ask("POST", "/v1/responses", R"({"input":"hi"})"));
  EXPECT_EQ(s.ask("GET", "/v1/responses/" + chat).status, 404);
  EXPECT_EQ(s.ask("DELETE", "/v1/responses/" + chat).status, 404);
  EXPECT_EQ(s.ask("GET", kPath + "/" + response).status, 404);
  EXPECT_EQ(s.ask("POST", "/v1/responses", R"({"input":"hi","previous_response_id":")" + chat + "\"}").status,
            400);
  EXPECT_EQ(s.ask("GET", kPath + "/" + chat).status, 200);
}
TEST(StoredCompletions, AnotherKeyFindsNothing) {
  const std::shared_ptr<storage::Store> store = *storage::memory_store({});
  const Running mine(say_hello, {.api_key = "mine", .answers = store}),
      yours(say_hello, {.api_key = "yours", .answers = store});
  const std::string id = id_of(mine.ask("POST", kPath, kept_chat(), "x-api-key: mine\r\n"));
  EXPECT_EQ(mine.ask("GET", kPath, "", "x-api-key: mine\r\n").json()["data"].size(), 1u);
  EXPECT_EQ(yours.ask("GET", kPath + "/" + id, "", "x-api-key: yours\r\n").status, 404);
  EXPECT_EQ(yours.ask("GET", kPath, "", "x-api-key: yours\r\n").json()["data"].size(), 0u);
}
}  // namespace
}  // namespace autark::serve
