// The V4 verbs as plain loops on the host, for chips that have not (yet) written fast ones. They follow
// the equations in v4_ops.h; nothing here is clever.
#include <algorithm>
#include <cmath>
#include <numeric>
#include "chips/v4_ops.h"

namespace autark {
namespace {

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

double dot(std::span<const float> a, std::span<const float> b) {
  double s = 0;
  for (size_t i = 0; i < a.size(); ++i) s += double(a[i]) * b[i];
  return s;
}

// comb [n, n]: softmax of each row, then columns and rows in turn, columns last.
void sinkhorn(std::span<float> comb, int64_t n, float eps, int iters) {
  const auto normalise = [&](int64_t line, int64_t step) {  // n values, `step` apart
    for (int64_t i = 0; i < n; ++i) {
      float sum = eps;
      for (int64_t k = 0; k < n; ++k) sum += comb[i * line + k * step];
      for (int64_t k = 0; k < n; ++k) comb[i * line + k * step] /= sum;
    }
  };
  for (int64_t j = 0; j < n; ++j) {
    const auto row = comb.subspan(j * n, n);
    const float top = *std::max_element(row.begin(), row.end());
    float sum = 0;
    for (float& v : row) sum += v = std::exp(v - top);
    for (float& v : row) v = v / sum + eps;
  }
  normalise(1, n);
  for (int i = 1; i < iters; ++i) normalise(n, 1), normalise(1, n);
}

// The k best of `score`, best first, ties to the lower index.
std::vector<int32_t> best(std::span<const float> score, int64_t k) {
  std::vector<int32_t> order(score.size());
  std::iota(order.begin(), order.end(), 0);
  k = std::min<int64_t>(k, order.size());
  std::partial_sort(order.begin(), order.begin() + k, order.end(),
                    [&](int a, int b) { return score[a] != score[b] ? score[a] > score[b] : a < b; });
  order.resize(k);
  return order;
}

void hadamard_in_place(std::span<float> x) {
  const int64_t n = x.size();
  for (int64_t h = 1; h < n; h *= 2)
    for (int64_t i = 0; i < n; ++i)
      if (!(i & h)) {
        const float a = x[i], b = x[i + h];
        x[i] = a + b;
        x[i + h] = a - b;
      }
  for (float& v : x) v /= std::sqrt(float(n));
}

// Row w of a pooled stream from its tail: rows [from, …) of kv | gate, each [wide].
std::vector<float> pooled_row(std::span<const float> tail, int64_t from, int64_t w, int ratio, int64_t dim,
                              int64_t wide) {
  const bool overlap = wide == 2 * dim;
  std::vector<float> row(dim);
  for (int64_t c = 0; c < dim; ++c) {
    const auto at = [&](int64_t p) {
      return (p - from) * 2 * wide + (overlap && p >= w * ratio ? dim : 0) + c;
    };
    const int64_t first = std::max<int64_t>(0, (w - overlap) * ratio), end = (w + 1) * ratio;
    float top = -INFINITY;
    for (int64_t p = first; p < end; ++p) top = std::max(top, tail[at(p) + wide]);
    double sum = 0, weight = 0;
    for (int64_t p = first; p < end; ++p) {
      const double e = std::exp(tail[at(p) + wide] - top);
      weight += e;
      sum += e * tail[at(p)];
    }
    row[c] = sum / weight;
  }
  return row;
}

class CompositeV4 final : public V4Ops {
 public:
  explicit CompositeV4(Chip& on) : on_(on) {}

  Tensor hc_spread(Tensor x, int n) override {
    Tensor y = on_.result({x.rows(), n, x.cols()});
    on_.host([=] {
      for (int64_t i = 0; i < y.rows(); ++i) std::ranges::copy(x.row(i / n), y.row(i).begin());
    });
    return y;
  }

