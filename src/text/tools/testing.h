// For tests of the parsers: parses a model's answer in pieces of any size and writes the result in one line.
#pragma once
#include <gtest/gtest.h>
#include <algorithm>
#include <random>
#include "base/json.h"
#include "text/output_parser.h"

namespace autark::text {

struct Answer {
  std::string text;
  bool in_reasoning = false, cut = false, calls = true;
  OutputSyntax syntax = OutputSyntax::dsml;
  std::shared_ptr<const ToolTypes> types = nullptr;
};

inline ParsedOutput parse(const Answer& a, std::span<const size_t> cuts) {
  const auto parser =
      make_output_parser(a.syntax, {.in_reasoning = a.in_reasoning, .calls = a.calls, .types = a.types});
  std::vector<OutputPiece> pieces;
  const auto add = [&](std::vector<OutputPiece> more) {
    for (auto& p : more) pieces.push_back(std::move(p));
  };
  size_t from = 0;
  for (const size_t to : cuts) add(parser->push(std::string_view(a.text).substr(from, to - from))), from = to;
  add(parser->push(std::string_view(a.text).substr(from)));
  add(parser->finish(a.cut));
  return gather(pieces);
}

inline std::string show(const ParsedOutput& p) {
  Json j = {{"reasoning", p.reasoning}, {"content", p.content}, {"tool_calls", Json::array()}};
  for (const auto& c : p.tool_calls)
    j["tool_calls"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  for (const auto& c : p.partial) j["partial"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  return dump_json(j);
}

// Reasoning in brackets, content, then " name arguments" for each call, with "?" before those without an end.
// However the text is cut, it is the same.
inline std::string spoken(const Answer& a) {
  const std::string whole = show(parse(a, {}));
  std::vector<size_t> everywhere;
  for (size_t at = 1; at < a.text.size(); ++at) everywhere.push_back(at);
  EXPECT_EQ(show(parse(a, everywhere)), whole) << a.text;
  const Json j = parse_json(whole, "").value();
  std::string out;
  if (j["reasoning"] != "") out += "[" + j["reasoning"].get<std::string>() + "]";
  out += j["content"];
  for (const Json& c : j["tool_calls"])
    out += " " + c["name"].get<std::string>() + c["arguments"].get<std::string>();
  if (j.contains("partial"))
    for (const Json& c : j["partial"])
      out += " ?" + c["name"].get<std::string>() + c["arguments"].get<std::string>();
  return out;
}
inline std::string hermes(const std::string& text, bool in_reasoning = false, bool cut = false) {
  return spoken({.text = text, .in_reasoning = in_reasoning, .cut = cut, .syntax = OutputSyntax::hermes});
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed, std::vector<std::string> marks) : random_(seed), marks_(std::move(marks)) {}

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  void mutate(std::string& text) {
    const size_t at = below(text.size() + 1), length = std::min(below(12), text.size() - at);
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, marks_[below(marks_.size())]);
        break;
      case 2:
        text.replace(at, length, marks_[below(marks_.size())]);
        break;
      case 3:
        text.insert(at, text.substr(below(text.size() + 1), below(40)));
        break;
      default:
        if (!text.empty()) text[std::min(at, text.size() - 1)] = static_cast<char>(below(256));
    }
  }

  std::vector<size_t> cuts(size_t size) {
    std::vector<size_t> at(below(6));
    for (size_t& c : at) c = below(size + 1);
    std::ranges::sort(at);
    return at;
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> marks_;
};

}  // namespace autark::text
