// Goal: the promises of server.h to handlers and clients hold on real sockets: order, framing, keep-alive,
// close events, writes from any thread and a clean shutdown. Method: a server in this process, and raw
// sockets that read until the expected bytes have arrived. No timing.
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

// A client can leave at three moments, each with a close or with a reset.
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
// Streams of one loop that are written to at the same time are sent in one turn.
TEST(ServerTest, ASentHandlerThatThrowsDoesNotKeepOtherStreamsFromBeingSent) {
  Held first, second;
  Router router;
  router.add("GET", "/first", first.handler());
  router.add("GET", "/second", second.handler());
  StreamPtr a, b;
  router.add("GET", "/both", [&](Request, StreamPtr stream) {
    a->write("one");
    a->on_sent([] { throw std::runtime_error("oops"); });
    b->write("two");
    stream->respond({200, {}, "both"});
  });
  const auto server = Server::start({.threads = 1}, std::move(router));
  ASSERT_TRUE(server);
  RawSocket one((*server)->port()), two((*server)->port()), third((*server)->port());
  one.send(get("/first")), two.send(get("/second"));
  a = first.stream(), b = second.stream();
  a->start(200, {}), b->start(200, {});
  one.read_until("\r\n\r\n"), two.read_until("\r\n\r\n");
  third.send(get("/both"));
  const timeval patience{5, 0};
  ::setsockopt(two.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(two.read_until("two"), "3\r\ntwo");
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
constexpr std::chrono::milliseconds kNever = std::chrono::minutes(10);

TEST(F12_Drain, ThePortStaysOpenAndConnectionsEndAfterTheirAnswer) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  RawSocket kept(server->port()), busy(server->port());
  kept.send(get("/say/a"));
  kept.read_until("[a]");
  busy.send(get("/wait"));
  const StreamPtr stream = held.stream();
  while (server->answering() != 1) std::this_thread::yield();  // the first answer is sent, this one is not
  server->drain();
  kept.send(get("/say/b"));
  const std::string text = kept.read_all();
  EXPECT_NE(text.find("connection: close\r\n"), text.npos);
  EXPECT_TRUE(text.ends_with("[b]"));
  RawSocket late(server->port());
  late.send(get("/say/c"));
  EXPECT_TRUE(late.read_all().ends_with("[c]"));
  stream->respond({200, {}, "late but whole"});
  EXPECT_TRUE(busy.read_all().ends_with("late but whole"));
}
TEST(F12_Drain, FinishWaitsForWhatIsToBeSentAndForNothingElse) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  RawSocket idle(server->port()), kept(server->port()), busy(server->port());
  kept.send(get("/say/a"));
  kept.read_until("[a]");
  busy.send(get("/wait"));
  const StreamPtr stream = held.stream();
  server->drain();
  const std::string whole(16 << 20, 'x');  // more than a socket holds
  stream->respond({200, {}, whole});
  std::thread end([&] { server->finish(kNever); });
  EXPECT_TRUE(busy.read_all().ends_with(whole));
  end.join();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(kept.read_all(), "");
  EXPECT_EQ(server->connections(), 0);
  EXPECT_FALSE(RawSocket(server->port()).connected());
}
TEST(F12_Drain, FinishRefusesWhatIsHalfSaid) {
  Options options;
  options.error_body = [](int status, std::string_view, std::string_view path) {
    return ErrorBody{"text/plain", "<" + std::to_string(status) + " " + std::string(path) + ">"};
  };
  auto server = serve({}, options);
  RawSocket head(server->port()), body(server->port());
  head.send("GET /say/a HT");
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  body.read_until("Continue\r\n\r\n");
  while (server->connections() < 2) std::this_thread::yield();
  body.send("ab");
  server->drain();
  server->finish(kNever);
  EXPECT_TRUE(body.read_all().ends_with("<503 /echo>"));
  const std::string text = head.read_all();
  EXPECT_TRUE(text.empty() || text.ends_with("<503 >")) << text;  // empty: its bytes had not been read
}
TEST(F12_Drain, FinishDoesNotWaitForAClientThatReadsNothing) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.receive_buffer(4096);
  client.send(get("/wait"));
  held.stream()->respond({200, {}, std::string(64 << 20, 'x')});
  server->finish(std::chrono::milliseconds(50));
  EXPECT_EQ(server->connections(), 1);
  server.reset();
}

