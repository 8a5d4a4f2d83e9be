// DeepSeek V4's prompt format: what the official encoder writes, in our words (the grammar is in the .cc
// file). A row may carry more than other templates take: "release" ("preview", "0731", "0813"), and "fixed":
// "placeholder", which writes {{FIXED:name}} for the paragraphs that belong to the checkpoint. Private to
// text/.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "text/chat.h"

namespace autark::text {

enum class DeepseekV4Release : uint8_t { preview, r0731 };  // 0813 speaks as 0731 does

struct DeepseekV4Parts {
  std::optional<DeepseekV4Release> release;               // empty: the row names it, else `other` renders
  std::unique_ptr<ChatTemplate> other;                    // may be empty
  std::map<std::string, std::string, std::less<>> fixed;  // the paragraphs that the checkpoint's files have
  std::string where;                                      // the checkpoint, for errors
  std::vector<std::string> spellings;                     // of added tokens
};

std::unique_ptr<ChatTemplate> make_deepseek_v4(DeepseekV4Parts parts);

}  // namespace autark::text
