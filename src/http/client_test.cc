// Goal: the client brings what a server has, follows and stops where client.h says, and every broken answer
// is an Error. Method: our own server in this process, and a socket that answers with given bytes.
#include "http/client.h"
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <thread>
#include "http/server.h"

namespace autark::http {
namespace {

std::unique_ptr<Server> serve(Router router) {
  router.add("GET", "/text", [](Request, StreamPtr s) { s->respond({200, {{"x-a", "1"}}, "the text"}); });
  router.add("GET", "/headers", [](Request r, StreamPtr s) {
    s->respond({200, {}, std::string(r.header("authorization")) + "|" + std::string(r.header("range"))});
  });
  return std::move(*Server::start({}, std::move(router)));
}
std::string at(const Server& server, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(server.port()) + path;
}

// Accepts one connection, reads the request's head and sends `bytes`.
class Canned {
 public:
  explicit Canned(std::string bytes) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/";
    thread_ = std::thread([this, bytes = std::move(bytes)] {
      const int client = ::accept(socket_, nullptr, nullptr);
      std::string head;
      char c;
      while (head.find("\r\n\r\n") == head.npos && ::recv(client, &c, 1, 0) == 1) head += c;
      ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ::close(client);
    });
  }
  ~Canned() {
    thread_.join();
    ::close(socket_);
  }
  std::string url;

 private:
  int socket_;
  std::thread thread_;
};

TEST(ClientTest, BringsHeadAndBody) {
  const auto server = serve({});
  std::string body;
  Fetch what{.url = at(*server, "/text")};
  what.on_body = [&](std::string_view piece) { return body += piece, true; };
  const auto answer = fetch(what);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("x-a"), "1");
  EXPECT_EQ(answer->length, 8);
  EXPECT_EQ(body, "the text");
  EXPECT_EQ(*fetch_text({.url = at(*server, "/text")}), "the text");
  EXPECT_EQ(fetch_text({.url = at(*server, "/nothing")}).error().code, Code::not_found);
  EXPECT_FALSE(fetch_text({.url = at(*server, "/text")}, 7));
}
TEST(ClientTest, BringsLargeChunkedBodies) {
  Router router;
  router.add("GET", "/large", [](Request, StreamPtr s) {
    s->start(200, {});
    for (int i = 0; i < 30; ++i) s->write(std::string(100'000, static_cast<char>('a' + i % 26)));
    s->finish();
  });
  const auto server = serve(std::move(router));
  const auto text = fetch_text({.url = at(*server, "/large")});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->size(), 3'000'000u);
  EXPECT_EQ((*text)[2'999'999], 'd');
}
TEST(ClientTest, AsksForTheRest) {
  const auto server = serve({});
  EXPECT_EQ(*fetch_text({.url = at(*server, "/headers"), .headers = {{"authorization", "k"}}, .from = 7}),
            "k|bytes=7-");
}
TEST(ClientTest, FollowsRedirectsAndKeepsTheKeyAtHome) {
  const auto other = serve({});
  Router router;
  router.add("GET", "/away", [&](Request, StreamPtr s) {
    s->respond({302, {{"location", at(*other, "/headers")}}, ""});
  });
  router.add("GET", "/near", [](Request, StreamPtr s) { s->respond({307, {{"location", "headers"}}, ""}); });
  router.add("GET", "/loop", [](Request, StreamPtr s) { s->respond({301, {{"location", "/loop"}}, ""}); });
  const auto server = serve(std::move(router));
  const auto ask = [&](const char* path) {
    return fetch_text({.url = at(*server, path), .headers = {{"authorization", "secret"}}});
  };
  EXPECT_EQ(*ask("/away"), "|");
  EXPECT_EQ(*ask("/near"), "secret|");
  EXPECT_NE(ask("/loop").error().message.find("more than 10 times"), std::string::npos);
}
TEST(ClientTest, StopsWhenToldTo) {
  const auto server = serve({});
  Fetch what{.url = at(*server, "/text")};
  what.on_body = [](std::string_view) { return false; };
  EXPECT_EQ(fetch(what).error().code, Code::cancelled);
  what.on_head = [](const Fetched&) { return false; };
  EXPECT_EQ(fetch(what).error().code, Code::cancelled);
}
TEST(ClientTest, BrokenAnswersAreErrors) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const std::string& bytes :
       {std::string(), std::string("\x15\x03\x01\x00\x02"), ok, ok + "Content-Length: 10\r\n\r\nhalf",
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nab", ok + "Content-Length: x\r\n\r\n",
        ok + "X: " + std::string(100'000, 'x')}) {
    const Canned server(bytes);
    EXPECT_FALSE(fetch_text({.url = server.url})) << bytes.substr(0, 80);
  }
  const Canned until_close(ok + "\r\nno length");
  EXPECT_EQ(*fetch_text({.url = until_close.url}), "no length");
}
TEST(ClientTest, AServerThatSpeaksNoTlsIsAnError) {
  const Canned plain("HTTP/1.1 400 Bad Request\r\n\r\n");
  // The socket waits for an empty line that no TLS client sends: the time limit of the handshake ends it.
  EXPECT_FALSE(fetch({.url = "https" + plain.url.substr(4), .connect_time = std::chrono::milliseconds(200)}));
}
TEST(ClientTest, NobodyThere) {
  uint16_t port;
  {
    const auto server = serve({});
    port = server->port();
  }
  EXPECT_EQ(fetch({.url = "http://127.0.0.1:" + std::to_string(port) + "/"}).error().code, Code::io);
  EXPECT_FALSE(fetch({.url = "http://no-such-host.invalid/"}));
  EXPECT_FALSE(fetch({.url = "nonsense"}));
}

}  // namespace
}  // namespace autark::http
