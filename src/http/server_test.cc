// Goal: what server.h promises to handlers and clients holds on real sockets: order, framing, keep-alive,
// close events, writes from any thread, and an end without loose ends. Method: a server in this process, and
// raw sockets that read until what must come has come. No timing.
#include "http/server.h"
#include <gtest/gtest.h>
#include <atomic>
#include <future>
#include <thread>
#include "http/raw_socket.h"

namespace autark::http {
namespace {

std::string get(std::string path, std::string more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}
std::string post(std::string path, std::string body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
size_t count(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

struct Held {  // a handler that keeps its stream for the test
  std::promise<StreamPtr> promise;
  Handler handler() {
    return [this](Request, StreamPtr stream) { promise.set_value(std::move(stream)); };
  }
  StreamPtr stream() { return promise.get_future().get(); }
};

std::unique_ptr<Server> serve(Router router, Options options = {}) {
  options.threads = 2;
  router.add("POST", "/echo", [](Request r, StreamPtr s) {
    s->respond({200, {{"x-path", r.path}}, std::move(r.body)});
  });
  router.add("GET", "/say/*", [](Request r, StreamPtr s) {
    s->respond({200, {}, "[" + r.path.substr(5) + "]"});
  });
  auto server = Server::start(options, std::move(router));
  EXPECT_TRUE(server) << (server ? "" : server.error().message);
  return std::move(*server);
}

TEST(ServerTest, KeepsAConnectionAndAnswersInOrder) {
  const auto server = serve({});
  RawSocket client(server->port());
  for (int i = 0; i < 20; ++i) {
    client.send(get("/say/" + std::to_string(i)));
    EXPECT_NE(client.read_until("]").find("[" + std::to_string(i) + "]"), std::string::npos);
  }
  EXPECT_EQ(server->connections(), 1);
}
TEST(ServerTest, AnswersPipelinedRequestsInOrder) {
  const auto server = serve({});
  RawSocket client(server->port());
  std::string all, wanted;
  for (int i = 0; i < 3000; ++i) {
    all += i % 2 ? post("/echo", "[" + std::to_string(i) + "]") : get("/say/" + std::to_string(i));
    wanted += "[" + std::to_string(i) + "]";
  }
  std::thread writer([&] { client.send(all + get("/say/end", "Connection: close\r\n")); });
  const std::string text = client.read_all();
  writer.join();
  std::string bodies;
  for (size_t at = text.find('['); at != text.npos; at = text.find('[', at + 1))
    bodies += text.substr(at, text.find(']', at) - at + 1);
  EXPECT_EQ(bodies, wanted + "[end]");
}
TEST(ServerTest, AnswersAClientThatClosedItsSendingSide) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send(get("/say/a") + get("/say/b"));
  client.end_sending();
  const std::string text = client.read_all();
  EXPECT_LT(text.find("[a]"), text.find("[b]"));
  EXPECT_NE(text.find("[b]"), text.npos);
}
TEST(ServerTest, HeadHasTheLengthAndNoBody) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send("HEAD /say/abc HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string text = client.read_all();
  EXPECT_NE(text.find("content-length: 5\r\n"), text.npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}
TEST(ServerTest, SaysContinueBeforeABodyThatWaitsForIt) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_NE(client.read_until("abc").find("200 OK"), std::string::npos);
}
TEST(ServerTest, StreamsFromAnotherThreadInChunks) {
  Held held;
  Router router;
  router.add("GET", "/stream", held.handler());
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/stream"));
  const StreamPtr stream = held.stream();
  stream->start(200, {{"content-type", "text/event-stream"}});
  EXPECT_TRUE(stream->write("one"));
  EXPECT_NE(client.read_until("3\r\none\r\n").find("transfer-encoding: chunked"), std::string::npos);
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) stream->write("x");
    stream->finish();
  });
  EXPECT_EQ(count(client.read_until("0\r\n\r\n"), "1\r\nx\r\n"), 1000u);
  other.join();
  EXPECT_FALSE(stream->write("late"));
  client.send(get("/say/next"));  // the connection goes on
  EXPECT_NE(client.read_until("]").find("[next]"), std::string::npos);
}
TEST(ServerTest, OldClientsGetPlainBytesUntilClose) {
  Held held;
  Router router;
  router.add("GET", "/stream", held.handler());
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const StreamPtr stream = held.stream();
  stream->start(200, {});
  stream->write("one");
  stream->write("two");
  stream->finish();
  EXPECT_TRUE(client.read_all().ends_with("\r\n\r\nonetwo"));
}

// The three moments at which a client can vanish, with a close and with a reset.
class VanishTest : public ::testing::TestWithParam<std::tuple<int, bool>> {};
TEST_P(VanishTest, FiresOnCloseOnceAndStopsWrites) {
  const auto [moment, reset] = GetParam();
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/wait"));
  if (moment == 2) client.send(get("/say/queued") + get("/say/behind"));
  const StreamPtr stream = held.stream();
  std::promise<void> gone;
  std::atomic<int> calls{0};
  stream->on_close([&] {
    if (calls++ == 0) gone.set_value();
  });
  if (moment == 1) {
    stream->start(200, {});
    stream->write("hello");
    client.read_until("hello");
  }
  EXPECT_FALSE(stream->closed());
  reset ? client.reset() : client.close();
  gone.get_future().wait();
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->write("more"));
  stream->finish();
  bool at_once = false;
  stream->on_close([&] { at_once = true; });
  EXPECT_TRUE(at_once);
  EXPECT_EQ(calls, 1);
}
std::string moment_name(const ::testing::TestParamInfo<VanishTest::ParamType>& i) {
  const char* const kMoments[] = {"waiting", "streaming", "queued"};
  return std::string(kMoments[std::get<0>(i.param)]) + (std::get<1>(i.param) ? "_reset" : "_close");
}
INSTANTIATE_TEST_SUITE_P(Moments, VanishTest,
                         ::testing::Combine(::testing::Values(0, 1, 2), ::testing::Bool()), moment_name);

