// The long fixed paragraphs of DeepSeek V4's prompts. They belong to the checkpoint and are read from its
// files: any piece of a file's text, of a literal in its source or of what its chat template renders is the
// paragraph if its length and SHA-256 are. Private to text/.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

struct FixedText {
  std::string_view name;
  size_t bytes;
  std::string_view sha256;
  char first;  // its first byte, so that few pieces are summed
};

extern const std::span<const FixedText> kDeepseekV4Texts;

// name → text, of those of `wanted` that are somewhere in `sources`.
std::map<std::string, std::string, std::less<>> find_fixed_texts(std::span<const FixedText> wanted,
                                                                 std::span<const std::string> sources);

}  // namespace autark::text
