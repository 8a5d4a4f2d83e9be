// GGUF tensor and architecture names in the words of the Hugging Face checkpoints they were made from.
#pragma once
#include <string>
#include <string_view>

namespace autark {

// "qwen3moe" → "qwen3_moe"; names we do not know stay as they are.
std::string architecture_name(std::string_view gguf);

// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight", for an architecture as named above. A
// stack of experts has a `*` for the expert. What we do not know stays as it is.
std::string tensor_name(std::string_view architecture, std::string_view gguf);

}  // namespace autark
