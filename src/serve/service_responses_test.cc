// Goal: /v1/responses as a client on a socket sees it: answers, what is kept of them, and answers in the
// background. Method: a scripted backend that repeats what it was given, behind a real server; restarts with
// the same store.
#include <future>
#include <set>
#include "api/openai_responses_answer.h"
#include "serve/testing.h"
#include "store/sqlite_store.h"

namespace autark::serve {
namespace {

// Every text of the conversation, as "u:hi|a:there".
std::string told(const api::Request& r) {
  std::string all;
  for (const api::Item& item : r.items)
    for (const api::Part& p : item.parts) {
      if (!all.empty()) all += "|";
      if (const auto* t = std::get_if<api::Text>(&p))
        all += (item.role == api::Role::user        ? "u:"
                : item.role == api::Role::assistant ? "a:"
                                                    : "s:") +
               t->text;
      if (const auto* t = std::get_if<api::Reasoning>(&p)) all += "r:" + t->text;
      if (const auto* c = std::get_if<api::ToolCall>(&p)) all += "c:" + c->name + c->arguments;
      if (const auto* t = std::get_if<api::ToolResult>(&p)) all += "t:" + t->parts.at(0).text;
    }
  return all;
}

// Thinks "Hm", then says what it was told.
api::Backend::Handle repeat(api::Request r, api::Backend::Sink sink) {
  sink({0, api::Event::Started{3}, {3, 0, 0}});
  sink({0, api::Event::Reasoned{"Hm"}, {3, 0, 1, 1}});
  sink({0, api::Event::Delta{"<" + told(r) + ">", {}, false}, {3, 1, 2, 1}});
  sink({0, api::Event::Finished{api::Finish::stop, ""}, {3, 1, 2, 1}});
  return {};
}

std::string said(const Json& response) {
  for (const Json& item : response["output"])
    if (item["type"] == "message") return item["content"][0]["text"];
  return {};
}

constexpr const char* kPath = "/v1/responses";

// The data of every event.
std::vector<Json> events_of(const std::string& body) {
  std::vector<Json> out;
  for (size_t at = 0; (at = body.find("data: ", at)) != body.npos;) {
    const size_t end = body.find("\n", at);
    out.push_back(*parse_json(body.substr(at + 6, end - at - 6), "event"));
    at = end;
  }
  return out;
}

TEST(ServiceResponses, AnswersWholeAndStreamed) {
  const Running s(repeat);
  const Answered whole = s.ask("POST", kPath, R"({"input":"hi","instructions":"be kind"})");
  EXPECT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(said(whole.json()), "<s:be kind|u:hi>");
  EXPECT_TRUE(whole.header("x-request-id").starts_with("req_"));
  EXPECT_EQ(whole.json()["usage"]["input_tokens_details"]["cached_tokens"], 1);
  const Answered stream = s.ask("POST", kPath, R"({"input":"hi","instructions":"be kind","stream":true})");
  EXPECT_TRUE(stream.body.starts_with("event: response.created\n"));
  EXPECT_EQ(stream.body.find("[DONE]"), std::string::npos);
  const Json last = events_of(stream.body).back();
  EXPECT_EQ(last["type"], "response.completed");
  EXPECT_EQ(said(last["response"]), said(whole.json()));
  EXPECT_EQ(last["response"]["usage"], whole.json()["usage"]);
}

TEST(ServiceResponses, ErrorsAreOpenAis) {
  const Running s(repeat);
  EXPECT_EQ(s.ask("POST", kPath, "{}").json()["error"]["param"], "input");
  EXPECT_EQ(s.ask("POST", kPath, "[1]").status, 400);
  EXPECT_EQ(s.ask("POST", kPath, "{").status, 400);
  for (const char* path : {"/v1/conversations", "/v1/conversations/conv_1"})
    EXPECT_EQ(s.ask("POST", path, "{}").json()["error"]["code"], "not_supported");
  const Answered upgrade = s.ask("GET", kPath, "", "upgrade: websocket\r\n");
  EXPECT_EQ(upgrade.status, 404);
  EXPECT_EQ(upgrade.json()["error"]["code"], "not_supported");
  EXPECT_EQ(s.ask("GET", "/v1/responses/resp_none").status, 404);
  EXPECT_EQ(s.ask("POST", "/v1/responses/resp_none/cancel", "{}").status, 404);
  EXPECT_EQ(s.ask("GET", "/v1/responses/resp_none/nothing").status, 404);
}

TEST(ServiceResponses, ContinuesAPreviousResponse) {
  const Running s(repeat);
  const Json first = s.ask("POST", kPath, R"({"input":"one","instructions":"kind"})").json();
  const std::string id = first["id"];
  const Json second = s.ask("POST", kPath, R"({"input":"two","previous_response_id":")" + id + "\"}").json();
  EXPECT_EQ(said(second), "<u:one|r:Hm|a:<s:kind|u:one>|u:two>") << "without the instructions";
  EXPECT_EQ(second["previous_response_id"], id);
  const Answered lost = s.ask("POST", kPath, R"({"input":"x","previous_response_id":"resp_none"})");
  EXPECT_EQ(lost.status, 400);
  EXPECT_EQ(lost.json()["error"]["code"], "previous_response_not_found");
}

TEST(ServiceResponses, KeepsUnlessToldNotTo) {
  const Running s(repeat);
  const Json kept = s.ask("POST", kPath, R"({"input":"one"})").json();
  const std::string path = std::string(kPath) + "/" + kept["id"].get<std::string>();
  EXPECT_EQ(s.ask("GET", path).json(), kept);
  EXPECT_EQ(s.ask("DELETE", path).json()["deleted"], true);
  EXPECT_EQ(s.ask("GET", path).status, 404);
  EXPECT_EQ(s.ask("DELETE", path).status, 404);
  const Json gone = s.ask("POST", kPath, R"({"input":"one","store":false})").json();
  EXPECT_EQ(s.ask("GET", std::string(kPath) + "/" + gone["id"].get<std::string>()).status, 404);
  const auto streamed = events_of(s.ask("POST", kPath, R"({"input":"one","stream":true})").body).back();
  EXPECT_EQ(s.ask("GET", std::string(kPath) + "/" + streamed["response"]["id"].get<std::string>()).json(),
            streamed["response"]);
}

TEST(ServiceResponses, ItemReferences) {
  const Running s(repeat);
  const Json first = s.ask("POST", kPath, R"({"input":"one"})").json();
  const std::string item = first["output"][1]["id"];
  const auto with = [&](const std::string& id) {
    return said(s.ask("POST", kPath,
                      R"({"input":[{"role":"user","content":"one"},{"type":"item_reference","id":")" + id +
                          R"("},{"role":"user","content":"two"}]})")
                    .json());
  };
  EXPECT_EQ(with(item), "<u:one|a:<u:one>|u:two>");
  EXPECT_EQ(said(s.ask("POST", kPath, R"({"input":[{"role":"user","content":"one"},{"id":")" + item + "\"}]}")
                     .json()),
            "<u:one|a:<u:one>>")
      << "without a type";
  EXPECT_EQ(with("msg_unknown"), "<u:one|a:[item_reference left out]|u:two>") << "never a 400";
  EXPECT_EQ(with("msg_00ff_0"), "<u:one|a:[item_reference left out]|u:two>");
}

