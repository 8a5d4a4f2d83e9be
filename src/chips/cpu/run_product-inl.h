// Products of MXFP4 with activations in two digits, a run at a time (run_scales-inl.h). Included by product-inl.h.
//
//   acc ← fma(float(Σ dot of a block · 2^shift), d · scale of the activations, acc)
#pragma once
#include "chips/cpu/blocks-inl.h"
#include "chips/cpu/run_scales-inl.h"

namespace autark {
namespace {

template <int R, int P>
inline void clear_sums(I (&s)[R][P]) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) s[r][p] = int_zero();
  }
}

// Adds a sum of panel p, of a run or of a block that stands alone, to acc.
template <int R, int P>
inline void add_sum_of_run(const I (&sum)[R][P], int p, F d, const RoundedBlock* x, int64_t low,
                           F (&acc)[R][P]) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) acc[r][p] = add_scaled<Kind::mxfp4>(acc[r][p], sum[r][p], d, d, x[r], low);
}

// A block with its E8M0 codes of one panel p: to the run's sum or, if it stands alone, to acc.
template <int R, int P>
inline void add_block_of_run(const RunScales& run, I code, const I (&dot)[R][P], int p, const RoundedBlock* x,
                             int64_t low, I (&sum)[R][P], F (&acc)[R][P]) {
  if (run.alone) return add_sum_of_run(dot, p, RunScales::d(code), x, low, acc);
  const I shift = run.shift(code);
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) sum[r][p] = sum[r][p] + shift_left(dot[r][p], shift);
}

// acc += the products of groups of n blocks, one a stream, straight from the packed codes, with R rows at x.
template <Prefetch How, int R, int S>
AUTARK_INLINE void add_groups_of_runs(const uint8_t* const (&group)[S], int64_t n, const RoundedBlock* x,
                                      int64_t low, int64_t ahead, F (&acc)[S][R][1]) {
  constexpr Kind K = Kind::mxfp4;
  for (int64_t first = 0; first < n; first += kRunBlocks) {
    const int64_t count = n - first < kRunBlocks ? n - first : kRunBlocks;
    const uint8_t* scales[S];
    RunScales run[S];
    I sum[S][R][1];
    for (int s = 0; s < S; ++s) {
      scales[s] = block_of<K>(group[s], n, first).scale;
      run[s] = RunScales(count, [&](int64_t i) { return run_code(scales[s], i); });
      clear_sums(sum[s]);
    }
    for (int64_t i = first; i < first + count; ++i) {
      AUTARK_UNROLL(2)
      for (int s = 0; s < S; ++s) {
        prefetch_share<K, R, 1, 1, How>(group[s], i, ahead);
        I dot[R][1];
        dots_of<K, R, 1, 0, 8>(PackedBlock<K>(block_of<K>(group[s], n, i), SuperFactors<K>(group[s])),
                               x + i * R, low, dot);
        add_block_of_run(run[s], run_code(scales[s], i - first), dot, 0, x + i * R, low, sum[s], acc[s]);
      }
    }
    for (int s = 0; s < S; ++s) {
      if (!run[s].alone) add_sum_of_run(sum[s], 0, run[s].d(), x + first * R, low, acc[s]);
    }
  }
}

// A run of `count` blocks of P panels that were expanded: w [block][P], x [block][R]. Their `m` holds the E8M0 codes.
template <int R, int P>
AUTARK_INLINE void add_expanded_run(const ExpandedBlock* w, const RoundedBlock* x, int64_t low, int64_t count,
                                    F (&acc)[R][P]) {
  const auto code = [w](int64_t b, int p) {
    return load_ints(reinterpret_cast<const int32_t*>(w[b * P + p].m));
  };
  RunScales run[P];
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) run[p] = RunScales(count, [&](int64_t i) { return code(i, p); });
  I sum[R][P];
  clear_sums(sum);
  for (int64_t b = 0; b < count; ++b) {
    I dot[R][P];
    dots_of<Kind::mxfp4, R, P, 0, 8>(ExpandedBlocks{w + b * P}, x + b * R, low, dot);
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) add_block_of_run(run[p], code(b, p), dot, p, x + b * R, low, sum, acc);
  }
  AUTARK_UNROLL(2)
  for (int p = 0; p < P; ++p) {
    if (!run[p].alone) add_sum_of_run(sum, p, run[p].d(), x, low, acc);
  }
}

}  // namespace
}  // namespace autark
