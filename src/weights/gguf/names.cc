#include "weights/gguf/names.h"
#include <algorithm>
#include <utility>

namespace autark {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr Names kModel[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

constexpr Names kLayer[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_exps", "mlp.experts.*.gate_proj"},
    {"ffn_up_exps", "mlp.experts.*.up_proj"},
    {"ffn_down_exps", "mlp.experts.*.down_proj"},
};

// The norm before the feed-forward block is named by what stands between it and the attention.
constexpr Names kTwoNorms[] = {{"ffn_norm", "post_attention_layernorm"}};
constexpr Names kFourNorms[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

template <size_t n>
std::string_view look_up(const Names (&names)[n], std::string_view key) {
  const auto* it = std::ranges::find(names, key, &Names::first);
  return it == std::end(names) ? std::string_view{} : it->second;
}

}  // namespace

std::string architecture_name(std::string_view gguf) {
  return gguf == "qwen3moe" ? "qwen3_moe" : std::string(gguf);
}

std::string tensor_name(std::string_view architecture, std::string_view gguf) {
  constexpr std::string_view kKnown[] = {"llama", "qwen2", "qwen3", "qwen3_moe", "gemma3"};
  if (std::ranges::find(kKnown, architecture) == std::end(kKnown)) return std::string(gguf);
  if (const auto name = look_up(kModel, gguf); !name.empty()) return std::string(name);
  // blk.<number>.<piece>.<weight | bias>
  const size_t number_end = gguf.find('.', 4), piece_end = gguf.rfind('.');
  if (!gguf.starts_with("blk.") || number_end == gguf.npos || piece_end <= number_end)
    return std::string(gguf);
  const auto piece = gguf.substr(number_end + 1, piece_end - number_end - 1);
  auto name = look_up(kLayer, piece);
  if (name.empty()) name = architecture == "gemma3" ? look_up(kFourNorms, piece) : look_up(kTwoNorms, piece);
  if (name.empty()) return std::string(gguf);
  return "model.layers." + std::string(gguf.substr(4, number_end - 4)) + "." + std::string(name) +
         std::string(gguf.substr(piece_end));
}

}  // namespace autark
