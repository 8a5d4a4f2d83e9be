// A model's tokenizer, its chat template if there is one, and the tokens that end an answer. Immutable and
// thread-safe after open().
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>
#include "text/chat.h"
#include "text/tokenizer.h"

namespace autark::text {

struct ModelText {
  std::unique_ptr<Tokenizer> tokenizer;  // never null
  std::unique_ptr<ChatTemplate> chat;    // null: there is no usable chat template
  std::string chat_fault;                // why `chat` is null
  // End tokens that the files name, then those that close a turn of the template. May have duplicates.
  std::vector<int32_t> end_tokens;

  // `path`: a directory or a GGUF file. Fails only if the tokenizer cannot be opened.
  static Result<ModelText> open(const std::filesystem::path& path);
};

}  // namespace autark::text
