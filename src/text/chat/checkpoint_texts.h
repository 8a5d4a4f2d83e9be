// Reads from a checkpoint's files whether it is a DeepSeek V4, which release, and the texts that may contain
// the fixed paragraphs of its prompts (fixed_texts.h). Private to text/.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include "text/chat/deepseek_v4.h"

namespace autark::text {

struct DeepseekV4Trace {
  std::optional<DeepseekV4Release> release;  // set if the files say that the model is a DeepSeek V4
  bool is_unsaid = false;                    // there is neither a config.json nor a GGUF file
  bool has_encoder = false;                  // there is an encoding/encoding_dsv4.py
};
// An error if config.json or the GGUF file cannot be read.
Result<DeepseekV4Trace> deepseek_v4_trace(const std::filesystem::path& path);

// Returns the texts of the files in encoding/ and of chat_template.jinja, the literals of their sources, and
// the prompts that `jinja` (may be null) renders for a few requests with tools and efforts.
std::vector<std::string> checkpoint_texts(const std::filesystem::path& path, const ChatTemplate* jinja);
// Adds a source text and its literals.
void add_source(std::vector<std::string>& texts, const std::string& source);

}  // namespace autark::text
