#include "serve/prompt_parts.h"
#include <algorithm>
#include <variant>

namespace autark::serve {
namespace {

constexpr size_t kGap = 1024;  // markup between neighbouring strings of a tool

std::string_view trimmed(std::string_view s) {
  const size_t first = s.find_first_not_of(" \t\r\n");
  return first == s.npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t\r\n") + 1 - first);
}

// Moves `at` behind the next occurrence of `text`. False if it does not occur within `gap` bytes.
bool pass(std::string_view prompt, std::string_view text, size_t gap, size_t* at) {
  text = trimmed(text);
  const size_t found =
      text.empty() ? prompt.npos
                   : prompt.substr(0, gap == prompt.npos ? gap : *at + gap + text.size()).find(text, *at);
  if (found == prompt.npos) return false;
  *at = found + text.size();
  return true;
}

const std::string* content_of(const api::Part& part) {
  if (const auto* t = std::get_if<api::Text>(&part)) return &t->text;
  if (const auto* c = std::get_if<api::ToolCall>(&part)) return &c->name;
  return nullptr;
}

// Behind all contents of an item that can be found.
bool pass(std::string_view prompt, const api::Item& item, size_t* at) {
  bool any = false;
  for (const api::Part& part : item.parts) {
    if (const std::string* text = content_of(part)) any |= pass(prompt, *text, prompt.npos, at);
    if (const auto* result = std::get_if<api::ToolResult>(&part))
      for (const api::Text& t : result->parts) any |= pass(prompt, t.text, prompt.npos, at);
  }
  return any;
}

// Behind the keys and strings of a tool, in their order.
void pass(std::string_view prompt, const Json& json, size_t* at) {
  if (json.is_string()) pass(prompt, json.get_ref<const std::string&>(), kGap, at);
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) pass(prompt, '"' + key + '"', kGap, at);
    pass(prompt, value, at);
  }
}

}  // namespace

PromptParts::PromptParts(const api::Request& request, std::string_view prompt) {
  size_t at = 0;
  for (const api::Item& item : request.items)
    if (pass(prompt, item, &at)) parts_.push_back({at, item.place});
  if (request.tools.empty()) return;
  size_t end = 0;
  if (!pass(prompt, '"' + request.tools.front().name + '"', prompt.npos, &end)) return;
  end -=
      std::min(end, request.tools.front().name.size() + kGap / 2);  // the first key may stand before the name
  for (const api::Tool& tool : request.tools) pass(prompt, tool.function, &end);
  parts_.push_back({end, "tools"});
  std::ranges::sort(parts_, {}, &Part::end);
}

std::string PromptParts::at(size_t byte) const {
  const auto found = std::ranges::upper_bound(parts_, byte, {}, &Part::end);
  return found == parts_.end() ? std::string() : found->name;
}

}  // namespace autark::serve
