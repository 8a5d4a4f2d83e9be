// Makes the prompts of an api::Request, each with the rules for reading its answer. A conversation is
// rendered with the model's chat template, a text is encoded, token ids are used as they are. Used by the
// server and by the terminal. Immutable and thread-safe.
#pragma once
#include "api/item.h"
#include "serve/answer_reader.h"
#include "serve/conversation.h"
#include "serve/gap_tokens.h"
#include "serve/prompt_parts.h"
#include "text/model_text.h"

namespace autark::serve {

struct Prompt {
  std::vector<int32_t> ids;
  std::string text;            // the prompt as text; set only if the request wants it echoed
  AnswerReader::Rules answer;  // how to read its answer
  PromptParts parts;           // of a conversation; counts in tokens
  int64_t public_tokens = 0;   // PrefixHints::public_tokens
  std::vector<int64_t> marks;  // PrefixHints::marks
};

class Prompts {
 public:
  // `text` must outlive this object.
  explicit Prompts(const text::ModelText& text);

  // Returns one prompt for a conversation, else one for each of Request::prompts. `usual`: settings for a
  // request that does not set thinking or effort.
  api::ApiResult<std::vector<Prompt>> of(const api::Request& request, const ReasoningDefaults& usual) const;
  const TemplateTraits& traits() const { return traits_; }  // of the chat template, if there is one

 private:
  api::ApiResult<Prompt> rendered(const api::Request& request, const ReasoningDefaults& usual) const;
  std::optional<api::ApiError> refused_tools(const api::Request& request) const;
  api::ApiResult<std::string> opening_of(const api::Request& request, bool in_reasoning) const;
  api::ApiResult<Prompt> plain(const api::Request& request, const std::string& text) const;
  Prompt given(const api::Request& request, const std::vector<int32_t>& ids) const;
  std::optional<api::ApiError> add_gap(const api::Request& request, Prompt& prompt) const;

  const text::ModelText& text_;
  const TemplateTraits traits_;
  const std::optional<GapTokens> gap_;
  const std::vector<int32_t> preamble_;  // tokens that the tokenizer puts before every text, such as <bos>
};

// The fault that a client gets for an error of the engine or the tokenizer.
api::ApiError fault_of(const Error& error);

}  // namespace autark::serve