  Mix hc_mix(Tensor x, const Weight& fn, Tensor scale, Tensor base, float norm_eps, float eps,
             int iters) override {
    const int64_t T = x.shape[0], n = x.shape[1];
    Tensor m = on_.linear(x.join(), fn);
    Mix mix{on_.result({T, n}), on_.result({T, n}), on_.result({T, n, n})};
    on_.host([=, flat = x.join()] {
      for (int64_t t = 0; t < T; ++t) {
        const float r = 1 / std::sqrt(float(dot(flat.row(t), flat.row(t)) / flat.cols()) + norm_eps);
        const auto logit = [&](int64_t i, int part) {
          return m.row(t)[i] * r * scale.f32()[part] + base.f32()[i];
        };
        for (int64_t j = 0; j < n; ++j) mix.pre.row(t)[j] = sigmoid(logit(j, 0)) + eps;
        if (!iters) continue;
        for (int64_t j = 0; j < n; ++j) mix.post.row(t)[j] = 2 * sigmoid(logit(n + j, 1));
        const std::span<float> comb(mix.comb.f32() + t * n * n, n * n);
        for (int64_t i = 0; i < n * n; ++i) comb[i] = logit(2 * n + i, 2);
        sinkhorn(comb, n, eps, iters);
      }
    });
    return mix;
  }

  Tensor hc_pre(Tensor x, Tensor pre) override {
    const int64_t n = x.shape[1];
    Tensor y = on_.result({x.shape[0], x.cols()});
    on_.host([=, this] {
      for (int64_t t = 0; t < y.rows(); ++t)
        for (int64_t c = 0; c < y.cols(); ++c) {
          float s = 0;
          for (int64_t j = 0; j < n; ++j) s += pre.row(t)[j] * x.row(t * n + j)[c];
          y.row(t)[c] = s;
        }
      round_official(y);
    });
    return y;
  }

  Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) override {
    const int64_t n = x.shape[1];
    Tensor z = on_.result(x.shape);
    on_.host([=, this] {
      for (int64_t i = 0; i < z.rows(); ++i) {
        const int64_t t = i / n, k = i % n;
        for (int64_t c = 0; c < z.cols(); ++c) {
          float s = post.row(t)[k] * y.row(t)[c];
          for (int64_t j = 0; j < n; ++j) s += comb.row(t * n + j)[k] * x.row(t * n + j)[c];
          z.row(i)[c] = s;
        }
      }
      round_official(z);
    });
    return z;
  }

  void pool(Tensor kv, Tensor gate, const Pool& how, Pooled into) override {
    AUTARK_CHECK(kv.cols() == gate.cols() && kv.cols() == how.ape.cols() && into.tail.width == 2 * kv.cols());
    Tensor both = on_.result({kv.rows(), 2 * kv.cols()});
    on_.host([=, this] {
      for (size_t seq = 0; seq < into.tail.sequences.size(); ++seq) pool(kv, gate, how, into, both, seq);
    });
  }

  Tensor hadamard(Tensor x) override {
    Tensor y = on_.result(x.shape);
    on_.host([=, this] {
      std::copy_n(x.f32(), x.shape.numel(), y.f32());
      for (int64_t i = 0; i < y.rows(); ++i) hadamard_in_place(y.row(i));
      round_official(y);
    });
    return y;
  }

  Tensor quantise(Tensor x, Format f) override {
    Tensor y = on_.result(x.shape);
    on_.host([=] {
      std::copy_n(x.f32(), x.shape.numel(), y.f32());
      for (int64_t i = 0; i < y.rows(); ++i) autark::quantise(f, y.row(i));
    });
    return y;
  }

  Tensor index_top_k(Tensor q, Tensor head_weights, Pooled keys, int k) override {
    AUTARK_CHECK(q.shape[1] == head_weights.cols() && q.cols() == keys.rows.width);
    Tensor ids = on_.result({q.shape[0], k}, Format::i32);
    on_.host([=, this] {
      for (size_t seq = 0; seq < keys.rows.sequences.size(); ++seq)
        choose(q, head_weights, keys.rows, seq, ids);
    });
    return ids;
  }

  Tensor sparse_attention(Tensor q, Tensor kv, Rows window, Pooled far, Tensor picks, Tensor sink) override {
    AUTARK_CHECK(q.shape[1] == sink.shape.numel() && q.cols() == window.width);
    Tensor y = on_.result(q.shape);
    on_.host([=, this] {
      for (size_t seq = 0; seq < window.sequences.size(); ++seq)
        attend(q, kv, window, far, picks, sink, seq, y);
      round_official(y);
    });
    return y;
  }

