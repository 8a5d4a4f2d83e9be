// Renders a conversation to a prompt with the checkpoint's own chat template (Jinja), or with an
// encoder of ours for DeepSeek V4. Immutable after open() and thread-safe. A hostile template
// cannot stop the process or run forever: instructions, recursion, output and memory are limited.
// What a template raises becomes the Error.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/json.h"
#include "base/sampled_turn.h"
#include "text/output_parser.h"
#include "text/tokenizer.h"

namespace autark::text {

struct Conversation {
  Json messages = empty_array();  // in the form of OpenAI Chat
  // For message i of the assistant: the tokens that the model wrote. They stand in the prompt unchanged, with a
  // Jinja template only where it shows exactly their text (chat/sampled_places.h). May be shorter than
  // `messages`.
  std::vector<std::optional<SampledTurn>> sampled = {};
  std::optional<Json> tools;       // a list in the form of OpenAI Chat; empty: no tools
  Json kwargs = empty_object();    // add_generation_prompt, continue_final_message, enable_thinking …
  Json vars = empty_object();      // special-token texts, override the tokenizer's; null: not defined
  std::optional<std::string> now;  // for strftime_now: "2026-11-22T08:00:00"; empty: the local time
};

// Bytes of a prompt's text, and the tokens to use for them. Their neighbours are markup of one token each.
struct SampledRange {
  ByteRange bytes;
  std::vector<int32_t> ids;
};

struct Prompt {
  std::string text;
  // Places where text from messages spells an added token; it must be encoded as plain text. In order.
  std::vector<ByteRange> literal;
  // Text that the model wrote in earlier turns, with the tokens that were sampled. In order.
  std::vector<SampledRange> sampled;
  bool in_reasoning = false;  // the prompt ends inside the model's reasoning
  bool reasoned = false;      // the prompt ends behind reasoning, which may be empty
  bool continues = false;     // the prompt ends inside content, which the answer continues
};

// The tokens of a prompt. Markup of the template becomes added tokens, `literal` text does not, and `sampled`
// text becomes its own tokens.
Result<std::vector<int32_t>> ids_of(const Prompt& prompt, const Tokenizer& tokenizer);

// For --help: keys that render_json() takes for some models, in addition to the usual ones.
const char* render_options();

class ChatTemplate {
 public:
  // `path`: a directory (chat_template.jinja, chat_template.json, tokenizer_config.json), a GGUF
  // file or a .jinja file. Code::not_found if the model has no chat template. `tokenizer` (may be
  // null) supplies special-token texts and the spellings of added tokens that user text must not
  // become; it must outlive the template.
  static Result<std::unique_ptr<ChatTemplate>> open(const std::filesystem::path& path,
                                                    const Tokenizer* tokenizer);
  virtual ~ChatTemplate() = default;
  // Code::invalid if the template raises an error or exceeds a limit.
  virtual Result<Prompt> render(const Conversation& c) const = 0;
  // Renders JSON text {"messages", "tools", "kwargs", "vars", "now"}. Integers of any length stay as written.
  virtual Result<Prompt> render_json(std::string_view request) const;
  // The Jinja text for conversations without tools, often also for those with tools; empty if there is none.
  virtual std::string source() const { return {}; }
  // How a model with this template writes reasoning and tool calls.
  virtual OutputSyntax syntax() const { return OutputSyntax::plain; }
};

}  // namespace autark::text
