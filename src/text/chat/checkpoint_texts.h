// What a checkpoint's files tell about DeepSeek V4 prompts: whether it is one, of which release, and the
// texts among which the encoder's fixed paragraphs are. Private to text/.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include "text/chat/deepseek_v4.h"

namespace autark::text {

struct DeepseekV4Trace {
  std::optional<DeepseekV4Release> release;  // the checkpoint says that it is a DeepSeek V4
  bool is_unsaid = false;                    // no config.json and no GGUF: a bare tokenizer
  bool has_encoder = false;                  // encoding/encoding_dsv4.py is there
};
Result<DeepseekV4Trace> deepseek_v4_trace(const std::filesystem::path& path);

// The files of encoding/, the literals of its sources, and what `jinja` (may be null) renders for some
// requests.
std::vector<std::string> checkpoint_texts(const std::filesystem::path& path, const ChatTemplate* jinja);
// A file's text and its literals.
void add_source(std::vector<std::string>& texts, const std::string& source);

}  // namespace autark::text
