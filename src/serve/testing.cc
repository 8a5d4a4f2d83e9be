#include "serve/testing.h"
#include <algorithm>
#include <utility>

namespace autark::serve {

ScriptedBackend::ScriptedBackend(Script script) : script_(std::move(script)) {}
std::vector<api::ModelEntry> ScriptedBackend::models() const {
  return {{"tiny", "Tiny", 86400, 64, true}};
}
api::Backend::Handle ScriptedBackend::submit(api::Request request, Sink sink) {
  return script_(std::move(request), std::move(sink));
}
api::ApiResult<int64_t> ScriptedBackend::count_tokens(const api::Request& r) const {
  return std::ssize(r.items) * 10;
}

api::Backend::Handle say_hello(api::Request r, api::Backend::Sink sink) {
  const int choices = std::max<int>(1, int(r.prompts.size())) * r.n;
  for (int i = 0; i < choices; ++i) sink({i, api::Event::Started{3}, {3, 0, 0}});
  for (int i = 0; i < choices; ++i) {
    sink({i, api::Event::Delta{"Hello", {}, false}, {3, 0, 1}});
    sink({i, api::Event::Delta{" world", {}, false}, {3, 0, 2}});
    sink({i, api::Event::Finished{api::Finish::stop, ""}, {3, 0, 2}});
  }
  return {};
}

std::string Answered::header(const std::string& name) const {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

Json Answered::json() const {
  auto j = parse_json(body, "answer");
  EXPECT_TRUE(j) << body;
  return j ? std::move(j).value() : Json();
}

std::string unchunked(std::string_view text) {
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

std::string request_text(std::string_view method, std::string_view path, std::string_view body,
                         std::string_view headers) {
  std::string text =
      std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
  if (!body.empty()) text += "content-length: " + std::to_string(body.size()) + "\r\n";
  return text + std::string(headers) + "\r\n" + std::string(body);
}

Running::Running(ScriptedBackend::Script script, Service::Options options, http::Limits limits,
                 http::Cors cors)
    : service(std::move(options)) {
  if (script) service.open(std::make_shared<ScriptedBackend>(std::move(script)));
  auto started = http::Server::start(
      {.limits = limits, .cors = std::move(cors), .error_body = Service::error_body}, service.router());
  EXPECT_TRUE(started) << (started ? "" : started.error().message);
  server = std::move(started).value();
}

Running::~Running() = default;

http::RawSocket Running::connect() const {
  return http::RawSocket(server->port());
}

Answered Running::ask(std::string_view method, std::string_view path, std::string_view body,
                      std::string_view headers) const {
  http::RawSocket socket = connect();
  socket.send(request_text(method, path, body, headers));
  return read_answer(socket);
}

}  // namespace autark::serve
