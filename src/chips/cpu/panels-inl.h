// Panels (layout.h) in the lanes of an ISA: the codes and the factors of a block, and sums on their way to y.
// Included by kernels_<isa>.cc after its lanes.
#pragma once
#include "chips/cpu/kernels.h"

namespace autark {
namespace {

alignas(16) constexpr uint8_t kDoubledE2m1[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                                  16, 15, 14, 13, 12, 10, 8,  4};  // 2 x + 16

// The bits of this float plus an integer |n| < 2^22 are the bits of the float kIntBias + n, which is exact. So the
// product n · d of a sum and a factor d of at most 21 bits is fma(kIntBias + n, d, −kIntBias · d), which rounds once, too.
constexpr float kIntBias = 0x1.8p23f;
constexpr int32_t kIntBiasBits = 0x4b400000;

// n · d. minus_d: −kIntBias · d.
inline F times(I n, F d, F minus_d) {
  if constexpr (kFused) return fma(as_float(n + int_all(kIntBiasBits)), d, minus_d);
  return to_float(n) * d;
}

constexpr int kMostRows = kTileRows > kPackedTileRows ? kTileRows : kPackedTileRows;  // of a tile

struct Codes {
  U v[8];
};

template <Kind K, int J>
inline U high_of(const uint8_t* p) {
  if constexpr (K == Kind::q6_k) return masked(shifted<4 - 2 * (J % 4)>(load_bytes(p + J / 4 * 64)), 0x30);
  return masked(shifted<4 - J>(load_bytes(p)), 0x10);
}

// The low four bits of vector J of a block's codes.
template <int J>
inline U nibbles_of(const uint8_t* low) {
  const U two = load_bytes(low + J % 4 * 64);
  return masked(J < 4 ? two : shifted<-4>(two), 0x0f);
}

template <Kind K, int J>
inline U code_of(const uint8_t* low, const uint8_t* high) {
  if constexpr (layout_of(K).low == 512) {
    return load_bytes(low + 64 * J);
  } else {
    const U four = nibbles_of<J>(low);
    if constexpr (K == Kind::mxfp4) return looked_up(four, kDoubledE2m1);
    if constexpr (layout_of(K).high > 0) return either(four, high_of<K, J>(high));
    return four;
  }
}

template <Kind K>
inline Codes codes_of(const uint8_t* low, const uint8_t* high) {
  return {code_of<K, 0>(low, high), code_of<K, 1>(low, high), code_of<K, 2>(low, high),
          code_of<K, 3>(low, high), code_of<K, 4>(low, high), code_of<K, 5>(low, high),
          code_of<K, 6>(low, high), code_of<K, 7>(low, high)};
}

struct Factors {
  F d, m;
};

// What the factors of all blocks of a group have in common: K-quants' f16 factors of their scales.
template <Kind K>
struct SuperFactors {
  SuperFactors() = default;
  explicit SuperFactors(const uint8_t* super)
      : d(load_f16(super)), m(layout_of(K).super > 32 ? zero() - load_f16(super + 32) : zero()) {}
  F d, m;
};
template <Kind K>
requires(layout_of(K).super == 0) struct SuperFactors<K> {
  SuperFactors() = default;
  explicit SuperFactors(const uint8_t*) {}
};

// 2^(code − 127), a byte a lane.
inline F load_e8m0(const uint8_t* p) {
  return e8m0(load_bytes_as_ints(p));
}

template <Kind K>
inline Factors factors_of(const uint8_t* scale, const SuperFactors<K>& super) {
  if constexpr (K == Kind::mxfp4) return {load_e8m0(scale) * all(0.5f), zero()};
  if constexpr (K == Kind::q4_1 || K == Kind::q5_1) return {load_f16(scale), load_f16(scale + 32)};
  if constexpr (K == Kind::q4_k || K == Kind::q5_k)
    return {super.d * load_u8(scale), super.m * load_u8(scale + 16)};
  if constexpr (K == Kind::q6_k) return {super.d * load_i8(scale), super.d * load_i8(scale + 16)};
  if constexpr (K == Kind::int4) return {load_bf16(scale), zero()};
  return {load_f16(scale), zero()};
}

// A block of one panel, unpacked once for many rows.
struct alignas(64) ExpandedBlock {
  uint8_t code[512];
  float d[16], m[16];
};

// The same block of P panels.
struct ExpandedBlocks {
  U code(int p, int j) const { return load_bytes(w[p].code + 64 * j); }
  template <int J>
  U code(int p) const {
    return code(p, J);
  }
  F d(int p) const { return load(w[p].d); }
  F m(int p) const { return load(w[p].m); }
  const ExpandedBlock* w;
};

// Where the sums of a block, or of one half of it, begin: minus what the codes are too large by.
template <Kind K>
inline I first_dot(const RoundedBlock& x, int half) {
  constexpr KindLayout l = layout_of(K);
  if constexpr (l.meaning == Meaning::halves) return shift_left(int_all(x.less_half[half]), l.shift);
  if constexpr (l.meaning == Meaning::minimum || (l.low == 512 && kSignedFull)) return int_zero();
  return shift_left(int_all(x.less_sum), l.shift);
}

// The sums of R rows and P panels before the products of the only digit, or of the first of two.
template <Kind K, int Part, int R, int P>
inline void begin_dots(const RoundedBlock* x, bool two_digits, I (&s)[R][P]) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    const I start = two_digits ? int_zero() : first_dot<K>(x[r], Part);
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) s[r][p] = start;
  }
}

