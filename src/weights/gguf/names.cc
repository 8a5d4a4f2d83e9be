#include "weights/gguf/names.h"
#include <algorithm>
#include <utility>

namespace autark {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

// Whole names of tensors that belong to no layer.
constexpr Names kModel[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

// Names within a layer, between "blk.N." and ".weight" or ".bias".
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

// GGUF's name for the norm before the feed-forward block depends on whether a norm follows the attention.
constexpr Names kTwoNorms[] = {{"ffn_norm", "post_attention_layernorm"}};
constexpr Names kFourNorms[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

// DeepSeek-V4 has other tensor names, and tensors that are neither a weight nor a bias, so whole
// names are listed.
constexpr Names kV4Model[] = {
    {"token_embd.weight", "embed.weight"},     {"output_norm.weight", "norm.weight"},
    {"output.weight", "head.weight"},          {"output_hc_fn.weight", "hc_head_fn"},
    {"output_hc_base.weight", "hc_head_base"}, {"output_hc_scale.weight", "hc_head_scale"},
};
constexpr Names kV4Layer[] = {
    {"attn_norm.weight", "attn_norm.weight"},
    {"ffn_norm.weight", "ffn_norm.weight"},
    {"hc_attn_fn.weight", "hc_attn_fn"},
    {"hc_attn_base.weight", "hc_attn_base"},
    {"hc_attn_scale.weight", "hc_attn_scale"},
    {"hc_ffn_fn.weight", "hc_ffn_fn"},
    {"hc_ffn_base.weight", "hc_ffn_base"},
    {"hc_ffn_scale.weight", "hc_ffn_scale"},
    {"attn_q_a.weight", "attn.wq_a.weight"},
    {"attn_q_a_norm.weight", "attn.q_norm.weight"},
    {"attn_q_b.weight", "attn.wq_b.weight"},
    {"attn_kv.weight", "attn.wkv.weight"},
    {"attn_kv_a_norm.weight", "attn.kv_norm.weight"},
    {"attn_sinks.weight", "attn.attn_sink"},
    {"attn_output_a.weight", "attn.wo_a.weight"},
    {"attn_output_b.weight", "attn.wo_b.weight"},
    {"attn_compressor_ape.weight", "attn.compressor.ape"},
    {"attn_compressor_kv.weight", "attn.compressor.wkv.weight"},
    {"attn_compressor_gate.weight", "attn.compressor.wgate.weight"},
    {"attn_compressor_norm.weight", "attn.compressor.norm.weight"},
    {"indexer.attn_q_b.weight", "attn.indexer.wq_b.weight"},
    {"indexer.proj.weight", "attn.indexer.weights_proj.weight"},
    {"indexer_compressor_ape.weight", "attn.indexer.compressor.ape"},
    {"indexer_compressor_kv.weight", "attn.indexer.compressor.wkv.weight"},
    {"indexer_compressor_gate.weight", "attn.indexer.compressor.wgate.weight"},
    {"indexer_compressor_norm.weight", "attn.indexer.compressor.norm.weight"},
    {"ffn_gate_inp.weight", "ffn.gate.weight"},
    {"exp_probs_b.bias", "ffn.gate.bias"},
    {"ffn_gate_tid2eid.weight", "ffn.gate.tid2eid"},
    {"ffn_gate_exps.weight", "ffn.experts.*.w1.weight"},
    {"ffn_up_exps.weight", "ffn.experts.*.w3.weight"},
    {"ffn_down_exps.weight", "ffn.experts.*.w2.weight"},
    {"ffn_gate_shexp.weight", "ffn.shared_experts.w1.weight"},
    {"ffn_up_shexp.weight", "ffn.shared_experts.w3.weight"},
    {"ffn_down_shexp.weight", "ffn.shared_experts.w2.weight"},
};

template <size_t n>
std::string_view look_up(const Names (&names)[n], std::string_view key) {
  const auto* it = std::ranges::find(names, key, &Names::first);
  return it == std::end(names) ? std::string_view{} : it->second;
}

std::string v4_tensor_name(std::string_view gguf) {
  if (const auto name = look_up(kV4Model, gguf); !name.empty()) return std::string(name);
  const size_t number_end = gguf.find('.', 4);
  if (!gguf.starts_with("blk.") || number_end == gguf.npos) return std::string(gguf);
  const auto name = look_up(kV4Layer, gguf.substr(number_end + 1));
  if (name.empty()) return std::string(gguf);
  return "layers." + std::string(gguf.substr(4, number_end - 4)) + "." + std::string(name);
}

}  // namespace

std::string architecture_name(std::string_view gguf) {
  if (gguf == "qwen3moe") return "qwen3_moe";
  return gguf == "deepseek4" ? "deepseek_v4" : std::string(gguf);
}

std::string tensor_name(std::string_view architecture, std::string_view gguf) {
  if (architecture == "deepseek_v4") return v4_tensor_name(gguf);
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
