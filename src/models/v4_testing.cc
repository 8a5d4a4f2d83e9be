#include "models/v4_testing.h"

namespace autark {

Json v4_flash_config() {
  Json ratios = Json::array();
  for (int i = 0; i < 43; ++i) ratios.push_back(i < 2 ? 0 : i % 2 ? 128 : 4);
  ratios.push_back(0);
  return {{"model_type", "deepseek_v4"},
          {"num_hidden_layers", 43},
          {"hidden_size", 4096},
          {"num_attention_heads", 64},
          {"num_key_value_heads", 1},
          {"head_dim", 512},
          {"qk_rope_head_dim", 64},
          {"q_lora_rank", 1024},
          {"o_lora_rank", 1024},
          {"o_groups", 8},
          {"sliding_window", 128},
          {"compress_ratios", ratios},
          {"index_n_heads", 64},
          {"index_head_dim", 128},
          {"index_topk", 512},
          {"hc_mult", 4},
          {"hc_eps", 1e-6},
          {"hc_sinkhorn_iters", 20},
          {"n_routed_experts", 256},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 6},
          {"moe_intermediate_size", 2048},
          {"num_hash_layers", 3},
          {"num_nextn_predict_layers", 1},
          {"expert_dtype", "fp4"},
          {"scoring_func", "sqrtsoftplus"},
          {"norm_topk_prob", true},
          {"routed_scaling_factor", 1.5},
          {"swiglu_limit", 10},
          {"vocab_size", 129280},
          {"max_position_embeddings", 1 << 20},
          {"rope_theta", 1e4},
          {"compress_rope_theta", 1.6e5},
          {"rope_scaling", {{"type", "yarn"}, {"factor", 16}, {"original_max_position_embeddings", 65536}}},
          {"rms_norm_eps", 1e-6}};
}

Json v4_pro_config() {
  Json j = v4_flash_config(), ratios = Json::array();
  for (int i = 0; i < 61; ++i) ratios.push_back(i < 2 || i % 2 ? 128 : 4);
  ratios.push_back(0);
  j.update({{"num_hidden_layers", 61},
            {"hidden_size", 7168},
            {"num_attention_heads", 128},
            {"q_lora_rank", 1536},
            {"o_groups", 16},
            {"compress_ratios", ratios},
            {"index_topk", 1024},
            {"n_routed_experts", 384},
            {"moe_intermediate_size", 3072},
            {"routed_scaling_factor", 2.5}});
  return j;
}

Json v4_with_dspark(Json preview, int markov_rank) {
  const int layers = preview["num_hidden_layers"];
  for (int stage = 1; stage < 3; ++stage) preview["compress_ratios"].push_back(0);
  preview.update({{"dspark_block_size", 5},
                  {"dspark_markov_rank", markov_rank},
                  {"dspark_noise_token_id", 128799},
                  {"dspark_target_layer_ids", {layers - 3, layers - 2, layers - 1}}});
  return preview;
}

}  // namespace autark