TEST(ServiceResponses, PagesOfInputItems) {
  const Running s(repeat);
  const Json r = s.ask("POST", kPath, R"({"input":[{"role":"user","content":"a"},
    {"type":"message","id":"msg_own","role":"user","content":"b"},{"role":"user","content":"c"}]})")
                     .json();
  const std::string path = std::string(kPath) + "/" + r["id"].get<std::string>() + "/input_items";
  const Json all = s.ask("GET", path).json();
  ASSERT_EQ(all["data"].size(), 3u);
  EXPECT_EQ(all["data"][0]["content"], "c") << "newest first";
  const Json page = s.ask("GET", path + "?order=asc&limit=2").json();
  EXPECT_EQ(page["has_more"], true);
  EXPECT_EQ(page["last_id"], "msg_own");
  const Json rest = s.ask("GET", path + "?order=asc&limit=2&after=msg_own").json();
  EXPECT_EQ(rest["data"].size(), 1u);
  EXPECT_EQ(rest["has_more"], false);
  EXPECT_EQ(s.ask("GET", path + "?limit=0").status, 400);
  EXPECT_EQ(s.ask("GET", path + "?order=up").status, 400);
}

TEST(ServiceResponses, CountsInputTokens) {
  const Running s(repeat);
  EXPECT_EQ(s.ask("POST", "/v1/responses/input_tokens", R"({"input":"hi","instructions":"x"})").json(),
            (Json{{"object", "response.input_tokens"}, {"input_tokens", 20}}));
}

