// Goal: a server that stops gives every client an answer and does not wait longer than necessary. Method: a
// scripted backend that holds its answers, behind a real server; clients that read until the last byte.
#include "serve/drain.h"
#include <atomic>
#include <future>
#include "serve/testing.h"

namespace autark::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAtOnce{0}, kLong = std::chrono::minutes(10);
constexpr const char* kStopped = "the server stopped before the answer was whole";

// A backend that sends one word to some requests and then waits, and that does not start the others.
class Holding {
 public:
  ScriptedBackend::Script script() {
    return [this](api::Request r, api::Backend::Sink sink) -> api::Backend::Handle {
      const std::lock_guard lock(mutex_);
      if (r.max_tokens != 1) {  // 1: as one that waits for its place
        sink({.payload = api::Event::Started{3}});
        sink({.payload = api::Event::Delta{"one", {}, false}, .usage = {3, 0, 1}});
      }
      sinks_.push_back(std::move(sink));
      ++held;
      return [this] { ++cancelled; };
    };
  }
  void wait_for(int count) const {
    while (held < count) std::this_thread::yield();
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    for (auto& sink : sinks_)
      sink({.payload = api::Event::Finished{api::Finish::stop, ""}, .usage = {3, 0, 1}});
  }
  std::atomic<int> held{0}, cancelled{0};

 private:
  std::mutex mutex_;
  std::vector<api::Backend::Sink> sinks_;
};

std::string with(std::string body, std::string_view field) {
  return body.insert(1, std::string(field) + ",");
}

struct Case {
  const char* path;
  std::string body;
  bool streams;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  const std::pair<const char*, const char*> routes[] = {
      {"/v1/chat/completions", R"({"messages":[{"role":"user","content":"hi"}]})"},
      {"/v1/completions", R"({"prompt":"hi"})"},
      {"/v1/messages", R"({"messages":[{"role":"user","content":"hi"}]})"}};
  for (const auto& [path, body] : routes)
    for (const char* more : {R"("max_tokens":9)", R"("max_tokens":9,"stream":true)", R"("max_tokens":1)",
                             R"("max_tokens":1,"stream":true)"})
      all.push_back({path, with(body, more), std::string_view(more).starts_with("\"max_tokens\":9,")});
  return all;
}

TEST(F12_Drain, WhatDoesNotEndInTimeIsToldInItsDialect) {
  Holding backend;
  Running s(backend.script());
  const std::vector<Case> all = cases();
  std::vector<http::RawSocket> sockets;
  for (const Case& c : all) {
    sockets.push_back(s.connect());
    sockets.back().send(request_text("POST", c.path, c.body));
  }
  backend.wait_for(int(all.size()));
  drain(s.service, *s.server, kAtOnce);
  for (size_t i = 0; i < all.size(); ++i) {
    const bool anthropic = std::string_view(all[i].path) == "/v1/messages";
    const std::string text = sockets[i].read_all();
    EXPECT_NE(text.find(kStopped), text.npos) << all[i].path << all[i].body << text;
    EXPECT_TRUE(text.starts_with(all[i].streams ? "HTTP/1.1 200 " : "HTTP/1.1 503 ")) << text;
    EXPECT_EQ(text.ends_with("\n\n\r\n0\r\n\r\n"), all[i].streams) << "the stream has an end: " << text;
    EXPECT_EQ(text.find("retry-after: ") == text.npos, all[i].streams);
    EXPECT_NE(text.find(anthropic ? R"({"type":"error","error":{"type":"api_error",)"
                                  : R"("code":"service_unavailable")"),
              text.npos)
        << text;
    EXPECT_EQ(text.find("event: error\n") != text.npos, anthropic && all[i].streams);
  }
  EXPECT_EQ(backend.cancelled, int(all.size())) << "nothing is computed for nobody";
  EXPECT_EQ(s.service.in_flight(), 0);
}

