// Kernels on single rows, for every ISA: norms, activations, records. Included by kernels_<isa>.cc.
#pragma once
#include "chips/cpu/exp-inl.h"
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

inline F silu_of(F x) {
  return x / (all(1.f) + exp_of(zero() - x));
}

// x (1 + tanh u) / 2 = x sigmoid(2 u), u = √(2/π) (x + 0.044715 x³)
inline F gelu_tanh_of(F x) {
  const F u = all(1.5957691216f) * fma(x * x * x, all(0.044715f), x);
  return x / (all(1.f) + exp_of(zero() - u));
}

inline F sigmoid_of(F x) {
  return all(1.f) / (all(1.f) + exp_of(zero() - x));
}

inline F quick_gelu_of(F x) {
  return x / (all(1.f) + exp_of(all(-1.702f) * x));
}

// y = act(gate) · (up + more) for n values; Chip::glu says what limit does.
template <class Act>
inline void glu_row(const float* gate, const float* up, int64_t n, float limit, float* y, Act act,
                    float more = 0) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t m = n - i < kLanes ? n - i : kLanes;
    F g = load(gate + i, m), u = load(up + i, m);
    if (limit > 0) {
      g = min(all(limit), g);
      u = max(all(-limit), min(all(limit), u));
    }
    store(y + i, act(g) * (u + all(more)), m);
  }
}

void glu(const float* gate, const float* up, int64_t n, Gate act, float limit, float* y) {
  if (act == Gate::silu) return glu_row(gate, up, n, limit, y, [](F x) { return silu_of(x); });
  if (act == Gate::gelu_tanh) return glu_row(gate, up, n, limit, y, [](F x) { return gelu_tanh_of(x); });
  if (act == Gate::sigmoid) return glu_row(gate, up, n, limit, y, [](F x) { return sigmoid_of(x); });
  glu_row(
      gate, up, n, limit, y, [](F x) { return quick_gelu_of(x); }, 1);
}

void add(const float* a, const float* b, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t m = n - i < kLanes ? n - i : kLanes;
    store(y + i, load(a + i, m) + load(b + i, m), m);
  }
}

void rms_norm(const float* x, const float* gain, float eps, int64_t n, float* y) {
  F s[4] = {zero(), zero(), zero(), zero()};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    AUTARK_UNROLL(4)
    for (int j = 0; j < 4; ++j) {
      const F a = load(x + i + j * kLanes);
      s[j] = fma(a, a, s[j]);
    }
  }
  for (; i < n; i += kLanes) {
    const F a = load(x + i, n - i < kLanes ? n - i : kLanes);
    s[0] = fma(a, a, s[0]);
  }
  const float mean = sum_of((s[0] + s[1]) + (s[2] + s[3])) / static_cast<float>(n);
  const F r = all(1.f / __builtin_sqrtf(mean + eps));
  for (i = 0; i < n; i += kLanes) {
    const int64_t m = n - i < kLanes ? n - i : kLanes;
    const F a = load(x + i, m) * r;
    store(y + i, gain ? a * load(gain + i, m) : a, m);
  }
}

void rotate(const float* x, const float* cosine, const float* sine, int64_t half, bool neighbours, float* y) {
  if (neighbours) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      y[2 * i] = a * cosine[i] - b * sine[i];
      y[2 * i + 1] = b * cosine[i] + a * sine[i];
    }
    return;
  }
  for (int64_t i = 0; i < half; i += kLanes) {
    const int64_t n = half - i < kLanes ? half - i : kLanes;
    const F a = load(x + i, n), b = load(x + half + i, n), c = load(cosine + i, n), s = load(sine + i, n);
    store(y + i, a * c - b * s, n);
    store(y + half + i, b * c + a * s, n);
  }
}

inline int64_t bytes_of(Record r) {
  return r == Record::f32 ? 4 : 2;
}

// The first n values of a record; reads no byte behind them.
inline F load_record(Record r, const uint8_t* p, int64_t n) {
  if (r == Record::f32) {
    float v[kLanes] = {};
    __builtin_memcpy(v, p, 4 * n);
    return load(v);
  }
  uint8_t whole[2 * kLanes] = {};
  if (n < kLanes) {
    __builtin_memcpy(whole, p, 2 * n);
    p = whole;
  }
  return r == Record::f16 ? load_f16(p) : load_bf16(p);
}

void encode(Record to, const float* x, int64_t n, unsigned char* out) {
  if (to == Record::f32) {
    __builtin_memcpy(out, x, 4 * n);
    return;
  }
  const auto put = [to](uint8_t* p, F a) { to == Record::f16 ? store_f16(p, a) : store_bf16(p, a); };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) put(out + 2 * i, load(x + i));
  if (i == n) return;
  uint8_t rest[2 * kLanes];
  put(rest, load(x + i, n - i));
  __builtin_memcpy(out + 2 * i, rest, 2 * (n - i));
}

}  // namespace
}  // namespace autark
