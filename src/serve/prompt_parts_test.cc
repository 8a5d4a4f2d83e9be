// Goal:   a byte of a rendered prompt is named as the part of the request that it comes from.
// Method: prompts put together like the usual templates', with the tools behind or before the system text; every byte of a
//         content and of the markup before it must give the content's part; prompts that differ in one place must name it.
#include "serve/prompt_parts.h"
#include <gtest/gtest.h>
#include <chrono>

namespace autark::serve {
namespace {

api::Item item(api::Role role, std::string place, std::vector<api::Part> parts) {
  return {.role = role, .parts = std::move(parts), .place = std::move(place)};
}

api::Tool tool(const char* name, const char* last) {
  return {name,
          {{"name", name},
           {"description", "Does it"},
           {"parameters", {{"type", "object"}, {"properties", {{"p", {{"description", last}}}}}}}}};
}

api::Request request() {
  api::Request r;
  r.items = {item(api::Role::system, "system", {api::Text{"You are a helper."}}),
             item(api::Role::user, "messages[0]", {api::Text{"Read it"}, api::Text{"and tell"}}),
             item(api::Role::assistant, "messages[1]", {api::ToolCall{"1", "read", R"({"p":1})"}}),
             item(api::Role::user, "messages[2]", {api::ToolResult{"1", {api::Text{" the text\n"}}}}),
             item(api::Role::user, "messages[3]", {api::Text{"Thanks"}})};
  r.tools = {tool("read", "last of read"), tool("write", "last of write")};
  return r;
}

// Pieces of a prompt with the part that each belongs to.
struct Piece {
  std::string text, part;
};

void check(const api::Request& r, const std::vector<Piece>& pieces) {
  std::string prompt;
  for (const Piece& p : pieces) prompt += p.text;
  const PromptParts parts(r, prompt);
  size_t at = 0;
  for (const Piece& p : pieces) {
    EXPECT_EQ(parts.at(at), p.part) << p.text.substr(0, 60);
    EXPECT_EQ(parts.at(at + p.text.size() - 1), p.part) << p.text.substr(0, 60);
    at += p.text.size();
  }
}

std::string json(const api::Tool& t) {
  return dump_json({{"type", "function"}, {"function", t.function}});
}

std::vector<Piece> messages() {
  return {{"<|user|>Read it\nand tell", "messages[0]"},
          {"<|end|><|assistant|><call>{\"name\": \"read", "messages[1]"},
          {"\", \"arguments\": {\"p\": 1}}</call><|tool|>the text", "messages[2]"},
          {"<|end|><|user|>Thanks", "messages[3]"},
          {"<|end|><|assistant|>", "messages[3]"}};
}

TEST(PromptParts, ToolsBehindTheSystemText) {
  const api::Request r = request();
  std::vector<Piece> pieces = {{"<|system|>You are a helper.", "system"},
                               {"\n\n# Tools\n" + json(r.tools[0]) + "\n" + json(r.tools[1]), "tools"}};
  std::vector<Piece> rest = messages();
  rest[0].text = "<|end|>" + rest[0].text;
  pieces.insert(pieces.end(), rest.begin(), rest.end());
  check(r, pieces);
}

// Every token is one byte, except the letters "he", which are one token.
class Letters final : public text::Tokenizer {
 public:
  Result<std::vector<int32_t>> encode(std::string_view text, text::EncodeOptions) const override {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < text.size(); i += text.substr(i, 2) == "he" ? 2 : 1)
      ids.push_back(text.substr(i, 2) == "he" ? 256 : uint8_t(text[i]));
    return ids;
  }
  int64_t size() const override { return 257; }
  std::string bytes_of(int32_t id) const override { return id == 256 ? "he" : std::string(1, char(id)); }
  bool is_special(int32_t) const override { return false; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {}; }
  std::vector<int32_t> end_tokens() const override { return {}; }
  std::unique_ptr<text::StreamDecoder> stream(bool) const override { return {}; }
};

TEST(PromptParts, InTokensAsInBytes) {
  const std::string prompt = "<|system|>You are a helper.<|user|>Read it\nand tell<|end|>the rest";
  api::Request r = request();
  r.tools.clear();
  const PromptParts bytes(r, prompt);
  PromptParts tokens = bytes;
  const Letters letters;
  const auto ids = *letters.encode(prompt, {});
  tokens.count_in_tokens(ids, letters);
  size_t byte = 0;
  const size_t behind = prompt.find("<|user|>");
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(tokens.at(i), byte == behind ? "system" : bytes.at(byte)) << i;
    byte += letters.bytes_of(ids[i]).size();
  }
  EXPECT_LT(ids.size(), prompt.size());
}

// The part of the first token in which the prompts of two requests differ.
std::string parting(const api::Request& r, const std::string& prompt, const std::string& other) {
  const Letters letters;
  const auto ids = *letters.encode(prompt, {}), others = *letters.encode(other, {});
  PromptParts parts(r, prompt);
  parts.count_in_tokens(ids, letters);
  return parts.at(size_t(std::ranges::mismatch(ids, others).in1 - ids.begin()));
}

std::string with_tools(const api::Request& r) {
  std::string prompt = "<|system|>You are a helper.";
  if (!r.tools.empty()) prompt += "\n\n# Tools\n<tools>";
  for (const api::Tool& t : r.tools) prompt += "\n" + json(t);
  if (!r.tools.empty()) prompt += "\n</tools>\n\nCall them.";
  for (const Piece& p : messages()) prompt += p.text;
  return prompt;
}

