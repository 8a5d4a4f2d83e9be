// A conversation to the prompt a model was trained on, by the checkpoint's own chat template (Jinja).
// Immutable after open(), safe to use from any thread. A template can neither stop the process nor run for
// ever: fuel and recursion are limited, and what it raises is the Error.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/json.h"
#include "base/sampled.h"
#include "text/output_parser.h"
#include "text/tokenizer.h"

namespace autark::text {

struct Conversation {
  Json messages = Json::array();  // as the OpenAI chat dialect has them
  // Of message i, an assistant's: what the model wrote itself. Templates that can (DeepSeek V4) let it stand
  // as it was. May be shorter than `messages`.
  std::vector<std::optional<Sampled>> sampled = {};
  std::optional<Json> tools;       // empty: none
  Json kwargs = Json::object();    // add_generation_prompt, continue_final_message, enable_thinking …
  Json vars = Json::object();      // special-token texts that override the tokenizer's; null: not defined
  std::optional<std::string> now;  // for strftime_now, "2026-11-22T08:00:00" or as the goldens write it
};

struct SampledRange {  // of a prompt's text; between markup that is one token each
  ByteRange bytes;
  std::vector<int32_t> ids;
};

struct Prompt {
  std::string text;
  // Where text that came from messages spells an added token: to be encoded as plain text.
  std::vector<ByteRange> literal;
  // Where the model's own words stand: these tokens, however the text might be cut into others. In order.
  std::vector<SampledRange> sampled;
  bool in_reasoning = false;  // it ends inside the model's reasoning
  bool continues = false;     // it ends inside content that the answer goes on with
};

Result<std::vector<int32_t>> ids_of(const Prompt& prompt, const Tokenizer& tokenizer);

// For --help: what render_json() of some models takes beside the usual keys.
const char* render_options();

class ChatTemplate {
 public:
  // A directory (tokenizer_config.json, chat_template.jinja), a GGUF file or a .jinja file. Code::not_found
  // where there is none: the model has no chat. `tokenizer` (may be empty) supplies special-token texts and
  // the spellings that user text must not turn into tokens; it outlives the template.
  static Result<std::unique_ptr<ChatTemplate>> open(const std::filesystem::path& path,
                                                    const Tokenizer* tokenizer);
  virtual ~ChatTemplate() = default;
  virtual Result<Prompt> render(const Conversation& c) const = 0;
  // The same from JSON text {"messages", "tools", "kwargs", "vars", "now"}: whole numbers of any length stay
  // as written.
  virtual Result<Prompt> render_json(std::string_view request) const;
  // How the model that this prompt is for writes reasoning and tool calls.
  virtual OutputSyntax syntax() const { return OutputSyntax::plain; }
};

}  // namespace autark::text
