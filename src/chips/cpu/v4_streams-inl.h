// Hyper-connections, pooling and the Hadamard transform, for every ISA.
//
// Sums over channels: a lane adds every 16th channel, then the lanes go together in pairs. The weights of up
// to 16 tokens are worked out side by side, lane = token, so that a token's have the same bits alone and in
// company.
#pragma once
#include "chips/cpu/v4_kernels.h"

namespace autark {
namespace {

constexpr int64_t kStreamsMax = 8;

inline F as_bf16(F x) {
  uint8_t bytes[2 * kLanes];
  store_bf16(bytes, x);
  return load_bf16(bytes);
}
inline F sigmoid_of(F x) {
  return all(1.f) / (all(1.f) + exp_of(zero() - x));
}
inline int64_t lanes_left(int64_t n, int64_t at) {
  return n - at < kLanes ? n - at : kLanes;
}

template <int R, int O>
void mix_tile(const MixSums& s, int64_t row, int64_t out) {
  F a[R][O];
  AUTARK_UNROLL(4)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(6)
    for (int o = 0; o < O; ++o) a[r][o] = zero();
  }
  int64_t c = 0;
  const auto step = [&](auto read) {
    F x[R];
    AUTARK_UNROLL(4)
    for (int r = 0; r < R; ++r) x[r] = read(s.x + (row + r) * s.x_stride + c);
    AUTARK_UNROLL(6)
    for (int o = 0; o < O; ++o) {
      const F w = read(s.w + (out + o) * s.w_stride + c);
      AUTARK_UNROLL(4)
      for (int r = 0; r < R; ++r) a[r][o] = fma(x[r], w, a[r][o]);
    }
  };
  for (; c + kLanes <= s.n; c += kLanes) step([](const float* p) { return load(p); });
  if (c < s.n) step([&](const float* p) { return load(p, s.n - c); });
  AUTARK_UNROLL(4)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(6)
    for (int o = 0; o < O; ++o) s.sums[(row + r) * s.sums_stride + out + o] = sum_of(a[r][o]);
  }
}

template <int R>
void mix_rows(const MixSums& s, int64_t row) {
  int64_t o = 0;
  for (; o + 6 <= s.outputs; o += 6) mix_tile<R, 6>(s, row, o);
  for (; o < s.outputs; ++o) mix_tile<R, 1>(s, row, o);
  for (int64_t r = row; r < row + R; ++r) {
    F squares = zero();
    for (int64_t c = 0; c < s.n; c += kLanes) {
      const F x = load(s.x + r * s.x_stride + c, lanes_left(s.n, c));
      squares = fma(x, x, squares);
    }
    s.sums[r * s.sums_stride + s.outputs] = sum_of(squares);
  }
}

void mix_sums(const MixSums& s) {
  int64_t row = 0;
  for (; row + 4 <= s.rows; row += 4) mix_rows<4>(s, row);
  for (; row < s.rows; ++row) mix_rows<1>(s, row);
}

// Lines of n values, `step` apart, made to sum to one; `line` from one line to the next.
inline void normalise(F* comb, int64_t n, int64_t line, int64_t step, float eps) {
  for (int64_t i = 0; i < n; ++i) {
    F sum = all(eps);
    for (int64_t k = 0; k < n; ++k) sum = sum + comb[i * line + k * step];
    for (int64_t k = 0; k < n; ++k) comb[i * line + k * step] = comb[i * line + k * step] / sum;
  }
}

inline void sinkhorn(F* comb, int64_t n, float eps, int iterations) {
  for (int64_t j = 0; j < n; ++j) {
    F top = comb[j * n], sum = zero();
    for (int64_t k = 1; k < n; ++k) top = max(top, comb[j * n + k]);
    for (int64_t k = 0; k < n; ++k) sum = sum + (comb[j * n + k] = exp_of(comb[j * n + k] - top));
    for (int64_t k = 0; k < n; ++k) comb[j * n + k] = comb[j * n + k] / sum + all(eps);
  }
  normalise(comb, n, 1, n, eps);
  for (int i = 1; i < iterations; ++i) normalise(comb, n, n, 1, eps), normalise(comb, n, 1, n, eps);
}

// Sum `at` of each token over its segments, one after another.
inline F token_sums(const MixWeights& m, int64_t sums, int64_t at) {
  float s[kLanes] = {};
  for (int64_t t = 0; t < m.tokens; ++t)
    for (int64_t i = 0; i < m.segments; ++i) s[t] += m.sums[(t * m.segments + i) * sums + at];
  return load(s);
}
inline void put_tokens(F x, int64_t tokens, float* y, int64_t stride) {
  float v[kLanes];
  store(v, x);
  for (int64_t t = 0; t < tokens; ++t) y[t * stride] = v[t];
}

