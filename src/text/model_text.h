// What a model's files say about its text: the tokenizer, the chat template if there is one, and the tokens
// that end an answer. Immutable after open(), safe to use from any thread.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>
#include "text/chat.h"
#include "text/tokenizer.h"

namespace autark::text {

struct ModelText {
  std::unique_ptr<Tokenizer> tokenizer;  // always there
  std::unique_ptr<ChatTemplate> chat;    // empty: the model has no chat template
  std::string chat_fault;                // why `chat` is empty
  // The tokens that the tokenizer's files name as ends, then those that close the template's turn.
  std::vector<int32_t> end_tokens;

  // `path`: a directory or a GGUF file. Fails only where the tokenizer does.
  static Result<ModelText> open(const std::filesystem::path& path);
};

}  // namespace autark::text
