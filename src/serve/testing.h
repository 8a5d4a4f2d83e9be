// For tests of the service: a scripted backend and a client on a loopback socket.
#pragma once
#include <gtest/gtest.h>
#include <future>
#include "api/backend.h"
#include "http/raw_socket.h"
#include "serve/service.h"

namespace autark::serve {

class ScriptedBackend final : public api::Backend {
 public:
  using Script = std::function<Handle(api::Request, Sink)>;
  explicit ScriptedBackend(Script script) : script_(std::move(script)) {}
  std::optional<api::ApiError> fault() const override { return broken; }
  std::vector<api::ModelEntry> models() const override { return {{"tiny", "Tiny", 86400, 64, true}}; }
  std::string fingerprint() const override { return "fp_script"; }
  Handle submit(api::Request request, Sink sink) override {
    return script_(std::move(request), std::move(sink));
  }
  api::ApiResult<int64_t> count_tokens(const api::Request& r) const override {
    return std::ssize(r.items) * 10;
  }

  std::optional<api::ApiError> broken;

 private:
  Script script_;
};

// Every choice says "Hello", " world".
inline api::Backend::Handle say_hello(api::Request r, api::Backend::Sink sink) {
  const int choices = std::max<int>(1, int(r.prompts.size())) * r.n;
  for (int i = 0; i < choices; ++i) sink({i, api::Event::Started{3}, {3, 0, 0}});
  for (int i = 0; i < choices; ++i) {
    sink({i, api::Event::Delta{"Hello", {}, false}, {3, 0, 1}});
    sink({i, api::Event::Delta{" world", {}, false}, {3, 0, 2}});
    sink({i, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 2}});
  }
  return {};
}

struct Answered {
  int status = 0;
  std::string head, body;  // head in lower case; body without its chunks
  std::string header(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == head.npos) return {};
    const size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
  Json json() const {
    auto j = parse_json(body, "answer");
    EXPECT_TRUE(j) << body;
    return j ? std::move(j).value() : Json();
  }
};

inline std::string unchunked(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t line = text.find("\r\n");
    if (line == text.npos) break;
    const size_t size = std::stoul(std::string(text.substr(0, line)), nullptr, 16);
    out += text.substr(line + 2, size);
    text.remove_prefix(std::min(text.size(), line + 2 + size + 2));
  }
  return out;
}

// Reads to the end of the connection; the socket may speak TLS.
template <class Socket>
Answered read_answer(Socket&& socket) {
  Answered a;
  const std::string all = socket.read_all();
  const size_t end = all.find("\r\n\r\n");
  if (end == all.npos) return a;
  a.head = all.substr(0, end + 2);
  for (char& c : a.head) c = char(std::tolower(uint8_t(c)));
  a.status = std::stoi(a.head.substr(a.head.find(' ') + 1, 3));
  a.body = all.substr(end + 4);
  if (a.header("transfer-encoding") == "chunked") a.body = unchunked(a.body);
  return a;
}

inline std::string request_text(std::string_view method, std::string_view path, std::string_view body = {},
                                std::string_view headers = {}) {
  std::string text =
      std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
  if (!body.empty()) text += "content-length: " + std::to_string(body.size()) + "\r\n";
  return text + std::string(headers) + "\r\n" + std::string(body);
}

// A service behind a server on a free port of the loopback.
class Running {
 public:
  explicit Running(ScriptedBackend::Script script, Service::Options options = {}, http::Limits limits = {},
                   http::Cors cors = {})
      : service(std::move(options)) {
    if (script) service.open(std::make_shared<ScriptedBackend>(std::move(script)));
    auto started = http::Server::start(
        {.limits = limits, .cors = std::move(cors), .error_body = Service::error_body}, service.router());
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    server = std::move(started).value();
  }
  http::RawSocket connect() const { return http::RawSocket(server->port()); }
  Answered ask(std::string_view method, std::string_view path, std::string_view body = {},
               std::string_view headers = {}) const {
    http::RawSocket socket = connect();
    socket.send(request_text(method, path, body, headers));
    return read_answer(socket);
  }

  Service service;
  std::unique_ptr<http::Server> server;
};

inline constexpr const char* kChat = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})";
inline constexpr const char* kChatStream =
    R"({"model":"tiny","stream":true,"messages":[{"role":"user","content":"hi"}]})";
inline constexpr const char* kMessages =
    R"({"model":"tiny","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";
inline constexpr const char* kMessagesStream =
    R"({"model":"tiny","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]})";

}  // namespace autark::serve