TEST(F12_Drain, RequestsThatAreBeingPreparedOrCountedAreToldToo) {
  std::promise<void> entered, go_on;
  const std::shared_future<void> gate = go_on.get_future().share();
  {
    Running s(
        [&, first = true](api::Request r, api::Backend::Sink sink) mutable {
          if (std::exchange(first, false)) entered.set_value();
          gate.wait();
          return say_hello(std::move(r), std::move(sink));
        },
        {.workers = {.threads = 1}});
    std::vector<http::RawSocket> sockets;
    const std::pair<const char*, const char*> requests[] = {{"/v1/chat/completions", kChatStream},
                                                            {"/v1/chat/completions", kChat},
                                                            {"/v1/messages", kMessagesStream},
                                                            {"/v1/messages/count_tokens", kMessages}};
    for (const auto& [path, body] : requests) {
      sockets.push_back(s.connect());
      sockets.back().send(request_text("POST", path, body));
      if (sockets.size() == 1) entered.get_future().wait();  // the others wait behind it
    }
    while (s.service.in_flight() < 4) std::this_thread::yield();
    drain(s.service, *s.server, milliseconds(1));  // although the worker is still at it
    for (http::RawSocket& socket : sockets) {
      const Answered a = read_answer(socket);
      EXPECT_EQ(a.status, 503);
      EXPECT_NE(a.body.find(kStopped), std::string::npos) << a.body;
    }
    go_on.set_value();
  }
}

TEST(F12_Drain, WhatFitsEndsWholeAndNewOnesAreRefusedMeanwhile) {
  Holding backend;
  Running s(backend.script(), {.api_key = "k"});
  const char* key = "x-api-key: k\r\n";
  http::RawSocket whole = s.connect(), stream = s.connect(), kept = s.connect();
  kept.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
  kept.read_until("}");
  whole.send(request_text("POST", "/v1/chat/completions", kChat, key));
  stream.send(request_text("POST", "/v1/messages", kMessagesStream, key));
  backend.wait_for(2);
  std::thread end([&] { drain(s.service, *s.server, kLong); });
  while (s.ask("GET", "/ready").status != 503) std::this_thread::yield();
  EXPECT_EQ(s.ask("GET", "/ready").json(), Json({{"status", "stopping"}}));
  EXPECT_EQ(s.ask("GET", "/health").status, 200);
  EXPECT_EQ(s.ask("POST", "/v1/chat/completions", kChat).status, 401) << "the key is asked for all the same";
  for (const char* path :
       {"/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/messages/count_tokens"}) {
    const Answered a = s.ask("POST", path, kMessages, key);
    EXPECT_EQ(a.status, 503) << path;
    EXPECT_EQ(a.header("retry-after"), "2");
    EXPECT_EQ(a.json()["error"]["message"], "the server is stopping");
    EXPECT_EQ(a.json().contains("type"), std::string_view(path).starts_with("/v1/messages"));
  }
  EXPECT_EQ(s.ask("GET", "/v1/models", "", key).status, 503);
  const Answered state = s.ask("GET", "/v1/engine", "", key);
  EXPECT_EQ(state.status, 200) << "operators see what is left";
  EXPECT_EQ(state.json()["requests"].size(), 2u);
  kept.send("POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n\r\n");
  EXPECT_EQ(read_answer(kept).status, 503) << "on a connection from before, which ends with it";
  backend.finish();
  end.join();
  EXPECT_EQ(read_answer(whole).status, 200);
  EXPECT_TRUE(read_answer(stream).body.ends_with("data: {\"type\":\"message_stop\"}\n\n"));
  EXPECT_EQ(backend.cancelled, 0);
}

TEST(F12_Drain, IdleConnectionsDoNotDelayIt) {
  Running s(say_hello);
  http::RawSocket silent = s.connect(), kept = s.connect();
  kept.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
  kept.read_until("}");
  drain(s.service, *s.server, kLong);  // returns
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(kept.read_all(), "");
}

}  // namespace
}  // namespace autark::serve
