#include "serve/conversation.h"

namespace autark::serve {
namespace {

const char* name_of(api::Role role) {
  switch (role) {
    case api::Role::user:
      return "user";
    case api::Role::assistant:
      return "assistant";
    default:
      return "system";
  }
}

std::string joined(const std::vector<api::Part>& parts) {
  std::string all;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) all += '\n';
    all += std::get<api::Text>(parts[i]).text;
  }
  return all;
}

}  // namespace

text::Conversation conversation_of(const api::Request& request) {
  text::Conversation c;
  for (const api::Item& item : request.items)
    c.messages.push_back({{"role", name_of(item.role)}, {"content", joined(item.parts)}});
  c.kwargs = request.template_kwargs;
  const auto continued = c.kwargs.find("continue_final_message");
  const bool answer = continued == c.kwargs.end() || *continued != true;
  if (!c.kwargs.contains("add_generation_prompt")) c.kwargs["add_generation_prompt"] = answer;
  return c;
}

}  // namespace autark::serve
