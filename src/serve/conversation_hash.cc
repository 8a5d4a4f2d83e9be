#include "serve/conversation_hash.h"
#include "base/text_codings.h"
#include "serve/digest.h"

namespace autark::serve {

std::string bare_id(const std::string& id) {
  return id.substr(id.find('_') + 1);
}

// The next key is the hash of the last key and the item.
void ConversationHash::add(const api::Item& item) {
  std::string text;
  Json more = Json::array();
  for (const api::Part& p : item.parts) {
    if (const auto* t = std::get_if<api::Text>(&p)) text += t->text;
    if (const auto* c = std::get_if<api::ToolCall>(&p)) more.push_back({bare_id(c->id), c->name});
    const auto* r = std::get_if<api::ToolResult>(&p);
    if (!r) continue;
    Json result = {bare_id(r->call), r->error};
    for (const api::Text& t : r->parts) result.push_back(t.text);
    more.push_back(std::move(result));
  }
  key_ = hex(digest(dump_json({key_, int(item.role), std::move(text), std::move(more)})));
}

}  // namespace autark::serve