TEST(PromptParts, ALostToolIsNamed) {
  const api::Request both = request();
  for (size_t lost = 0; lost < 2; ++lost) {
    api::Request one = both;
    one.tools.erase(one.tools.begin() + std::ptrdiff_t(lost));
    EXPECT_EQ(parting(one, with_tools(one), with_tools(both)), "tools") << lost;
    EXPECT_EQ(parting(both, with_tools(both), with_tools(one)), "tools") << lost;
  }
  api::Request none = both;
  none.tools.clear();
  EXPECT_EQ(parting(both, with_tools(both), with_tools(none)), "tools");
}

// The message whose end was cut, or behind which one was put; the last one where only markup follows.
TEST(PromptParts, ACutContentIsNamed) {
  api::Request r = request();
  r.tools.clear();
  const std::string prompt =
      "<|system|>You are a helper.<|end|><|user|>Read it\nand tell<|end|><|assistant|>";
  r.items.resize(2);
  EXPECT_EQ(parting(r, prompt, "<|system|>You are a helper. Be kind.<|end|><|user|>Read it"), "system");
  EXPECT_EQ(parting(r, prompt, "<|system|>You are a helper.<|end|><|tool|>Read it"), "messages[0]");
  EXPECT_EQ(parting(r, prompt, "<|system|>You are a helper.<|end|><|user|>Read it\nand tell<|end|><|user|>"),
            "messages[0]");
}

TEST(PromptParts, PartsOfAMergedTurn) {
  api::Request r;
  r.items = {
      item(api::Role::assistant, "input[0]", {api::Text{"One."}, api::Text{"Two."}, api::Text{"Three."}})};
  r.items[0].places = {"input[0]", "input[0]", "input[2]"};
  check(r, {{"<|assistant|>One.", "input[0]"},
            {" Two.", "input[0]"},
            {" Three.", "input[2]"},
            {"<|end|>", "input[2]"}});
}

TEST(PromptParts, WithoutTools) {
  api::Request r = request();
  r.tools.clear();
  std::vector<Piece> pieces = {{"<|system|>You are a helper.", "system"}};
  for (Piece& p : messages()) pieces.push_back(std::move(p));
  check(r, pieces);
}

TEST(PromptParts, TellsWherePlacesEnd) {
  const std::string prompt = "<|system|>You are a helper.<|user|>Read it\nand tell<|end|>Thanks";
  api::Request r = request();
  r.tools.clear();
  PromptParts parts(r, prompt);
  const std::vector<std::string> places{"messages[0]", "tools", "system"};
  const auto behind = [&](const char* text) {
    return int64_t(prompt.find(text) + std::string_view(text).size());
  };
  EXPECT_EQ(parts.ends_of(places), (std::vector<int64_t>{behind("tell"), behind("helper.")}));
  const Letters letters;
  const auto ids = *letters.encode(prompt, {});
  parts.count_in_tokens(ids, letters);
  for (const int64_t end : parts.ends_of(places)) {
    EXPECT_GT(end, 0);
    EXPECT_NE(parts.at(size_t(end) - 1), parts.at(size_t(end)))
        << "the first token behind it is of another part";
  }
  EXPECT_TRUE(PromptParts().ends_of(places).empty());
}

TEST(PromptParts, EqualContentsAreTakenInOrder) {
  api::Request r;
  for (int i = 0; i < 3; ++i)
    r.items.push_back(item(api::Role::user, "messages[" + std::to_string(i) + "]", {api::Text{"yes"}}));
  check(r, {{"<u>yes", "messages[0]"},
            {"<u>yes", "messages[1]"},
            {"<u>yes", "messages[2]"},
            {"<a>", "messages[2]"}});
}

TEST(PromptParts, WhatATemplateChangesCountsToTheNext) {
  api::Request r;
  r.items = {item(api::Role::user, "messages[0]", {api::Text{"hidden"}}),
             item(api::Role::user, "messages[1]", {api::Text{"seen"}})};
  check(r, {{"<u>HIDDEN<u>seen", "messages[1]"}, {"<a>", "messages[1]"}});
}

TEST(PromptParts, LongToolsStandBetween) {
  api::Request r = request();
  r.tools.clear();
  std::string block = "<tools>";
  for (int i = 0; i < 40; ++i) {
    r.tools.push_back(
        tool(("tool" + std::to_string(i)).c_str(), std::string(1000, char('a' + i % 26)).c_str()));
    block += json(r.tools.back()) + "\n";
  }
  std::vector<Piece> pieces = {{"<|system|>You are a helper.", "system"}, {block, "tools"}};
  const std::vector<Piece> rest = messages();
  pieces.insert(pieces.end(), rest.begin(), rest.end());
  check(r, pieces);
}

TEST(PromptParts, TheTimeIsBounded) {
  api::Request r;
  std::string prompt;
  for (int i = 0; i < 50'000; ++i) {
    r.items.push_back(item(api::Role::user, "messages[" + std::to_string(i) + "]",
                           {api::Text{"gone " + std::to_string(i)}}));
    prompt += "<u>something else that is shown</u>";
  }
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(PromptParts(r, prompt).at(0), "");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(PromptParts, AnEmptyRequestHasNoParts) {
  EXPECT_EQ(PromptParts({}, "text").at(0), "");
  EXPECT_EQ(PromptParts().at(5), "");
}

}  // namespace
}  // namespace autark::serve
