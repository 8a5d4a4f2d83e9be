// One block of a product of R rows and P panels, and what few rows ask memory for. Included by product-inl.h, after either
// dots-inl.h or short_dots-inl.h.
#pragma once
#include "chips/cpu/panels-inl.h"

namespace autark {
namespace {

// Whether R rows ask for the first cache, not far ahead: who hardly computes. Others leave that to the loads and ask for
// the second one.
template <Kind K, int R, Prefetch How>
constexpr bool kAsksFirst = How == Prefetch::by_rows && (R == 1 || (R == 2 && layout_of(K).low >= 512));

// The panels that R rows read in turns, a block of each.
template <int R, Prefetch How>
constexpr int kStreams = (How == Prefetch::second_cache && R <= kRowsOfStreams) ? 2 : 1;

// How far ahead, in bytes.
template <Kind K, int R, Prefetch How>
inline int64_t ahead_by(Prefetch how) {
  if constexpr (kAsksFirst<K, R, How>) return 4096;
  if (how != Prefetch::second_cache) return 8192;
  return kStreams<R, How> == 2 ? kStreamAhead : kSecondCacheAhead;
}

// Asks for the i-th share of what lies `ahead` of `p`, where R rows take C blocks in `kShares` steps.
template <Kind K, int R, int C, int kShares, Prefetch How = Prefetch::by_rows>
inline void prefetch_share(const uint8_t* p, int64_t i, int64_t ahead) {
  constexpr int64_t kBytes = C * layout_of(K).group(kGroup) / (kGroup * kShares);
  for (int64_t at = 0; at < kBytes; at += 64) prefetch<kAsksFirst<K, R, How>>(p + ahead + i * kBytes + at);
  if constexpr (How == Prefetch::second_cache) {
    for (int64_t at = 0; at < kBytes; at += 64) prefetch<true>(p + kFirstCacheAhead + i * kBytes + at);
  }
}

// acc + dot · d (+ m · sum) · scale, the sum in int32. Two digits have a scale that is a power of two.
template <Kind K>
inline F add_scaled(F acc, I dot, F d, F m, const RoundedBlock& x, int64_t low) {
  const F sum = to_float(dot);
  if constexpr (K == Kind::mxfp4) {
    if (low) return fma(sum, powers(d) * all_powers(x.scale, (&x)[low].scale), acc);
    return fma(sum * powers(d), all(x.scale), acc);
  }
  F t = sum * d;
  if (layout_of(K).meaning == Meaning::minimum) t = fma(m, all(x.sum), t);
  return low ? fma(t, all_powers(x.scale, (&x)[low].scale), acc) : fma(t, all(x.scale), acc);
}

// The block, or half `Part` of one whose halves have scales of their own.
template <Kind K, int R, int P, int Part, int N, class W>
inline void add_part(const W& w, const RoundedBlock* x, int64_t low, F (&acc)[R][P]) {
  I s[R][P];
  dots_of<K, R, P, Part, N>(w, x, low, s);
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) {
    const F d = Part ? w.m(p) : w.d(p);
    const F m = layout_of(K).meaning == Meaning::minimum ? w.m(p) : d;
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) acc[r][p] = add_scaled<K>(acc[r][p], s[r][p], d, m, x[r], low);
  }
}

template <Kind K, int R, int P, class W>
inline void add_block(const W& w, const RoundedBlock* x, int64_t low, F (&acc)[R][P]) {
  if constexpr (layout_of(K).meaning == Meaning::halves) {
    add_part<K, R, P, 0, 4>(w, x, low, acc);
    add_part<K, R, P, 1, 4>(w, x, low, acc);
  } else {
    add_part<K, R, P, 0, 8>(w, x, low, acc);
  }
}

}  // namespace
}  // namespace autark
