#include "weights/gguf/names.h"
#include <algorithm>
#include <span>
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
    {"nextn.eh_proj", "eh_proj"},
    {"nextn.enorm", "enorm"},
    {"nextn.hnorm", "hnorm"},
    {"nextn.embed_tokens", "embed_tokens"},
    {"nextn.shared_head_head", "shared_head.head"},
    {"nextn.shared_head_norm", "shared_head.norm"},
};

// GGUF's name for the norm before the feed-forward block depends on whether a norm follows the attention.
constexpr Names kTwoNorms[] = {{"ffn_norm", "post_attention_layernorm"}};
constexpr Names kFourNorms[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

// GGUF calls the norm before the feed-forward block of these post_attention_norm.
constexpr Names kPostNorms[] = {{"post_attention_norm", "post_attention_layernorm"}};

// Names of single families, before the common ones. A name with a suffix is the whole name in the layer.
constexpr Names kDeepseekV3[] = {
    {"attn_q_a", "self_attn.q_a_proj"},
    {"attn_q_a_norm", "self_attn.q_a_layernorm"},
    {"attn_q_b", "self_attn.q_b_proj"},
    {"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"},
    {"attn_kv_a_norm", "self_attn.kv_a_layernorm"},
    {"attn_kv_b", "self_attn.kv_b_proj"},
    {"attn_k_b", "self_attn.k_b_proj.heads.*"},
    {"attn_v_b", "self_attn.v_b_proj.heads.*"},
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias"},
    {"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_experts.up_proj"},
    {"ffn_down_shexp", "mlp.shared_experts.down_proj"},
};
constexpr Names kErnie45Moe[] = {
    {"exp_probs_b.bias", "mlp.moe_statics.e_score_correction_bias"},
    {"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_experts.up_proj"},
    {"ffn_down_shexp", "mlp.shared_experts.down_proj"},
};
constexpr Names kHunyuan[] = {
    {"attn_q_norm", "self_attn.query_layernorm"},
    {"attn_k_norm", "self_attn.key_layernorm"},
    {"ffn_gate_inp", "mlp.gate.wg"},
    {"ffn_gate_shexp", "mlp.shared_mlp.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_mlp.up_proj"},
    {"ffn_down_shexp", "mlp.shared_mlp.down_proj"},
};
constexpr Names kHyV3[] = {
    {"ffn_gate_inp", "mlp.router.gate"},        {"exp_probs_b", "mlp.expert_bias"},
    {"exp_probs_b.bias", "mlp.expert_bias"},    {"ffn_gate_shexp", "mlp.shared_mlp.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_mlp.up_proj"}, {"ffn_down_shexp", "mlp.shared_mlp.down_proj"},
};
constexpr Names kMinimaxM2[] = {
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    {"exp_probs_b.bias", "block_sparse_moe.e_score_correction_bias"},
    {"ffn_gate_exps", "block_sparse_moe.experts.*.w1"},
    {"ffn_up_exps", "block_sparse_moe.experts.*.w3"},
    {"ffn_down_exps", "block_sparse_moe.experts.*.w2"},
};
constexpr Names kGptOss[] = {
    {"attn_sinks.weight", "self_attn.sinks"},
    {"ffn_gate_inp", "mlp.router"},
    {"ffn_gate_exps.bias", "mlp.experts.gate_proj.bias"},
    {"ffn_up_exps.bias", "mlp.experts.up_proj.bias"},
    {"ffn_down_exps.bias", "mlp.experts.down_proj.bias"},
    {"post_attention_norm", "post_attention_layernorm"},
};
constexpr Names kQwen3Hybrids[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"attn_qkv", "linear_attn.in_proj_qkv"},
    {"attn_gate", "linear_attn.in_proj_z"},
    {"ssm_ba", "linear_attn.in_proj_ba"},
    {"ssm_beta", "linear_attn.in_proj_b"},
    {"ssm_alpha", "linear_attn.in_proj_a"},
    {"ssm_conv1d", "linear_attn.conv1d"},
    {"ssm_dt.bias", "linear_attn.dt_bias"},
    {"ssm_a", "linear_attn.decay"},
    {"ssm_norm", "linear_attn.norm"},
    {"ssm_out", "linear_attn.out_proj"},
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    {"ffn_down_shexp", "mlp.shared_expert.down_proj"},
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

using Table = std::span<const Names>;

std::string_view look_up(Table names, std::string_view key) {
  const auto it = std::ranges::find(names, key, &Names::first);
  return it == names.end() ? std::string_view{} : it->second;
}

Table names_of_family(std::string_view architecture) {
  static constexpr std::pair<std::string_view, Table> kFamilies[] = {
      {"deepseek_v3", kDeepseekV3},   {"glm4_moe", kDeepseekV3},      {"ernie4_5_moe", kErnie45Moe},
      {"hunyuan_v1_dense", kHunyuan}, {"hunyuan_v1_moe", kHunyuan},   {"hy_v3", kHyV3},
      {"minimax_m2", kMinimaxM2},     {"gpt_oss", kGptOss},           {"qwen3_next", kQwen3Hybrids},
      {"qwen3_5", kQwen3Hybrids},     {"qwen3_5_moe", kQwen3Hybrids},
  };
  for (const auto& [name, table] : kFamilies)
    if (name == architecture) return table;
  return {};
}

Table norms_of_family(std::string_view architecture) {
  if (architecture == "gemma3") return kFourNorms;
  return architecture == "glm4_moe" ? Table(kPostNorms) : Table(kTwoNorms);
}

// The name in a layer of "piece.suffix"; empty if it is unknown.
std::string layer_name(std::string_view architecture, std::string_view whole) {
  const Table family = names_of_family(architecture);
  if (const auto name = look_up(family, whole); !name.empty()) return std::string(name);
  const size_t end = whole.rfind('.');
  if (end == whole.npos) return {};
  const std::string_view piece = whole.substr(0, end);
  for (const Table names : {family, Table(kLayer), norms_of_family(architecture)})
    if (const auto name = look_up(names, piece); !name.empty())
      return std::string(name) + std::string(whole.substr(end));
  return {};
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
  static constexpr Names kArchitectures[] = {
      {"qwen3moe", "qwen3_moe"},
      {"deepseek4", "deepseek_v4"},
      {"deepseek2", "deepseek_v3"},
      {"ernie4_5-moe", "ernie4_5_moe"},
      {"hunyuan-moe", "hunyuan_v1_moe"},
      {"hunyuan-dense", "hunyuan_v1_dense"},
      {"glm4moe", "glm4_moe"},
      {"minimax-m2", "minimax_m2"},
      {"gpt-oss", "gpt_oss"},
      {"qwen3next", "qwen3_next"},
      {"qwen35", "qwen3_5"},
      {"qwen35moe", "qwen3_5_moe"},
  };
  const auto name = look_up(kArchitectures, gguf);
  return std::string(name.empty() ? gguf : name);
}

std::string tensor_name(std::string_view architecture, std::string_view gguf) {
  if (architecture == "deepseek_v4") return v4_tensor_name(gguf);
  if (const auto name = look_up(kModel, gguf); !name.empty()) return std::string(name);
  const size_t number_end = gguf.find('.', 4);
  if (!gguf.starts_with("blk.") || number_end == gguf.npos) return std::string(gguf);
  const std::string name = layer_name(architecture, gguf.substr(number_end + 1));
  if (name.empty()) return std::string(gguf);
  return "model.layers." + std::string(gguf.substr(4, number_end - 4)) + "." + name;
}

}  // namespace autark
