#include "text/tools/testing.h"
#include <algorithm>
#include <string_view>
#include <utility>
#include "base/json.h"

namespace autark::text {

ParsedOutput parse(const Answer& a, std::span<const size_t> cuts) {
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

std::string show(const ParsedOutput& p) {
  Json j = {{"reasoning", p.reasoning}, {"content", p.content}, {"tool_calls", Json::array()}};
  for (const auto& c : p.tool_calls)
    j["tool_calls"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  for (const auto& c : p.partial) j["partial"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  return dump_json(j);
}

std::string spoken(const Answer& a) {
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

std::string hermes(const std::string& text, bool in_reasoning, bool cut) {
  return spoken({.text = text, .in_reasoning = in_reasoning, .cut = cut, .syntax = OutputSyntax::hermes});
}
Mutator::Mutator(uint32_t seed, std::vector<std::string> marks) : random_(seed), marks_(std::move(marks)) {}

size_t Mutator::below(size_t n) {
  return std::uniform_int_distribution<size_t>(0, n - 1)(random_);
}

void Mutator::mutate(std::string& text) {
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

std::vector<size_t> Mutator::cuts(size_t size) {
  std::vector<size_t> at(below(6));
  for (size_t& c : at) c = below(size + 1);
  std::ranges::sort(at);
  return at;
}

}  // namespace autark::text
