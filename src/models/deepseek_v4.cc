// DeepSeek-V4 (arXiv:2606.19348). Three ideas on top of a MoE decoder, all in models/layers/v4_block.h:
//   hyper-connections  the residual is n_hc parallel streams; each sublayer reads a learned mix (pre)
//   and writes back
//                      through (post, comb), where Sinkhorn makes comb doubly stochastic;
//   compressed KV      one shared 512-wide key/value row per token; a 128-token window stays exact,
//   older rows are
//                      pooled 4:1 or 128:1;
//   lightning indexer  on 4:1 layers a small scorer picks the pooled rows to attend to.
// The first n_hash layers choose experts by token id instead of by score.
#include "models/architecture.h"
#include "models/layers/v4_block.h"
#include "models/v4_drafters.h"
#include "models/v4_release.h"

namespace autark {
namespace {

class DeepseekV4 final : public Model {
 public:
  DeepseekV4(const V4Config& config, Weights& w) : c(config) {
    embed_ = w.need("embed.weight", {c.vocab, c.dim});
    for (int i = 0; i < c.layers; ++i)
      blocks_.emplace_back(c, w, "layers." + std::to_string(i) + ".", c.ratios[i], i < c.hash_layers);
    hc_head_ = v4_hyper_connection(c, w, "hc_head", c.hc);
    norm_ = w.vector("norm.weight", {c.dim});
    head_ = w.need("head.weight", {c.vocab, c.dim}, Cut::vocabulary);
  }

  int layers() const override { return int(c.layers); }
  int64_t vocabulary() const override { return c.vocab; }
  int64_t context() const override { return c.context; }
  std::vector<StateSpec> state_specs(int i) const override { return blocks_[i].state_specs(); }

  Tensor embed(Step& s) const override {
    return s.on.v4().hc_spread(s.on.embedding(embed_, s.tokens), int(c.hc));
  }

  Tensor layer(Step& s, int i, Tensor x) const override { return blocks_[i](s, i, x); }

  Tensor logits(Step& s, Tensor x) const override {
    x = s.on.gather(x, s.wanted);
    Mix unused;
    x = s.on.v4().hc_read(x, mix_parameters(hc_head_, c, 0), norm_, &unused);
    return s.on.all_gather(s.on.linear(s.note(int(c.layers), "norm", x), head_), c.vocab);
  }

 private:
  const V4Config c;
  Weight embed_, head_;
  std::vector<V4Block> blocks_;
  HyperConnection hc_head_;
  Vector norm_;
};

constexpr RoundingDefault kTrained{
    "trained",
    "nearest to the official code on the tiny checkpoints: its rounding points, its cache records"};

REGISTER_ARCHITECTURE({.name = "deepseek_v4",
                       .make = &make_model<DeepseekV4, V4Config>,
                       .rounding = {.plain = kTrained, .blocks = kTrained, .official = true},
                       .drafters = {v4_mtp(), v4_dspark()},
                       .check = fault_of_v4,
                       .list = list_v4,
                       .index = {.ids = "idx.ids",
                                 .score = "idx.score",
                                 .margin = "idx.margin",
                                 .spread = "idx.std",
                                 .rows = "icomp"},
                       .draft_notes = "mtp."});

}  // namespace
}  // namespace autark
