// Texts of the operator (--public-prefix) whose state all users may share.
#pragma once
#include <span>
#include <string>
#include <vector>
#include "serve/prompts.h"

namespace autark::serve {

class PublicPrefixes {
 public:
  PublicPrefixes() = default;
  // Each text counts as the beginning of a rendered prompt and, with a chat template, as a system message.
  PublicPrefixes(const Prompts& prompts, std::span<const std::string> texts);
  // How many leading tokens of a prompt are those of a public text. These tokens are known to everybody who knows
  // the text, so sharing their state tells nothing about other users.
  int64_t shared(std::span<const int32_t> prompt) const;

 private:
  std::vector<std::vector<int32_t>> known_;
};

}  // namespace autark::serve
