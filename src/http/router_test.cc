// Goal: a request reaches the handler of its method and path; every other request gets an answer that says
// why. Method: a Stream that records the response; examples of each rule of router.h.
#include "http/router.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

class Kept final : public Stream {
 public:
  void respond(Response r) override { response = std::move(r); }
  void start(int, Headers) override {}
  bool write(std::string) override { return true; }
  void finish() override {}
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}
  Response response{0, {}, ""};
};

Handler says(std::string word) {
  return [word](Request, StreamPtr stream) { stream->respond({200, {}, word}); };
}

Response ask(const Router& router, std::string method, std::string path) {
  const auto kept = std::make_shared<Kept>();
  router.handle({.method = std::move(method), .path = std::move(path)}, kept);
  return kept->response;
}

Router example() {
  Router router;
  router.add("GET", "/", says("root"));
  router.add("GET", "/models", says("models"));
  router.add("GET", "/models/*", says("one model"));
  router.add("DELETE", "/models/*", says("gone"));
  router.add("GET", "/models/a/*", says("inside a"));
  router.add("POST", "/chat", says("chat"));
  return router;
}

TEST(RouterTest, ExactBeforeLongestPrefix) {
  const Router router = example();
  EXPECT_EQ(ask(router, "GET", "/").body, "root");
  EXPECT_EQ(ask(router, "GET", "/models").body, "models");
  EXPECT_EQ(ask(router, "GET", "/models/x").body, "one model");
  EXPECT_EQ(ask(router, "GET", "/models/x/y").body, "one model");
  EXPECT_EQ(ask(router, "GET", "/models/a/y").body, "inside a");
  EXPECT_EQ(ask(router, "DELETE", "/models/x").body, "gone");
}
TEST(RouterTest, HeadIsAnsweredFromGet) {
  EXPECT_EQ(ask(example(), "HEAD", "/models").body, "models");
}
TEST(RouterTest, AWrongMethodIsToldTheRightOnes) {
  const Response r = ask(example(), "PUT", "/models/x");
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(r.headers.front(), std::pair(std::string("allow"), std::string("DELETE, GET, HEAD")));
}
TEST(RouterTest, NothingThere) {
  Router router = example();
  for (const char* path : {"/nothing", "/modelsx", "/chat/", "", "*", "models"})
    EXPECT_EQ(ask(router, "GET", path).status, 404);
  router.not_found([](Request, StreamPtr s) { s->respond({410, {}, ""}); });
  EXPECT_EQ(ask(router, "GET", "/nothing").status, 410);
}
TEST(RouterTest, FiltersComeFirstAndInOrder) {
  Router router = example();
  std::string seen;
  router.filter([&](const Request&, const StreamPtr&) { return seen += "a", false; });
  router.filter([&](const Request& r, const StreamPtr& s) {
    seen += "b";
    if (r.path == "/chat") s->refuse(401, "a key is needed");
    return r.path == "/chat";
  });
  EXPECT_EQ(ask(router, "POST", "/chat").status, 401);
  EXPECT_EQ(ask(router, "GET", "/nothing").status, 404);
  EXPECT_EQ(seen, "abab");
}
TEST(RouterTest, UploadsAreKnownByMethodAndPath) {
  class Echo final : public BodySink {
   public:
    explicit Echo(StreamPtr stream) : stream_(std::move(stream)) {}
    void put(std::string bytes, std::function<void(bool)> then) override { body_ += bytes, then(true); }
    void end() override { stream_->respond({200, {}, body_}); }

   private:
    const StreamPtr stream_;
    std::string body_;
  };
  Router router = example();
  router.upload("POST", "/files",
                [](const Request&, const StreamPtr& s) { return std::make_shared<Echo>(s); });
  EXPECT_TRUE(router.is_upload("POST", "/files"));
  for (const auto& [method, path] : {std::pair("GET", "/files"), {"POST", "/chat"}, {"POST", "/none"}})
    EXPECT_FALSE(router.is_upload(method, path)) << method << path;
  const auto kept = std::make_shared<Kept>();
  router.handle({.method = "POST", .path = "/files", .body = "whole"}, kept);
  EXPECT_EQ(kept->response.body, "whole");
}

}  // namespace
}  // namespace autark::http
