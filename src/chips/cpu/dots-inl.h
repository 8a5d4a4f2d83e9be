// Sums of products of codes in 32 bits, for ISAs whose instructions add four products of bytes to such a sum. Included by
// kernels_<isa>.cc after panels-inl.h, before product-inl.h. ISAs that add two products in 16 bits include short_dots-inl.h
// instead, which has the same names.
#pragma once
#include "chips/cpu/panels-inl.h"

namespace autark {
namespace {

// One panel's block, whose codes are unpacked once for all rows.
template <Kind K>
struct PackedBlock {
  PackedBlock(const BlockAt& at, const SuperFactors<K>& super)
      : codes(codes_of<K>(at.low, at.high)), factors(factors_of<K>(at.scale, super)) {}
  U code(int, int j) const { return codes.v[j]; }
  F d(int) const { return factors.d; }
  F m(int) const { return factors.m; }
  Codes codes;
  Factors factors;
};

template <Kind K>
inline I dot(I acc, U w, int32_t x) {
  if constexpr (layout_of(K).low == 512) return dot_full(acc, w, x);
  return dot_small(acc, w, x);
}

// Adds quads [First, First + N) of R rows and P panels to s.
template <Kind K, int R, int P, int First, int N, class W>
inline void add_dots(const W& w, const RoundedBlock* x, I (&s)[R][P]) {
  AUTARK_UNROLL(8)
  for (int i = 0; i < N; ++i) {
    const int j = First + i;
    U c[P];
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) c[p] = w.code(p, j);
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) {
      const int32_t four = quad(x[r], j);
      AUTARK_UNROLL(2)
      for (int p = 0; p < P; ++p) s[r][p] = dot<K>(s[r][p], c[p], four);
    }
    in_order();
  }
}

// s: the sums of part `Part`, which has N quads, of one digit or, if low is not 0, of two.
template <Kind K, int R, int P, int Part, int N, class W>
inline void dots_of(const W& w, const RoundedBlock* x, int64_t low, I (&s)[R][P]) {
  begin_dots<K, Part>(x, low != 0, s);
  add_dots<K, R, P, Part * N, N>(w, x, s);
  if (!low) return;
  begin_low_digit<K, Part>(x + low, s);
  add_dots<K, R, P, Part * N, N>(w, x + low, s);
}

// One round of the probe of the peak: a vector of quads for each sum.
template <int N>
inline void peak_round(U w, int32_t x, I (&s)[N]) {
  AUTARK_UNROLL(12)
  for (int i = 0; i < N; ++i) s[i] = dot_small(s[i], w, x);
}
constexpr int kPeakChains = 12;  // independent operations, to hide their latency
constexpr int kPeakQuads = 1;    // of a chain and round

}  // namespace
}  // namespace autark