TEST(ServiceResponses, SealedReasoningComesBack) {
  const auto seal = std::make_shared<Seal>(Seal::random(0));
  const Running s(repeat, {.seal = seal});
  const Json r =
      s.ask("POST", kPath, R"({"input":"a","store":false,"include":["reasoning.encrypted_content"]})").json();
  Json items = r["output"];
  items[0].erase("content");
  const auto ask = [&](const Running& server) {
    return said(server.ask("POST", kPath, dump_json({{"input", items}, {"store", false}})).json());
  };
  EXPECT_EQ(ask(s), "<r:Hm|a:<u:a>>");
  EXPECT_EQ(ask(Running(repeat)), "<a:<u:a>>") << "another key: the reasoning is left out";
}

TEST(ServiceResponses, Compacts) {
  const Running s(repeat);
  const Json r = s.ask("POST", "/v1/responses/compact", R"({"input":[{"role":"user","content":"a"},
    {"role":"assistant","content":"b"},{"role":"user","content":"c"}],"tools":[{"type":"function","name":"f"}]})")
                     .json();
  EXPECT_EQ(r["object"], "response.compaction");
  ASSERT_EQ(r["output"].size(), 3u) << dump_json(r);
  EXPECT_EQ(r["output"][1]["content"][0]["text"], "c");
  EXPECT_EQ(r["output"][2]["type"], "compaction");
  EXPECT_EQ(dump_json(r).find("Sum up"), std::string::npos) << "the summary is encrypted";
  const std::string next = said(s.ask("POST", kPath, dump_json({{"input", r["output"]}})).json());
  EXPECT_TRUE(next.starts_with("<u:a|u:c|s:")) << next;
  EXPECT_NE(next.find("<u:a|a:b|u:c|u:Sum up"), std::string::npos) << next;
  const std::string lost =
      said(Running(repeat).ask("POST", kPath, dump_json({{"input", r["output"]}})).json());
  EXPECT_EQ(lost, "<u:a|u:c|s:[compaction left out]>") << "another key: a line in its place";
  const Answered alone =
      Running(repeat).ask("POST", kPath, dump_json({{"input", Json::array({r["output"][2]})}}));
  EXPECT_EQ(said(alone.json()), "<s:[compaction left out]>") << "never a 400";
}

TEST(ServiceResponses, CompactsWhatAPreviousResponseContinues) {
  const Running s(repeat);
  const std::string id = s.ask("POST", kPath, R"({"input":"one"})").json()["id"];
  const Json r = s.ask("POST", "/v1/responses/compact",
                       R"({"input":"two","text":{"format":{"type":"json_object"}},"previous_response_id":")" +
                           id + "\"}")
                     .json();
  ASSERT_EQ(r["output"].size(), 3u) << dump_json(r);
  EXPECT_EQ(r["output"][0]["content"][0]["text"], "one");
  EXPECT_EQ(r["output"][1]["content"][0]["text"], "two");
}

