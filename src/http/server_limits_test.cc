// Goal: beyond every limit of server.h a client gets the answer stated there, and other clients are not
// affected. Method: servers with small limits; clients that exceed one limit each and read until an answer or
// the close.
#include <gtest/gtest.h>
#include <atomic>
#include <future>
#include <random>
#include <thread>
#include "http/raw_socket.h"
#include "http/server.h"

namespace autark::http {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<Server> serve(const Limits& limits, Router router = {}) {
  Options options;
  options.limits = limits;
  options.error_body = [](int status, std::string_view, std::string_view path) {
    return ErrorBody{"text/plain", "<" + std::to_string(status) + " " + std::string(path) + ">"};
  };
  router.add("GET", "/", [](Request, StreamPtr s) { s->respond({200, {}, "[ok]"}); });
  router.add("POST", "/", [](Request r, StreamPtr s) {
    s->respond({200, {}, "[" + std::to_string(r.body.size()) + "]"});
  });
  return std::move(*Server::start(options, std::move(router)));
}
bool alive(const Server& server) {
  RawSocket client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  return client.read_until("[ok]").find("[ok]") != std::string::npos;
}

TEST(ServerLimitsTest, AHeadThatIsTooLongIs431) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 431 "));
}
TEST(ServerLimitsTest, ABodyThatIsTooLargeIs413WithoutReadingIt) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send("POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n");
  const std::string text = client.read_all();  // comes although not one byte of the body was sent
  EXPECT_TRUE(text.starts_with("HTTP/1.1 413 ")) << text;
  EXPECT_NE(text.find("<413 /v1/x>"), text.npos);
  EXPECT_NE(text.find("connection: close"), text.npos);
}
TEST(ServerLimitsTest, AClientThatSendsAHundredMegabytesAnywayStillReadsThe413) {
  const auto server = serve({});
  RawSocket client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 104857600\r\n\r\n");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.send(piece));
  EXPECT_TRUE(client.read_until("<413 />").starts_with("HTTP/1.1 413 "));
}
TEST(ServerLimitsTest, AChunkedBodyIsCountedWhileItComes) {
  const auto server = serve({.body_bytes = 1000});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                    hundred(100, 'x');
  RawSocket fits(server->port()), over(server->port());
  fits.send(head), over.send(head);
  for (int i = 0; i < 10; ++i) fits.send("64\r\n" + hundred + "\r\n"), over.send("64\r\n" + hundred + "\r\n");
  fits.send("0\r\n\r\n"), over.send("1\r\nx\r\n");
  EXPECT_NE(fits.read_until("]").find("[1000]"), std::string::npos);
  EXPECT_TRUE(over.read_all().starts_with("HTTP/1.1 413 "));
}
TEST(ServerLimitsTest, ADribbledHeadIsClosed) {
  const auto server = serve({.header_time = milliseconds(50)});
  RawSocket client(server->port());
  client.send("GET / HT");
  EXPECT_EQ(client.read_all(), "");
}
TEST(ServerLimitsTest, ASlowBodyIs408) {
  const auto server = serve({.body_time = milliseconds(50)});
  RawSocket client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 408 "));
}
TEST(ServerLimitsTest, AnIdleConnectionIsClosed) {
  const auto server = serve({.idle_time = milliseconds(300)});
  RawSocket silent(server->port());
  EXPECT_EQ(silent.read_all(), "");
  RawSocket used(server->port());
  used.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(used.read_all().ends_with("[ok]"));
}
TEST(ServerLimitsTest, OneConnectionTooManyIs503AndTheOthersGoOn) {
  const auto server = serve({.connections = 2});
  RawSocket first(server->port()), second(server->port());
  for (RawSocket* c : {&first, &second}) {  // both are in before the third comes
    c->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    c->read_until("[ok]");
  }
  RawSocket third(server->port());
  EXPECT_EQ(third.read_all().substr(0, 13), "HTTP/1.1 503 ");  // also to one that says nothing
  RawSocket fourth(server->port());
  fourth.send("GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(fourth.read_all().ends_with("<503 /v1/x>"));
  first.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(first.read_until("[ok]").find("[ok]"), std::string::npos);
}
TEST(ServerLimitsTest, AStreamTooFarBehindIsClosed) {
  std::promise<StreamPtr> promise;
  Router router;
  router.add("GET", "/stream", [&](Request, StreamPtr s) { promise.set_value(std::move(s)); });
  const auto server = serve({.unsent_bytes = 1 << 20}, std::move(router));
  RawSocket client(server->port());
  client.receive_buffer(4096);
  client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const StreamPtr stream = promise.get_future().get();
  std::promise<void> gone;
  stream->on_close([&] { gone.set_value(); });
  stream->start(200, {});
  const std::string piece(64 << 10, 'x');
  int written = 0;
  while (stream->write(piece)) ++written;  // ends: the client reads nothing
  gone.get_future().wait();
  EXPECT_GE(written, 15);
  EXPECT_TRUE(stream->closed());
  EXPECT_TRUE(alive(*server));
}
TEST(ServerLimitsTest, AStreamTooFarBehindDoesNotWaitForTheWriteOnItsWay) {
  std::promise<StreamPtr> promise;
  Router router;
  router.add("GET", "/stream", [&](Request, StreamPtr s) { promise.set_value(std::move(s)); });
  const auto server =
      serve({.write_time = std::chrono::minutes(30), .unsent_bytes = 64 << 20}, std::move(router));
  RawSocket client(server->port());
  client.receive_buffer(4096);
  client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const StreamPtr stream = promise.get_future().get();
  std::promise<void> gone;
  stream->on_close([&] { gone.set_value(); });
  stream->start(200, {});
  stream->write(std::string(48 << 20, 'x'));  // more than any socket holds
  EXPECT_TRUE(alive(*server));                // by now it is on its way
  const std::string piece(1 << 20, 'x');
  while (stream->write(piece)) continue;
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
  EXPECT_TRUE(alive(*server));
}
TEST(ServerLimitsTest, PiecesThatWaitForEachOtherAreNeverTooMuch) {
  std::promise<StreamPtr> promise;
  Router router;
  router.add("GET", "/stream", [&](Request, StreamPtr s) { promise.set_value(std::move(s)); });
  const auto server = serve({.unsent_bytes = 1 << 20}, std::move(router));
  RawSocket client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const StreamPtr stream = promise.get_future().get();
  stream->start(200, {});
  std::atomic<int> left{64};
  std::function<void()> next = [&] {
    if (left-- == 0) return stream->finish();
    EXPECT_TRUE(stream->write(std::string(512 << 10, 'x')));
    stream->on_sent(next);
  };
  next();
  EXPECT_GT(client.read_all().size(), size_t{32} << 20);
  EXPECT_FALSE(stream->closed());
}
TEST(ServerLimitsTest, AClientThatTakesNothingIsClosed) {
  std::promise<StreamPtr> promise;
  Router router;
  router.add("GET", "/stream", [&](Request, StreamPtr s) { promise.set_value(std::move(s)); });
  const auto server =
      serve({.write_time = milliseconds(50), .unsent_bytes = size_t{1} << 30}, std::move(router));
  RawSocket client(server->port());
  client.receive_buffer(4096);
  client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const StreamPtr stream = promise.get_future().get();
  std::promise<void> gone;
  stream->on_close([&] { gone.set_value(); });
  stream->start(200, {});
  stream->write(std::string(64 << 20, 'x'));  // more than any socket holds
  gone.get_future().wait();
  EXPECT_TRUE(alive(*server));
}
TEST(ServerLimitsTest, GarbageHurtsNobody) {
  const auto server = serve({.header_time = milliseconds(200), .idle_time = milliseconds(200)});
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string valid = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd";
  for (int i = 0; i < 200; ++i) {
    RawSocket client(server->port());
    std::string bytes = i % 2 ? valid + valid : std::string(random() % 5000, '\0');
    for (char& c : bytes) {
      if (i % 2 == 0 || random() % 16 == 0) c = static_cast<char>(random());
    }
    client.send(bytes);
    if (i % 3 == 0) client.reset();
    if (i % 3 == 1) client.end_sending(), client.read_all();
  }
  EXPECT_TRUE(alive(*server));
}

}  // namespace
}  // namespace autark::http
