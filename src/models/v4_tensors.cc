#include "models/v4_tensors.h"
#include <algorithm>
#include "tensor/weight.h"
#include "weights/safetensors.h"

namespace autark {
namespace {

class Lister {
 public:
  Lister(const V4Config& config, bool fp4_experts) : c(config), fp4_experts_(fp4_experts) {}

  void trunk() {
    plain("embed.weight", "BF16", {c.vocab, c.dim});
    plain("head.weight", "BF16", {c.vocab, c.dim});
    collapse("");
    for (int64_t i = 0; i < c.layers; ++i)
      block("layers." + std::to_string(i) + ".", c.ratios[i], i < c.hash_layers);
  }

  void mtp(int64_t number) {
    const std::string m = "mtp." + std::to_string(number) + ".";
    block(m, 0, false);
    for (const char* name : {"e_proj", "h_proj"}) fp8(m + name, c.dim, c.dim);
    for (const char* name : {"enorm.weight", "hnorm.weight"}) plain(m + name, "BF16", {c.dim});
    collapse(m);
  }

  // The first stage takes the trunk's hidden states, the last one produces the logits.
  void dspark(const V4Contents& with) {
    const auto at = [](int64_t stage) { return "mtp." + std::to_string(stage) + "."; };
    for (int64_t s = 0; s < with.stages; ++s) block(at(s), 0, false);
    fp8(at(0) + "main_proj", c.dim, with.targets * c.dim);
    plain(at(0) + "main_norm.weight", "BF16", {c.dim});
    const std::string last = at(with.stages - 1);
    collapse(last);
    for (const char* name : {"markov_w1", "markov_w2"})
      plain(last + "markov_head." + name + ".weight", "BF16", {c.vocab, with.markov_rank});
    plain(last + "confidence_head.proj.weight", "BF16", {1, c.dim + with.markov_rank});
  }

  std::vector<V4Tensor> all;

 private:
  void plain(std::string name, const char* dtype, std::vector<int64_t> shape) {
    all.push_back({std::move(name), dtype, std::move(shape)});
  }
  void fp8(const std::string& name, int64_t out, int64_t in) {
    plain(name + ".weight", "F8_E4M3", {out, in});
    plain(name + ".scale", "F8_E8M0", {tiles(out), tiles(in)});
  }
  void fp4(const std::string& name, int64_t out, int64_t in) {
    plain(name + ".weight", "I8", {out, in / 2});
    plain(name + ".scale", "F8_E8M0", {out, in / kRunLength});
  }

  // The tensors that combine the residual streams before a head.
  void collapse(const std::string& at) {
    plain(at + "norm.weight", "BF16", {c.dim});
    plain(at + "hc_head_fn", "F32", {c.hc, c.hc * c.dim});
    plain(at + "hc_head_base", "F32", {c.hc});
    plain(at + "hc_head_scale", "F32", {1});
  }

  void block(const std::string& at, int64_t ratio, bool by_token) {
    const int64_t mix = (2 + c.hc) * c.hc;
    for (const std::string site : {"attn", "ffn"}) {
      plain(at + site + "_norm.weight", "BF16", {c.dim});
      plain(at + "hc_" + site + "_fn", "F32", {mix, c.hc * c.dim});
      plain(at + "hc_" + site + "_base", "F32", {mix});
      plain(at + "hc_" + site + "_scale", "F32", {3});
    }
    attention(at + "attn.");
    if (ratio) pooler(at + "attn.compressor.", ratio, c.head_dim);
    if (ratio == 4) indexer(at + "attn.indexer.");
    experts(at + "ffn.", by_token);
  }

  void attention(const std::string& at) {
    plain(at + "attn_sink", "F32", {c.heads});
    fp8(at + "wq_a", c.q_rank, c.dim);
    plain(at + "q_norm.weight", "BF16", {c.q_rank});
    fp8(at + "wq_b", c.heads * c.head_dim, c.q_rank);
    fp8(at + "wkv", c.head_dim, c.dim);
    plain(at + "kv_norm.weight", "BF16", {c.head_dim});
    fp8(at + "wo_a", c.o_groups * c.o_rank, c.heads / c.o_groups * c.head_dim);
    fp8(at + "wo_b", c.dim, c.o_groups * c.o_rank);
  }

  void pooler(const std::string& at, int64_t ratio, int64_t dim) {
    const int64_t wide = (ratio == 4 ? 2 : 1) * dim;  // 4:1 windows overlap
    plain(at + "ape", "F32", {ratio, wide});
    plain(at + "norm.weight", "BF16", {dim});
    for (const char* name : {"wkv.weight", "wgate.weight"}) plain(at + name, "BF16", {wide, c.dim});
  }

  void indexer(const std::string& at) {
    fp8(at + "wq_b", c.index_heads * c.index_dim, c.q_rank);
    plain(at + "weights_proj.weight", "BF16", {c.index_heads, c.dim});
    pooler(at + "compressor.", 4, c.index_dim);
  }

  void experts(const std::string& at, bool by_token) {
    plain(at + "gate.weight", "BF16", {c.experts, c.dim});
    if (by_token)
      plain(at + "gate.tid2eid", "I64", {c.vocab, c.experts_per_token});
    else
      plain(at + "gate.bias", "F32", {c.experts});
    const auto expert = [&](const std::string& name, auto matrix) {
      (this->*matrix)(name + "w1", c.expert_dim, c.dim);
      (this->*matrix)(name + "w3", c.expert_dim, c.dim);
      (this->*matrix)(name + "w2", c.dim, c.expert_dim);
    };
    for (int64_t e = 0; e < c.experts; ++e)
      expert(at + "experts." + std::to_string(e) + ".", fp4_experts_ ? &Lister::fp4 : &Lister::fp8);
    expert(at + "shared_experts.", &Lister::fp8);
  }

  const V4Config& c;
  const bool fp4_experts_;
};

}  // namespace

int64_t V4Tensor::bytes() const {
  int64_t n = bits_of_dtype(dtype) / 8;
  for (int64_t d : shape) n *= d;
  return n;
}

V4Contents read_v4_contents(const ConfigFile& f, const V4Config& c) {
  V4Contents with{.fp4_experts = f.value("expert_dtype", "fp4") == "fp4",
                  .experts_named = f.has("expert_dtype")};
  if (f.has("dspark_block_size")) {
    const auto trailing = std::ssize(c.ratios) - c.layers,
               targets = std::ssize(f.ints("dspark_target_layer_ids"));
    with.draft = V4Draft::dspark;
    with.stages = std::max<int64_t>(trailing, 1);
    with.targets = targets;
    with.markov_rank = f.need_int("dspark_markov_rank");
  } else if (const int64_t blocks = f.value("num_nextn_predict_layers", 0); blocks > 0) {
    with.draft = V4Draft::mtp;
    with.stages = blocks;
  }
  return with;
}

std::vector<V4Tensor> v4_tensors(const V4Config& c, const V4Contents& with) {
  Lister list(c, with.fp4_experts);
  list.trunk();
  for (int64_t i = 0; with.draft == V4Draft::mtp && i < with.stages; ++i) list.mtp(i);
  if (with.draft == V4Draft::dspark) list.dspark(with);
  return std::move(list.all);
}

}  // namespace autark
