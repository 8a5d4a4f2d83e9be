// The gated delta rule of one value head, and rows of a causal convolution, for every ISA. Included by
// kernels_<isa>.cc after attention-inl.h.
//
// Blocks begin at multiples of 64 positions (chips/delta_rule.cc has the equations). Of a block's tokens, those
// before the step are read from the stream of inputs; what they add to the step's tokens is Σ (k_j·x) u_j. All
// sums over channels of keys and over tokens are in rising order, so the bits of a token do not depend on which
// tokens of its block are in the step. Lane = channel of a value; products of two keys: lanes = their channels.
#pragma once
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

constexpr int64_t kDeltaTokens = 64;

struct DeltaBlock {
  float* s;                 // [key_dim][wide]
  float *k, *u;             // [64][deep], [64][wide]
  float *seen, *out;        // [64][wide]: Sᵀ k and Sᵀ q of the step's tokens
  float* weights;           // [64]
  float sum[kDeltaTokens];  // G
  int64_t deep, wide;       // key_dim and value_dim up to whole vectors
};

inline int64_t whole_lanes(int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

// Copies n floats and pads them with zeros to whole vectors.
inline void copy_padded(const float* from, int64_t n, float* to) {
  for (int64_t c = 0; c < n; c += kLanes) store(to + c, load(from + c, n - c < kLanes ? n - c : kLanes));
}

inline DeltaBlock make_block(const DeltaTask& t) {
  DeltaBlock b;
  b.deep = whole_lanes(t.key_dim), b.wide = whole_lanes(t.value_dim);
  b.s = static_cast<float*>(t.scratch);
  b.k = b.s + t.key_dim * b.wide;
  b.u = b.k + kDeltaTokens * b.deep;
  b.seen = b.u + kDeltaTokens * b.wide;
  b.out = b.seen + kDeltaTokens * b.wide;
  b.weights = b.out + kDeltaTokens * b.wide;
  for (int64_t c = 0; c < t.key_dim; ++c) {
    if (t.base > 0)
      copy_padded(t.state + c * t.value_dim, t.value_dim, b.s + c * b.wide);
    else
      clear(b.s + c * b.wide, b.wide);
  }
  return b;
}

inline const float* input_row(const DeltaTask& t, int64_t position) {
  if (position >= t.start) return t.own + (position - t.start) * t.width;
  return reinterpret_cast<const float*>(record_at(t.past, position));
}

// y[r] = Σ_c x[r][c] s[c] for R rows and V vectors of values.
template <int R, int V>
void read_state(const float* x, int64_t x_step, const float* s, int64_t dim, int64_t wide, float* y) {
  F sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = zero();
  for (int64_t c = 0; c < dim; ++c) {
    AUTARK_UNROLL(4)
    for (int v = 0; v < V; ++v) {
      const F one = load(s + c * wide + v * kLanes);
      AUTARK_UNROLL(4)
      for (int r = 0; r < R; ++r) sum[r][v] = fma(all(x[r * x_step + c]), one, sum[r][v]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(y + r * wide + v * kLanes, sum[r][v]);
}

template <int R>
void read_state_rows(const float* x, int64_t x_step, const DeltaBlock& b, int64_t dim, float* y) {
  int64_t v = 0;
  for (; v + 2 * kLanes <= b.wide; v += 2 * kLanes) read_state<R, 2>(x, x_step, b.s + v, dim, b.wide, y + v);
  for (; v < b.wide; v += kLanes) read_state<R, 1>(x, x_step, b.s + v, dim, b.wide, y + v);
}

// Sᵀ x of `rows` rows.
inline void read_all(const float* x, int64_t x_step, int64_t rows, const DeltaBlock& b, int64_t dim,
                     float* y) {
  int64_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows)
    read_state_rows<kTileRows>(x + r * x_step, x_step, b, dim, y + r * b.wide);
  for (; r < rows; ++r) read_state_rows<1>(x + r * x_step, x_step, b, dim, y + r * b.wide);
}

// weights[j] = e^(G − G_j) k_j·x for the first n tokens of the block.
inline void weigh_tokens(const DeltaBlock& b, const float* x, int64_t dim, float sum, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    F dot = zero();
    for (int64_t c = 0; c < dim; c += kLanes)
      dot = fma(load(b.k + j * b.deep + c), load(x + c, dim - c < kLanes ? dim - c : kLanes), dot);
    b.weights[j] = sum_of(dot);
  }
  for (int64_t j = 0; j < n; j += kLanes) {
    const int64_t m = n - j < kLanes ? n - j : kLanes;
    store(b.weights + j, load(b.weights + j, m) * exp_of(all(sum) - load(b.sum + j, m)), m);
  }
}

// y = by · y + Σ_j weights[j] u_j over the first n tokens.
inline void add_tokens(const DeltaBlock& b, float by, int64_t n, float* y) {
  for (int64_t c = 0; c < b.wide; c += kLanes) {
    F sum = all(by) * load(y + c);
    for (int64_t j = 0; j < n; ++j) sum = fma(all(b.weights[j]), load(b.u + j * b.wide + c), sum);
    store(y + c, sum);
  }
}

inline float exp_of_one(float x) {
  float y[kLanes];
  store(y, exp_of(all(x)));
  return y[0];
}

// The step's token at `position`, the i-th of the block.
inline void delta_token(const DeltaTask& t, const DeltaBlock& b, int64_t position, int64_t i) {
  const int64_t row = position - t.start;
  const float by = exp_of_one(b.sum[i]), beta = t.beta[row * t.beta_step];
  float *seen = b.seen + i * b.wide, *u = b.u + i * b.wide, *out = b.out + i * b.wide;
  weigh_tokens(b, b.k + i * b.deep, t.key_dim, b.sum[i], i);
  add_tokens(b, by, i, seen);
  copy_padded(t.v + row * t.v_step, t.value_dim, u);
  for (int64_t c = 0; c < b.wide; c += kLanes) store(u + c, all(beta) * (load(u + c) - load(seen + c)));
  weigh_tokens(b, t.q + row * t.q_step, t.key_dim, b.sum[i], i + 1);
  add_tokens(b, by, i + 1, out);
  float* kept = t.own + row * t.width + t.u_at;
  for (int64_t c = 0; c < t.value_dim; c += kLanes) {
    const int64_t m = t.value_dim - c < kLanes ? t.value_dim - c : kLanes;
    store(kept + c, load(u + c), m);
    store(t.y + row * t.y_step + c, load(out + c), m);
  }
}

// S at the end of a block from S at its start.
inline void advance_state(const DeltaTask& t, const DeltaBlock& b) {
  const float last = b.sum[kDeltaTokens - 1], by = exp_of_one(last);
  for (int64_t j = 0; j < kDeltaTokens; j += kLanes)
    store(b.weights + j, exp_of(all(last) - load(b.sum + j)));
  for (int64_t j = 0; j < kDeltaTokens; ++j)
    for (int64_t c = 0; c < b.wide; c += kLanes)
      store(b.u + j * b.wide + c, all(b.weights[j]) * load(b.u + j * b.wide + c));
  for (int64_t k = 0; k < t.key_dim; ++k) {
    for (int64_t c = 0; c < b.wide; c += kLanes) {
      F sum = all(by) * load(b.s + k * b.wide + c);
      for (int64_t j = 0; j < kDeltaTokens; ++j)
        sum = fma(all(b.k[j * b.deep + k]), load(b.u + j * b.wide + c), sum);
      store(b.s + k * b.wide + c, sum);
    }
  }
}

inline void keep_state(const DeltaTask& t, const DeltaBlock& b) {
  for (int64_t k = 0; k < t.key_dim; ++k)
    for (int64_t c = 0; c < t.value_dim; c += kLanes)
      store(t.state + k * t.value_dim + c, load(b.s + k * b.wide + c),
            t.value_dim - c < kLanes ? t.value_dim - c : kLanes);
}

void delta_rule(const DeltaTask& t) {
  DeltaBlock b = make_block(t);
  for (int64_t block = t.base; block < t.end; block += kDeltaTokens) {
    if (block == t.kept && t.kept > t.base) keep_state(t, b);
    const int64_t end = block + kDeltaTokens < t.end ? block + kDeltaTokens : t.end;
    const int64_t first = block > t.start ? block : t.start;  // of the step's tokens
    for (int64_t p = block; p < end; ++p) {
      const float* row = input_row(t, p);
      copy_padded(row + t.key_at, t.key_dim, b.k + (p - block) * b.deep);
      b.sum[p - block] = row[t.sum_at];
      if (p < t.start) copy_padded(row + t.u_at, t.value_dim, b.u + (p - block) * b.wide);
    }
    if (first < end) {
      const int64_t i = first - block, rows = end - first;
      read_all(b.k + i * b.deep, b.deep, rows, b, t.key_dim, b.seen + i * b.wide);
      read_all(t.q + (first - t.start) * t.q_step, t.q_step, rows, b, t.key_dim, b.out + i * b.wide);
    }
    for (int64_t p = first; p < end; ++p) delta_token(t, b, p, p - block);
    if (block + kDeltaTokens <= t.end) advance_state(t, b);
  }
  if (t.end / kDeltaTokens * kDeltaTokens == t.kept && t.end % kDeltaTokens == 0 && t.kept > t.base)
    keep_state(t, b);
}

void conv_row(const float* const* x, const float* taps, int64_t count, int64_t n, float* y) {
  for (int64_t c = 0; c < n; c += kLanes) {
    const int64_t m = n - c < kLanes ? n - c : kLanes;
    F sum = zero();
    for (int64_t j = 0; j < count; ++j)
      if (x[j]) sum = fma(load(taps + j * n + c, m), load(x[j] + c, m), sum);
    store(y + c, silu_of(sum), m);
  }
}

}  // namespace
}  // namespace autark
