// DeepSeek V4's prompt format, byte for byte as the official encoder writes it; the grammar is in the .cc
// file. render_json() takes two more keys than other templates: "release" ("preview", "0731", "0813"), and
// "fixed": "placeholder", which writes {{FIXED:name}} for the paragraphs that belong to the checkpoint.
// Private to text/.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "text/chat.h"

namespace autark::text {

enum class DeepseekV4Release : uint8_t { preview, r0731 };  // 0813 uses the 0731 prompt format

struct DeepseekV4Parts {
  std::optional<DeepseekV4Release> release;               // empty: a request names it, or `other` renders
  std::unique_ptr<ChatTemplate> other;                    // the checkpoint's Jinja template; may be null
  std::map<std::string, std::string, std::less<>> fixed;  // paragraphs found in the checkpoint, by name
  std::string where;                                      // path of the checkpoint, for errors
  std::vector<std::string> spellings;                     // of added tokens, which user text must not become
};

// A request that needs a paragraph which `fixed` lacks gets an error that names the missing file.

std::unique_ptr<ChatTemplate> make_deepseek_v4(DeepseekV4Parts parts);

}  // namespace autark::text
