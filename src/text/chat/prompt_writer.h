// A prompt in the making, which remembers what of it came from messages (where that spells an added token, it
// is to be read as plain text) and what the model wrote itself. Private to text/.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "text/chat.h"

namespace autark::text {

// Spellings of added tokens, to be looked up at any place of a text.
class Spellings {
 public:
  explicit Spellings(std::vector<std::string> all);
  // The end of the longest one that begins here; `at` where there is none.
  size_t end_at(std::string_view text, size_t at) const;

 private:
  std::vector<std::string> sorted_;
  std::vector<size_t> lengths_;  // longest first
  bool begins_[256] = {};
};

class PromptWriter {
 public:
  void markup(std::string_view text) { text_ += text; }
  void typed(std::string_view text);
  void sampled(std::string_view text, std::vector<int32_t> ids);
  Prompt take(const Spellings& spellings);

 private:
  std::string text_;
  std::vector<ByteRange> typed_;
  std::vector<SampledRange> sampled_;
};

}  // namespace autark::text