// A client that closes its sending side waits for its answer.
TEST(G5_HalfClose, AnswersThatTakeTimeComeWholeAndStreamed) {
  for (const char* version : {"1.1", "1.0"}) {
    for (const bool streamed : {false, true}) {
      Held held;
      Router router;
      router.add("GET", "/wait", held.handler());
      const auto server = serve(std::move(router));
      RawSocket client(server->port());
      client.send("GET /wait HTTP/" + std::string(version) + "\r\nHost: h\r\n\r\n");
      const StreamPtr stream = held.stream();
      client.end_sending();
      EXPECT_EQ(client.read_until("H"), "H");  // so the server has seen the end
      EXPECT_FALSE(stream->closed());
      if (streamed) {
        stream->start(200, {});
        EXPECT_TRUE(stream->write("one"));
        EXPECT_NE(client.read_until("one").find("TTP/1.1 200 OK\r\n"), std::string::npos);
        EXPECT_TRUE(stream->write("two"));
        stream->finish();
        EXPECT_TRUE(client.read_all().ends_with(version[2] == '1' ? "3\r\ntwo\r\n0\r\n\r\n" : "two"));
      } else {
        stream->respond({200, {}, "done"});
        const std::string text = client.read_all();
        EXPECT_TRUE(text.starts_with("TTP/1.1 200 OK\r\n")) << text;
        EXPECT_TRUE(text.ends_with("\r\n\r\ndone"));
      }
    }
  }
}
TEST(G5_HalfClose, InsideAStreamTheNextChunkMayBeginWithAZero) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/wait"));
  const StreamPtr stream = held.stream();
  stream->start(200, {});
  stream->write("one");
  client.read_until("one\r\n");
  client.end_sending();
  EXPECT_EQ(client.read_until("0"), "0");
  stream->write("two");
  stream->finish();
  EXPECT_EQ(client.read_all(), "3\r\ntwo\r\n0\r\n\r\n");
}
TEST(G5_HalfClose, AllThatWasAskedIsAnsweredInOrder) {
  Held held;
  Router router;
  router.add("GET", "/wait", held.handler());
  const auto server = serve(std::move(router));
  RawSocket client(server->port());
  client.send(get("/wait") + get("/say/b"));
  const StreamPtr stream = held.stream();
  client.end_sending();
  EXPECT_EQ(client.read_until("H"), "H");
  stream->respond({200, {}, "[a]"});
  const std::string text = client.read_all();
  EXPECT_LT(text.find("[a]"), text.find("[b]"));
  EXPECT_TRUE(text.ends_with("[b]"));
}
TEST(G5_HalfClose, AClientThatLeavesLaterIsSeenToo) {
  for (const bool streamed : {false, true}) {
    Held held;
    Router router;
    router.add("GET", "/wait", held.handler());
    const auto server = serve(std::move(router));
    RawSocket client(server->port());
    client.send(get("/wait"));
    const StreamPtr stream = held.stream();
    if (streamed) stream->start(200, {});
    if (streamed) client.read_until("\r\n\r\n");
    std::promise<void> gone;
    stream->on_close([&] { gone.set_value(); });
    client.end_sending();
    client.read_until(streamed ? "0" : "H");
    client.close();  // the next byte is answered with a reset
    EXPECT_EQ(gone.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
  }
}

TEST(F18_Server, EveryAnswerCarriesTheOriginAndPreflightsNeedNothing) {
  Router router;
  router.filter([](const Request& r, const StreamPtr& s) {
    if (r.header("x-key").empty()) s->refuse(401, "a key is needed");
    return r.header("x-key").empty();
  });
  router.add("GET", "/stream", [](Request, StreamPtr s) {
    s->start(200, {});
    s->write("x");
    s->finish();
  });
  Options options;
  options.cors = *Cors::of(std::vector<std::string>{"https://a.example"});
  options.cors.exclude("/metrics");
  options.limits.body_bytes = 10;
  options.limits.body_time = std::chrono::milliseconds(50);
  options.limits.header_bytes = 1000;
  const auto server = serve(std::move(router), options);
  const auto ask = [&](std::string first, std::string more, std::string origin = "https://a.example") {
    RawSocket client(server->port());
    client.send(first + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nOrigin: " + origin + "\r\n" + more +
                "\r\n");
    return client.read_all();
  };
  const std::string allowed = "access-control-allow-origin: https://a.example\r\n", key = "X-Key: k\r\n";
  const std::string preflight = ask("OPTIONS /echo", "Access-Control-Request-Method: POST\r\n");
  EXPECT_TRUE(preflight.starts_with("HTTP/1.1 204 ")) << preflight;
  EXPECT_NE(preflight.find("access-control-allow-methods: POST\r\n"), preflight.npos);
  EXPECT_EQ(count(preflight, allowed), 1u);
  const std::pair<const char*, std::string> answers[] = {
      {"200", ask("GET /say/a", key)},
      {"200", ask("GET /stream", key)},
      {"401", ask("GET /say/a", "")},
      {"404", ask("GET /nothing", key)},
      {"405", ask("PUT /say/a", key)},
      {"413", ask("POST /echo", "Content-Length: 11\r\n")},
      {"408", ask("POST /echo", "Content-Length: 9\r\n")},
      {"417", ask("POST /echo", "Expect: tea\r\n")},
      {"501", ask("POST /echo", "Transfer-Encoding: gzip\r\n")}};
  for (const auto& [status, text] : answers) {
    EXPECT_TRUE(text.starts_with("HTTP/1.1 " + std::string(status) + " ")) << text;
    EXPECT_EQ(count(text, allowed), 1u) << text;
    EXPECT_EQ(count(text, "vary: Origin\r\n"), 1u) << text;
  }
  EXPECT_EQ(count(ask("GET /say/a", key, "https://a.example.evil"), "access-control"), 0u);
  for (const char* path : {"GET /metrics", "GET //metrics/", "GET /%6detrics", "OPTIONS /metrics"}) {
    const std::string text = ask(path, "Access-Control-Request-Method: GET\r\n" + key);
    EXPECT_EQ(count(text, "access-control"), 0u) << text;
  }
  EXPECT_TRUE(
      ask("OPTIONS /echo", "Access-Control-Request-Method: POST\r\n", "null").starts_with("HTTP/1.1 401 "));
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
