// Sums of products of codes in 16 bits, as long as they cannot overflow, for ISAs whose instructions add the products of two
// bytes in 16 bits: a sum of four in 32 bits costs such an ISA two multiplications. Included like dots-inl.h, of which it has
// the names.
//
// 16 bits hold 2 n products of a code and an activation (at most 127) for n = 8 codes below 16, 4 below 32, 2 below 64, and
// none of a code of eight bits.
#pragma once
#include "chips/cpu/panels-inl.h"

namespace autark {
namespace {

// One panel's block, whose codes are unpacked where they are needed: all of them would not fit in the registers.
template <Kind K>
struct PackedBlock {
  PackedBlock(const BlockAt& block, const SuperFactors<K>& of_group) : at(block), super(of_group) {}
  template <int J>
  U code(int) const {
    return code_of<K, J>(at.low, at.high);
  }
  F d(int) const { return factors_of<K>(at.scale, super).d; }
  F m(int) const { return factors_of<K>(at.scale, super).m; }
  BlockAt at;
  const SuperFactors<K>& super;
};

template <Kind K>
constexpr int kCodeMax = K == Kind::q6_k         ? 63
                         : K == Kind::mxfp4      ? 28
                         : layout_of(K).high > 0 ? 31
                                                 : 15;
template <Kind K>
constexpr int kShortQuads = INT16_MAX / (2 * 127 * kCodeMax<K>);  // that a sum in 16 bits holds

// in_order() and hidden() keep loads and sums in the order of the program: else the compiler loads all codes and multiplies
// everything first, to add it in another order, and has no registers for it.

// Adds quad J of R rows and P panels to t, which quad First begins.
template <int J, int First, int R, int P, class W>
AUTARK_INLINE void add_quad(const W& w, const RoundedBlock* x, Shorts (&t)[R][P]) {
  in_order();
  U c[P];
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) c[p] = w.template code<J>(p);
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    const int32_t four = quad(x[r], J);
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p)
      t[r][p] = hidden(J == First ? short_dot(c[p], four) : short_dot(t[r][p], c[p], four));
  }
}

template <int J, int First, int End, int R, int P, class W>
AUTARK_INLINE void add_quads(const W& w, const RoundedBlock* x, Shorts (&t)[R][P]) {
  add_quad<J, First>(w, x, t);
  if constexpr (J + 1 < End) add_quads<J + 1, First, End>(w, x, t);
}

template <Kind K, int First, int N, int R, int P, class W>
AUTARK_INLINE void add_small_dots(const W& w, const RoundedBlock* x, I (&s)[R][P]) {
  constexpr int kQuads = N < kShortQuads<K> ? N : kShortQuads<K>;
  Shorts t[R][P];
  add_quads<First, First, First + kQuads>(w, x, t);
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) s[r][p] = add_pairs(s[r][p], t[r][p]);
  }
  if constexpr (kQuads < N) add_small_dots<K, First + kQuads, N - kQuads>(w, x, s);
}

// Codes of eight bits, half of the lanes after the other half: sizes and signs take more registers.
template <int First, int N, int R, int P, class W>
AUTARK_INLINE void add_full_dots(const W& w, const RoundedBlock* x, I (&s)[R][P]) {
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) {
    in_order();
    const U c = w.template code<First>(p);
    const SignedCodes a = signed_codes(c.a), b = signed_codes(c.b);
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) s[r][p].a = hidden(dot_signed(s[r][p].a, a, quad(x[r], First)));
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) s[r][p].b = hidden(dot_signed(s[r][p].b, b, quad(x[r], First)));
  }
  if constexpr (N > 1) add_full_dots<First + 1, N - 1>(w, x, s);
}

// s: the sums of part `Part`, which has N quads, of one digit or, if low is not 0, of two.
template <Kind K, int R, int P, int Part, int N, class W>
inline void dots_of(const W& w, const RoundedBlock* x, int64_t low, I (&s)[R][P]) {
  begin_dots<K, Part>(x, low != 0, s);
  for (const RoundedBlock* last = x + low;;) {  // a loop, so that there is one copy of the products
    if constexpr (layout_of(K).low == 512) add_full_dots<Part * N, N>(w, x, s);
    if constexpr (layout_of(K).low < 512) add_small_dots<K, Part * N, N>(w, x, s);
    if (x == last) return;
    x = last;
    begin_low_digit<K, Part>(x, s);
  }
}

constexpr int kPeakChains = 6;                       // independent operations, to hide their latency
constexpr int kPeakQuads = kShortQuads<Kind::q4_0>;  // of a chain and round

// One round of the probe of the peak: as many quads for each sum as 16 bits hold of the smallest codes. Without hidden(), equal
// halves and chains would be computed once.
inline void peak_round(U w, int32_t x, I (&s)[kPeakChains]) {
  AUTARK_UNROLL(6)
  for (int i = 0; i < kPeakChains; ++i) {
    Shorts t = short_dot(w = hidden(w), x);
    AUTARK_UNROLL(8)
    for (int j = 1; j < kPeakQuads; ++j) t = short_dot(t, w = hidden(w), x);
    s[i] = add_pairs(s[i], t);
  }
}

}  // namespace
}  // namespace autark
