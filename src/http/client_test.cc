// Goal: the client fetches bodies, follows redirects and stops as client.h says, uses the proxies of the
// environment, and turns every broken answer into an Error. Method: our own server in this process, and a
// socket that answers with given bytes and records the request.
#include "http/client.h"
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>
#include <stdexcept>
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

// Accepts one connection, reads the request's head and sends `bytes`; then closes, or waits for the client
// to close.
class Canned {
 public:
  explicit Canned(std::string bytes, bool waits = false) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/";
    thread_ = std::thread([this, waits, bytes = std::move(bytes)] {
      const int client = ::accept(socket_, nullptr, nullptr);
      char c;
      while (head_.find("\r\n\r\n") == head_.npos && ::recv(client, &c, 1, 0) == 1) head_ += c;
      ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      while (waits && ::recv(client, &c, 1, 0) == 1) {
      }
      ::close(client);
    });
  }
  ~Canned() {
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
  }
  // The head of the request, once it has been answered.
  const std::string& head() {
    thread_.join();
    return head_;
  }
  std::string url;

 private:
  int socket_;
  std::string head_;
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
TEST(ClientTest, WhatTheCallerThrowsIsAnError) {
  const auto server = serve({});
  Fetch what{.url = at(*server, "/text")};
  what.on_body = [](std::string_view) -> bool { throw std::runtime_error("the disk is full"); };
  EXPECT_NE(fetch(what).error().message.find("the disk is full"), std::string::npos);
}
TEST(ClientTest, EndsAfterTheIdleTime) {
  const Canned server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true);
  const auto answer = fetch({.url = server.url, .idle_time = std::chrono::milliseconds(50)});
  EXPECT_NE(answer.error().message.find("nothing came for 50 ms"), std::string::npos);
}
TEST(ClientTest, HeadsBeforeTheAnswersOwnAreSkipped) {
  const Canned server(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nok\r\n0\r\nX-Late: y\r\n\r\n");
  const auto answer = fetch({.url = server.url});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers, (Headers{{"x-folded", "a b"}, {"transfer-encoding", "chunked"}}));
  EXPECT_FALSE(answer->length);
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

// Clears the proxy settings of the environment and restores them at the end.
class ProxyTest : public testing::Test {
 public:
  ProxyTest() {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                             "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
      const char* value = std::getenv(name);
      before_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      ::unsetenv(name);
    }
  }
  ~ProxyTest() override {
    for (const auto& [name, value] : before_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
  }

 protected:
  static constexpr const char* kNobody = "http://127.0.0.1:1";
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
  // A server whose address the client does not treat as this machine.
  static std::unique_ptr<Server> elsewhere() {
    Router router;
    router.add("GET", "/", [](Request, StreamPtr s) { s->respond({200, {}, "direct"}); });
    return std::move(*Server::start({.host = "127.0.0.2"}, std::move(router)));
  }
  static std::string url_of(const Server& server) {
    return "http://127.0.0.2:" + std::to_string(server.port()) + "/";
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(ProxyTest, IsAskedForTheWholeUrl) {
  Canned proxy("HTTP/1.1 200 OK\r\n\r\nthrough");
  set("http_proxy", proxy.url);
  EXPECT_EQ(*fetch_text({.url = "http://somewhere.invalid:81/a?b"}), "through");
  EXPECT_TRUE(proxy.head().starts_with("GET http://somewhere.invalid:81/a?b HTTP/1.1\r\n")) << proxy.head();
}
TEST_F(ProxyTest, ConnectsForHttps) {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy"}) {
    Canned proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
    set(name, "me:pw@" + proxy.url.substr(7));
    const auto answer =
        fetch({.url = "https://somewhere.invalid/", .headers = {{"authorization", "secret"}}});
    EXPECT_NE(answer.error().message.find("403"), std::string::npos) << answer.error().message;
    const std::string head = proxy.head();
    EXPECT_TRUE(head.starts_with("CONNECT somewhere.invalid:443 ")) << head;
    EXPECT_NE(head.find("Proxy-Authorization: Basic bWU6cHc=\r\n"), std::string::npos) << head;
    EXPECT_EQ(head.find("secret"), std::string::npos) << head;
    ::unsetenv(name);
  }
}
TEST_F(ProxyTest, IsNotAskedForThisMachineOrExceptions) {
  const auto near = serve({});
  const auto far = elsewhere();
  set("HTTP_PROXY", kNobody);  // a CGI server sets it from a client's header
  EXPECT_EQ(*fetch_text({.url = url_of(*far)}), "direct");
  set("http_proxy", kNobody);
  EXPECT_EQ(*fetch_text({.url = at(*near, "/text")}), "the text");
  EXPECT_FALSE(fetch_text({.url = url_of(*far)}));
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    for (const char* value : {"*", "x, 127.0.0.2"}) {
      set(name, value);
      EXPECT_EQ(*fetch_text({.url = url_of(*far)}), "direct") << name << "=" << value;
    }
    ::unsetenv(name);
  }
  set("no_proxy", ",, .example.invalid");
  const auto resolves = [](const std::string& host) {  // or asks the proxy
    return fetch({.url = "http://" + host + "/"}).error().message.find("resolve") != std::string::npos;
  };
  EXPECT_TRUE(resolves("a.example.invalid"));
  EXPECT_TRUE(resolves("example.invalid"));
  EXPECT_FALSE(resolves("notexample.invalid"));
}

}  // namespace
}  // namespace autark::http