void mix_weights(const MixWeights& m) {
  const int64_t n = m.streams, outputs = m.iterations ? (2 + n) * n : n;
  float root[kLanes];
  store(root, token_sums(m, outputs + 1, outputs));
  for (int64_t t = 0; t < kLanes; ++t)
    root[t] = 1 / __builtin_sqrtf(root[t] / static_cast<float>(m.channels) + m.norm_eps);
  const F r = load(root);
  const auto logit = [&](int64_t i, int part) {
    return token_sums(m, outputs + 1, i) * r * all(m.scale[part]) + all(m.base[i]);
  };
  for (int64_t j = 0; j < n; ++j) put_tokens(sigmoid_of(logit(j, 0)) + all(m.eps), m.tokens, m.pre + j, n);
  if (!m.iterations) return;
  for (int64_t j = 0; j < n; ++j) put_tokens(all(2.f) * sigmoid_of(logit(n + j, 1)), m.tokens, m.post + j, n);
  F comb[kStreamsMax * kStreamsMax];
  for (int64_t i = 0; i < n * n; ++i) comb[i] = logit(2 * n + i, 2);
  sinkhorn(comb, n, m.eps, m.iterations);
  for (int64_t i = 0; i < n * n; ++i) put_tokens(comb[i], m.tokens, m.comb + i, n * n);
}

void read_streams(const StreamMix& s, const float* pre, float* y) {
  for (int64_t c = 0; c < s.n; c += kLanes) {
    const int64_t m = lanes_left(s.n, c);
    F sum = zero();
    for (int64_t j = 0; j < s.streams; ++j) sum = fma(all(pre[j]), load(s.x + j * s.stride + c, m), sum);
    store(y + c, s.to_bf16 ? as_bf16(sum) : sum, m);
  }
}

void write_streams(const StreamMix& s, const float* y, const float* post, const float* comb, float* z) {
  const int64_t n = s.streams;
  for (int64_t c = 0; c < s.n; c += kLanes) {
    const int64_t m = lanes_left(s.n, c);
    F x[kStreamsMax];
    for (int64_t j = 0; j < n; ++j) x[j] = load(s.x + j * s.stride + c, m);
    const F new_part = load(y + c, m);
    for (int64_t k = 0; k < n; ++k) {
      F sum = zero();
      for (int64_t j = 0; j < n; ++j) sum = fma(all(comb[j * n + k]), x[j], sum);
      sum = fma(all(post[k]), new_part, sum);
      store(z + k * s.stride + c, s.to_bf16 ? as_bf16(sum) : sum, m);
    }
  }
}

void pool(const PooledRow* rows, int64_t count, int64_t dim, float* out) {
  for (int64_t c = 0; c < dim; c += kLanes) {
    const int64_t m = lanes_left(dim, c);
    const auto gate = [&](const PooledRow& r) {
      return r.ape ? load(r.gate + c, m) + load(r.ape + c, m) : load(r.gate + c, m);
    };
    F top = gate(rows[0]);
    for (int64_t i = 1; i < count; ++i) top = max(top, gate(rows[i]));
    F weight = zero(), sum = zero();
    for (int64_t i = 0; i < count; ++i) {
      const F e = exp_of(gate(rows[i]) - top);
      weight = weight + e;
      sum = fma(e, load(rows[i].value + c, m), sum);
    }
    store(out + c, sum / weight, m);
  }
}

constexpr int64_t kHadamardMax = 1024;

// Lane = row: every step of the transform adds whole vectors.
void hadamard(const float* x, int64_t rows, int64_t n, bool to_bf16, float* y) {
  F v[kHadamardMax];
  for (int64_t c = 0; c < n; c += kLanes) {
    F r[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) r[i] = i < rows ? load(x + i * n + c) : zero();
    transpose(r);
    for (int64_t i = 0; i < kLanes; ++i) v[c + i] = r[i];
  }
  for (int64_t h = 1; h < n; h *= 2)
    for (int64_t i = 0; i < n; i += 2 * h)
      for (int64_t j = i; j < i + h; ++j) {
        const F a = v[j], b = v[j + h];
        v[j] = a + b;
        v[j + h] = a - b;
      }
  const F root = all(__builtin_sqrtf(static_cast<float>(n)));
  for (int64_t c = 0; c < n; c += kLanes) {
    F r[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) r[i] = to_bf16 ? as_bf16(v[c + i] / root) : v[c + i] / root;
    transpose(r);
    for (int64_t i = 0; i < rows; ++i) store(y + i * n + c, r[i]);
  }
}

}  // namespace
}  // namespace autark
