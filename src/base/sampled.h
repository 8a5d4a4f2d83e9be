// What a model wrote in one turn, as text and as the tokens that were sampled. A later prompt that holds the
// turn takes these tokens, however its text might be cut into others.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace autark {

struct Written {  // by the model, markup and all
  std::string text;
  std::vector<int32_t> ids;  // the tokens that the text came from
};

struct Sampled {
  Written reasoning;          // to its end mark, the mark included; empty where the prompt had begun none
  Written answer;             // what came then, without the end token
  bool in_reasoning = false;  // the prompt had begun its reasoning

  bool empty() const { return reasoning.ids.empty() && answer.ids.empty(); }
  void add(int32_t id, std::string_view text) {
    const bool reasons = in_reasoning && !reasoning.text.ends_with("</think>");
    Written& part = reasons ? reasoning : answer;
    part.text += text;
    part.ids.push_back(id);
  }
};

}  // namespace autark
