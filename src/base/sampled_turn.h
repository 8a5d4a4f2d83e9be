// One turn of a model as text and as the tokens that were sampled. A later prompt that contains the turn
// reuses these tokens, even if the tokenizer would cut its text differently; so the cache's rows stay usable.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace autark {

struct TokenSpan {  // model output including its markup
  std::string text;
  std::vector<int32_t> ids;  // the tokens that the text came from
};

// A turn split at the end of its reasoning.
struct SampledTurn {
  TokenSpan reasoning;        // up to and including its end mark; empty if the prompt opened none
  TokenSpan answer;           // everything behind the reasoning, without the end token
  bool in_reasoning = false;  // the prompt ends with an opened reasoning

  bool empty() const { return reasoning.ids.empty() && answer.ids.empty(); }
  // Appends a token to the part it belongs to.
  void add(int32_t id, std::string_view text) {
    const bool reasons = in_reasoning && !reasoning.text.ends_with("</think>");
    TokenSpan& part = reasons ? reasoning : answer;
    part.text += text;
    part.ids.push_back(id);
  }
};

}  // namespace autark