TEST(ServerTest, ACloseHandlerDoesNotRunAfterAFinishedAnswer) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  bool called = false;
  {
    RawSocket client(server->port());
    client.send(get("/wait"));
    const StreamPtr stream = held.stream();
    stream->on_close([&] { called = true; });
    stream->respond({200, {}, "done"});
    client.read_until("done");
  }
  server.reset();
  EXPECT_FALSE(called);
}
TEST(ServerTest, AnAnswerThatIsDroppedIs500AndAThrownOneToo) {
  Router router;
  router.add("GET", "/drop", [](Request, StreamPtr) {});
  router.add("GET", "/throw", [](Request, StreamPtr) { throw std::runtime_error("oops"); });
  router.add("GET", "/half", [](Request, StreamPtr s) {
    s->start(200, {});
    s->write("half");
  });
  Options options;
  options.error_body = [](int status, std::string_view, std::string_view path) {
    return ErrorBody{"application/json", "{\"" + std::string(path) + "\":" + std::to_string(status) + "}"};
  };
  const auto server = serve(std::move(router), options);
  for (const char* path : {"/drop", "/throw", "/nothing"}) {
    RawSocket client(server->port());
    client.send(get(path));
    const std::string text = client.read_until("}");
    EXPECT_NE(text.find("{\"" + std::string(path) + (path[1] == 'n' ? "\":404}" : "\":500}")), text.npos)
        << text;
    EXPECT_NE(text.find("content-type: application/json\r\n"), text.npos);
  }
  RawSocket half(server->port());
  half.send(get("/half"));
  EXPECT_TRUE(half.read_all().ends_with("\r\n\r\n4\r\nhalf\r\n"));  // no end: the client can tell
}
TEST(ServerTest, AStreamOfKnownLengthKeepsTheConnectionOnlyWhenItIsWhole) {
  Router router;
  router.add("GET", "/six/*", [](Request r, StreamPtr s) {
    s->start(200, {{"content-length", "6"}});
    s->write("abc");
    if (r.path != "/six/half") s->write("defgh");
    s->finish();
  });
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/six/whole") + get("/six/half") + get("/say/never"));
  const std::string text = client.read_all();
  EXPECT_EQ(count(text, "content-length: 6\r\n"), 2u);
  EXPECT_EQ(count(text, "chunked"), 0u);
  EXPECT_EQ(count(text, "\r\n\r\nabcdefHTTP/1.1 200 OK"), 1u);
  EXPECT_TRUE(text.ends_with("\r\n\r\nabc"));
}
TEST(ServerTest, ASecondAnswerIsIgnored) {
  Router router;
  router.add("GET", "/twice", [](Request, StreamPtr s) {
    s->respond({200, {}, "(first)"});
    s->respond({500, {}, "(second)"});
    s->start(200, {});
  });
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/twice") + get("/say/end"));
  EXPECT_EQ(client.read_until("[end]").find("(second)"), std::string::npos);
}
TEST(ServerTest, FiveHundredConnectionsAtOnce) {
  std::mutex mutex;
  std::vector<StreamPtr> streams;
  Router router;
  router.add("GET", "/wait", [&](Request, StreamPtr s) {
    s->start(200, {});
    s->write("<");
    const std::lock_guard lock(mutex);
    streams.push_back(std::move(s));
  });
  const auto server = serve(std::move(router));
  std::vector<RawSocket> clients;
  for (int i = 0; i < 500; ++i) clients.emplace_back(server->port());
  for (RawSocket& c : clients) ASSERT_TRUE(c.send(get("/wait")));
  for (RawSocket& c : clients) ASSERT_NE(c.read_until("<").find("200 OK"), std::string::npos);
  EXPECT_EQ(server->connections(), 500);
  for (size_t i = 0; i < clients.size(); i += 2) clients[i].reset();
  for (const StreamPtr& s : streams) s->write(">");
  for (const StreamPtr& s : streams) s->finish();
  for (size_t i = 1; i < clients.size(); i += 2)
    EXPECT_NE(clients[i].read_until("0\r\n\r\n").find('>'), std::string::npos);
}
TEST(ServerTest, StopEndsEverythingAndStreamsOutliveTheServer) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  RawSocket idle(server->port()), busy(server->port());
  busy.send(get("/wait"));
  const StreamPtr stream = held.stream();
  std::atomic<bool> gone{false};
  stream->on_close([&] { gone = true; });
  server.reset();
  EXPECT_TRUE(gone);
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(stream->write("x"));
  stream->respond({200, {}, "x"});
}
TEST(ServerTest, DrainLetsAnswersEnd) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  RawSocket idle(server->port()), busy(server->port());
  busy.send(get("/wait"));
  const StreamPtr stream = held.stream();
  server->drain();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(RawSocket(server->port()).connected());
  stream->respond({200, {}, "late but whole"});
  EXPECT_TRUE(busy.read_all().ends_with("late but whole"));
}
TEST(ServerTest, SaysWhyItCannotListen) {
  const auto server = serve({});
  const auto second = Server::start({.port = server->port()}, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(server->port())), std::string::npos);
  EXPECT_FALSE(Server::start({.host = "no host"}, {}));
}

}  // namespace
}  // namespace autark::http
