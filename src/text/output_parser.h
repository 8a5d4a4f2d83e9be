// What a model writes, taken apart as it comes: reasoning, content, tool calls. A parser is given the text
// after the prompt, cut anywhere, and the pieces do not depend on the cuts: joined by kind and call they are
// the same. Bytes that may be the beginning of markup wait. Markup of reasoning and of calls is not given
// out; a tag without a call behind it is text. Belongs to one answer and one thread.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

enum class OutputSyntax : uint8_t {
  plain,   // all of it is content; what the prompt began to reason, up to </think>, is reasoning
  hermes,  // <think>…</think>, <tool_call>{"name": …, "arguments": {…}}</tool_call> (Qwen, Hermes)
  dsml     // DeepSeek V4 and V4.1: …</think>, <｜DSML｜tool_calls> blocks, either spelling of the tags
};

// Names for a syntax that the caller chooses instead of the model's own: "v4" and "v41" are dsml.
struct NamedSyntax {
  std::string_view name;
  OutputSyntax syntax;
};
std::span<const NamedSyntax> named_syntaxes();

struct OutputPiece {
  enum class Kind : uint8_t { reasoning, content, call, arguments, call_end } kind = Kind::content;
  int call = -1;     // which, from 0: call, arguments, call_end
  std::string text;  // reasoning, content; the name of a call; the next bytes of its arguments: a JSON
                     // object, or what the model wrote where that cannot be read as one
};

class OutputParser {
 public:
  virtual ~OutputParser() = default;
  virtual std::vector<OutputPiece> push(std::string_view text) = 0;
  // The output is over; `cut`: by a length limit, in the middle of something. A call without call_end was
  // never finished, and its name may be cut too. Without `cut`, a call whose name is known is ended; only in
  // DSML one stays open where the model stopped inside a value.
  virtual std::vector<OutputPiece> finish(bool cut) = 0;
};

struct ParserOptions {
  bool in_reasoning = false;  // the prompt ended inside the model's reasoning
  bool continues = false;     // it ended inside content, whose newlines are its own
  bool calls = true;          // false: none are wanted, and their markup is text
};
std::unique_ptr<OutputParser> make_output_parser(OutputSyntax syntax, const ParserOptions& options = {});

struct ToolCall {
  std::string name, arguments;  // JSON text
};
struct ParsedOutput {
  std::string reasoning, content;
  std::vector<ToolCall> tool_calls;
  std::vector<ToolCall> partial;  // begun, never finished
};
ParsedOutput gather(std::span<const OutputPiece> pieces);

}  // namespace autark::text