// From the sums of the first digit to those before the products of the second one, x.
template <Kind K, int Part, int R, int P>
inline void begin_low_digit(const RoundedBlock* x, I (&s)[R][P]) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    const I start = first_dot<K>(x[r], Part);
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) s[r][p] = shift_left(s[r][p], 7) + start;
  }
}

// Four activations, as the operand of a product of bytes.
inline int32_t quad(const RoundedBlock& x, int j) {
  int32_t v;
  __builtin_memcpy(&v, x.code + 4 * j, 4);
  return v;
}

template <Kind K>
inline Factors factors_of(const uint8_t* scale, const uint8_t* super) {
  return factors_of<K>(scale, SuperFactors<K>(super));
}

struct PanelAt {
  const uint8_t *scales, *groups;
  int64_t blocks;
};

inline PanelAt panel_at(const Panels& w, int64_t panel) {
  const uint8_t* p = w.bytes + panel * w.panel_bytes;
  return {p, p + w.groups_at, w.blocks};
}

struct BlockAt {
  const uint8_t *low, *high, *scale, *super;
};

inline int64_t blocks_from(int64_t first, int64_t blocks) {  // of a group
  return blocks - first < kGroup ? blocks - first : kGroup;
}

// Block i of a group of n blocks.
template <Kind K>
inline BlockAt block_of(const uint8_t* group, int64_t n, int64_t i) {
  constexpr KindLayout l = layout_of(K);
  const uint8_t* codes = group + l.head(n) + i * (l.low + l.high);
  return {codes, codes + l.low, group + l.super + i * l.scale, group};
}

template <Kind K>
inline BlockAt block_at(const PanelAt& p, int64_t b) {
  const int64_t group = static_cast<int64_t>(static_cast<uint64_t>(b) / kGroup), first = group * kGroup;
  return block_of<K>(p.groups + group * layout_of(K).group(kGroup), blocks_from(first, p.blocks), b - first);
}

inline int64_t lanes_left(const Panels& w, int64_t panel) {
  const int64_t left = w.out - panel * kLanes;
  return left < kLanes ? left : kLanes;
}

inline void write(F acc, const float* bias, float* y, int64_t n) {
  if (bias) acc = acc + load(bias, n);
  store(y, acc, n);
}

// Rows of accumulators to y: [row][P][lane], bias added last.
template <int P>
void write_sums(const float* sums, const Panels& w, int64_t panel, int64_t at, int64_t row, int64_t rows,
                const float* bias, float* y, int64_t y_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int p = 0; p < P; ++p) {
      const int64_t o = at + p * kLanes;
      write(load(sums + (r * P + p) * kLanes), bias ? bias + o : nullptr, y + (row + r) * y_stride + o,
            lanes_left(w, panel + p));
    }
  }
}

inline void clear(float* sums, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store(sums + i, zero());
}

}  // namespace
}  // namespace autark
