// Goal: the routes, errors and limits of the service as a client on a socket sees them. Method: a scripted
// backend behind a real server on the loopback; time by an injected clock.
#include "serve/service.h"
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <future>
#include "serve/api_key.h"
#include "serve/submission.h"
#include "serve/testing.h"

namespace autark::serve {
namespace {

TEST(Service, AnswersEachDialect) {
  const Running s(say_hello);
  const Answered chat = s.ask("POST", "/v1/chat/completions?x=1", kChat);
  EXPECT_EQ(chat.status, 200);
  EXPECT_EQ(chat.header("content-type"), "application/json");
  EXPECT_EQ(chat.json()["choices"][0]["message"]["content"], "Hello world");
  EXPECT_TRUE(chat.header("x-request-id").starts_with("req_"));
  EXPECT_FALSE(chat.header("openai-processing-ms").empty());
  EXPECT_EQ(chat.json()["model"], "tiny");
  EXPECT_EQ(chat.json()["system_fingerprint"], "fp_script") << "the backend's";
  const Answered text = s.ask("POST", "/v1/completions", R"({"prompt":["a","b"],"n":2})");
  EXPECT_EQ(text.json()["choices"].size(), 4u);
  EXPECT_EQ(text.json()["model"], "tiny") << "an empty name is answered by the served one";
  EXPECT_EQ(text.json()["usage"]["prompt_tokens"], 6);
  const Answered message = s.ask("POST", "/v1/messages?beta=true", kMessages);
  EXPECT_EQ(message.json()["content"][0]["text"], "Hello world");
  EXPECT_TRUE(message.header("request-id").starts_with("req_"));
  EXPECT_EQ(
      s.ask("POST", "/v1/messages/count_tokens", R"({"messages":[{"role":"user","content":"hi"}]})").json(),
      Json({{"input_tokens", 10}}));
}

api::Backend::Handle say_what_is_left(api::Request r, api::Backend::Sink sink) {
  sink({0,
        api::Event::Started{3, {{.of = "requests", .limit = 60, .remaining = 59, .reset_seconds = 1}}},
        {3, 0, 0}});
  sink({0, api::Event::Delta{r.id + r.route, {}, false}, {3, 0, 1}});
  sink({0, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 1}});
  return {};
}

TEST(Service, HeadersTellWhatIsLeftOfLimits) {
  const Running s(say_what_is_left);
  for (const char* body : {kChat, kChatStream}) {
    const Answered chat = s.ask("POST", "/v1/chat/completions", body);
    EXPECT_EQ(chat.header("x-ratelimit-remaining-requests"), "59");
    EXPECT_EQ(chat.header("x-ratelimit-reset-requests"), "1s");
  }
  const Answered message = s.ask("POST", "/v1/messages", kMessages);
  EXPECT_EQ(message.header("anthropic-ratelimit-requests-limit"), "60");
  EXPECT_TRUE(message.header("anthropic-ratelimit-requests-reset").ends_with("z")) << message.head;
  EXPECT_EQ("req_" + message.json()["content"][0]["text"].get<std::string>(),
            message.header("request-id") + "/v1/messages")
      << "the backend knows the request's id and route";
}

TEST(Service, AUsedUpBudgetHasTheStatusOfEachDialect) {
  const Running s([](api::Request, api::Backend::Sink sink) {
    sink({.payload = api::ApiError{.kind = api::ApiError::Kind::quota, .message = "the budget is used up"}});
    return api::Backend::Handle();
  });
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", kChat).status, 429);
  EXPECT_EQ(s.ask("POST", "/beta/chat/completions", kChat).status, 402) << "DeepSeek's";
  EXPECT_EQ(s.ask("POST", "/v1/messages", kMessages).status, 402);
}

TEST(Service, Streams) {
  const Running s(say_hello);
  const Answered chat = s.ask("POST", "/v1/chat/completions", kChatStream);
  EXPECT_EQ(chat.header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(chat.header("cache-control"), "no-cache");
  EXPECT_TRUE(chat.body.ends_with("data: [DONE]\n\n")) << chat.body;
  EXPECT_NE(chat.body.find(R"("delta":{"content":" world"})"), std::string::npos);
  const Answered message = s.ask("POST", "/v1/messages", kMessagesStream);
  EXPECT_TRUE(message.body.starts_with("event: message_start\n"));
  EXPECT_TRUE(message.body.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

TEST(Service, BadBodiesAreTheClientsFault) {
  const Running s(say_hello);
  const std::string deep(100'000, '[');
  const std::string bad[] = {"",         "{",
                             "null",     "[]",
                             "\xff\xfe", "{\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\x28\"}]}",
                             deep,       "{\"a\":" + deep};
  for (const std::string& body : bad) {
    const Answered openai = s.ask("POST", "/v1/chat/completions", body);
    EXPECT_EQ(openai.status, 400) << body.substr(0, 40);
    EXPECT_EQ(openai.json()["error"]["type"], "invalid_request_error");
    const Answered anthropic = s.ask("POST", "/v1/messages", body);
    EXPECT_EQ(anthropic.status, 400);
    EXPECT_EQ(anthropic.json()["error"]["type"], "invalid_request_error");
    EXPECT_EQ(anthropic.json()["type"], "error");
  }
}

TEST(Service, NothingIsSilent) {
  const Running s(say_hello);
  const Answered lost = s.ask("POST", "/v1/embeddings", kChat);
  EXPECT_EQ(lost.status, 404);
  EXPECT_EQ(lost.json()["error"]["code"], "not_found");
  EXPECT_EQ(s.ask("GET", "/nowhere").status, 404);
  EXPECT_EQ(s.ask("POST", "/v1/messages/batches", "{}").json()["error"]["type"], "not_found_error");
  const Answered method = s.ask("PUT", "/v1/chat/completions");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.json()["error"]["code"], "method_not_allowed");
  EXPECT_EQ(s.ask("DELETE", "/v1/messages").json()["type"], "error");
  EXPECT_EQ(s.ask("HEAD", "/api/hello").status, 200);
  EXPECT_EQ(s.ask("GET", "/health").json(), Json({{"status", "ok"}}));
}

TEST(Service, ListsModelsInBothForms) {
  const Running s(say_hello);
  EXPECT_EQ(s.ask("GET", "/v1/models").json()["data"][0]["object"], "model");
  EXPECT_EQ(s.ask("GET", "/v1/models/tiny").json()["id"], "tiny");
  EXPECT_EQ(s.ask("GET", "/v1/models/large").json()["error"]["code"], "model_not_found");
  constexpr const char* kHeader = "anthropic-version: 2023-06-01\r\n";
  EXPECT_EQ(s.ask("GET", "/v1/models?limit=1000", "", kHeader).json()["data"][0]["type"], "model");
  EXPECT_EQ(s.ask("GET", "/v1/models?limit=0", "", kHeader).status, 400);
  EXPECT_EQ(s.ask("GET", "/v1/models/large", "", kHeader).json()["error"]["type"], "not_found_error");
}

// Claude Code writes it behind a model's name to ask for a window of a million tokens.
TEST(Service, ASuffixForTheWindowIsNoPartOfAModelsName) {
  const Running s(say_hello);
  const auto body = [](const std::string& model) {
    return R"({"model":")" + model + R"(","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";
  };
  EXPECT_EQ(s.ask("POST", "/v1/messages", body("large[1m]")).json()["model"], "large");
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", body("large[1m]")).json()["model"], "large");
  EXPECT_EQ(s.ask("POST", "/v1/messages", body("large[1m]x")).json()["model"], "large[1m]x");
}

TEST(Service, SaysWhatItIs) {
  const Running s(say_hello);
  EXPECT_FALSE(s.ask("GET", "/version").json()["version"].get<std::string>().empty());
  EXPECT_EQ(s.ask("GET", "/load").json()["server_load"], 0);
  EXPECT_EQ(s.ask("GET", "/server_info").json()["requests_in_flight"], 1) << "this one";
  for (const auto& absent : {s.ask("GET", "/user/balance"), s.ask("POST", "/v1/moderations", "{}")}) {
    EXPECT_EQ(absent.status, 404);
    EXPECT_EQ(absent.json()["error"]["code"], "not_configured");
  }
  EXPECT_EQ(s.ask("POST", "/beta/chat/completions", kChat).status, 200);
  EXPECT_EQ(s.ask("POST", "/beta/completions", R"({"prompt":"a"})").status, 200);
}

// A backend whose tokens are the bytes of the last text.
class Bytes final : public api::Backend {
 public:
  std::vector<api::ModelEntry> models() const override { return {{"tiny", "Tiny", 0, 64, true}}; }
  Handle submit(api::Request, Sink) override { return {}; }
  api::ApiResult<int64_t> count_tokens(const api::Request&) const override { return int64_t{0}; }
  api::ApiResult<std::vector<int32_t>> tokenize(const api::Request& r) const override {
    const std::string& text = r.prompts.empty() ? std::get<api::Text>(r.items.back().parts.at(0)).text
                                                : std::get<std::string>(r.prompts.at(0));
    std::vector<int32_t> ids(text.begin(), text.end());
    if (r.add_special) ids.insert(ids.begin(), 1);
    return ids;
  }
  api::ApiResult<std::string> detokenize(std::span<const int32_t> ids) const override {
    return std::string(ids.begin(), ids.end());
  }
};

TEST(Service, TellsTokens) {
  Running s(nullptr);
  s.service.open(std::make_shared<Bytes>());
  const Json a = s.ask("POST", "/tokenize", R"({"prompt":"hi","return_token_strs":true})").json();
  EXPECT_EQ(dump_json(a),
            R"({"count":3,"max_model_len":64,"tokens":[1,104,105],"token_strs":["\u0001","h","i"]})");
  EXPECT_EQ(s.ask("POST", "/tokenize", R"({"prompt":"hi","add_special_tokens":false})").json()["count"], 2);
  EXPECT_EQ(s.ask("POST", "/tokenize", R"({"messages":[{"role":"user","content":"hey"}]})").json()["count"],
            4);
  EXPECT_EQ(s.ask("POST", "/detokenize", R"({"tokens":[104,105]})").json(), (Json{{"prompt", "hi"}}));
  EXPECT_EQ(s.ask("GET", "/tokenizer_info").status, 400) << "this backend has none";
  for (const char* bad : {"{}", "[]", "{", R"({"tokens":["a"],"prompt":1})", R"({"messages":1})"}) {
    EXPECT_EQ(s.ask("POST", "/tokenize", bad).status, 400) << bad;
    EXPECT_EQ(s.ask("POST", "/detokenize", bad).status, 400) << bad;
  }
  EXPECT_EQ(Running(say_hello).ask("POST", "/tokenize", R"({"prompt":"a"})").status, 400);
}

TEST(Service, OneKeyInEitherHeader) {
  const Running s(say_hello, {.api_key = "sesame"});
  const std::pair<const char*, int> tries[] = {{"", 401},
                                               {"authorization: Bearer sesame\r\n", 200},
                                               {"Authorization: bearer  sesame\r\n", 200},
                                               {"x-api-key: sesame\r\n", 200},
                                               {"authorization: Bearer wrong\r\nx-api-key: sesame\r\n", 200},
                                               {"authorization: Bearer sesam\r\n", 401},
                                               {"authorization: Bearer sesamesesame\r\n", 401},
                                               {"authorization: Bearer \r\n", 401},
                                               {"authorization: sesame\r\n", 401},
                                               {"x-api-key: Sesame\r\n", 401}};
  for (const auto& [headers, status] : tries)
    EXPECT_EQ(s.ask("POST", "/v1/chat/completions", kChat, headers).status, status) << headers;
  EXPECT_EQ(s.ask("GET", "/v1/models").json()["error"]["code"], "invalid_api_key");
  EXPECT_EQ(s.ask("POST", "/v1/messages", kMessages).json()["error"]["type"], "authentication_error");
  EXPECT_EQ(s.ask("POST", "/v1/nothing").status, 401) << "what is there is not told";
  EXPECT_EQ(s.ask("GET", "/metrics").status, 401);
  EXPECT_EQ(s.ask("GET", "/health").status, 200);
  EXPECT_EQ(s.ask("GET", "/ready").status, 200);
  EXPECT_EQ(s.ask("HEAD", "/api/hello").status, 200);
}

TEST(F21_Key, WhiteSpaceAroundItIsNotPartOfIt) {
  for (const char* given : {"k 1", "k 1\n", "k 1\r\n", " \t k 1\v\f\n\n"}) {
    const auto key = key_from(given);
    ASSERT_TRUE(key) << given;
    EXPECT_EQ(*key, "k 1");
    EXPECT_EQ(Running(say_hello, {.api_key = *key}).ask("GET", "/v1/models", "", "x-api-key: k 1\r\n").status,
              200);
  }
}

TEST(F21_Key, WhatNoClientCanSendIsRefused) {
  const std::string wrong[] = {"",
                               " ",
                               "\n",
                               "\r\n\t ",
                               "a\nb",
                               "a\tb",
                               std::string("a\0b", 3),
                               "a\x7f",
                               "\x1b[0m",
                               "\xef\xbb\xbfkey",
                               "sch\xc3\xb6n",
                               "\xc2\xa0",
                               std::string(5000, 'k')};
  for (const std::string& given : wrong) {
    const auto key = key_from(given);
    ASSERT_FALSE(key) << given;
    EXPECT_NE(key.error().message.find("API key"), std::string::npos);
    EXPECT_EQ(key.error().message.find("sch"), std::string::npos) << "it is a secret";
  }
  EXPECT_TRUE(key_from(std::string(4096, '~')));
}

TEST(F21_Key, WhiteSpaceOnlyOpensNothing) {
  const Running s(say_hello, {.api_key = " "});  // a key that was not checked by key_from()
  for (const char* headers : {"", "x-api-key: \r\n", "x-api-key:  \r\n", "authorization: Bearer  \r\n"})
    EXPECT_EQ(s.ask("GET", "/v1/models", "", headers).status, 401) << headers;
}

TEST(D4_Slashes, EveryRouteAnswersAndTheKeyIsAskedFor) {
  static constexpr Asset kAssets[] = {{"/index.html", "text/html; charset=utf-8", "<p>hi"},
                                      {"/assets/a.js", "text/javascript", "1"}};
  const Running s(say_hello, {.api_key = "k", .assets = kAssets});
  const std::pair<const char*, const char*> guarded[] = {
      {"GET", "/v1/models"},    {"GET", "/v1/models/tiny"},
      {"GET", "/metrics"},      {"POST", "/v1/chat/completions"},
      {"POST", "/v1/messages"}, {"POST", "/v1/messages/count_tokens"}};
  const std::pair<const char*, const char*> open[] = {{"GET", "/health"},
                                                      {"GET", "/ready"},
                                                      {"GET", "/api/hello"},
                                                      {"GET", "/index.html"},
                                                      {"GET", "/assets/a.js"}};
  const auto spellings = [](std::string path) {
    std::string doubled;
    for (const char c : path) doubled += c == '/' ? "//" : std::string(1, c);
    return std::vector<std::string>{path,       path + "/", path + "//",
                                    "/" + path, doubled,    "/%2F" + path.substr(1) + "%2f/?x=/"};
  };
  for (const auto& [method, path] : guarded)
    for (const std::string& spelling : spellings(path)) {
      const char* body = method[0] == 'P' ? kMessages : "";
      EXPECT_EQ(s.ask(method, spelling, body).status, 401) << spelling;
      EXPECT_EQ(s.ask(method, spelling, body, "x-api-key: k\r\n").status, 200) << spelling;
    }
  for (const auto& [method, path] : open)
    for (const std::string& spelling : spellings(path))
      EXPECT_EQ(s.ask(method, spelling).status, 200) << spelling;
  for (const char* path : {"/", "//", "///?a"}) EXPECT_EQ(s.ask("GET", path).body, "<p>hi");
  EXPECT_EQ(s.ask("POST", "//v1//messages/", "{}", "x-api-key: k\r\n").json()["type"], "error")
      << "its dialect";
}

TEST(F18_Service, AnswersCarryTheOriginInEveryDialect) {
  const std::vector<std::string> origins{"https://a.example"};
  http::Cors cors = *http::Cors::of(origins);
  cors.exclude("/metrics");
  const Running s(say_hello, {.api_key = "k"}, {.body_bytes = 1000}, cors);
  const std::string origin = "Origin: https://a.example\r\n", key = "x-api-key: k\r\n";
  const std::string large(2000, ' ');
  struct Try {
    const char *method, *path;
    std::string body;
    int status;
    std::string headers;
  };
  const Try tries[] = {{"POST", "/v1/chat/completions", kChat, 200, key},
                       {"POST", "/v1/chat/completions", kChatStream, 200, key},
                       {"POST", "/v1/messages", kMessagesStream, 200, key},
                       {"POST", "/v1/messages/count_tokens", kMessages, 200, key},
                       {"GET", "/v1/models", "", 200, key},
                       {"GET", "/v1/models/no", "", 404, key},
                       {"POST", "/v1/messages", kMessages, 401, ""},
                       {"POST", "/v1/completions", "{", 400, key},
                       {"GET", "/v1/completions", "", 405, key},
                       {"POST", "/v1/messages", large, 413, key},
                       {"GET", "/nothing", "", 404, key},
                       {"OPTIONS", "/v1/messages", "", 204, "Access-Control-Request-Method: POST\r\n"},
                       {"OPTIONS", "/v1/messages", "", 405, key}};
  for (const Try& t : tries) {
    const Answered a = s.ask(t.method, t.path, t.body, t.headers + origin);
    EXPECT_EQ(a.status, t.status) << t.path;
    EXPECT_EQ(a.header("access-control-allow-origin"), "https://a.example") << t.path << a.head;
    EXPECT_EQ(a.header("vary"), "origin") << a.head;
    const Answered other = s.ask(t.method, t.path, t.body, t.headers + "Origin: https://b.example\r\n");
    EXPECT_EQ(other.head.find("access-control"), std::string::npos) << other.head;
  }
  for (const char* path : {"/metrics", "//metrics", "/metrics/"}) {
    const Answered a = s.ask("GET", path, "", key + origin);
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.head.find("access-control"), std::string::npos);
  }
  const Running off(say_hello, {.api_key = "k"});
  EXPECT_EQ(off.ask("OPTIONS", "/v1/messages", "", origin + tries[11].headers).status, 401);
  EXPECT_EQ(off.ask("GET", "/v1/models", "", key + origin).head.find("vary"), std::string::npos);
}

TEST(G5_HalfClose, EveryRouteAnswersAClientThatSendsNoMore) {
  const std::pair<const char*, const char*> requests[] = {{"/v1/chat/completions", kChat},
                                                          {"/v1/chat/completions", kChatStream},
                                                          {"/v1/messages", kMessages},
                                                          {"/v1/messages", kMessagesStream},
                                                          {"/v1/completions", R"({"prompt":"a"})"},
                                                          {"/v1/messages/count_tokens", kMessages}};
  for (const auto& [path, body] : requests) {
    std::promise<void> ended;
    const std::shared_future<void> gate = ended.get_future().share();
    Running s([gate](api::Request r, api::Backend::Sink sink) {
      gate.wait();
      return say_hello(std::move(r), std::move(sink));
    });
    http::RawSocket socket = s.connect();
    socket.send(request_text("POST", path, body));
    socket.end_sending();
    const bool counted = std::string_view(path).ends_with("count_tokens");
    const std::string first = counted ? "" : socket.read_until("H");  // the end was seen before the answer
    ended.set_value();
    const std::string text = first + socket.read_all();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << path << text;
    EXPECT_EQ(s.service.in_flight(), 0);
  }
}

TEST(Service, NoSecretInTheLog) {
  std::ostringstream log;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("t", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  {
    const Running s(say_hello, {.api_key = "sesame"});
    s.ask("POST", "/v1/chat/completions", kChat, "authorization: Bearer sesame\r\n");
    s.ask("POST", "/v1/chat/completions", kChat, "x-api-key: opensaysme\r\n");
    s.ask("POST", "/v1/chat/completions", R"({"odd":1,"messages":[{"role":"user","content":"private"}]})",
          "x-api-key: sesame\r\n");
  }
  spdlog::set_default_logger(before);
  EXPECT_NE(log.str().find("/v1/chat/completions"), std::string::npos) << "something was logged";
  EXPECT_NE(log.str().find("'odd'"), std::string::npos) << log.str();
  for (const char* secret : {"sesame", "opensaysme", "private"})
    EXPECT_EQ(log.str().find(secret), std::string::npos);
}

TEST(Service, WhileTheModelLoads) {
  Running s({});
  s.service.loading(0.25);
  EXPECT_EQ(s.ask("GET", "/health").status, 200);
  const Answered ready = s.ask("GET", "/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json(), Json({{"status", "loading"}, {"progress", 0.25}}));
  const Answered chat = s.ask("POST", "/v1/chat/completions", kChat);
  EXPECT_EQ(chat.status, 503);
  EXPECT_EQ(chat.header("retry-after"), "2");
  EXPECT_EQ(s.ask("GET", "/v1/models").status, 503);
  EXPECT_EQ(s.ask("POST", "/v1/messages", kMessages).json()["error"]["type"], "api_error");
  s.service.open(std::make_shared<ScriptedBackend>(say_hello));
  EXPECT_EQ(s.ask("GET", "/ready").status, 200);
  s.service.drain();
  EXPECT_EQ(s.ask("GET", "/ready").json()["status"], "stopping");
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", kChat).status, 503);
}

TEST(Service, FaultsBeforeAndInAStream) {
  const api::ApiError broken{.kind = api::ApiError::Kind::internal, .message = "it broke"};
  const Running s([&](api::Request r, api::Backend::Sink sink) -> api::Backend::Handle {
    if (r.max_tokens != 1) sink({.payload = api::Event::Started{3}});
    sink({.payload = broken});
    sink({.payload = api::Event::Delta{"after the end", {}, false}});
    return {};
  });
  const std::string before = R"({"max_tokens":1,"stream":true,"messages":[{"role":"user","content":"hi"}]})";
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", before).status, 500);
  EXPECT_EQ(s.ask("POST", "/v1/messages", before).json()["error"]["type"], "api_error");
  const Answered in = s.ask("POST", "/v1/chat/completions", kChatStream);
  EXPECT_EQ(in.status, 200);
  EXPECT_TRUE(
      in.body.ends_with("data: {\"error\":{\"message\":\"it "
                        "broke\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"))
      << in.body;
  EXPECT_NE(s.ask("POST", "/v1/messages", kMessagesStream).body.find("event: error\n"), std::string::npos);
}

const api::ApiError kChanged = fault_of(Error{Code::io, "the file 'm' was truncated"});

TEST(F11_Service, EachDialectSaysThatTheModelChanged) {
  const Running s([](api::Request r, api::Backend::Sink sink) -> api::Backend::Handle {
    if (r.max_tokens != 1) sink({.payload = api::Event::Started{3}});
    return sink({.payload = kChanged}), api::Backend::Handle();
  });
  const Json chat = {{"max_tokens", 1}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}},
             text = {{"max_tokens", 1}, {"prompt", "hi"}};
  for (const auto& [path, body] :
       {std::pair{"/v1/chat/completions", chat}, {"/v1/completions", text}, {"/v1/messages", chat}}) {
    Json asked = body;
    for (bool stream : {false, true}) {
      asked["stream"] = stream;
      const Answered a = s.ask("POST", path, dump_json(asked));
      EXPECT_EQ(a.status, 503) << path;
      EXPECT_EQ(a.json()["error"]["code"], "model_changed") << path;
      EXPECT_EQ(a.json()["error"]["message"], kChanged.message) << path;
      EXPECT_EQ(a.header("retry-after"), "") << "waiting does not help";
    }
    asked["max_tokens"] = 9;  // in the middle of an answer
    const Answered a = s.ask("POST", path, dump_json(asked));
    EXPECT_EQ(a.status, 200) << path;
    const size_t at = a.body.rfind("data: {");
    ASSERT_NE(at, std::string::npos);
    const auto last = parse_json(std::string_view(a.body).substr(at + 6, a.body.find('\n', at) - at - 6), "");
    ASSERT_TRUE(last) << a.body;
    EXPECT_EQ((*last)["error"]["code"], "model_changed") << a.body;
  }
}

TEST(F11_Service, IsNotReadyWithoutItsModel) {
  Running s({});
  const auto backend = std::make_shared<ScriptedBackend>(say_hello);
  s.service.open(backend);
  EXPECT_EQ(s.ask("GET", "/ready").status, 200);
  backend->broken = kChanged;
  const Answered ready = s.ask("GET", "/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json(), Json({{"status", "model_changed"}, {"message", kChanged.message}}));
  EXPECT_EQ(s.ask("GET", "/health").status, 200) << "the process lives";
}

// A backend that starts, says one word, and then waits to be cancelled or released.
struct Patient {
  std::promise<void> started, cancelled;
  api::Backend::Sink sink;
  ScriptedBackend::Script script() {
    return [this](api::Request, api::Backend::Sink s) -> api::Backend::Handle {
      sink = std::move(s);
      sink({.payload = api::Event::Started{3}});
      sink({.payload = api::Event::Delta{"one", {}, false}, .usage = {3, 0, 1}});
      started.set_value();
      return [this] { cancelled.set_value(); };
    };
  }
};

TEST(Service, AVanishingClientCancels) {
  for (const char* body : {kChatStream, kChat}) {
    Patient patient;
    Running s(patient.script());
    http::RawSocket socket = s.connect();
    socket.send(request_text("POST", "/v1/chat/completions", body));
    patient.started.get_future().wait();
    EXPECT_EQ(s.service.in_flight(), 1);
    socket.reset();
    patient.cancelled.get_future().wait();
    patient.sink({.payload = api::Event::Finished{api::Finish::cancelled, ""}});
    EXPECT_EQ(s.service.in_flight(), 0);
    const std::string metrics = s.ask("GET", "/metrics").body;
    EXPECT_NE(metrics.find("autark_requests_cancelled_total 1\n"), std::string::npos) << metrics;
  }
}

struct FakeClock {
  std::shared_ptr<std::atomic<int64_t>> seconds = std::make_shared<std::atomic<int64_t>>(1000);
  Clock clock() const {
    return [s = seconds] { return std::chrono::steady_clock::time_point(std::chrono::seconds(*s)); };
  }
};

TEST(Service, SpeaksIntoSilence) {
  const std::pair<const char*, const char*> dialects[] = {
      {"/v1/chat/completions", ": keep-alive\n\n"},
      {"/v1/messages", "event: ping\ndata: {\"type\":\"ping\"}\n\n"}};
  for (const auto& [path, word] : dialects) {
    Patient patient;
    FakeClock time;
    Running s(patient.script(), {.clock = time.clock()});
    http::RawSocket socket = s.connect();
    socket.send(request_text("POST", path, kMessagesStream));
    patient.started.get_future().wait();
    *time.seconds += 9;
    s.service.tick();  // not yet
    *time.seconds += 1;
    s.service.tick();
    s.service.tick();  // once is enough
    *time.seconds += 10;
    s.service.tick();
    patient.sink({.payload = api::Event::Finished{api::Finish::stop, ""}, .usage = {3, 0, 1}});
    const std::string body = read_answer(socket).body;
    const size_t first = body.find(word), second = body.find(word, first + 1);
    ASSERT_NE(second, std::string::npos) << body;
    EXPECT_EQ(body.find(word, second + 1), std::string::npos);
  }
}

TEST(Service, TimeRunsOut) {
  for (const char* body : {kChat, kChatStream}) {
    Patient patient;
    FakeClock time;
    Running s(patient.script(), {.request_time = std::chrono::seconds(60), .clock = time.clock()});
    http::RawSocket socket = s.connect();
    socket.send(request_text("POST", "/v1/chat/completions", body));
    patient.started.get_future().wait();
    *time.seconds += 60;
    // The worker may still be handing over the cancellation.
    s.service.tick();
    patient.cancelled.get_future().wait();
    const Answered a = read_answer(socket);
    EXPECT_EQ(a.status, body == kChat ? 504 : 200);
    EXPECT_NE(a.body.find("took longer"), std::string::npos) << a.body;
  }
}

TEST(Service, AServerThatStopsSaysSo) {
  Patient patient;
  Running s(patient.script());
  http::RawSocket socket = s.connect();
  socket.send(request_text("POST", "/v1/chat/completions", kChat));
  patient.started.get_future().wait();
  patient.sink({.payload = api::Event::Finished{api::Finish::cancelled, ""}});
  EXPECT_EQ(read_answer(socket).status, 503);
}

TEST(Service, AFullQueueIsSaid) {
  std::promise<void> entered, go_on;
  std::shared_future<void> gate = go_on.get_future().share();
  std::atomic<bool> first = true;
  Running s(
      [&](api::Request r, api::Backend::Sink sink) {
        if (first.exchange(false)) entered.set_value();
        gate.wait();
        return say_hello(std::move(r), std::move(sink));
      },
      {.workers = {.threads = 1, .jobs = 1}});
  http::RawSocket running = s.connect(), queued = s.connect();
  running.send(request_text("POST", "/v1/chat/completions", kChat));
  entered.get_future().wait();
  // One job runs and one place is left. Which of these three takes it is the loop's choice; two are refused.
  queued.send(request_text("POST", "/v1/chat/completions", kChat));
  while (s.service.in_flight() < 2) std::this_thread::yield();
  const Answered busy = s.ask("POST", "/v1/chat/completions", kChat);
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.header("retry-after"), "1");
  EXPECT_EQ(busy.json()["error"]["code"], "rate_limit_exceeded");
  const Answered overloaded = s.ask("POST", "/v1/messages", kMessages);
  EXPECT_EQ(overloaded.status, 529);
  EXPECT_EQ(overloaded.json()["error"]["type"], "overloaded_error");
  go_on.set_value();
  EXPECT_EQ(read_answer(running).status, 200);
  EXPECT_EQ(read_answer(queued).status, 200);
}

TEST(Service, AHugeBodyIsRefusedUnread) {
  const Running s(say_hello);
  for (const auto& [path, type] : {std::pair{"/v1/chat/completions", "invalid_request_error"},
                                   std::pair{"/v1/messages", "request_too_large"}}) {
    http::RawSocket socket = s.connect();
    socket.send("POST " + std::string(path) + " HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n{");
    const Answered a = read_answer(socket);
    EXPECT_EQ(a.status, 413);
    EXPECT_EQ(a.json()["error"]["type"], type);
  }
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", kChat).status, 200);
}

TEST(Service, FiveHundredClientsAtOnce) {
  const Running s(say_hello);
  std::vector<http::RawSocket> sockets;
  for (int i = 0; i < 500; ++i) {
    sockets.push_back(s.connect());
    ASSERT_TRUE(sockets.back().connected()) << i;
  }
  const std::string text = request_text("POST", "/v1/chat/completions", kChatStream);
  for (http::RawSocket& socket : sockets) socket.send(text.substr(0, text.size() - 5));  // all incomplete
  for (http::RawSocket& socket : sockets) socket.send(text.substr(text.size() - 5));
  int whole = 0;
  for (http::RawSocket& socket : sockets) whole += read_answer(socket).body.ends_with("[DONE]\n\n");
  EXPECT_EQ(whole, 500);
}

TEST(Service, MetricsTellWhatHappened) {
  const Running s(say_hello);
  s.ask("POST", "/v1/chat/completions", kChat);
  s.ask("POST", "/v1/chat/completions", R"({"messages":[{"role":"user","content":""}],"fancy\n\"field":1})");
  s.ask("POST", "/v1/messages", "{}");
  const std::string m = s.ask("GET", "/metrics").body;
  for (const char* line :
       {"autark_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 2\n",
        "autark_requests_total{route=\"/v1/messages\",status=\"400\"} 1\n", "autark_prompt_tokens_total 6\n",
        "autark_completion_tokens_total 4\n", "autark_ignored_fields_total{field=\"fancy?\\\"field\"} 1\n",
        "autark_time_to_first_token_seconds_count 2\n", "autark_inter_token_seconds_count 2\n",
        "autark_request_seconds_bucket{le=\"+Inf\"} 3\n", "autark_requests_in_flight 0\n"})
    EXPECT_NE(m.find(line), std::string::npos) << line << m;
}

TEST(Service, ServesTheConsole) {
  static constexpr Asset kAssets[] = {{"/index.html", "text/html; charset=utf-8", "<p>hi"},
                                      {"/assets/a.js", "text/javascript", "1"}};
  const Running s(say_hello, {.api_key = "k", .assets = kAssets});
  const Answered page = s.ask("GET", "/");
  EXPECT_EQ(page.body, "<p>hi");
  EXPECT_NE(page.header("content-security-policy").find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.header("cache-control"), "no-cache");
  const Answered again = s.ask("GET", "/index.html", "", "if-none-match: " + page.header("etag") + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_NE(s.ask("GET", "/assets/a.js").header("cache-control").find("immutable"), std::string::npos);
  EXPECT_EQ(s.ask("GET", "/assets/b.js").status, 404);
}

TEST(Service, AnImageIsRefusedWithTheModelsName) {
  const Running s(say_hello);
  const std::pair<const char*, const char*> bodies[] = {
      {"/v1/chat/completions",
       R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]})"},
      {"/v1/responses",
       R"({"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:"}]}]})"},
      {"/v1/messages",
       R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]})"},
      {"/v1/messages/count_tokens",
       R"({"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]})"}};
  for (const auto& [path, body] : bodies) {
    const Answered a = s.ask("POST", path, body);
    EXPECT_EQ(a.status, 400) << path;
    EXPECT_NE(a.body.find("the model 'tiny' reads text only"), a.body.npos) << a.body;
  }
}

}  // namespace
}  // namespace autark::serve
