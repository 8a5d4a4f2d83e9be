// Index scores Σ_h w_h relu(q_h · k), for every ISA. Included after v4_sparse-inl.h.
//
// Queries and keys are E2M1 values times a power of two per run of 32 channels. Twice such a value is a whole
// number of at most 12, so a run's product is exact in int32:  q·k = Σ_runs (s_q / 2)(s_k / 2) Σ q' k'.
// Lane = head; a key's lanes go together in pairs after the last panel.
#pragma once
#include "chips/cpu/v4_kernels.h"

namespace autark {
namespace {

// One head's run as codes for lane `lane`; false where a value has none.
inline bool put_query_run(const float* q, uint8_t* codes, int64_t lane, float* scale) {
  const uint32_t code = key_scale_code(q);
  const float inverse = inverse_power(code);
  uint8_t offset[kKeyRun], ordered[kKeyRun];
  int32_t other = 0;
  for (int64_t i = 0; i < kKeyRun; ++i) {
    const float twice = q[i] * inverse * 2;
    const int32_t c = static_cast<int32_t>(twice < -12 ? -12.f : twice < 12 ? twice : 12.f);  // a NaN: 12
    other |= static_cast<float>(c) != twice;
    offset[i] = static_cast<uint8_t>(c + kQueryOffset);
  }
  for (int64_t i = 0; i < kKeyRun / 2; ++i) {
    ordered[i] = offset[2 * i];
    ordered[kKeyRun / 2 + i] = offset[2 * i + 1];
  }
  for (int64_t j = 0; j < kKeyRun / 4; ++j)
    __builtin_memcpy(codes + (j * kLanes + lane) * 4, ordered + 4 * j, 4);
  *scale = power_of_code(code) * 0.5f;
  return !other;
}

bool index_query(const float* q, const float* head_weights, int64_t heads, int64_t dim, float norm,
                 bool to_bf16, const IndexQuery& out) {
  const int64_t run_bytes = kKeyRun * kLanes;
  bool whole = true;
  __builtin_memset(out.codes, kQueryOffset, static_cast<size_t>(out.panels * out.runs * run_bytes));
  __builtin_memset(out.scales, 0, static_cast<size_t>(out.panels * out.runs * kLanes * 4));
  for (int64_t h = 0; h < heads; ++h) {
    const int64_t panel = h / kLanes * out.runs;
    for (int64_t b = 0; b < out.runs; ++b)
      whole &= put_query_run(q + h * dim + b * kKeyRun, out.codes + (panel + b) * run_bytes, h % kLanes,
                             out.scales + (panel + b) * kLanes + h % kLanes);
  }
  for (int64_t h = 0; h < out.panels * kLanes; h += kLanes) {
    const F w = load(head_weights + h, heads - h > 0 ? heads - h : 0) * all(norm);
    store(out.weights + h, to_bf16 ? as_bf16(w) : w);
  }
  return whole;
}

// 64 bytes of a record, 128 codes. `sums`: of four codes each, low nibbles and high nibbles together.
inline void put_key_codes(const unsigned char* bytes, int8_t* code, int32_t* sums) {
  alignas(64) static const uint8_t kTwice[16] = {0, 1,   2,   3,   4,   6,   8,   12,
                                                 0, 255, 254, 253, 252, 250, 248, 244};
  alignas(64) static const uint8_t kPlus12[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
  const U nibbles = load_bytes(bytes), low = masked(nibbles, 15), high = masked(shifted<-4>(nibbles), 15);
  alignas(64) uint8_t even[64], odd[64];
  store_bytes(even, looked_up(low, kTwice));
  store_bytes(odd, looked_up(high, kTwice));
  for (int b = 0; b < 4; ++b) {
    __builtin_memcpy(code + b * kKeyRun, even + 16 * b, 16);
    __builtin_memcpy(code + b * kKeyRun + 16, odd + 16 * b, 16);
  }
  constexpr int32_t kOnes = 0x01010101;
  const I s = dot_small(dot_small(int_all(-2 * 4 * 12), looked_up(low, kPlus12), kOnes),
                        looked_up(high, kPlus12), kOnes);
  float whole[kLanes];
  store(whole, to_float(s));
  for (int i = 0; i < kLanes; ++i) sums[i] = static_cast<int32_t>(whole[i]);
}

void index_keys(const unsigned char* const* records, int64_t count, const KeyBlock& out) {
  const int64_t bytes = out.dim / 2;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t at = 0; at < bytes; at += 64) {
      const int64_t n = bytes - at < 64 ? bytes - at : 64;
      unsigned char nibbles[64] = {};
      int8_t code[128];
      int32_t sums[kLanes];
      __builtin_memcpy(nibbles, records[i] + at, static_cast<size_t>(n));
      put_key_codes(nibbles, code, sums);
      __builtin_memcpy(out.code + i * out.dim + 2 * at, code, static_cast<size_t>(2 * n));
      for (int64_t b = 0; b < n / 16; ++b)
        out.sum[i * out.runs + at / 16 + b] =
            -kQueryOffset * ((sums[4 * b] + sums[4 * b + 1]) + (sums[4 * b + 2] + sums[4 * b + 3]));
    }
    for (int64_t b = 0; b < out.runs; ++b)
      out.scale[i * out.runs + b] = power_of_code(records[i][bytes + b]) * 0.5f;
  }
}

inline int32_t four_codes(const int8_t* p) {
  int32_t v;
  __builtin_memcpy(&v, p, 4);
  return v;
}

// q·k of P panels with K keys, from panel `panel` and key `key` on.
template <int P, int K>
inline void index_tile(const IndexQuery& q, const KeyBlock& keys, int64_t panel, int64_t key, F (&f)[P][K]) {
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) {
    AUTARK_UNROLL(4)
    for (int k = 0; k < K; ++k) f[p][k] = zero();
  }
  for (int64_t b = 0; b < q.runs; ++b) {
    I a[P][K];
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) {
      AUTARK_UNROLL(4)
      for (int k = 0; k < K; ++k) a[p][k] = int_all(keys.sum[(key + k) * q.runs + b]);
    }
    const uint8_t* codes = q.codes + (panel * q.runs + b) * kKeyRun * kLanes;
    AUTARK_UNROLL(8)
    for (int j = 0; j < 8; ++j) {
      U w[P];
      AUTARK_UNROLL(2)
      for (int p = 0; p < P; ++p) w[p] = load_bytes(codes + p * q.runs * kKeyRun * kLanes + j * 4 * kLanes);
      AUTARK_UNROLL(4)
      for (int k = 0; k < K; ++k) {
        const int32_t x = four_codes(keys.code + (key + k) * keys.dim + b * kKeyRun + 4 * j);
        AUTARK_UNROLL(2)
        for (int p = 0; p < P; ++p) a[p][k] = dot_small(a[p][k], w[p], x);
      }
    }
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) {
      const F scale = load(q.scales + ((panel + p) * q.runs + b) * kLanes);
      AUTARK_UNROLL(4)
      for (int k = 0; k < K; ++k)
        f[p][k] = fma(to_float(a[p][k]), scale * all(keys.scale[(key + k) * q.runs + b]), f[p][k]);
    }
  }
}