TEST(ServiceResponses, OneAnswerHasOneEncryptedText) {
  const Running s(repeat);
  const auto events = events_of(
      s.ask("POST", kPath, R"({"input":"a","stream":true,"include":["reasoning.encrypted_content"]})").body);
  std::set<std::string> texts;
  for (const Json& e : events) {
    if (e["type"] == "response.output_item.done" && e["item"]["type"] == "reasoning")
      texts.insert(e["item"]["encrypted_content"]);
    if (e["type"] == "response.completed") texts.insert(e["response"]["output"][0]["encrypted_content"]);
  }
  const std::string id = events.back()["response"]["id"];
  texts.insert(s.ask("GET", std::string(kPath) + "/" + id).json()["output"][0]["encrypted_content"]);
  EXPECT_EQ(texts.size(), 1u);
}

TEST(ServiceResponses, PlacesDoNotCountTheConversationBefore) {
  const Running s(repeat);
  const std::string id = s.ask("POST", kPath, R"({"input":"one"})").json()["id"];
  const Answered wrong = s.ask(
      "POST", kPath,
      R"({"input":[{"role":"user","content":"x"},{"role":"user"}],"previous_response_id":")" + id + "\"}");
  EXPECT_EQ(wrong.json()["error"]["param"], "input[1].content");
  const Answered own =
      s.ask("POST", kPath, R"({"input":"x","previous_items":[{"role":"user","content":"y"}]})");
  EXPECT_EQ(said(own.json()), "<u:x>") << "no client sends items of a conversation that is not kept";
}

// A store that fails, or says when it is tidied.
class Odd final : public storage::Store {
 public:
  std::optional<Error> keep(const storage::Response&) override { return broken_; }
  Result<storage::Response> find(const std::string&, const std::string&, int64_t) override { return broken_; }
  std::optional<Error> erase(const std::string&, const std::string&, int64_t) override { return broken_; }
  Result<std::vector<storage::Response>> list(const std::string&, const std::string&, const std::string&,
                                              bool, int, int64_t) override {
    return broken_;
  }
  std::optional<Error> tidy(int64_t) override {
    ++tidied;
    return {};
  }
  int64_t bytes() const override { return 0; }
  std::atomic<int> tidied{0};

 private:
  const Error broken_{Code::io, "store: /home/me/store.db cannot be read (disk I/O error)"};
};

TEST(ServiceResponses, ClientsAreNotToldWhereTheStoreIs) {
  const Running s(repeat, {.answers = std::make_shared<Odd>()});
  for (const char* method : {"GET", "DELETE"}) {
    const Answered a = s.ask(method, "/v1/responses/resp_1");
    EXPECT_EQ(a.status, 500);
    EXPECT_EQ(a.body.find("/home"), a.body.npos) << a.body;
    EXPECT_EQ(a.body.find("disk"), a.body.npos) << a.body;
  }
}

TEST(ServiceResponses, TidiesAndRotatesEveryHour) {
  const auto store = std::make_shared<Odd>();
  const auto seal = std::make_shared<Seal>(Seal::random(0));
  const std::string sealed = seal->seal("x");
  auto now = std::chrono::steady_clock::now();
  {
    Running s(repeat, {.answers = store, .seal = seal, .clock = [&] { return now; }});
    s.service.tick();
    EXPECT_EQ(seal->open(sealed), "x");
    now += std::chrono::hours(1);
    s.service.tick();
    s.service.tick();
    EXPECT_FALSE(seal->open(sealed)) << "that key was made in 1970";
  }
  EXPECT_EQ(store->tidied, 2) << "when it was opened, and after an hour";
}

