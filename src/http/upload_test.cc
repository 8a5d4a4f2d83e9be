// Goal: the body of an upload reaches its sink whole, in order and one piece at a time, however it is cut; filters,
// limits and clients that leave act before it is whole. Method: a server in this process, raw and TLS sockets, and
// sinks that record what they get.
#include <gtest/gtest.h>
#include <atomic>
#include <future>
#include <thread>
#include "http/raw_socket.h"
#include "http/request_reader.h"
#include "http/server.h"
#include "http/tls_testing.h"

namespace autark::http {
namespace {

using std::chrono::milliseconds;

// What the sinks of a server saw.
struct Seen {
  std::atomic<int> made{0}, dropped{0}, ended{0}, overlapping{0};
  std::atomic<size_t> largest{0};
  std::promise<void> one_dropped;
};

class Recorder final : public BodySink {
 public:
  Recorder(Seen& seen, StreamPtr stream, bool elsewhere)
      : seen_(seen), stream_(std::move(stream)), elsewhere_(elsewhere) {
    ++seen_.made;
  }
  ~Recorder() override {
    if (other_.joinable()) other_.join();
    if (++seen_.dropped == 1) seen_.one_dropped.set_value();
  }
  void put(std::string bytes, std::function<void(bool)> then) override {
    if (busy_.exchange(true)) ++seen_.overlapping;
    seen_.largest = std::max(seen_.largest.load(), bytes.size());
    body_ += bytes;
    const bool enough = body_.find("STOP") != body_.npos;
    if (enough) stream_->respond({409, {}, "[stopped]"});
    const auto after = [this, then, enough] {
      busy_ = false;
      then(!enough);
    };
    if (!elsewhere_) return after();
    if (other_.joinable()) other_.join();
    other_ = std::thread(after);
  }
  void end() override {
    ++seen_.ended;
    stream_->respond({200, {}, "[" + body_ + "]"});
  }

