// Goal: a request that is repeated with its Idempotency-Key is computed once, and the key never mixes up two
// requests. Method: a backend that counts, behind a real server; then the bounds, with streams of the test.
#include "serve/idempotency.h"
#include <future>
#include "serve/testing.h"

namespace autark::serve {
namespace {

constexpr const char* kChatPath = "/v1/chat/completions";
constexpr const char* kKey = "idempotency-key: k1\r\n";

struct Counting {
  std::atomic<int> asked{0};
  ScriptedBackend::Script script() {
    return [this](api::Request r, api::Backend::Sink sink) {
      ++asked;
      return say_hello(std::move(r), std::move(sink));
    };
  }
};

TEST(Idempotency, ARepeatedRequestIsComputedOnce) {
  Counting counting;
  const Running s(counting.script());
  for (const char* body : {kChat, kChatStream}) {
    const std::string key = body == kChat ? "idempotency-key: a\r\n" : "idempotency-key: b\r\n";
    const int before = counting.asked;
    const Answered first = s.ask("POST", kChatPath, body, key), again = s.ask("POST", kChatPath, body, key);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("x-request-id"), first.header("x-request-id"));
    EXPECT_EQ(again.header("content-type"), first.header("content-type"));
    EXPECT_EQ(again.header("idempotent-replayed"), "true");
    EXPECT_EQ(counting.asked, before + 1);
  }
  s.ask("POST", kChatPath, kChat);
  EXPECT_EQ(counting.asked, 3) << "without a key nothing is kept";
}

TEST(Idempotency, AnotherRequestIsRefused) {
  Counting counting;
  const Running s(counting.script());
  EXPECT_EQ(s.ask("POST", kChatPath, kChat, kKey).status, 200);
  const Answered other = s.ask("POST", kChatPath, kChatStream, kKey);
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.json()["error"]["code"], "idempotency_key_reused");
  EXPECT_EQ(other.header("x-should-retry"), "false");
  EXPECT_EQ(s.ask("POST", "/v1/responses", kChat, kKey).status, 409) << "another path";
  EXPECT_EQ(s.ask("POST", kChatPath, kChat, "idempotency-key: " + std::string(256, 'k') + "\r\n").status,
            400);
}

TEST(Idempotency, WhileItIsUnderWay) {
  api::Backend::Sink sink;
  std::promise<void> submitted;
  const Running s([&](api::Request, api::Backend::Sink given) {
    sink = std::move(given);
    submitted.set_value();
    return api::Backend::Handle();
  });
  auto first = s.connect();
  first.send(request_text("POST", kChatPath, kChat, kKey));
  submitted.get_future().wait();
  const Answered early = s.ask("POST", kChatPath, kChat, kKey);
  EXPECT_EQ(early.status, 409);
  EXPECT_EQ(early.header("retry-after"), "1");
  sink({0, api::Event::Started{3}, {3, 0, 0}});
  sink({0, api::Event::Delta{"Hey", {}, false}, {3, 0, 1}});
  sink({0, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 1}});
  EXPECT_EQ(read_answer(first).body, s.ask("POST", kChatPath, kChat, kKey).body);
}

TEST(Idempotency, AFaultGivesTheKeyFree) {
  int asked = 0;
  const Running s([&](api::Request r, api::Backend::Sink sink) {
    if (++asked > 1) return say_hello(std::move(r), std::move(sink));
    sink({.payload = api::ApiError{.kind = api::ApiError::Kind::overloaded, .message = "later"}});
    return api::Backend::Handle();
  });
  EXPECT_EQ(s.ask("POST", kChatPath, kChat, kKey).status, 429);
  EXPECT_EQ(s.ask("POST", kChatPath, kChat, kKey).status, 200);
}

// A client that takes everything.
class Client final : public http::Stream {
 public:
  void respond(http::Response r) override { text = r.body; }
  void start(int, http::Headers) override {}
  bool write(std::string bytes) override { return text += bytes, true; }
  void finish() override {}
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}
  std::string text;
};

