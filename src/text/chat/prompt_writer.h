// Builds a prompt and records which parts came from messages (where these spell an added token, they are read
// as plain text) and which were sampled by the model. Private to text/.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "text/chat.h"

namespace autark::text {

// Finds spellings of added tokens at a given place of a text.
class Spellings {
 public:
  explicit Spellings(std::vector<std::string> all);
  // The end of the longest spelling that begins at `at`; `at` itself if there is none.
  size_t end_at(std::string_view text, size_t at) const;

 private:
  std::vector<std::string> sorted_;
  std::vector<size_t> lengths_;  // longest first
  bool begins_[256] = {};
};

class PromptWriter {
 public:
  // Append text: of the template, of a message, or of the model with its tokens.
  void markup(std::string_view text) { text_ += text; }
  void typed(std::string_view text);
  void sampled(std::string_view text, std::vector<int32_t> ids);
  // The prompt, with the places in typed text that spell added tokens as Prompt::literal.
  Prompt take(const Spellings& spellings);

 private:
  std::string text_;
  std::vector<ByteRange> typed_;
  std::vector<SampledRange> sampled_;
};

}  // namespace autark::text
