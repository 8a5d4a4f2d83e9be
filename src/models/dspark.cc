// DSpark, the draft head of DeepSeek-V4's releases 0731 and 0813: a block of B guesses in one pass. Its
// stages are layers with a window, whose window rows come from the trunk: of the streams that entered some of
// its layers, their means side by side, brought to one width.
//
//   x_p = norm(P · concat_L mean_j X_L,j)     ring_s[p] = rope(norm(Wkv_s x_p), p)              read()
//   Z = embed[t_{p+1}, N … N] at p+1 … p+B; in every stage each row attends to the ring and to all B rows
//   base = head(norm(collapse(Z)))     logits_j = base_j + markov_out · markov_in[d_j]          propose()
//
// d_0 is t_{p+1}, d_{j+1} is drawn from logits_j. The block's own rows are never stored. Embedding and head
// are the trunk's. The confidence head is not read: how far to draft is the engine's choice.
#include <algorithm>
#include <cmath>
#include <cstring>
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
        stages(std::max<int64_t>(1, std::ssize(trunk.ratios) - trunk.layers)),  // a trailing 0 each
        targets(f.ints("dspark_target_layer_ids")) {
    if (noise >= trunk.vocab) f.refuse("dspark_noise_token_id is outside the vocabulary");
    if (targets.empty() || targets.front() < 0 || targets.back() >= trunk.layers ||
        std::ranges::adjacent_find(targets, std::greater_equal{}) != targets.end())
      f.refuse("dspark_target_layer_ids are not rising layers of the model");
  }
};

// Every query over the window's stored rows and all rows of its own block.
Tensor attend_block(Chip& on, Tensor q, Tensor kv, const Rows& window, Tensor sink) {
  const Tensor y = on.result(q.shape);
  on.host([=] {
    const int64_t H = q.shape[1], d = q.cols();
    for (size_t seq = 0; seq < window.sequences.size(); ++seq) {
      const Span span = window.sequences[seq];
      const int64_t from = std::max<int64_t>(0, window.length[seq] - window.keep);
      const std::vector<float> rows = seen(window, int(seq), kv, from);
      const int64_t n = std::ssize(rows) / d;
      std::vector<double> weight(n);
      for (int64_t i = span.first * H; i < (span.first + span.count) * H; ++i) {
        const auto query = q.row(i);
        double top = sink.f32()[i % H];
        for (int64_t e = 0; e < n; ++e) {
          double dot = 0;
          for (int64_t c = 0; c < d; ++c) dot += double(query[c]) * rows[e * d + c];
          top = std::max(top, weight[e] = dot / std::sqrt(double(d)));
        }
        double sum = std::exp(sink.f32()[i % H] - top);
        for (double& w : weight) sum += w = std::exp(w - top);
        std::vector<double> o(d);
        for (int64_t e = 0; e < n; ++e) {
          for (int64_t c = 0; c < d; ++c) o[c] += weight[e] * rows[e * d + c];
        }
        for (int64_t c = 0; c < d; ++c) y.row(i)[c] = float(o[c] / sum);
      }
    }
  });
  return y;
}

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
  std::vector<Stream> state(int i) const override { return stages_[i].state(); }
  int rows(int j) const override { return j == 0 ? int(d_.block) : 1; }
  int32_t filler() const override { return int32_t(d_.noise); }

  std::vector<int> taps() const override {
    std::vector<int> all;
    for (int64_t layer : d_.targets) all.push_back(int(layer) - 1);  // what enters it
    return all;
  }
  Tensor tap(Step& s, Tensor x) const override {  // the mean of the streams
    const Tensor share = s.on.scratch({x.shape[0], x.shape[1]});
    std::fill_n(share.f32(), share.shape.numel(), 1.f / float(x.shape[1]));
    return s.on.v4().hc_pre(x, share);
  }

  Tensor read(Step& s, std::span<const Tensor> taps) const override {
    const Tensor main = s.on.rms_norm(s.on.linear(beside(s.on, taps), main_proj_), main_norm_, c.eps);
    for (int i = 0; i < layers(); ++i) {
      const Tensor kv = stages_[i].key_value(s, main);
      const Rows ring = s.state(int(c.layers) + i, 0);
      s.on.host([=] {
        for (size_t seq = 0; seq < ring.sequences.size(); ++seq) append(ring, int(seq), kv);
      });
    }
    return {};
  }

  Tensor propose(Step& s, int j, Tensor* base) const override {
    if (j == 0) *base = block(s);
    Chip& on = s.on;
    const int64_t sequences = base->rows() / d_.block;
    const Tensor known = every(on, s.tokens, 0, sequences, rows(j));
    const Tensor markov = on.linear(on.rows(markov_in_, known), markov_out_);
    Tensor at = on.scratch({sequences}, Format::i32);
    for (int64_t i = 0; i < sequences; ++i) at.i32()[i] = int32_t(i * d_.block + j);
    return on.add(on.pick(*base, at), markov);
  }

 private:
  // The block's logits before the Markov correction, [sequences · block, vocabulary].
  Tensor block(Step& s) const {
    Chip& on = s.on;
    V4Ops& v4 = on.v4();
    Tensor z = v4.hc_spread(on.rows(embed_, s.tokens), int(c.hc));
    const auto core = [&](Tensor q, Tensor kv, const Rows& window, Tensor sink) {
      return attend_block(on, q, kv, window, sink);
    };
    for (int i = 0; i < layers(); ++i) z = stages_[i](s, int(c.layers) + i, z, core);
    const Mix m = v4.hc_mix(z, hc_head_.fn, hc_head_.scale, hc_head_.base, c.eps, c.hc_eps, 0);
    const Tensor x = on.rms_norm(v4.hc_pre(z, m.pre), norm_, c.eps);
    return on.all_gather(on.linear(s.note(int(c.layers), "final", x), head_), c.vocab);
  }

  static Tensor beside(Chip& on, std::span<const Tensor> parts) {  // [rows, Σ cols]
    const int64_t rows = parts[0].rows(), n = parts[0].cols();
    const Tensor all = on.scratch({rows, n * std::ssize(parts)});
    const std::vector<Tensor> from(parts.begin(), parts.end());
    on.host([=] {
      for (size_t k = 0; k < from.size(); ++k) {
        for (int64_t i = 0; i < rows; ++i)
          std::ranges::copy(from[k].row(i), all.row(i).begin() + int64_t(k) * n);
      }
    });
    return all;
  }
  // Numbers at first, first + step …; known at once, as all a step is told.
  static Tensor every(Chip& on, Tensor ids, int64_t first, int64_t count, int64_t step) {
    Tensor some = on.scratch({count}, Format::i32);
    for (int64_t i = 0; i < count; ++i) some.i32()[i] = ids.i32()[first + i * step];
    return some;
  }

  const DsparkConfig d_;
  const V4Config& c;
  Weight embed_, head_, main_proj_, markov_in_, markov_out_;
  std::vector<V4Block> stages_;
  HyperConnection hc_head_;
  Tensor main_norm_, norm_;
};

bool has_dspark(const Json& config) {
  return ConfigFile(config).has("dspark_block_size");
}

}  // namespace

DrafterKind v4_dspark() {
  return {has_dspark, &make_drafter<Dspark, DsparkConfig>};
}

}  // namespace autark