  Tensor grouped_linear(Tensor x, const Weight& w) override {
    const int64_t groups = w.shape[0], out = w.rows(), in = w.cols();
    AUTARK_CHECK(x.cols() == groups * in);
    Tensor y = on_.result({x.rows(), groups * out});
    for (int64_t g = 0; g < groups; ++g) {
      Tensor part = on_.result({x.rows(), in});
      on_.host([=] {
        for (int64_t i = 0; i < x.rows(); ++i)
          std::ranges::copy(x.row(i).subspan(g * in, in), part.row(i).begin());
      });
      const Tensor z = on_.linear(part, w.expert(g));
      on_.host([=] {
        for (int64_t i = 0; i < x.rows(); ++i) std::ranges::copy(z.row(i), y.row(i).begin() + g * out);
      });
    }
    return y;
  }

  Choice route(Tensor scores, Tensor bias, Tensor fixed, int k, float scale) override {
    AUTARK_CHECK(bool(bias) != bool(fixed));
    const int64_t T = scores.rows(), E = scores.cols();
    Choice to{on_.result({T, k}, Format::i32), on_.result({T, k})};
    on_.host([=] {
      std::vector<float> s(E), biased(E);
      for (int64_t t = 0; t < T; ++t) {
        for (int64_t e = 0; e < E; ++e) {
          const float z = scores.row(t)[e];
          s[e] = std::sqrt(z > 20 ? z : std::log1p(std::exp(z)));
          biased[e] = s[e] + (bias ? bias.f32()[e] : 0);
        }
        int32_t* ids = to.ids.i32() + t * k;
        if (fixed)
          std::copy_n(fixed.i32() + t * k, k, ids);
        else
          std::ranges::copy(best(biased, k), ids);
        float sum = 0;
        for (int j = 0; j < k; ++j) sum += s[ids[j]];
        for (int j = 0; j < k; ++j) to.weights.row(t)[j] = scale * s[ids[j]] / sum;
      }
    });
    return to;
  }

 private:
  bool official() const { return on_.inputs() == Rounding::Inputs::official; }
  void round_official(std::span<float> x) const {
    if (official()) round(Round::bf16, x);
  }
  void round_official(Tensor x) const { round_official({x.f32(), size_t(x.shape.numel())}); }
  float rounded(float x) const {
    round_official({&x, 1});
    return x;
  }

  void pool(Tensor kv, Tensor gate, const Pool& how, const Pooled& into, Tensor both, int seq) const {
    const Rows& tail = into.tail;
    const Span span = tail.sequences[seq];
    const int64_t start = tail.length[seq], wide = kv.cols(), dim = how.norm.cols();
    const int ratio = into.rows.per;
    for (int i = 0; i < span.count; ++i) {
      const int64_t row = span.first + i;
      std::ranges::copy(kv.row(row), both.row(row).begin());
      std::ranges::transform(gate.row(row), how.ape.row((start + i) % ratio), both.row(row).begin() + wide,
                             std::plus());
    }
    const int64_t from = std::max<int64_t>(0, (start / ratio - (wide == 2 * dim)) * ratio);
    const std::vector<float> open = seen(tail, seq, both, from);
    for (int64_t w = start / ratio; w < (start + span.count) / ratio; ++w) {
      std::vector<float> row = pooled_row(open, from, w, ratio, dim, wide);
      round_official(row);
      const float r = 1 / std::sqrt(float(dot(row, row) / dim) + how.eps);
      for (int64_t c = 0; c < dim; ++c) row[c] *= r * how.norm.f32()[c];
      round_official(row);
      rotate(row, w * ratio, how.rope);
      round_official(row);
      if (how.hadamard) hadamard_in_place(row), round_official(row);
      store(into.rows, seq, w, row);
    }
    append(tail, seq, both);
  }

