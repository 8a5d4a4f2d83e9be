// Goal: everything that the service serves is served over TLS, too: APIs, streams, the console's files, metrics;
// a client that leaves cancels its request. Method: one service behind two servers, with and without TLS.
#include <future>
#include "http/tls_testing.h"
#include "serve/testing.h"

namespace autark::serve {
namespace {

// Answers differ in ids and times only.
std::string shape(const std::string& body) {
  std::string kept;
  for (const char c : body)
    if (!std::isalnum(uint8_t(c))) kept += c;
  return kept;
}

TEST(ServiceTlsTest, AnswersAreThoseOfThePlainServer) {
  http::CertificateFolder files;
  files.make(1);
  const Asset page{"/index.html", "text/html; charset=utf-8", "<p>console</p>"};
  Running plain(say_hello, {.assets = {&page, 1}});
  const auto secure = *http::Server::start(
      {.error_body = Service::error_body, .tls = *http::TlsPair::open(files.certificate(), files.key())},
      plain.service.router());
  const auto ask = [&](const std::string& request) {
    http::TlsSocket socket(secure->port());
    socket.send(request);
    return read_answer(socket);
  };
  for (const char* path :
       {"/", "/health", "/ready", "/v1/models", "/version", "/openapi.json", "/v1/nothing"}) {
    const Answered a = ask(request_text("GET", path)), b = plain.ask("GET", path);
    EXPECT_EQ(a.status, b.status) << path;
    EXPECT_EQ(shape(a.body), shape(b.body)) << path;
  }
  EXPECT_NE(ask(request_text("GET", "/metrics")).body.find("autark_"), std::string::npos);
  for (const char* body : {kChat, kChatStream}) {
    const Answered a = ask(request_text("POST", "/v1/chat/completions", body));
    EXPECT_EQ(a.status, 200);
    EXPECT_NE(a.body.find("Hello"), std::string::npos);
    EXPECT_EQ(shape(a.body), shape(plain.ask("POST", "/v1/chat/completions", body).body));
  }
}
TEST(ServiceTlsTest, AClientThatLeavesCancelsItsRequest) {
  http::CertificateFolder files;
  files.make(1);
  std::promise<void> cancelled;
  Running running([&](api::Request, api::Backend::Sink sink) {
    sink({0, api::Event::Started{3}, {3, 0, 0}});
    sink({0, api::Event::Delta{"Hello", {}, false}, {3, 0, 1}});
    return [&cancelled, sink] {
      sink({0, api::Event::Finished{api::Finish::cancelled, ""}, {3, 0, 1}});
      cancelled.set_value();
    };
  });
  const auto secure = *http::Server::start(
      {.error_body = Service::error_body, .tls = *http::TlsPair::open(files.certificate(), files.key())},
      running.service.router());
  http::TlsSocket client(secure->port());
  client.send(request_text("POST", "/v1/chat/completions", kChatStream));
  client.read_until("Hello");
  client.close();
  cancelled.get_future().wait();
}

}  // namespace
}  // namespace autark::serve