 private:
  Seen& seen_;
  const StreamPtr stream_;
  const bool elsewhere_;
  std::string body_;
  std::atomic<bool> busy_{false};
  std::thread other_;
};

std::unique_ptr<Server> serve(Seen& seen, Options options = {}, bool elsewhere = true) {
  Router router;
  router.filter([](const Request& r, const StreamPtr& s) {
    if (r.header("x-key") == "wrong") s->refuse(401, "wrong key");
    return r.header("x-key") == "wrong";
  });
  router.upload("POST", "/up", [&seen, elsewhere](const Request&, const StreamPtr& s) {
    return std::make_shared<Recorder>(seen, s, elsewhere);
  });
  router.add("GET", "/", [](Request, StreamPtr s) { s->respond({200, {}, "[ok]"}); });
  return std::move(*Server::start(options, std::move(router)));
}

std::string head(const std::string& more) {
  return "POST /up HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}
std::string with_length(const std::string& body) {
  return head("Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
}
std::string chunked(const std::string& body) {
  std::string text = head("Transfer-Encoding: chunked\r\n");
  for (size_t at = 0; at < body.size(); at += 3) {
    const std::string piece = body.substr(at, 3);
    text += std::to_string(piece.size()) + "\r\n" + piece + "\r\n";
  }
  return text + "0\r\n\r\n";
}

TEST(UploadReader, EveryCutGivesTheSameBody) {
  const auto uploads = [](std::string_view method, std::string_view path) {
    return method == "POST" && path == "/up";
  };
  for (const std::string& text : {with_length("hello you"), chunked("hello you"), with_length("")})
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      RequestReader reader({}, uploads);
      std::string body, input;
      for (const std::string& part : {text.substr(0, cut), text.substr(cut)}) {
        input += part;
        for (int i = 0; i < 3; ++i) {
          input.erase(0, reader.put(input));
          if (reader.is_upload()) body += reader.take_piece();
        }
      }
      ASSERT_EQ(reader.stage(), RequestReader::Stage::complete) << text << cut;
      EXPECT_EQ(reader.head().path, "/up");
      EXPECT_EQ(body, text.find("\r\n\r\n") + 4 == text.size() ? "" : "hello you") << cut;
      EXPECT_EQ(reader.take().body, "");
    }
}
TEST(UploadReader, OtherBodiesKeepTheirLimit) {
  RequestReader reader({.body_bytes = 4, .upload_bytes = 100}, [](auto, auto path) { return path == "/up"; });
  reader.put("POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(reader.refusal().status, 413);
  EXPECT_NE(reader.refusal().reason.find("4 bytes"), std::string::npos) << reader.refusal().reason;
}
TEST(UploadTest, TheSinkGetsTheBodyInOrderAndOnePieceAtATime) {
  for (const bool elsewhere : {false, true}) {
    Seen seen;
    const auto server = serve(seen, {}, elsewhere);
    std::string body;
    for (int i = 0; body.size() < (1 << 20); ++i) body += std::to_string(i) + " ";
    for (const std::string& text : {with_length(body), with_length("x"), with_length(""), chunked(body)}) {
      RawSocket client(server->port());
      for (size_t at = 0; at < text.size(); at += 10'007) ASSERT_TRUE(client.send(text.substr(at, 10'007)));
      const std::string answer = client.read_all();
      const std::string want = text.size() < 200 ? text.substr(text.find("\r\n\r\n") + 4) : body;
      EXPECT_TRUE(answer.ends_with("\r\n\r\n[" + want + "]")) << answer.substr(0, 200);
      EXPECT_NE(answer.find("connection: close"), answer.npos);
    }
    EXPECT_EQ(seen.overlapping, 0);
    EXPECT_LE(seen.largest, size_t{256} << 10) << "memory does not grow with the body";
    EXPECT_EQ(seen.ended, 4);
  }
}
TEST(UploadTest, OverTls) {
  CertificateFolder files;
  files.make(1);
  Seen seen;
  Options options;
  options.tls = *TlsPair::open(files.certificate(), files.key());
  const auto server = serve(seen, options);
  const std::string body(1 << 20, 'x');
  TlsSocket client(server->port());
  const std::string text = with_length(body);
  for (size_t at = 0; at < text.size(); at += 50'000) ASSERT_TRUE(client.send(text.substr(at, 50'000)));
  EXPECT_TRUE(client.read_all().ends_with("[" + body + "]"));
}
TEST(UploadTest, AFilterAnswersBeforeTheBody) {
  Seen seen;
  const auto server = serve(seen);
  RawSocket client(server->port());
  client.send(head("X-Key: wrong\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n"));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 401 ")) << "and no 100";
  EXPECT_EQ(seen.made, 0);
}
TEST(UploadTest, AClientThatSendsItAnywayStillReadsTheRefusal) {
  Seen seen;
  const auto server = serve(seen);
  RawSocket client(server->port());
  client.send(head("X-Key: wrong\r\nContent-Length: 20971520\r\n"));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.send(piece));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 401 "));
}
TEST(UploadTest, AClientMayWaitFor100Continue) {
  Seen seen;
  const auto server = serve(seen);
  RawSocket client(server->port());
  client.send(head("Content-Length: 2\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  EXPECT_TRUE(client.read_all().ends_with("[hi]"));
}
TEST(UploadTest, BeyondTheLimitIs413) {
  Seen seen;
  Options options;
  options.limits.upload_bytes = 1000;
  options.limits.body_bytes = 10;
  const auto server = serve(seen, options);
  RawSocket stated(server->port()), counted(server->port()), fits(server->port());
  stated.send(head("Content-Length: 1001\r\n"));
  EXPECT_TRUE(stated.read_all().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(seen.made, 0);
  counted.send(chunked(std::string(1001, 'x')));
  EXPECT_TRUE(counted.read_all().starts_with("HTTP/1.1 413 "));
  fits.send(chunked(std::string(1000, 'x')));
  EXPECT_TRUE(fits.read_all().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(seen.ended, 1);
}
TEST(UploadTest, ASinkMayAnswerInTheMiddle) {
  Seen seen;
  const auto server = serve(seen);
  RawSocket client(server->port());
  client.send(head("Content-Length: 20971520\r\n") + "enough: STOP");
  EXPECT_TRUE(client.read_until("[stopped]").starts_with("HTTP/1.1 409 "));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) client.send(piece);  // is discarded
  seen.one_dropped.get_future().wait();
  EXPECT_EQ(seen.ended, 0);
}
TEST(UploadTest, AClientThatLeavesDropsTheSink) {
  for (const bool reset : {false, true}) {
    Seen seen;
    const auto server = serve(seen);
    RawSocket client(server->port());
    client.send(head("Content-Length: 100\r\n") + "half");
    while (seen.largest == 0) std::this_thread::yield();
    reset ? client.reset() : client.close();
    seen.one_dropped.get_future().wait();
    EXPECT_EQ(seen.ended, 0);
  }
}
TEST(UploadTest, AClientThatStopsSendingGets408) {
  Seen seen;
  Options options;
  options.limits.body_time = milliseconds(50);
  const auto server = serve(seen, options);
  RawSocket client(server->port());
  client.send(head("Content-Length: 200000\r\n") + std::string(100'000, 'x'));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 408 "));
  seen.one_dropped.get_future().wait();
  EXPECT_EQ(seen.ended, 0);
}
TEST(UploadTest, AServerThatStopsAnswers503) {
  Seen seen;
  const auto server = serve(seen);
  RawSocket client(server->port());
  client.send(head("Content-Length: 100\r\n") + "half");
  while (seen.largest == 0) std::this_thread::yield();
  server->finish(milliseconds(5000));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(seen.ended, 0);
}

}  // namespace
}  // namespace autark::http