TEST(ServiceResponses, AnotherKeysAnswersAreNotThere) {
  auto answers = std::shared_ptr<storage::Store>(storage::memory_store({}).value());
  std::string id;
  {
    const Running mine(repeat, {.api_key = "a", .answers = answers});
    id = mine.ask("POST", kPath, R"({"input":"one"})", "x-api-key: a\r\n").json()["id"];
  }
  const Running again(repeat, {.api_key = "a", .answers = answers});
  EXPECT_EQ(again.ask("GET", "/v1/responses/" + id, "", "x-api-key: a\r\n").status, 200) << "after a restart";
  const Running other(repeat, {.api_key = "b", .answers = answers});
  EXPECT_EQ(other.ask("GET", "/v1/responses/" + id, "", "x-api-key: b\r\n").status, 404);
  EXPECT_EQ(other.ask("DELETE", "/v1/responses/" + id, "", "x-api-key: b\r\n").status, 404);
}

// A backend that waits for the test between its events.
struct Paused {
  api::Backend::Sink sink;
  std::promise<void> submitted;
  bool cancelled = false;
  api::Backend::Handle operator()(api::Request, api::Backend::Sink s) {
    sink = std::move(s);
    submitted.set_value();
    return [this] { cancelled = true; };
  }
};

TEST(ServiceResponses, InTheBackground) {
  Paused paused;
  const Running s(
      [&](api::Request r, api::Backend::Sink sink) { return paused(std::move(r), std::move(sink)); });
  const Json queued = s.ask("POST", kPath, R"({"input":"hi","background":true})").json();
  EXPECT_EQ(queued["status"], "queued");
  const std::string path = std::string(kPath) + "/" + queued["id"].get<std::string>();
  paused.submitted.get_future().wait();
  EXPECT_EQ(s.ask("GET", path).json()["status"], "queued");
  paused.sink({0, api::Event::Started{3}, {3, 0, 0}});
  EXPECT_EQ(s.ask("GET", path).json()["status"], "in_progress");
  auto follower = s.connect();
  follower.send(request_text("GET", path + "?stream=true&starting_after=0"));
  paused.sink({0, api::Event::Delta{"Hey", {}, false}, {3, 0, 1}});
  paused.sink({0, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 1}});
  const Json done = s.ask("GET", path).json();
  EXPECT_EQ(done["status"], "completed");
  EXPECT_EQ(said(done), "Hey");
  const auto followed = events_of(read_answer(follower).body);
  ASSERT_FALSE(followed.empty());
  EXPECT_EQ(followed.front()["sequence_number"], 1);
  EXPECT_EQ(followed.back()["response"], done);
  const auto late = events_of(s.ask("GET", path + "?stream=true&starting_after=5").body);
  EXPECT_EQ(late.front()["sequence_number"], 6);
  EXPECT_EQ(late.back()["type"], "response.completed");
}

TEST(ServiceResponses, CancelsInTheBackground) {
  Paused paused;
  const Running s(
      [&](api::Request r, api::Backend::Sink sink) { return paused(std::move(r), std::move(sink)); });
  const Json queued = s.ask("POST", kPath, R"({"input":"hi","background":true})").json();
  const std::string path = std::string(kPath) + "/" + queued["id"].get<std::string>();
  paused.submitted.get_future().wait();
  paused.sink({0, api::Event::Started{3}, {3, 0, 0}});
  EXPECT_EQ(s.ask("POST", path + "/cancel", "{}").json()["status"], "cancelled");
  EXPECT_EQ(s.ask("GET", path).json()["status"], "cancelled");
  EXPECT_EQ(s.ask("POST", path + "/cancel", "{}").json()["status"], "cancelled") << "twice is the same";
}

TEST(ServiceResponses, OnlyBackgroundAnswersAreCancelled) {
  const Running s(repeat);
  const std::string id = s.ask("POST", kPath, R"({"input":"hi"})").json()["id"];
  EXPECT_EQ(s.ask("POST", "/v1/responses/" + id + "/cancel", "{}").status, 400);
}

