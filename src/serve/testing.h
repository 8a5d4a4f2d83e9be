// For tests of the service: a scripted backend and a client on a loopback socket.
#pragma once
#include <gtest/gtest.h>
#include <cctype>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "api/backend.h"
#include "base/json.h"
#include "http/raw_socket.h"
#include "serve/service.h"

namespace autark::serve {

class ScriptedBackend final : public api::Backend {
 public:
  using Script = std::function<Handle(api::Request, Sink)>;
  explicit ScriptedBackend(Script script);
  std::optional<api::ApiError> fault() const override { return broken; }
  std::vector<api::ModelEntry> models() const override;
  std::string fingerprint() const override { return "fp_script"; }
  Handle submit(api::Request request, Sink sink) override;
  api::ApiResult<int64_t> count_tokens(const api::Request& r) const override;

  std::optional<api::ApiError> broken;

 private:
  Script script_;
};

// Every choice says "Hello", " world".
api::Backend::Handle say_hello(api::Request r, api::Backend::Sink sink);

struct Answered {
  int status = 0;
  std::string head, body;  // head in lower case; body without its chunks
  std::string header(const std::string& name) const;
  Json json() const;
};

std::string unchunked(std::string_view text);

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

std::string request_text(std::string_view method, std::string_view path, std::string_view body = {},
                         std::string_view headers = {});

// A service behind a server on a free port of the loopback.
class Running {
 public:
  explicit Running(ScriptedBackend::Script script, Service::Options options = {}, http::Limits limits = {},
                   http::Cors cors = {});
  ~Running();
  http::RawSocket connect() const;
  Answered ask(std::string_view method, std::string_view path, std::string_view body = {},
               std::string_view headers = {}) const;

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
