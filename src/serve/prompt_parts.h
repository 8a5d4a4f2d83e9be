// Where the parts of a conversation lie in its rendered prompt, so that a place in the prompt can be named as a
// place in the request.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "api/item.h"
#include "text/tokenizer.h"

namespace autark::serve {

// Found by looking for the contents of the request in the order in which they usually stand. A template that
// changes a content hides it; its bytes then count to the part behind it. The time is bounded for any request.
class PromptParts {
 public:
  PromptParts() = default;
  // `prompt`: the rendered text.
  PromptParts(const api::Request& request, std::string_view prompt);
  // Counts in tokens from now on: `ids` are the tokens of the prompt. A token belongs to the part of its first
  // byte; the first one of the markup behind a content, which ends it, to that content, unless the tools follow.
  void count_in_tokens(std::span<const int32_t> ids, const text::Tokenizer& tokenizer);
  // The part that has the byte, or the token: "tools", Item::place or one of Item::places. Markup counts to the
  // content that follows it, the line that ends the tools to them, and what is behind the last content to that.
  std::string at(size_t position) const;
  // The positions behind these places, of those that were found.
  std::vector<int64_t> ends_of(std::span<const std::string> places) const;
  bool empty() const { return parts_.empty(); }  // no conversation, or none of its contents was found

 private:
  struct Part {
    size_t begin = 0;  // first byte of its content
    size_t end = 0;    // first byte or token behind it
    std::string name;
  };
  void end_tools(std::string_view prompt);

  std::vector<Part> parts_;  // in rising order
};

}  // namespace autark::serve
