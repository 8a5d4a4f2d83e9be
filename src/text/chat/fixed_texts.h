// The long fixed paragraphs of DeepSeek V4's prompts. They belong to the checkpoint and are read from its
// files, not stored here. A paragraph is recognised by its length and SHA-256, anywhere in the texts of
// checkpoint_texts.h. Private to text/.
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
  char first;  // its first byte, so that few candidates need a hash
};

extern const std::span<const FixedText> kDeepseekV4Texts;

// Returns the texts of `wanted` that are contained in `sources`, by name.
std::map<std::string, std::string, std::less<>> find_fixed_texts(std::span<const FixedText> wanted,
                                                                 std::span<const std::string> sources);

}  // namespace autark::text
