// DSpark, the draft head of DeepSeek-V4's releases 0731 and 0813: a block of B drafts in one pass. Its stages
// are layers with a window. The window's rows come from the trunk: the means over streams of the inputs of
// some trunk layers, side by side, projected to one width.
//
//   x_p = norm(P · concat_L mean_j X_L,j)     ring_s[p] = rope(norm(Wkv_s x_p), p)              read()
//   Z = embed[t_{p+1}, N … N] at p+1 … p+B; in every stage each row attends to the ring and to all B rows
//   base = head(norm(collapse(Z)))     logits_j = base_j + markov_out · markov_in[d_j]          propose()
//
// d_0 is t_{p+1}, d_{j+1} is sampled from logits_j. The block's own rows are not stored. Embedding and head
// are the trunk's. The confidence head is not used: the engine decides how far to draft.
#include <algorithm>
#include "models/layers/v4_block.h"
#include "models/v4_drafters.h"

namespace autark {
namespace {

struct DsparkConfig {
  V4Config trunk;
  int64_t block, rank, noise, stages;
  std::vector<int64_t> targets;

  explicit DsparkConfig(const ConfigFile& f)
      : trunk(f),
        block(f.need_int("dspark_block_size", 1, 64)),
        rank(f.need_int("dspark_markov_rank")),
        noise(f.need_int("dspark_noise_token_id", 0)),
        stages(std::max<int64_t>(1, std::ssize(trunk.ratios) - trunk.layers)),  // one trailing 0 per stage
        targets(f.ints("dspark_target_layer_ids")) {
    if (noise >= trunk.vocab) f.refuse("dspark_noise_token_id is outside the vocabulary");
    if (targets.empty() || targets.front() < 0 || targets.back() >= trunk.layers ||
        std::ranges::adjacent_find(targets, std::greater_equal{}) != targets.end())
      f.refuse("dspark_target_layer_ids are not rising layers of the model");
  }
};

class Dspark final : public Drafter {
 public:
  Dspark(const DsparkConfig& config, Weights& w) : d_(config), c(d_.trunk) {
    const std::string last = "mtp." + std::to_string(d_.stages - 1) + ".";
    embed_ = w.need("embed.weight", {c.vocab, c.dim});
    head_ = w.need("head.weight", {c.vocab, c.dim}, Cut::vocabulary);
    main_proj_ = v4_matrix(w, "mtp.0.main_proj", {c.dim, std::ssize(d_.targets) * c.dim});
    main_norm_ = w.vector("mtp.0.main_norm.weight", {c.dim});
    for (int i = 0; i < d_.stages; ++i)
      stages_.emplace_back(c, w, "mtp." + std::to_string(i) + ".", /*ratio=*/0, /*by_token=*/false);
    hc_head_ = v4_hyper_connection(c, w, last + "hc_head", c.hc);
    norm_ = w.vector(last + "norm.weight", {c.dim});
    markov_in_ = w.need(last + "markov_head.markov_w1.weight", {c.vocab, d_.rank});
    markov_out_ = w.need(last + "markov_head.markov_w2.weight", {c.vocab, d_.rank});
  }

  const char* name() const override { return "DSpark"; }
  int drafts_max() const override { return int(d_.block); }
  int layers() const override { return int(d_.stages); }
  std::vector<StateSpec> state_specs(int i) const override { return stages_[i].state_specs(); }
  int rows(int j) const override { return j == 0 ? int(d_.block) : 1; }
  int32_t filler() const override { return int32_t(d_.noise); }

  std::vector<int> taps() const override {
    std::vector<int> all;
    for (int64_t layer : d_.targets) all.push_back(int(layer) - 1);  // the layer's input
    return all;
  }
  Tensor tap(Step& s, Tensor x) const override {  // the mean of the streams
    const Shape weights{x.shape[0], x.shape[1]};
    const std::vector<float> same(weights.numel(), 1.f / float(x.shape[1]));
    return s.on.v4().hc_pre(x, s.on.upload(same, weights));
  }

  Tensor read(Step& s, std::span<const Tensor> taps) const override {
    const Tensor main = s.on.rms_norm(s.on.linear(s.on.concat(taps), main_proj_), main_norm_, c.eps);
    for (int i = 0; i < layers(); ++i) {
      const Tensor kv = stages_[i].key_value(s, main);
      s.on.v4().extend(s.state(int(c.layers) + i, 0), kv);
    }
    return {};
  }

  Tensor propose(Step& s, int j, Tensor* base) const override {
    if (j == 0) *base = block(s);
    Chip& on = s.on;
    const int64_t sequences = base->rows() / d_.block;
    const Tensor known = on.gather(s.tokens, on.upload(every(0, sequences, rows(j))));
    const Tensor markov = on.linear(on.embedding(markov_in_, known), markov_out_);
    return on.add(on.gather(*base, on.upload(every(j, sequences, d_.block))), markov);
  }

 private:
  // The block's logits before the Markov correction, [sequences · block, vocabulary].
  Tensor block(Step& s) const {
    Chip& on = s.on;
    V4Ops& v4 = on.v4();
    Tensor z = v4.hc_spread(on.embedding(embed_, s.tokens), int(c.hc));
    const auto core = [&](Tensor q, Tensor kv, const StateView& window, const Vector& sink) {
      return v4.block_attention(q, kv, window, sink);
    };
    for (int i = 0; i < layers(); ++i) z = stages_[i](s, int(c.layers) + i, z, core);
    Mix unused;
    const Tensor x = v4.hc_read(z, mix_parameters(hc_head_, c, 0), norm_, &unused);
    return on.all_gather(on.linear(s.note(int(c.layers), "final", x), head_), c.vocab);
  }

  // `count` row numbers: first, first + step ….
  static std::vector<int32_t> every(int64_t first, int64_t count, int64_t step) {
    std::vector<int32_t> rows;
    for (int64_t i = 0; i < count; ++i) rows.push_back(int32_t(first + i * step));
    return rows;
  }

  const DsparkConfig d_;
  const V4Config& c;
  Weight embed_, head_, main_proj_, markov_in_, markov_out_;
  std::vector<V4Block> stages_;
  HyperConnection hc_head_;
  Vector main_norm_, norm_;
};

bool has_dspark(const Json& config) {
  return ConfigFile(config).has("dspark_block_size");
}

}  // namespace

DrafterKind v4_dspark() {
  return {has_dspark, &make_drafter<Dspark, DsparkConfig>};
}

}  // namespace autark
