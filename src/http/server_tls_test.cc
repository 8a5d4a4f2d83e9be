// Goal: over TLS a client gets the bytes that it gets over TCP, in the same order, and everything that server.h
// promises holds; certificates are renewed while the server runs; what is broken in them is an Error that says
// what to do. Method: the same scenarios over both, compared byte for byte; certificates made here.
#include <gtest/gtest.h>
#include <future>
#include <regex>
#include "http/server.h"
#include "http/tls_testing.h"

namespace autark::http {
namespace {

using std::chrono::milliseconds;

Cors cors() {
  static const std::vector<std::string> kOrigins{"https://app.example"};
  return *Cors::of(kOrigins);
}
Router routes() {
  Router router;
  router.add("GET", "/say/*", [](Request r, StreamPtr s) {
    s->respond({200, {}, "[" + r.path.substr(5) + "]"});
  });
  router.add("POST", "/echo", [](Request r, StreamPtr s) { s->respond({200, {}, std::move(r.body)}); });
  router.add("GET", "/stream", [](Request, StreamPtr s) {
    s->start(200, {{"content-type", "text/event-stream"}});
    for (int i = 0; i < 200; ++i) s->write(sse(std::to_string(i)));
    s->finish();
  });
  router.add("GET", "/half", [](Request, StreamPtr s) {
    s->start(200, {});
    s->write("half");
  });
  return router;
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() { files.make(1); }
  std::unique_ptr<Server> serve(Router router, Limits limits = {}) const {
    Options options{.threads = 2, .limits = limits, .cors = cors()};
    auto pair = TlsPair::open(files.certificate(), files.key());
    EXPECT_TRUE(pair) << (pair ? "" : pair.error().message);
    options.tls = *pair;
    return std::move(*Server::start(options, std::move(router)));
  }
  CertificateFolder files;
};

// Sends each text and reads until the given end; then reads until the server closes.
struct Scenario {
  const char* name;
  std::vector<std::pair<std::string, std::string>> exchanges;
  bool ends_sending = false;
};
template <class Socket>
std::string heard(uint16_t port, const Scenario& s) {
  Socket client(port);
  std::string all;
  for (const auto& [text, end] : s.exchanges) {
    client.send(text);
    if (!end.empty()) all += client.read_until(end);
  }
  if (s.ends_sending) client.end_sending();
  all += client.read_all();
  return std::regex_replace(all, std::regex("date: [^\r]*"), "date");
}

std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}
std::string pipelined() {
  std::string all;
  for (int i = 0; i < 200; ++i) all += get("/say/" + std::to_string(i));
  return all;
}
const std::string kLast = "Connection: close\r\n";

std::vector<Scenario> scenarios() {
  const std::string big(3 << 20, 'x');
  return {
      {"keeps the connection",
       {{get("/say/a"), "[a]"}, {get("/say/b"), "[b]"}, {get("/nothing", kLast), ""}}},
      {"pipelined, then the end of the client's data", {{pipelined(), ""}}, true},
      {"head", {{"HEAD /say/abc HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", ""}}},
      {"continue",
       {{"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + kLast + "\r\n",
         "\r\n\r\n"},
        {"abc", ""}}},
      {"large",
       {{"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(big.size()) + "\r\n" + kLast +
             "\r\n" + big,
         ""}}},
      {"stream", {{get("/stream", kLast), ""}}},
      {"stream to an old client", {{"GET /stream HTTP/1.0\r\n\r\n", ""}}},
      {"an answer without end", {{get("/half"), ""}}},
      {"wrong method", {{"DELETE /echo HTTP/1.1\r\nHost: h\r\n" + kLast + "\r\n", ""}}},
      {"long head", {{get("/say/a", "x: " + std::string(40'000, 'x') + "\r\n"), ""}}},
      {"bare line feed", {{"GET / HTTP/1.1\nHost: h\n\n", ""}}},
      {"body too large", {{"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", ""}}},
      {"preflight",
       {{"OPTIONS /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\n"
         "Access-Control-Request-Method: POST\r\n" +
             kLast + "\r\n",
         ""}}},
      {"cut request", {{"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", ""}}, true}};
}

TEST_F(TlsTest, AClientHearsWhatItHearsWithoutTls) {
  const auto secure = serve(routes());
  const auto plain = Server::start({.threads = 2, .cors = cors()}, routes());
  for (const Scenario& s : scenarios()) {
    const std::string want = heard<RawSocket>((*plain)->port(), s);
    EXPECT_EQ(heard<TlsSocket>(secure->port(), s), want) << s.name;
    EXPECT_EQ(want.empty(), std::string_view(s.name).starts_with("cut")) << s.name;
  }
}
TEST_F(TlsTest, TheEndOfAConnectionIsSaid) {
  const auto server = serve(routes());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSocket client(server->port(), version);
    client.send(get("/say/a", kLast));
    EXPECT_TRUE(client.read_all().ends_with("[a]"));
    EXPECT_TRUE(client.was_ended());
  }
}
TEST_F(TlsTest, OldVersionsAreRefused) {
  const auto server = serve(routes());
  EXPECT_FALSE(TlsSocket(server->port(), TLS1_1_VERSION).connected());
  EXPECT_TRUE(TlsSocket(server->port(), TLS1_2_VERSION).connected());
}
TEST_F(TlsTest, APlainClientIsToldSo) {
  const auto server = serve(routes());
  RawSocket client(server->port());
  client.send(get("/say/a"));
  const std::string text = client.read_all();
  EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << text;
  EXPECT_NE(text.find("https://"), text.npos);
}
TEST_F(TlsTest, AClientThatSendsSomethingElseIsClosed) {
  const auto server = serve(routes());
  for (const char* text : {"\x16\x03\x01\xff\xff....", "SSH-2.0-OpenSSH\r\n"}) {
    RawSocket client(server->port());
    client.send(text);
    client.end_sending();
    client.read_all();
  }
  TlsSocket client(server->port());
  client.send(get("/say/a"));
  EXPECT_TRUE(client.read_until("]").ends_with("[a]"));
}

// A client can leave at two moments, in three ways.
class TlsVanishTest : public TlsTest, public ::testing::WithParamInterface<std::tuple<bool, int>> {};
TEST_P(TlsVanishTest, FiresOnCloseAndStopsWrites) {
  const auto [streaming, way] = GetParam();
  std::promise<StreamPtr> held;
  Router router;
  router.add("GET", "/wait", [&](Request, StreamPtr s) { held.set_value(std::move(s)); });
  const auto server = serve(std::move(router));
  TlsSocket client(server->port());
  client.send(get("/wait"));
  const StreamPtr stream = held.get_future().get();
  std::promise<void> gone;
  stream->on_close([&] { gone.set_value(); });
  if (streaming) {
    stream->start(200, {});
    stream->write("hello");
    EXPECT_TRUE(client.read_until("hello").ends_with("hello"));
  }
  if (way == 1) client.end_sending();
  way == 2 ? client.reset() : client.close();
  gone.get_future().wait();
  EXPECT_TRUE(stream->closed());
  EXPECT_FALSE(stream->write("more"));
}
std::string way_name(const ::testing::TestParamInfo<TlsVanishTest::ParamType>& i) {
  const char* const kWays[] = {"close", "said", "reset"};
  return std::string(std::get<0>(i.param) ? "streaming_" : "waiting_") + kWays[std::get<1>(i.param)];
}
INSTANTIATE_TEST_SUITE_P(Ways, TlsVanishTest,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(0, 1, 2)), way_name);

TEST_F(TlsTest, AClientThatEndsItsSendingSideStillGetsALateAnswer) {
  std::promise<StreamPtr> held;
  Router router;
  router.add("GET", "/wait", [&](Request, StreamPtr s) { held.set_value(std::move(s)); });
  const auto server = serve(std::move(router));
  TlsSocket client(server->port());
  client.send(get("/wait"));
  client.end_sending();
  const StreamPtr stream = held.get_future().get();
  stream->respond({200, {}, "late"});
  EXPECT_TRUE(client.read_all().ends_with("\r\n\r\nlate"));
}
TEST_F(TlsTest, AHandshakeHasATimeLimit) {
  const auto server = serve(routes(), {.handshake_time = milliseconds(50)});
  RawSocket silent(server->port());
  EXPECT_EQ(silent.read_all(), "");  // returns because the server closes
}
TEST_F(TlsTest, HandshakesUnderWayAreLimitedAndGiveTheirPlacesBack) {
  const auto server = serve(routes(), {.handshakes = 2});
  {
    RawSocket first(server->port()), second(server->port()), third(server->port());
    EXPECT_EQ(third.read_all(), "");
  }
  bool served = false;
  while (!served) served = TlsSocket(server->port()).connected();
}
TEST_F(TlsTest, AConnectionTooManyIsTurnedAway) {
  const auto server = serve(routes(), {.connections = 1});
  TlsSocket first(server->port());
  first.send(get("/say/a"));
  first.read_until("]");
  TlsSocket second(server->port());
  second.send(get("/say/b"));
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 503 "));
}
TEST_F(TlsTest, FinishSendsWhatRunsAndEndsWhatIsIdle) {
  std::promise<StreamPtr> held;
  Router router = routes();
  router.add("GET", "/wait", [&](Request, StreamPtr s) { held.set_value(std::move(s)); });
  const auto server = serve(std::move(router));
  TlsSocket idle(server->port()), running(server->port());
  idle.send(get("/say/a"));
  idle.read_until("]");
  running.send(get("/wait"));
  const StreamPtr stream = held.get_future().get();
  server->drain();
  stream->start(200, {});
  std::thread finishing([&] { server->finish(std::chrono::minutes(1)); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.was_ended());
  stream->write("rest");
  stream->finish();
  const std::string text = running.read_all();
  EXPECT_NE(text.find("connection: close"), text.npos);
  EXPECT_TRUE(text.ends_with("4\r\nrest\r\n0\r\n\r\n"));
  EXPECT_TRUE(running.was_ended());
  running.close();
  finishing.join();
}

TEST_F(TlsTest, NewConnectionsTakeARenewedPairAndOldOnesGoOn) {
  const auto server = serve(routes());
  TlsSocket old(server->port());
  EXPECT_EQ(old.serial(), 1);
  files.make(2);
  EXPECT_EQ(TlsSocket(server->port()).serial(), 2);
  old.send(get("/say/a"));
  EXPECT_TRUE(old.read_until("]").ends_with("[a]"));
}
TEST_F(TlsTest, ABrokenNewPairLeavesTheOldOneInUse) {
  const auto server = serve(routes());
  files.write(files.key(), "broken");
  EXPECT_EQ(TlsSocket(server->port()).serial(), 1);
  std::filesystem::remove(files.certificate());
  EXPECT_EQ(TlsSocket(server->port()).serial(), 1);
  files.make(3);
  EXPECT_EQ(TlsSocket(server->port()).serial(), 3);
}
TEST_F(TlsTest, ABrokenNewPairIsLoggedOnce) {
  const auto pair = *TlsPair::open(files.certificate(), files.key());
  files.write(files.key(), "broken");
  ::testing::internal::CaptureStdout();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pair->current());
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_NE(log.find("key.pem"), log.npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

std::string fault_of(const std::string& certificate, const std::string& key) {
  const auto pair = TlsPair::open(certificate, key);
  return pair ? "" : pair.error().message;
}
TEST_F(TlsTest, FilesThatCannotBeUsedAreErrorsThatNameThemAndTheWayOut) {
  CertificateFolder other;
  other.make(9, "secret");
  const std::string good = files.certificate(), key = files.key(), missing = other.certificate() + ".none";
  const auto says = [](const std::string& text, const std::string& path, const char* why) {
    EXPECT_TRUE(text.starts_with(path)) << text;
    EXPECT_NE(text.find(why), text.npos) << text;
    EXPECT_NE(text.find("; name "), text.npos) << text;
  };
  says(fault_of(missing, key), missing, "No such file");
  says(fault_of(good, missing), missing, "No such file");
  says(fault_of(good, other.key()), other.key(), "encrypted");
  EXPECT_NE(fault_of(good, other.key()).find("openssl pkey -in"), std::string::npos);
  says(fault_of(key, key), key, "holds no certificate");
  says(fault_of(good, good), good, "holds no private key");
  says(fault_of(other.certificate(), key), key, "is not the key of the certificate");
  EXPECT_EQ(fault_of(good, key), "");
}

}  // namespace
}  // namespace autark::http
