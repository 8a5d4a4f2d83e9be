// Translates GGUF tensor and architecture names to those of the Hugging Face checkpoints.
#pragma once
#include <string>
#include <string_view>

namespace autark {

// "qwen3moe" → "qwen3_moe". Unknown names are returned unchanged.
std::string architecture_name(std::string_view gguf);

// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight", for an architecture in the form above. A
// stack of experts gets a `*` for the expert. Unknown names are returned unchanged.
std::string tensor_name(std::string_view architecture, std::string_view gguf);

}  // namespace autark
