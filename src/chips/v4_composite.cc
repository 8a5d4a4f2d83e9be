// The V4 verbs as plain loops on the host, for chips without fast versions. They follow the equations
// in v4_ops.h directly.
#include <algorithm>
#include <cmath>
#include <numeric>
#include "chips/v4_ops.h"

namespace autark {
namespace {

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

// Eight partial sums, so that a compiler can keep them in vector registers.
double dot(std::span<const float> a, std::span<const float> b) {
  double s[8] = {};
  const size_t whole = a.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8)
    for (size_t k = 0; k < 8; ++k) s[k] += double(a[i + k]) * b[i + k];
  for (size_t i = whole; i < a.size(); ++i) s[i - whole] += double(a[i]) * b[i];
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

// comb [n, n]: softmax of each row, then columns and rows are normalised in turn, columns last.
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

// The ids of the k largest values of `score`, largest first, ties to the lower id.
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

// Row w of a pooled stream. `tail` holds the tokens from position `from` on, each as kv | gate
// of `wide` values.
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
    on_.each(y.rows(), {x}, {y}, [=](int64_t i) { std::ranges::copy(x.row(i / n), y.row(i).begin()); });
    return y;
  }

  Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float norm_eps, float eps,
             int iters) override {
    const int64_t T = x.shape[0], n = x.shape[1];
    Tensor m = on_.linear(x.join(), fn);
    Mix mix{on_.result({T, n}), on_.result({T, n}), on_.result({T, n, n})};
    on_.each(T, {x, m}, {mix.pre, mix.post, mix.comb}, [=, flat = x.join()](int64_t t) {
      const float r = 1 / std::sqrt(float(dot(flat.row(t), flat.row(t)) / flat.cols()) + norm_eps);
      const auto logit = [&](int64_t i, int part) { return m.row(t)[i] * r * scale[part] + base[i]; };
      for (int64_t j = 0; j < n; ++j) mix.pre.row(t)[j] = sigmoid(logit(j, 0)) + eps;
      if (!iters) return;
      for (int64_t j = 0; j < n; ++j) mix.post.row(t)[j] = 2 * sigmoid(logit(n + j, 1));
      const std::span<float> comb(mix.comb.f32() + t * n * n, n * n);
      for (int64_t i = 0; i < n * n; ++i) comb[i] = logit(2 * n + i, 2);
      sinkhorn(comb, n, eps, iters);
    });
    return mix;
  }

  Tensor hc_pre(Tensor x, Tensor pre) override {
    const int64_t n = x.shape[1];
    Tensor y = on_.result({x.shape[0], x.cols()});
    on_.each(y.rows(), {x, pre}, {y}, [=, this](int64_t t) {
      for (int64_t c = 0; c < y.cols(); ++c) {
        float s = 0;
        for (int64_t j = 0; j < n; ++j) s += pre.row(t)[j] * x.row(t * n + j)[c];
        y.row(t)[c] = s;
      }
      round_official(y.row(t));
    });
    return y;
  }

  Tensor hc_read(Tensor x, const MixParameters& of, const Vector& gain, Mix* mix) override {
    *mix = hc_mix(x, of.fn, of.scale, of.base, of.norm_eps, of.eps, of.sinkhorn_iters);
    return on_.rms_norm(hc_pre(x, mix->pre), gain, of.norm_eps);
  }

  Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) override {
    const int64_t n = x.shape[1];
    Tensor z = on_.result(x.shape);
    on_.each(z.rows(), {y, x, post, comb}, {z}, [=, this](int64_t i) {
      const int64_t t = i / n, k = i % n;
      for (int64_t c = 0; c < z.cols(); ++c) {
        float s = 0;
        for (int64_t j = 0; j < n; ++j) s += comb.row(t * n + j)[k] * x.row(t * n + j)[c];
        z.row(i)[c] = post.row(t)[k] * y.row(t)[c] + s;
      }
      round_official(z.row(i));
    });
    return z;
  }

  void pool(Tensor kv, Tensor gate, const Pool& how, BlockView into) override {
    AUTARK_CHECK(kv.cols() == gate.cols() && kv.cols() == how.ape.cols() && into.tail.width == 2 * kv.cols());
    Tensor both = on_.result({kv.rows(), 2 * kv.cols()});
    on_.each(std::ssize(into.tail.sequences), {kv, gate, into.rows, into.tail}, {both, into.rows, into.tail},
             [=, this](int64_t seq) { pool(kv, gate, how, into, both, int(seq)); });
  }

  Tensor hadamard(Tensor x) override {
    Tensor y = on_.result(x.shape);
    on_.each(y.rows(), {x}, {y}, [=, this](int64_t i) {
      std::ranges::copy(x.row(i), y.row(i).begin());
      hadamard_in_place(y.row(i));
      round_official(y.row(i));
    });
    return y;
  }

  Tensor quantise(Tensor x, Format f) override {
    Tensor y = on_.result(x.shape);
    on_.each(y.rows(), {x}, {y}, [=](int64_t i) {
      std::ranges::copy(x.row(i), y.row(i).begin());
      autark::quantise(f, y.row(i));
    });
    return y;
  }

  Tensor index_top_k(Tensor q, Tensor head_weights, BlockView keys, int k, Tensor* scores) override {
    AUTARK_CHECK(q.shape[1] == head_weights.cols() && q.cols() == keys.rows.width);
    Tensor ids = on_.result({q.shape[0], k}, Format::i32), shown;
    const auto at = places(keys.rows);
    const Tensor all = pooled_rows(keys.rows, at);
    if (scores) *scores = shown = on_.result({q.shape[0], longest(at)});
    on_.each(q.shape[0], {q, head_weights, all}, {ids, shown}, [=, this](int64_t row) {
      const auto score = index_scores(q, head_weights, keys.rows, at, all, row);
      std::fill_n(ids.i32() + row * k, k, -1);
      std::ranges::copy(best(score, k), ids.i32() + row * k);
      if (shown)
        std::fill(std::ranges::copy(score, shown.row(row).begin()).out, shown.row(row).end(), -INFINITY);
    });
    return ids;
  }

  Tensor sparse_attention(Tensor q, Tensor kv, StateView window, BlockView far, Tensor picks,
                          const Vector& sink) override {
    AUTARK_CHECK(q.shape[1] == sink.size() && q.cols() == window.width);
    Tensor y = on_.result(q.shape);
    Entries e{.window = window, .far = far.rows, .picks = picks};
    e.near_at = window_places(window), e.far_at = places(far.rows);
    e.near = on_.result({e.near_at.back(), window.width});
    e.each_its_own = picks && picks.shape.numel() < e.far_at.back();
    on_.each(std::ssize(window.sequences), {window, kv}, {e.near}, [=](int64_t seq) {
      const auto rows = seen(window, int(seq), kv, first_seen(window, seq));
      std::ranges::copy(rows, e.near.f32() + e.near_at[seq] * window.width);
    });
    e.old = e.each_its_own ? picked_rows(far.rows, picks) : pooled_rows(far.rows, e.far_at);
    on_.each(q.shape[0] * q.shape[1], {q, e.near, e.old, picks}, {y}, [=, this](int64_t i) {
      attend_one(q.row(i), e.of(i / q.shape[1]), sink[i % q.shape[1]], y.row(i));
      round_official(y.row(i));
    });
    extend(window, kv);
    return y;
  }

  Tensor block_attention(Tensor q, Tensor kv, StateView window, const Vector& sink) override {
    Tensor y = on_.result(q.shape);
    on_.each(std::ssize(window.sequences), {q, kv, window}, {y},
             [=](int64_t seq) { attend_block(q, kv, window, sink, y, int(seq)); });
    return y;
  }

  void extend(StateView window, Tensor kv) override {
    on_.each(std::ssize(window.sequences), {kv, window}, {window},
             [=](int64_t seq) { append(window, int(seq), kv); });
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

  // Pools the tokens of one sequence. `both` becomes kv | gate + ape, the rows of the tail.
  void pool(Tensor kv, Tensor gate, const Pool& how, const BlockView& into, Tensor both, int seq) const {
    const StateView& tail = into.tail;
    const Span span = tail.sequences[seq];
    const int64_t start = tail.length[seq], wide = kv.cols(), dim = how.norm.cols();
    const int ratio = into.rows.tokens_per_row;
    for (int i = 0; i < span.count; ++i) {
      const int64_t row = span.first + i;
      std::ranges::copy(kv.row(row), both.row(row).begin());
      std::ranges::transform(gate.row(row), how.ape.row((start + i) % ratio), both.row(row).begin() + wide,
                             std::plus());
    }
    const int64_t from = std::max<int64_t>(0, (start / ratio - (wide == 2 * dim)) * ratio);
    const std::vector<float> open = seen(tail, seq, both, from);
    for (int64_t w = into.whole_before(seq); w < into.whole_after(seq); ++w) {
      std::vector<float> row = pooled_row(open, from, w, ratio, dim, wide);
      round_official(row);
      const float r = 1 / std::sqrt(float(dot(row, row) / dim) + how.eps);
      for (int64_t c = 0; c < dim; ++c) row[c] *= r * how.norm[c];
      round_official(row);
      rotate(row, w * ratio, how.rope, /*inverse=*/false, angle_as(on_.inputs()));
      round_official(row);
      if (how.hadamard) hadamard_in_place(row), round_official(row);
      store(into.rows, seq, w, row);
    }
    append(tail, seq, both);
  }

  // The first row of each sequence when the rows of all sequences are stored one after another; the
  // end is last.
  using Places = std::vector<int64_t>;
  static Places places(const StateView& r) {  // of pooled rows, including those of this step
    Places at{0};
    for (size_t seq = 0; seq < r.sequences.size(); ++seq)
      at.push_back(at.back() + (r.length[seq] + r.sequences[seq].count) / r.tokens_per_row);
    return at;
  }
  static int64_t longest(const Places& at) {
    int64_t most = 0;
    for (size_t seq = 1; seq < at.size(); ++seq) most = std::max(most, at[seq] - at[seq - 1]);
    return most;
  }
  static Places window_places(const StateView& window) {
    Places at{0};
    for (size_t seq = 0; seq < window.sequences.size(); ++seq)
      at.push_back(at.back() + window.length[seq] + window.sequences[seq].count - first_seen(window, seq));
    return at;
  }
  // The oldest position that the first query of this step sees.
  static int64_t first_seen(const StateView& window, int64_t seq) {
    return std::max<int64_t>(0, window.length[seq] - window.window_rows + 1);
  }
  // The sequence of row `row` of the step.
  static int64_t sequence_of(const StateView& r, int64_t row) {
    int64_t seq = 0;
    while (row >= r.sequences[seq].first + r.sequences[seq].count) ++seq;
    return seq;
  }
  // The sequence of row `place` of a concatenation.
  static int64_t owner(const Places& at, int64_t place) {
    return std::upper_bound(at.begin(), at.end(), place) - at.begin() - 1;
  }

  // All pooled rows, loaded once for all queries and heads.
  Tensor pooled_rows(const StateView& r, const Places& at) const {
    if (at.back() == 0) return {};
    Tensor all = on_.result({at.back(), r.width});
    on_.each(at.back(), {r}, {all}, [=](int64_t i) {
      const int64_t seq = owner(at, i);
      load(r, int(seq), i - at[seq], all.row(i));
    });
    return all;
  }

  // The rows that each query picked, side by side; [query · picks].
  Tensor picked_rows(const StateView& r, Tensor picks) const {
    Tensor some = on_.result({picks.shape.numel(), r.width});
    on_.each(picks.shape.numel(), {r, picks}, {some}, [=](int64_t i) {
      const int64_t seq = sequence_of(r, i / picks.cols());
      if (const int32_t w = picks.i32()[i]; w >= 0) load(r, int(seq), w, some.row(i));
    });
    return some;
  }

  // The scores of the rows that query `row` sees.
  std::vector<float> index_scores(Tensor q, Tensor head_weights, const StateView& keys, const Places& at,
                                  Tensor all, int64_t row) const {
    const int64_t H = q.shape[1], d = q.cols(), seq = sequence_of(keys, row);
    const int64_t visible = (keys.length[seq] + row - keys.sequences[seq].first + 1) / keys.tokens_per_row;
    const float norm = 1 / std::sqrt(float(d * H));
    std::vector<float> score(visible);
    for (int64_t w = 0; w < visible; ++w)
      for (int64_t h = 0; h < H; ++h) {
        const float s = dot(q.row(row * H + h), all.row(at[seq] + w));
        score[w] += rounded(std::max(rounded(s), 0.f) * rounded(head_weights.row(row)[h] * norm));
      }
    round_official(score);
    return score;
  }

  // The rows that the queries of a step attend to, rounded as stored.
  struct Entries {
    StateView window, far;
    Tensor picks;      // empty: all visible rows of `far`
    Tensor near, old;  // rows of the windows; pooled rows
    Places near_at, far_at;
    bool each_its_own;  // `old` holds each query's picks side by side, instead of all rows once

    // The rows that one query attends to: its window, oldest first, then pooled rows. As in the official
    // code, the window always has `keep` entries; those that a young sequence lacks are null, at its end.
    std::vector<const float*> of(int64_t row) const {
      const int64_t seq = sequence_of(window, row);
      const int64_t at = window.length[seq] + row - window.sequences[seq].first;
      const int64_t oldest = std::max<int64_t>(0, at - window.window_rows + 1);
      const int64_t base = near_at[seq] - first_seen(window, seq);
      std::vector<const float*> all(window.window_rows);
      for (int64_t p = oldest; p <= at; ++p) all[p - oldest] = near.row(base + p).data();
      for (int64_t j = row * picks_each(); j < (row + 1) * picks_each(); ++j)
        if (const int32_t w = picks.i32()[j]; w >= 0)
          all.push_back(old.row(each_its_own ? j : far_at[seq] + w).data());
      for (int64_t w = 0; !picks && old && w < (at + 1) / far.tokens_per_row; ++w)
        all.push_back(old.row(far_at[seq] + w).data());
      return all;
    }
    int64_t picks_each() const { return picks ? picks.cols() : 0; }
  };

  // Online softmax over blocks of 64 entries. The official code rounds probabilities relative to the largest
  // logit so far, so the block size affects the result's bits.
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

  // All queries of one sequence over the window's stored rows and all rows of its own block.
  static void attend_block(Tensor q, Tensor kv, const StateView& window, const Vector& sink, Tensor y,
                           int seq) {
    const int64_t H = q.shape[1], d = q.cols();
    const Span span = window.sequences[seq];
    const int64_t from = std::max<int64_t>(0, window.length[seq] - window.window_rows);
    const std::vector<float> rows = seen(window, seq, kv, from);
    const int64_t n = std::ssize(rows) / d;
    std::vector<double> weight(n);
    for (int64_t i = span.first * H; i < (span.first + span.count) * H; ++i) {
      const auto query = q.row(i);
      double top = sink[i % H];
      for (int64_t e = 0; e < n; ++e) {
        double dot = 0;
        for (int64_t c = 0; c < d; ++c) dot += double(query[c]) * rows[e * d + c];
        top = std::max(top, weight[e] = dot / std::sqrt(double(d)));
      }
      double sum = std::exp(sink[i % H] - top);
      for (double& w : weight) sum += w = std::exp(w - top);
      std::vector<double> o(d);
      for (int64_t e = 0; e < n; ++e) {
        for (int64_t c = 0; c < d; ++c) o[c] += weight[e] * rows[e * d + c];
      }
      for (int64_t c = 0; c < d; ++c) y.row(i)[c] = float(o[c] / sum);
    }
  }

  Chip& on_;
};

}  // namespace

std::unique_ptr<V4Ops> make_composite_v4(Chip& on) {
  return std::make_unique<CompositeV4>(on);
}

}  // namespace autark
