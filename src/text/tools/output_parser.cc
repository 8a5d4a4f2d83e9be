#include "text/output_parser.h"
#include "text/dialect.h"
#include "text/stream.h"
#include "text/tools/parsers.h"

namespace autark::text {
namespace {

// Makes valid UTF-8 of the output before a syntax reads it: incomplete characters wait, invalid bytes become
// U+FFFD. So every piece has whole characters, and arguments are valid JSON.
class Utf8Parser final : public OutputParser {
 public:
  explicit Utf8Parser(std::unique_ptr<OutputParser> parser) : parser_(std::move(parser)) {}

  std::vector<OutputPiece> push(std::string_view text) override { return parser_->push(bytes_.push(text)); }

  std::vector<OutputPiece> finish(bool cut) override {
    auto pieces = parser_->push(bytes_.flush());
    for (auto& piece : parser_->finish(cut)) pieces.push_back(std::move(piece));
    return pieces;
  }

 private:
  std::unique_ptr<OutputParser> parser_;
  Utf8Stream bytes_;
};

}  // namespace

std::span<const NamedSyntax> named_syntaxes() {
  static const std::vector<NamedSyntax> kAll = [] {
    std::vector<NamedSyntax> all{{"v4", OutputSyntax::dsml}, {"v41", OutputSyntax::dsml}};
    for (int i = 0; i < kSyntaxCount; ++i)
      if (const auto syntax = OutputSyntax(i); !dialect_of(syntax).name.empty())
        all.push_back({dialect_of(syntax).name, syntax});
    return all;
  }();
  return kAll;
}

std::unique_ptr<OutputParser> make_output_parser(OutputSyntax syntax, const ParserOptions& options) {
  constexpr decltype(&make_plain_parser) kMake[] = {make_plain_parser, make_hermes_parser, make_dsml_parser};
  const auto index = static_cast<size_t>(syntax);
  return std::make_unique<Utf8Parser>(
      index < std::size(kMake) ? kMake[index](options) : make_marked_parser(dialect_of(syntax), options));
}

ParsedOutput gather(std::span<const OutputPiece> pieces) {
  using enum OutputPiece::Kind;
  ParsedOutput out;
  std::vector<ToolCall> calls;
  std::vector<bool> ended;
  for (const OutputPiece& p : pieces) {
    if (p.call >= static_cast<int>(calls.size())) {
      calls.resize(p.call + 1);
      ended.resize(p.call + 1);
    }
    switch (p.kind) {
      case reasoning:
        out.reasoning += p.text;
        break;
      case content:
        out.content += p.text;
        break;
      case call:
        calls[p.call].name = p.text;
        break;
      case arguments:
        calls[p.call].arguments += p.text;
        break;
      case call_end:
        ended[p.call] = true;
        break;
    }
  }
  for (size_t i = 0; i < calls.size(); ++i) (ended[i] ? out.tool_calls : out.partial).push_back(calls[i]);
  return out;
}

}  // namespace autark::text
