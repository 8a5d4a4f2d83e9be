#include "apps/conversation_file.h"
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include "base/json.h"
#include "base/mapped_file.h"

namespace autark::apps {
namespace {

constexpr const char* kMark = "autark_conversation";  // the key that marks a saved conversation
constexpr size_t kBytesMax = size_t{64} << 20, kMessagesMax = 100'000;

// One turn as JSON. Calls become text as the chat has shown them.
Json message_of(const api::Item& item) {
  std::string content, reasoning;
  for (const api::Part& part : item.parts) {
    if (const auto* t = std::get_if<api::Text>(&part)) content += t->text;
    if (const auto* r = std::get_if<api::Reasoning>(&part)) reasoning += r->text;
    if (const auto* c = std::get_if<api::ToolCall>(&part))
      content += "\n[calls " + c->name + " " + c->arguments + "]";
  }
  Json m{{"role", item.role == api::Role::assistant ? "assistant" : "user"}, {"content", content}};
  if (!reasoning.empty()) m["reasoning"] = reasoning;
  return m;
}

Json json_of(const Conversation& c) {
  Json messages = Json::array();
  for (const api::Item& item : c.items) messages.push_back(message_of(item));
  return {{kMark, 1}, {"system", c.system}, {"messages", std::move(messages)}};
}

std::optional<std::string> text_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return {};
  return it->get<std::string>();
}

// The turn of one JSON message. The Error continues a sentence: "message 3 has no content".
Result<api::Item> item_of(const Json& m) {
  const auto fault = [](const char* what) { return Error{Code::invalid, what}; };
  if (!m.is_object()) return fault("is not an object");
  const auto role = text_at(m, "role"), content = text_at(m, "content");
  if (role != "user" && role != "assistant") return fault("has a role other than user and assistant");
  if (!content) return fault("has no content, or none that is a text");
  api::Item item{role == "user" ? api::Role::user : api::Role::assistant, {}};
  if (m.contains("reasoning")) {
    const auto reasoning = text_at(m, "reasoning");
    if (!reasoning || role == "user") return fault("has a reasoning that is not a text of the assistant");
    item.parts.push_back(api::Reasoning{*reasoning});
  }
  item.parts.push_back(api::Text{*content});
  return item;
}

Error system_error(const std::filesystem::path& path, const char* what) {
  return {Code::io, path.string() + ": cannot " + what + ": " + std::strerror(errno)};
}

// Writes the whole text. `path` is for the error only.
std::optional<Error> write_all(int fd, const std::string& text, const std::filesystem::path& path) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(fd, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "write");
    at += size_t(n);
  }
  return {};
}

}  // namespace

std::optional<Error> save(const Conversation& c, const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::exists(path, failed) && !load_conversation(path))
    return Error{Code::invalid, path.string() + ": exists and is not a saved conversation; it is kept"};
  std::string beside = path.string() + ".XXXXXX";
  const int fd = ::mkstemp(beside.data());  // readable by its owner only
  if (fd < 0) return system_error(path, "write");
  auto error = write_all(fd, dump_json(json_of(c)) + "\n", path);
  if (::close(fd) && !error) error = system_error(path, "write");
  if (!error && ::rename(beside.c_str(), path.c_str())) error = system_error(path, "write");
  if (error) ::unlink(beside.c_str());
  return error;
}

Result<Conversation> load_conversation(const std::filesystem::path& path) {
  AUTARK_TRY(const std::string text, read_file(path, kBytesMax));
  AUTARK_TRY(const Json json, parse_json(text, path.string()));
  const auto fault = [&](const std::string& what) {
    return Error{Code::invalid, path.string() + ": " + what};
  };
  if (!json.is_object() || !json.contains(kMark)) return fault("is not a saved conversation");
  if (json[kMark] != 1) return fault("was saved by a newer version of this program");
  const auto system = text_at(json, "system");
  if (!system) return fault("has no system text");
  if (!json.contains("messages") || !json["messages"].is_array()) return fault("has no list of messages");
  const Json& messages = json["messages"];
  if (messages.size() > kMessagesMax) return fault("has too many messages");
  Conversation c{*system, {}};
  for (size_t i = 0; i < messages.size(); ++i) {
    auto item = item_of(messages[i]);
    if (!item) return fault("message " + std::to_string(i) + " " + item.error().message);
    c.items.push_back(std::move(*item));
  }
  return c;
}

}  // namespace autark::apps