http::Request request(const std::string& key) {
  http::Request r;
  r.method = "POST";
  r.path = "/";
  r.headers = {{"idempotency-key", key}};
  return r;
}

// Answers with `text`; true if the request was let through, false if an answer was replayed.
bool ask(Idempotency& i, const std::string& key, Idempotency::Time now, const std::string& text = "x",
         const std::string& owner = "me") {
  http::StreamPtr stream = std::make_shared<Client>();
  EXPECT_FALSE(i.admit(request(key), owner, now, stream));
  if (stream) stream->respond({200, {}, text});
  return stream != nullptr;
}

TEST(Idempotency, AnotherOwnersKeyIsAnotherKey) {
  const auto i = std::make_shared<Idempotency>();
  for (const char* owner : {"me", "you", "me\nk"}) {
    http::StreamPtr stream = std::make_shared<Client>();
    EXPECT_FALSE(i->admit(request("k"), owner, {}, stream));
    ASSERT_TRUE(stream) << owner;
    stream->respond({200, {}, owner});
  }
  http::StreamPtr stream = std::make_shared<Client>();
  EXPECT_FALSE(i->admit(request("k"), "you", {}, stream));
  EXPECT_FALSE(stream) << "it was replayed";
}

TEST(Idempotency, IsBounded) {
  const auto i = std::make_shared<Idempotency>(Idempotency::Limits{.answers = 3, .bytes = 1000});
  const Idempotency::Time now{};
  for (const char* key : {"a", "b", "c", "d"}) EXPECT_TRUE(ask(*i, key, now));
  EXPECT_TRUE(ask(*i, "a", now)) << "the oldest was removed";
  EXPECT_FALSE(ask(*i, "d", now));
  EXPECT_TRUE(ask(*i, "e", now, std::string(999, 'x')));
  EXPECT_TRUE(ask(*i, "d", now)) << "too many bytes";
  EXPECT_FALSE(ask(*i, "d", now + std::chrono::hours(23)));
  EXPECT_TRUE(ask(*i, "d", now + std::chrono::hours(24))) << "it is too old";
}

TEST(Idempotency, AnOwnerLosesNothingToOneThatHasMore) {
  const auto i = std::make_shared<Idempotency>(Idempotency::Limits{.answers = 10, .bytes = 1000});
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(ask(*i, key, {}));
  for (int n = 0; n < 100; ++n) EXPECT_TRUE(ask(*i, std::to_string(n), {}, "x", "you"));
  for (int n = 0; n < 20; ++n)
    EXPECT_TRUE(ask(*i, "big" + std::to_string(n), {}, std::string(300, 'x'), "he"));
  for (const char* key : {"a", "b", "c"}) EXPECT_FALSE(ask(*i, key, {})) << key << " is kept";
  EXPECT_FALSE(ask(*i, "big19", {}, "", "he")) << "and what is new of the others, too";
  EXPECT_TRUE(ask(*i, "1", {}, "x", "you"));
  for (int n = 0; n < 100; ++n) EXPECT_TRUE(ask(*i, std::to_string(n), {}, "x", std::to_string(n)));
  EXPECT_TRUE(ask(*i, "a", {})) << "with many owners each has few";
}

TEST(Idempotency, ALongStreamIsNotKept) {
  const auto i = std::make_shared<Idempotency>();
  for (int round = 0; round < 2; ++round) {
    http::StreamPtr stream = std::make_shared<Client>();
    EXPECT_FALSE(i->admit(request("k"), "me", {}, stream));
    ASSERT_TRUE(stream) << "the key is free again";
    stream->start(200, {});
    for (int piece = 0; piece < 3; ++piece) stream->write(std::string(1 << 20, 'x'));
    stream->finish();
  }
}

}  // namespace
}  // namespace autark::serve
