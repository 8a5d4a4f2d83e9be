// DeepSeek-V4's multi-token prediction head (preview checkpoints): one more block on top of the trunk. Its
// input is the trunk's streams X, before they are combined, and the token that follows. At position i it
// predicts token i + 2:
//
//   Z_j = E norm(embed[t_{i+1}]) + H norm(X_j)     Z' = block(Z)     logits = head(norm(collapse(Z')))
//
// The next draft uses Z' as X. Embedding and head are the trunk's.
#include "models/layers/v4_block.h"
#include "models/v4_drafters.h"

namespace autark {
namespace {

class Mtp final : public Drafter {
 public:
  Mtp(const V4Config& config, Weights& w)
      : c(config),
        embed_(w.need("embed.weight", {c.vocab, c.dim})),
        head_(w.need("head.weight", {c.vocab, c.dim}, Cut::vocabulary)),
        e_proj_(v4_matrix(w, "mtp.0.e_proj", {c.dim, c.dim})),
        h_proj_(v4_matrix(w, "mtp.0.h_proj", {c.dim, c.dim})),
        enorm_(w.vector("mtp.0.enorm.weight", {c.dim})),
        hnorm_(w.vector("mtp.0.hnorm.weight", {c.dim})),
        norm_(w.vector("mtp.0.norm.weight", {c.dim})),
        hc_head_(v4_hyper_connection(c, w, "mtp.0.hc_head", c.hc)),
        block_(c, w, "mtp.0.", /*ratio=*/0, /*by_token=*/false) {}

  const char* name() const override { return "MTP"; }
  int drafts_max() const override { return 8; }  // each from the previous one; later ones are rarely accepted
  int layers() const override { return 1; }
  std::vector<StateSpec> state_specs(int) const override { return block_.state_specs(); }
  std::vector<int> taps() const override { return {int(c.layers) - 1}; }

  Tensor read(Step& s, std::span<const Tensor> taps) const override {
    const Tensor z = step(s, taps[0]);
    return s.wanted.shape[0] > 0 ? s.on.gather(z, s.wanted) : Tensor{};
  }

  Tensor propose(Step& s, int j, Tensor* streams) const override {
    if (j > 0) *streams = step(s, *streams);
    Mix unused;
    const Tensor x = s.on.v4().hc_read(*streams, mix_parameters(hc_head_, c, 0), norm_, &unused);
    return s.on.all_gather(s.on.linear(s.note(layer(), "final", x), head_), c.vocab);
  }

 private:
  int layer() const { return int(c.layers); }

  Tensor step(Step& s, Tensor streams) const {
    const Tensor e = s.on.rms_norm(s.on.embedding(embed_, s.tokens), enorm_, c.eps);
    const Tensor h = s.on.linear(s.on.rms_norm(streams, hnorm_, c.eps), h_proj_);  // one row per stream
    Tensor z = s.on.v4().hc_spread(s.on.linear(e, e_proj_), int(c.hc));
    z = s.on.add(z, {h.data, h.format, z.shape});
    return s.note(layer(), "stream", block_(s, layer(), s.note(layer(), "z", z)));
  }

  const V4Config c;
  Weight embed_, head_, e_proj_, h_proj_;
  Vector enorm_, hnorm_, norm_;
  HyperConnection hc_head_;
  V4Block block_;
};

bool has_mtp(const Json& config) {
  const ConfigFile f(config);
  return f.value("num_nextn_predict_layers", 0) > 0 && !f.has("dspark_block_size");
}

}  // namespace

DrafterKind v4_mtp() {
  return {has_mtp, &make_drafter<Mtp, V4Config>};
}

}  // namespace autark
