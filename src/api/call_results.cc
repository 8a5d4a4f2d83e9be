#include "api/call_results.h"
#include <algorithm>

namespace autark::api {
namespace {

// The calls of consecutive assistant turns and the results that follow them.
struct Round {
  std::vector<ToolCall*> calls;
  std::vector<ToolResult*> results;

  void add(Item& item) {
    for (Part& p : item.parts) {
      if (auto* c = std::get_if<ToolCall>(&p)) calls.push_back(c);
      if (auto* r = std::get_if<ToolResult>(&p)) results.push_back(r);
    }
  }
  // Removes calls and results that already share an id.
  void drop_pairs() {
    std::set<std::string> called, answered;
    for (const ToolCall* c : calls) called.insert(c->id);
    for (const ToolResult* r : results) answered.insert(r->call);
    std::erase_if(calls, [&](const ToolCall* c) { return !c->id.empty() && answered.contains(c->id); });
    std::erase_if(results, [&](const ToolResult* r) { return !r->call.empty() && called.contains(r->call); });
  }
};

// Nine letters and digits, the only form that some chat templates accept.
std::string made_id(int number) {
  std::string digits = std::to_string(number);
  return "call" + std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

void give_missing_ids(Round round, int& made) {
  round.drop_pairs();
  for (size_t i = 0; i < std::max(round.calls.size(), round.results.size()); ++i) {
    std::string none_called, none_answered;
    std::string& call = i < round.calls.size() ? round.calls[i]->id : none_called;
    std::string& result = i < round.results.size() ? round.results[i]->call : none_answered;
    if (call.empty()) call = result.empty() ? made_id(++made) : result;
    if (result.empty()) result = call;
  }
}

// `text` as one line of at most 80 bytes, cut between characters.
std::string one_line(std::string text) {
  constexpr size_t kBytesMax = 80;
  size_t end = std::min(text.size(), kBytesMax);
  while (end > 0 && end < text.size() && (text[end] & 0xc0) == 0x80) --end;
  text.resize(end);
  std::ranges::replace_if(
      text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, ' ');
  return text;
}

std::string name_in(const Json& block) {
  for (const char* field : {"tool_name", "title", "filename", "name"})
    if (const auto at = block.find(field); at != block.end() && at->is_string())
      return at->get<std::string>();
  return {};
}

}  // namespace

void give_missing_ids(std::span<Item> items) {
  int made = 0;
  Round round;
  for (Item& item : items) {
    if (item.role == Role::assistant && !round.results.empty())
      give_missing_ids(std::exchange(round, {}), made);
    round.add(item);
  }
  give_missing_ids(std::move(round), made);
}

std::optional<ApiError> missing_result(std::span<const Item> items, const std::string& path) {
  if (items.empty() || items.back().role != Role::assistant) return {};
  for (const Part& p : items.back().parts) {
    const auto* call = std::get_if<ToolCall>(&p);
    if (!call) continue;
    const std::string id = call->id.empty() ? "" : " (" + one_line(call->id) + ")";
    return ApiError{.message = path + " calls '" + one_line(call->name) + "'" + id +
                               " and nothing follows it: the result of the call is missing",
                    .param = path};
  }
  return {};
}

Text left_out(Fields& block, const std::string& type) {
  std::string name = name_in(block.object());
  if (const Json* file = block.find("file"); file && file->is_object()) name = name_in(*file);
  return {"[" + one_line(type) + (name.empty() ? "" : " " + one_line(name)) + " left out]"};
}

}  // namespace autark::api
