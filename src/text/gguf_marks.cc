#include "text/gguf_marks.h"
#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_set>
#include "text/chat/source_literals.h"

namespace autark::text {
namespace {

constexpr uint8_t kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5;
constexpr size_t kMarkBytesMax = 128;

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || (c & 0x80);
}

bool is_byte_token(std::string_view token) {
  return token.size() == 6 && token.starts_with("<0x");
}

bool has_mark_size(std::string_view token) {
  return token.size() >= 3 && token.size() <= kMarkBytesMax && !is_byte_token(token);
}

// True for "<|im_start|>", "</s>", "<｜User｜>", "[INST]", "[/INST]": brackets around words joined by signs; and for
// "]~b]", "[e~[": square brackets either way around a word with a tilde.
bool is_mark(std::string_view token) {
  if (!has_mark_size(token)) return false;
  const bool angles = token.front() == '<' && token.back() == '>';
  const bool squares = token.front() == '[' && token.back() == ']';
  const std::string_view inside = token.substr(1, token.size() - 2);
  const auto is_square = [](char c) { return c == '[' || c == ']'; };
  const bool tildes = is_square(token.front()) && is_square(token.back()) && inside.find('~') != inside.npos;
  if (!angles && !squares && !tildes) return false;
  const std::string_view signs = angles ? "|/_-.:" : tildes ? "~!/_" : "/_";
  const auto fits = [&](char c) {
    return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) || signs.find(c) != signs.npos;
  };
  return std::ranges::all_of(inside, fits) && std::ranges::any_of(inside, is_letter);
}

// Marks that merges produce: words of the training text (HTML tags, for example), not control tokens.
std::unordered_set<std::string> merged_marks(const std::vector<std::string_view>& merges,
                                             const std::string& last_letters) {
  std::unordered_set<std::string> all;
  for (const std::string_view m : merges) {
    const size_t space = m.find(' ', 1);
    if (space == m.npos || last_letters.find(m.back()) == last_letters.npos) continue;
    all.insert(std::string(m.substr(0, space)) + std::string(m.substr(space + 1)));
  }
  return all;
}

Json turn(const char* role, Json content) {
  return {{"role", role}, {"content", std::move(content)}};
}

}  // namespace

std::vector<size_t> untyped_marks(const GgufVocabulary& v) {
  std::vector<size_t> found;
  std::string last_letters;
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    const bool plain = v.types[i] <= kNormal || v.types[i] == kUnused;
    const bool named = has_mark_size(v.tokens[i]) && std::ranges::find(v.named, i) != v.named.end();
    if (!plain || !(named || is_mark(v.tokens[i]))) continue;
    found.push_back(i);
    if (last_letters.find(v.tokens[i].back()) == last_letters.npos) last_letters += v.tokens[i].back();
  }
  if (found.empty()) return found;
  const auto merged = merged_marks(v.merges, last_letters);
  std::erase_if(found, [&](size_t i) { return merged.contains(std::string(v.tokens[i])); });
  return found;
}

std::vector<std::string> template_texts(std::string_view source) {
  std::vector<std::string> texts;
  for (size_t at = 0; at < source.size();) {
    size_t open = source.find('{', at);
    while (open != source.npos && std::string_view("{%#").find(source.substr(open + 1, 1)) == source.npos)
      open = source.find('{', open + 1);
    texts.emplace_back(source.substr(at, open - at));
    if (open == source.npos || open + 1 >= source.size()) break;
    const char kind = source[open + 1];
    const std::string_view closing = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    const size_t close = std::min(source.find(closing, open + 2), source.size());
    if (kind != '#')
      for (auto& literal : source_literals(source.substr(open + 2, close - open - 2)))
        texts.push_back(std::move(literal));
    at = std::min(close + 2, source.size());
  }
  return texts;
}

std::vector<std::string> rendered_texts(const ChatTemplate& chat, const Json& vars) {
  const Json user = turn("user", "q"), answer = turn("assistant", "a"), system = turn("system", "s"),
             tool = turn("tool", "t");
  std::vector<std::string> texts;
  for (const Json& messages :
       {Json::array({user}), Json::array({user, answer}), Json::array({system, user, answer, user}),
        Json::array({system, user, answer, tool, answer})}) {
    const auto prompt =
        chat.render({.messages = messages, .kwargs = {{"add_generation_prompt", true}}, .vars = vars});
    if (prompt) texts.push_back(prompt->text);
  }
  return texts;
}

uint8_t type_of_mark(std::string_view mark, const std::vector<std::string>& texts) {
  constexpr std::array<std::string_view, 8> kInAnswers = {"<think>",         "</think>",        "<tool_call>",
                                                          "</tool_call>",    "<tools>",         "</tools>",
                                                          "<tool_response>", "</tool_response>"};
  const bool stands = std::ranges::any_of(
      texts, [&](const std::string& text) { return text.find(mark) != std::string::npos; });
  if (!stands) return 0;
  return std::ranges::find(kInAnswers, mark) == kInAnswers.end() ? kControl : kUserDefined;
}

}  // namespace autark::text
