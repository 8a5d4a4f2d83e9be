// Parses arbitrary bytes in every syntax. The first byte chooses the syntax and the options, the second where the
// text is cut. The result must not depend on the cut; a call other than of DSML may stay open only at a limit; without calls
// there must be none.
#include <cstdlib>
#include <string_view>
#include "text/output_parser.h"

namespace {

using namespace autark::text;

std::string parse(int mode, std::string_view text, size_t cut) {
  const auto syntax = static_cast<OutputSyntax>(mode % kSyntaxCount);
  const int options = mode / kSyntaxCount;
  const bool cut_off = options / 2 % 2 != 0, calls = options % 7 != 0;
  const auto parser = make_output_parser(syntax, {.in_reasoning = options % 2 != 0, .calls = calls});
  std::vector<OutputPiece> pieces;
  const auto add = [&](const std::vector<OutputPiece>& more) {
    pieces.insert(pieces.end(), more.begin(), more.end());
  };
  add(parser->push(text.substr(0, cut)));
  add(parser->push(text.substr(cut)));
  add(parser->finish(cut_off));
  const ParsedOutput out = gather(pieces);
  const bool may_stay_open = cut_off || syntax == OutputSyntax::dsml;
  if (!may_stay_open && !out.partial.empty()) std::abort();
  if (!calls && out.tool_calls.size() + out.partial.size() > 0) std::abort();
  std::string all = out.reasoning + "\1" + out.content;
  for (const auto* calls : {&out.tool_calls, &out.partial})
    for (const ToolCall& c : *calls) all += "\2" + c.name + "\3" + c.arguments;
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (parse(data[0], text, 0) != parse(data[0], text, text.empty() ? 0 : data[1] % text.size())) std::abort();
  return 0;
}
