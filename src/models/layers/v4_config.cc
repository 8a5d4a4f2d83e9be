#include "models/layers/v4_config.h"
#include <bit>
#include <numeric>
#include "tensor/v4_records.h"

namespace autark {
namespace {

Rope rope_of(std::vector<double> frequency) {
  return {std::move(frequency), 1, Rope::Pairing::neighbours, /*tail=*/true};
}

Yarn read_yarn(const ConfigFile& f) {
  Yarn y;
  y.factor = f.need_number("rope_scaling.factor");
  y.original = f.need_number("rope_scaling.original_max_position_embeddings");
  y.beta_fast = f.value("rope_scaling.beta_fast", 32.0);
  y.beta_slow = f.value("rope_scaling.beta_slow", 1.0);
  return y;
}

std::string say(const char* key, int64_t v) {
  return std::string(key) + " " + std::to_string(v);
}

// A page of state must hold whole windows of every layer.
void check_ratios(const ConfigFile& f, const V4Config& c) {
  constexpr int64_t kRatioMax = 4096;
  int64_t together = 1;
  for (int64_t r : c.ratios) {
    if (r < 0 || r > kRatioMax) return f.refuse(say("compress_ratios:", r) + " is not from 0 to 4096");
    if (r) together = std::lcm(together, r);
    if (together > kRatioMax)
      return f.refuse(
          "compress_ratios have no common multiple up to 4096, pages could not hold whole windows");
  }
}

// Values that all published V4 configs have and that the code assumes.
void check_constants(const ConfigFile& f) {
  constexpr std::pair<const char*, const char*> kTexts[] = {
      {"scoring_func", "sqrtsoftplus"}, {"topk_method", "noaux_tc"}, {"hidden_act", "silu"}};
  for (const auto& [key, want] : kTexts)
    if (const auto v = f.value(key, want); v != want)
      f.refuse(std::string(key) + " is " + v + ", " + want + " is expected");
  for (const char* key : {"n_shared_experts", "num_key_value_heads"})
    if (f.value(key, 1) != 1) f.refuse(say(key, f.value(key, 1)) + " is not 1");
  if (!f.value("norm_topk_prob", true)) f.refuse("norm_topk_prob is false");
  if (f.value("attention_bias", false)) f.refuse("attention_bias is true");
}

void check(const ConfigFile& f, const V4Config& c) {
  if (f.value("qk_rope_head_dim", v4::kRotary) != v4::kRotary) f.refuse("qk_rope_head_dim is not 64");
  if (c.head_dim <= v4::kRotary || c.head_dim % v4::kKvBlock)
    f.refuse(say("head_dim", c.head_dim) + " is not a multiple of 64 above 64");
  if (c.index_dim < v4::kRotary || !std::has_single_bit(uint64_t(c.index_dim)))
    f.refuse(say("index_head_dim", c.index_dim) + " is not a power of two from 64 on");
  if (c.heads % c.o_groups) f.refuse(say("o_groups", c.o_groups) + " does not divide the heads");
  if (c.experts_per_token > c.experts) f.refuse("num_experts_per_tok is larger than n_routed_experts");
  if (!(c.eps >= 0 && c.hc_eps >= 0)) f.refuse("rms_norm_eps and hc_eps must not be negative");
  if (c.hc > 16) f.refuse(say("hc_mult", c.hc) + " is more than 16");
  if (std::ssize(c.ratios) < c.layers)
    f.refuse("compress_ratios has " + std::to_string(c.ratios.size()) + " entries for " +
             std::to_string(c.layers) + " layers");
  check_ratios(f, c);
  check_constants(f);
}

}  // namespace

V4Config::V4Config(const ConfigFile& f)
    : layers(f.need_int("num_hidden_layers", 1, kLayersMax)),
      dim(f.need_int("hidden_size")),
      heads(f.need_int("num_attention_heads")),
      head_dim(f.need_int("head_dim")),
      q_rank(f.need_int("q_lora_rank")),
      o_rank(f.need_int("o_lora_rank")),
      o_groups(f.need_int("o_groups")),
      window(f.need_int("sliding_window", 1, 1 << 20)),
      index_heads(f.need_int("index_n_heads")),
      index_dim(f.need_int("index_head_dim")),
      index_top_k(f.need_int("index_topk", 1, 1 << 18)),
      hc(f.need_int("hc_mult")),
      sinkhorn_iters(f.need_int("hc_sinkhorn_iters", 1, 1000)),
      experts(f.need_int("n_routed_experts")),
      experts_per_token(f.need_int("num_experts_per_tok")),
      expert_dim(f.need_int("moe_intermediate_size")),
      hash_layers(f.value("num_hash_layers", 0)),
      vocab(f.need_int("vocab_size")),
      context(f.value("max_position_embeddings", 1 << 20)),
      eps(f.need_number("rms_norm_eps")),
      hc_eps(f.need_number("hc_eps")),
      route_scale(f.need_number("routed_scaling_factor")),
      swiglu_limit(f.need_number("swiglu_limit")),
      ratios(f.ints("compress_ratios")) {
  check(f, *this);
  const double near = f.need_number("rope_theta"), far = f.need_number("compress_rope_theta");
  const Yarn yarn = read_yarn(f);
  if (!(near > 0 && far > 0 && yarn.factor > 0 && yarn.original > 0 && yarn.beta_fast > 0 &&
        yarn.beta_slow > 0))
    f.refuse("rope_theta, compress_rope_theta and rope_scaling must be positive");
  rope_near = rope_of(plain_frequencies(v4::kRotary, near));
  rope_far = rope_of(yarn_frequencies(v4::kRotary, far, yarn));
}

}  // namespace autark