inline F head_score(F product, F weight, bool to_bf16) {
  if (!to_bf16) return max(zero(), product) * weight;
  return as_bf16(max(zero(), as_bf16(product)) * weight);
}
inline void put_score(float score, bool to_bf16, float* out) {
  float v[kLanes];
  store(v, to_bf16 ? as_bf16(all(score)) : all(score));
  *out = v[0];
}

template <int K>
void index_score_keys(const IndexQuery& q, const KeyBlock& keys, int64_t key, bool to_bf16, float* out) {
  F total[K];
  for (int k = 0; k < K; ++k) total[k] = zero();
  for (int64_t panel = 0; panel < q.panels; panel += 2) {
    F f[2][K];
    index_tile<2, K>(q, keys, panel, key, f);
    for (int p = 0; p < 2; ++p) {
      const F w = load(q.weights + (panel + p) * kLanes);
      for (int k = 0; k < K; ++k) total[k] = total[k] + head_score(f[p][k], w, to_bf16);
    }
  }
  for (int k = 0; k < K; ++k) put_score(sum_of(total[k]), to_bf16, out + key + k);
}

void index_scores(const IndexQuery& q, const KeyBlock& keys, int64_t count, bool to_bf16, float* out) {
  int64_t key = 0;
  for (; key + kKeysEach <= count; key += kKeysEach) index_score_keys<kKeysEach>(q, keys, key, to_bf16, out);
  for (; key < count; ++key) index_score_keys<1>(q, keys, key, to_bf16, out);
}

// Lane = key.
void index_float_scores(const float* q, const float* weights, int64_t heads, int64_t dim,
                        const IndexRows& keys, bool to_bf16, void* scratch, float* out) {
  float* s = static_cast<float*>(scratch);
  const float* rows[kSlotBlock];
  for (int64_t i = 0; i < kSlotBlock; ++i) rows[i] = keys.rows[i < keys.count ? i : 0];
  dot_block(q, heads, dim, rows, keys.count, s);
  for (int64_t i = 0; i < keys.count; i += kLanes) {
    F total = zero();
    for (int64_t h = 0; h < heads; ++h)
      total = total + head_score(load(s + h * kSlotBlock + i), all(weights[h]), to_bf16);
    store(out + i, to_bf16 ? as_bf16(total) : total, lanes_left(keys.count, i));
  }
}

}  // namespace
}  // namespace autark