TEST(ServiceResponses, AFailedBackgroundAnswerSaysSo) {
  Paused paused;
  const Running s(
      [&](api::Request r, api::Backend::Sink sink) { return paused(std::move(r), std::move(sink)); });
  auto client = s.connect();
  client.send(request_text("POST", kPath, R"({"input":"hi","background":true,"stream":true})"));
  EXPECT_NE(client.read_until("\r\n\r\n").find(" 200 "), std::string::npos);
  paused.sink({.payload = api::ApiError{.kind = api::ApiError::Kind::unavailable, .message = "gone"}});
  const auto events = events_of(unchunked(client.read_all()));
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front()["type"], "response.created");
  EXPECT_EQ(events.back()["type"], "response.failed");
  const std::string id = events.back()["response"]["id"];
  const Json now = s.ask("GET", std::string(kPath) + "/" + id).json();
  EXPECT_EQ(now["status"], "failed");
  EXPECT_EQ(now["error"]["message"], "gone");
}

TEST(ServiceResponses, ABackgroundRequestThatIsRefusedIsAnsweredAsUsual) {
  std::atomic<int> asked{0};
  const Running s([&](api::Request, api::Backend::Sink sink) {
    ++asked;
    sink({.payload = api::ApiError{
              .kind = api::ApiError::Kind::not_found, .message = "none", .code = "model_not_found"}});
    return api::Backend::Handle();
  });
  for (const char* rest : {"", R"(,"stream":true)"}) {
    const Answered a = s.ask("POST", kPath, std::string(R"({"input":"hi","background":true)") + rest + "}");
    EXPECT_EQ(a.status, 404) << a.body;
    EXPECT_EQ(a.json()["error"]["code"], "model_not_found");
  }
  EXPECT_EQ(asked, 2);
}

TEST(ServiceResponses, ACancelledBackgroundStreamEndsWithAnEvent) {
  Paused paused;
  const Running s(
      [&](api::Request r, api::Backend::Sink sink) { return paused(std::move(r), std::move(sink)); });
  const std::string id = s.ask("POST", kPath, R"({"input":"hi","background":true})").json()["id"];
  const std::string path = std::string(kPath) + "/" + id;
  auto follower = s.connect();
  follower.send(request_text("GET", path + "?stream=true"));
  paused.sink({0, api::Event::Started{3}, {3, 0, 0}});
  EXPECT_EQ(s.ask("POST", path + "/cancel", "{}").json()["status"], "cancelled");
  const auto events = events_of(read_answer(follower).body);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back()["type"], "response.incomplete");
  EXPECT_EQ(events.back()["response"]["status"], "cancelled");
}

TEST(ServiceResponses, ALongBackgroundStreamCanBeReadAgain) {
  Paused paused;
  const Running s(
      [&](api::Request r, api::Backend::Sink sink) { return paused(std::move(r), std::move(sink)); });
  const std::string id = s.ask("POST", kPath, R"({"input":"hi","background":true})").json()["id"];
  const std::string path = std::string(kPath) + "/" + id + "?stream=true";
  auto live = s.connect();
  live.send(request_text("GET", path));
  paused.sink({0, api::Event::Started{3}, {3, 0, 0}});
  std::string all;
  std::thread reader([&] { all = read_answer(live).body; });
  const std::string piece(1 << 20, 'x');
  for (int i = 1; i <= 4; ++i) paused.sink({0, api::Event::Delta{piece, {}, false}, {3, 0, i}});
  const auto late = [&] { return events_of(s.ask("GET", path).body); };
  paused.sink({0, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 4}});
  reader.join();
  const auto seen = events_of(all);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back()["type"], "response.completed") << "a live reader gets its end";
  EXPECT_EQ(said(seen.back()["response"]).size(), 4 * piece.size());
  const auto again = late();
  ASSERT_EQ(again.size(), 2u) << "more than is recorded: from the store";
  EXPECT_EQ(again.front()["type"], "response.created");
  EXPECT_EQ(again.back()["response"], seen.back()["response"]);
}

}  // namespace
}  // namespace autark::serve
