#include "models/v4_toy_testing.h"
#include <cmath>
#include "base/check.h"
#include "models/architecture.h"

namespace autark {

Json toy_v4_config() {
  return {{"num_hidden_layers", 5},
          {"hidden_size", 64},
          {"num_attention_heads", 4},
          {"head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"q_lora_rank", 32},
          {"o_lora_rank", 16},
          {"o_groups", 2},
          {"sliding_window", 8},
          {"index_n_heads", 16},
          {"index_head_dim", 128},
          {"index_topk", 3},
          {"hc_mult", 4},
          {"hc_eps", 1e-6},
          {"hc_sinkhorn_iters", 20},
          {"n_routed_experts", 8},
          {"num_experts_per_tok", 2},
          {"moe_intermediate_size", 32},
          {"num_hash_layers", 1},
          {"swiglu_limit", 10},
          {"vocab_size", kToyVocabulary},
          {"rope_theta", 1e4},
          {"compress_rope_theta", 1.6e5},
          {"rope_scaling", {{"factor", 16}, {"original_max_position_embeddings", 65536}}},
          {"rms_norm_eps", 1e-6},
          {"routed_scaling_factor", 1.5},
          {"num_nextn_predict_layers", 1},
          {"compress_ratios", {0, 4, 16, 4, 16, 0}}};
}

uint64_t fnv1a64(const std::string& s) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : s) h = (h ^ c) * 0x100000001b3;
  return h;
}

uint64_t splitmix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

void toy_values(const std::string& name, double a, double b, std::span<float> out) {
  const uint64_t seed = fnv1a64(name);
  for (size_t i = 0; i < out.size(); ++i) {
    const double u = double(splitmix64(seed + i) >> 11) * 0x1p-53;
    out[i] = static_cast<float>((u - 0.5) * 2 * a + b);
  }
}

void toy_v4_tensor(const std::string& name, const Shape& shape, std::span<float> out) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  const auto ends = [&](const char* part) { return name.ends_with(part); };
  double a = 1.7 / std::sqrt(double(shape[-1])), b = 0;
  if (has("norm") || ends("_scale"))
    a = 0.25, b = 1;
  else if (ends("_base") || ends("gate.bias") || ends("attn_sink") || ends(".ape"))
    a = 0.5;
  else if (has("hc_"))
    a = 0.05;
  else if (name == "embed.weight")
    a = 1;
  toy_values(name, a, b, out);
  if (ends("tid2eid"))
    for (int t = 0; t < kToyVocabulary; ++t) out[2 * t] = 3 * t % 8, out[2 * t + 1] = (3 * t + 1 + t % 3) % 8;
}

std::vector<int32_t> toy_prompt(int n, int shift) {
  std::vector<int32_t> t;
  for (int i = 0; i < n; ++i) t.push_back((7 * i * i + 3 * i + 5 + shift) % kToyVocabulary);
  return t;
}

ToyV4::ToyV4(const Json& config) : config(config) {
  auto made = architectures().at("deepseek_v4").make(this->config, weights);
  AUTARK_CHECK(made);
  model = std::move(*made);
}
ToyV4::~ToyV4() = default;

}  // namespace autark
