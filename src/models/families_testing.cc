#include "models/families_testing.h"
#include <utility>
#include "models/architecture.h"

namespace autark {

Json sizes(int64_t layers, int64_t dim, int64_t heads, int64_t kv, int64_t head_dim, int64_t ffn,
           int64_t vocab, const Json& more) {
  Json j = {{"num_hidden_layers", layers}, {"hidden_size", dim},   {"num_attention_heads", heads},
            {"num_key_value_heads", kv},   {"head_dim", head_dim}, {"intermediate_size", ffn},
            {"vocab_size", vocab},         {"rope_theta", 1e4}};
  j.update(more);
  return j;
}

Json ernie(int64_t chosen, int64_t width, int64_t shared, int64_t start, bool tied) {
  return {{"moe_num_experts", 64},
          {"moe_k", chosen},
          {"moe_intermediate_size", width},
          {"moe_num_shared_experts", shared},
          {"moe_layer_start_index", start},
          {"tie_word_embeddings", tied},
          {"use_bias", false}};
}

Json tiny(const std::string& architecture) {
  const Json experts = {{"n_routed_experts", 8},
                        {"num_experts_per_tok", 2},
                        {"moe_intermediate_size", 24},
                        {"n_shared_experts", 1},
                        {"first_k_dense_replace", 1}};
  const bool deepseek = architecture == "deepseek_v3" || architecture == "kimi_k2";
  Json j = sizes(4, 48, 4, 2, 16, 40, 96, Json::object());
  if (deepseek || architecture == "glm4_moe") j.update(experts);
  if (deepseek)
    j.update({{"q_lora_rank", 20},
              {"kv_lora_rank", 12},
              {"qk_nope_head_dim", 10},
              {"qk_rope_head_dim", 6},
              {"v_head_dim", 8},
              {"n_group", 4},
              {"topk_group", 2}});
  if (architecture == "glm4_moe") j.update({{"attention_bias", true}, {"use_qk_norm", true}});
  if (architecture == "ernie4_5_moe") j.update(ernie(2, 24, 2, 1, false));
  if (architecture == "minimax_m2")
    j.update({{"num_local_experts", 8}, {"num_experts_per_tok", 2}, {"rotary_dim", 8}});
  if (architecture == "gpt_oss") j.update({{"num_local_experts", 8}, {"num_experts_per_tok", 2}});
  if (architecture == "hy_v3" || architecture.starts_with("hunyuan"))
    j.update(
        {{"num_experts", 8}, {"num_experts_per_tok", 2}, {"moe_topk", 2}, {"moe_intermediate_size", 24}});
  if (architecture.starts_with("qwen3_"))
    j.update({{"linear_num_key_heads", 2},
              {"linear_num_value_heads", 4},
              {"linear_key_head_dim", 8},
              {"linear_value_head_dim", 6},
              {"num_experts", 8},
              {"num_experts_per_tok", 2},
              {"moe_intermediate_size", 24},
              {"shared_expert_intermediate_size", 24}});
  return j;
}

AllBut::AllBut(std::string other, Shape instead) : other_(std::move(other)), instead_(instead) {}

std::optional<Weights::Entry> AllBut::open(const std::string& name, const Shape& shape) {
  asked.emplace(name, shape);
  if (name != other_) return Entry{Format::bf16, shape, {}};
  return instead_.rank ? std::optional(Entry{Format::bf16, instead_, {}}) : std::nullopt;
}

std::string fault_of(const char* architecture, const Json& config, AllBut& weights) {
  const auto made = architectures().at(architecture).make(config, weights);
  return made ? "" : made.error().message;
}

}  // namespace autark
