#include "api/documents.h"

namespace autark::api {
namespace {

std::string text_in(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

// Of a string or a list of text blocks.
std::optional<std::string> joined(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return {};
  std::string all;
  for (const Json& part : content) {
    if (text_in(part, "type") != "text") return {};
    all += (all.empty() ? "" : "\n") + text_in(part, "text");
  }
  return all;
}

std::optional<std::string> body_of(const Json& block) {
  if (text_in(block, "type") == "search_result") return joined(block.value("content", Json()));
  const Json source = block.value("source", Json());
  if (text_in(source, "type") == "text") return text_in(source, "data");
  if (text_in(source, "type") == "content") return joined(source.value("content", Json()));
  return {};
}

}  // namespace

std::optional<std::string> document_text(const Json& block) {
  const auto body = body_of(block);
  if (!body) return {};
  std::string all;
  for (const char* name : {"title", "source", "context"})
    if (const std::string text = text_in(block, name); !text.empty()) all += text + "\n";
  return all + *body;
}

}  // namespace autark::api
