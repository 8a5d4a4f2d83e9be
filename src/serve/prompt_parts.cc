#include "serve/prompt_parts.h"
#include <algorithm>
#include <optional>
#include <variant>

namespace autark::serve {
namespace {

constexpr size_t kMarkup = 8192;  // between the contents of neighbouring items
constexpr size_t kGap = 1024;     // between neighbouring strings of a tool
constexpr size_t kScanMost =
    64 << 20;                     // bytes that are looked at for one prompt; further contents stay unknown
constexpr size_t kEndMost = 128;  // of the line behind the tools
constexpr const char* kTools = "tools";

std::string_view trimmed(std::string_view s) {
  const size_t first = s.find_first_not_of(" \t\r\n");
  return first == s.npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t\r\n") + 1 - first);
}

// Looks for texts that follow each other in a prompt.
class Cursor {
 public:
  explicit Cursor(std::string_view prompt) : prompt_(prompt) {}
  size_t at() const { return at_; }
  size_t begin() const { return begin_; }  // of the text that was passed last
  void move_to(size_t at) { at_ = at; }
  // Moves behind the next occurrence of `text` that begins within `gap` bytes. False: there is none.
  bool pass(std::string_view text, size_t gap) {
    text = trimmed(text);
    const size_t most = std::min(gap, prompt_.size() - at_) + text.size();
    if (text.empty() || scanned_ + most > kScanMost) return false;
    scanned_ += most;
    const size_t found = prompt_.substr(at_, most).find(text);
    if (found == prompt_.npos) return false;
    begin_ = at_ + found;
    at_ = begin_ + text.size();
    return true;
  }
  // Behind the keys and strings of a tool, in their order.
  void pass(const Json& json) {
    if (json.is_string()) pass(json.get_ref<const std::string&>(), kGap);
    if (!json.is_structured()) return;
    for (const auto& [key, value] : json.items()) {
      if (json.is_object()) pass('"' + key + '"', kGap);
      pass(value);
    }
  }

 private:
  std::string_view prompt_;
  size_t at_ = 0, begin_ = 0, scanned_ = 0;
};

// The texts of a part that a template shows.
std::vector<std::string_view> contents_of(const api::Part& part) {
  std::vector<std::string_view> all;
  if (const auto* t = std::get_if<api::Text>(&part)) all.push_back(t->text);
  if (const auto* c = std::get_if<api::ToolCall>(&part)) all.push_back(c->name);
  if (const auto* result = std::get_if<api::ToolResult>(&part))
    for (const api::Text& t : result->parts) all.push_back(t.text);
  return all;
}

const std::string& place_of(const api::Item& item, size_t part) {
  return part < item.places.size() ? item.places[part] : item.place;
}

// Behind the last tool, or 0 if the first one does not occur.
size_t end_of_tools(const api::Request& request, std::string_view prompt) {
  if (request.tools.empty()) return 0;
  Cursor cursor(prompt);
  const std::string first = '"' + request.tools.front().name + '"';
  if (!cursor.pass(first, prompt.size())) return 0;
  cursor.move_to(cursor.at() -
                 std::min(cursor.at(), first.size() + kGap / 2));  // a key may stand before the name
  for (const api::Tool& tool : request.tools) cursor.pass(tool.function);
  return cursor.at();
}

}  // namespace

PromptParts::PromptParts(const api::Request& request, std::string_view prompt) {
  const size_t tools = end_of_tools(request, prompt);
  Cursor cursor(prompt);
  size_t hidden = 0;  // bytes of contents that were not found since the last one that was
  const auto pass = [&](std::string_view text) {
    bool found = cursor.pass(text, kMarkup + 2 * hidden);
    if (!found && cursor.at() < tools) {  // the tools stand between
      const size_t before = cursor.at();
      cursor.move_to(tools);
      if (!(found = cursor.pass(text, kMarkup))) cursor.move_to(before);
    }
    hidden = found ? 0 : hidden + text.size();
    return found;
  };
  for (const api::Item& item : request.items)
    for (size_t i = 0; i < item.parts.size(); ++i) {
      std::optional<size_t> begin;
      for (const std::string_view text : contents_of(item.parts[i]))
        if (pass(text) && !begin) begin = cursor.begin();
      if (begin) parts_.push_back({*begin, cursor.at(), place_of(item, i)});
    }
  if (tools > 0) parts_.push_back({tools, tools, kTools});
  std::ranges::sort(parts_, {}, &Part::end);
  if (tools > 0) end_tools(prompt);
}

// The brackets behind the last tool, and the line that they are followed by: it moves when a tool is left out.
void PromptParts::end_tools(std::string_view prompt) {
  const auto tools = std::ranges::find(parts_, kTools, &Part::name);
  const size_t most = tools + 1 == parts_.end() ? prompt.size() : std::max(tools->end, tools[1].begin);
  size_t end = std::min(most, prompt.find_first_not_of("\"]}), \t\r\n", tools->end));
  const size_t line = prompt.find('\n', end);
  if (line < most && line - end < kEndMost) end = line + 1;
  tools->end = end;
}

void PromptParts::count_in_tokens(std::span<const int32_t> ids, const text::Tokenizer& tokenizer) {
  size_t byte = 0, token = 0;
  const auto next = [&] { return tokenizer.bytes_of(ids[token]).size(); };
  for (size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    while (token < ids.size() && byte < part.end) byte += next(), ++token;
    const bool last = i + 1 == parts_.size();
    const bool ends = last || (parts_[i + 1].name != kTools && part.name != kTools);
    const bool markup = token < ids.size() && (last || byte + next() <= parts_[i + 1].begin);
    part.end = ends && markup ? token + 1 : token;
  }
}

std::string PromptParts::at(size_t position) const {
  if (parts_.empty()) return {};
  const auto found = std::ranges::upper_bound(parts_, position, {}, &Part::end);
  return found == parts_.end() ? parts_.back().name : found->name;
}

std::vector<int64_t> PromptParts::ends_of(std::span<const std::string> places) const {
  std::vector<int64_t> ends;
  for (const std::string& place : places) {
    const auto last =
        std::find_if(parts_.rbegin(), parts_.rend(), [&](const Part& p) { return p.name == place; });
    if (last != parts_.rend()) ends.push_back(int64_t(last->end));
  }
  return ends;
}

}  // namespace autark::serve