  void choose(Tensor q, Tensor head_weights, const Rows& keys, int seq, Tensor ids) const {
    const Span span = keys.sequences[seq];
    const int64_t H = q.shape[1], d = q.cols(), k = ids.cols(), start = keys.length[seq];
    const int64_t all = (start + span.count) / keys.per;
    const float norm = 1 / std::sqrt(float(d * H));
    std::vector<float> key(all * d);
    for (int64_t w = 0; w < all; ++w) load(keys, seq, w, {key.data() + w * d, size_t(d)});
    for (int i = 0; i < span.count; ++i) {
      const int64_t row = span.first + i, visible = (start + i + 1) / keys.per;
      std::vector<float> score(visible);
      for (int64_t w = 0; w < visible; ++w)
        for (int64_t h = 0; h < H; ++h) {
          const float s = dot(q.row(row * H + h), {key.data() + w * d, size_t(d)});
          score[w] += rounded(std::max(rounded(s), 0.f) * rounded(head_weights.row(row)[h] * norm));
        }
      round_official(score);
      std::fill_n(ids.i32() + row * k, k, -1);
      std::ranges::copy(best(score, k), ids.i32() + row * k);
    }
  }

  void attend(Tensor q, Tensor kv, const Rows& window, const Pooled& far, Tensor picks, Tensor sink, int seq,
              Tensor y) const {
    const Span span = window.sequences[seq];
    const int64_t H = q.shape[1], d = q.cols(), start = window.length[seq], per = far.rows.per;
    const int64_t from = std::max<int64_t>(0, start - window.keep + 1);
    const int64_t pooled = far.rows.width ? (start + span.count) / per : 0;
    const std::vector<float> near = seen(window, seq, kv, from);
    std::vector<float> old(pooled * d);
    for (int64_t w = 0; w < pooled; ++w) load(far.rows, seq, w, {old.data() + w * d, size_t(d)});
    for (int i = 0; i < span.count; ++i) {
      const int64_t row = span.first + i, at = start + i;
      std::vector<const float*> entries(window.keep);  // oldest first, null before the sequence began
      for (int64_t p = std::max<int64_t>(0, at - window.keep + 1); p <= at; ++p)
        entries[window.keep - 1 - (at - p)] = near.data() + (p - from) * d;
      if (picks) {
        for (int64_t j = 0; j < picks.cols(); ++j)
          if (const int32_t w = picks.i32()[row * picks.cols() + j]; w >= 0)
            entries.push_back(old.data() + w * d);
      } else if (pooled) {
        for (int64_t w = 0; w < (at + 1) / per; ++w) entries.push_back(old.data() + w * d);
      }
      for (int64_t h = 0; h < H; ++h)
        attend_one(q.row(row * H + h), entries, sink.f32()[h], y.row(row * H + h));
    }
    append(window, seq, kv);
  }

  // Online softmax over blocks of 64 entries: the official code rounds probabilities relative to the
  // largest logit so far, so the blocks show in its bits.
  void attend_one(std::span<const float> q, std::span<const float* const> entries, float sink,
                  std::span<float> out) const {
    const size_t d = q.size();
    std::vector<double> acc(d);
    double sum = 0, top = -INFINITY;
    for (; !entries.empty(); entries = entries.subspan(std::min<size_t>(64, entries.size()))) {
      const auto block = entries.first(std::min<size_t>(64, entries.size()));
      std::vector<double> logit;
      for (const float* e : block) logit.push_back(e ? dot(q, {e, d}) / std::sqrt(float(d)) : -INFINITY);
      const double now = std::max(top, *std::max_element(logit.begin(), logit.end()));
      if (now == -INFINITY) continue;
      const double shrink = std::exp(top - now);
      sum *= shrink;
      for (double& a : acc) a *= shrink;
      for (size_t i = 0; i < block.size(); ++i) {
        if (!block[i]) continue;
        const double p = std::exp(logit[i] - now), weight = rounded(p);
        sum += p;
        for (size_t c = 0; c < d; ++c) acc[c] += weight * block[i][c];
      }
      top = now;
    }
    for (size_t c = 0; c < d; ++c) out[c] = acc[c] / (sum + std::exp(sink - top));
  }

  Chip& on_;
};

}  // namespace

std::unique_ptr<V4Ops> make_composite_v4(Chip& on) {
  return std::make_unique<CompositeV4>(on);
}

Chip::Chip() = default;
Chip::~Chip() = default;

V4Ops& Chip::v4() {
  if (!composite_v4_) composite_v4_ = make_composite_v4(*this);
  return *composite_v4_;
}

}  // namespace autark
