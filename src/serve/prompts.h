// api::Request to tokens: a conversation is rendered with the model's chat template, a text is encoded, ids
// are taken as they are; and with each prompt how its answer is to be read. The server and the terminal make
// their prompts here. Immutable, safe to use from any thread.
#pragma once
#include "api/item.h"
#include "serve/answer_reader.h"
#include "serve/conversation.h"
#include "text/model_text.h"

namespace autark::serve {

struct Prompt {
  std::vector<int32_t> ids;
  std::string text;            // shown where the prompt is echoed
  AnswerReader::Rules answer;  // how its answer is read
};

class Prompts {
 public:
  // The text outlives it.
  explicit Prompts(const text::ModelText& text);

  // One prompt for a conversation, one for each of Request::prompts. `usual`: how the model answers where the
  // request does not say.
  api::Outcome<std::vector<Prompt>> of(const api::Request& request, const Manner& usual) const;

 private:
  api::Outcome<Prompt> rendered(const api::Request& request, const Manner& usual) const;
  std::optional<api::Fault> refused_tools(const api::Request& request) const;
  api::Outcome<std::string> opening_of(const api::Request& request, bool in_reasoning) const;
  api::Outcome<Prompt> plain(const api::Request& request, const std::string& text) const;
  Prompt given(const api::Request& request, const std::vector<int32_t>& ids) const;

  const text::ModelText& text_;
  const TemplateForm form_;
  const std::vector<int32_t> preamble_;  // what the tokenizer puts in front of a text, such as <bos>
};

// What an engine's or a tokenizer's refusal or failure is to a client.
api::Fault fault_of(const Error& error);

}  // namespace autark::serve
