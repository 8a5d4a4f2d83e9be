// Splits a model's output into reasoning, content and tool calls while it arrives. A parser gets the text
// after the prompt in pieces of any size. Its result does not depend on the cuts: pieces joined by kind and
// call are the same. Bytes that may begin markup are held back. Markup is removed; a tag that no call follows
// is text, and so is every tag if the request wants no calls. Reasoning can only come first. In the dialects of
// tools/dialects/ a call begins with the name of one of the request's tools, or, with any other name, if it is
// whole; what a broken call leaves behind the first call is removed. Not thread-safe; one object per answer.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

enum class OutputSyntax : uint8_t {
  plain,   // all is content; if the prompt opened reasoning, text up to </think> is reasoning
  hermes,  // <think>…</think>, <tool_call>{"name": …, "arguments": {…}}</tool_call> (Qwen, Hermes)
  dsml,    // DeepSeek V4 and V4.1: …</think>, <｜DSML｜tool_calls> blocks, either spelling of the tags
  // The others are described in tools/dialects/, one file each, as data (text/dialect.h).
  deepseek_v3,
  deepseek_v3_1,
  kimi_k2,
  glm4,
  hunyuan,
  hy3,
  hy3_opensource,  // hy3 with the spelling of the published checkpoints; the same parser
  ernie,
  minimax_m2,
  harmony,
  llama3,
  mistral,
  mistral_list,  // mistral as the earlier models write it; the same parser
  qwen3_coder
};
inline constexpr int kSyntaxCount = 17;

// Names by which users can choose a syntax instead of the model's own: "v4" and "v41" are dsml, the others have
// the names of the syntaxes.
struct NamedSyntax {
  std::string_view name;
  OutputSyntax syntax;
};
std::span<const NamedSyntax> named_syntaxes();

struct OutputPiece {
  enum class Kind : uint8_t { reasoning, content, call, arguments, call_end } kind = Kind::content;
  int call = -1;  // number of the call, from 0, for the kinds call, arguments and call_end
  // Reasoning or content; of a call its name; of arguments the next bytes. Joined, the arguments are a JSON
  // object, or what the model wrote if that cannot be read as one.
  std::string text;
};

class OutputParser {
 public:
  virtual ~OutputParser() = default;
  // Reads the next bytes and returns the pieces that have become certain.
  virtual std::vector<OutputPiece> push(std::string_view text) = 0;
  // Ends the output and returns what was held back. `cut`: a limit ended it, possibly in the middle of a
  // call. A call without a call_end is unfinished, and its name may be incomplete. Without `cut`, a call with
  // a name is ended, except a DSML call whose last value has no end.
  virtual std::vector<OutputPiece> finish(bool cut) = 0;
};

class ToolTypes;

struct ParserOptions {
  bool in_reasoning = false;  // the prompt ends inside the model's reasoning
  bool reasoned = false;      // the prompt ends behind it, so <think> is text
  bool continues = false;     // the prompt ends inside content, so newlines at the start are kept
  bool calls = true;          // false: markup of calls is text
  // The tools of the request, for dialects whose values have no type of their own. Null: they are not known.
  std::shared_ptr<const ToolTypes> types = nullptr;
};
// The parser of a syntax. Its input may be any bytes; invalid UTF-8 becomes U+FFFD.
std::unique_ptr<OutputParser> make_output_parser(OutputSyntax syntax, const ParserOptions& options = {});

struct ToolCall {
  std::string name, arguments;  // JSON text
};
struct ParsedOutput {
  std::string reasoning, content;
  std::vector<ToolCall> tool_calls;
  std::vector<ToolCall> partial;  // calls without an end
};
// Joins the pieces of an answer.
ParsedOutput gather(std::span<const OutputPiece> pieces);

}  // namespace autark::text
