// Matrix products over panels, for every ISA: included by kernels_<isa>.cc after its lanes, panels-inl.h and either
// dots-inl.h or short_dots-inl.h.
//
// Rounded products, per output and block of 32 inputs, dot exact in int32:
//   acc ← fma(float(dot) · d (+ m · sum), scale of the activations, acc)
// With two digits, dot is 128 times that of the first plus that of the second.
// Float products: 32 fused multiply-adds from zero, then acc ← acc + that; e4m3 and mxfp4 multiply codes, and
// then acc ← fma(that, scale, acc). Either way the order is fixed, so rows may be taken one at a time
// from the packed codes or a tile at a time from expanded ones.
//
// Few rows read a panel from its first byte to its last and the next panel after it. With Prefetch::second_cache one and two
// rows read the panels in two such streams, one from the first on, one from the middle on.
#pragma once
#include "chips/cpu/run_product-inl.h"

namespace autark {
namespace {

constexpr int kBlocksAtOnce = 16;  // expanded codes of two panels stay in L1
constexpr int64_t kRowsAtOnce = rows_at_once(kTileRows);
constexpr int64_t kFewRows = 2 * kTileRows;  // that are worth no expanding

// One tile of a product's rows and one of its panels.
inline const RoundedBlock* rows_from(const RoundedBlock* x, const Panels& w, int64_t row) {
  return x + row * w.blocks;
}
inline const float* const* rows_from(const float* const* x, const Panels&, int64_t row) {
  return x + row;
}
inline int64_t height_of(const ProductOfRounded& t) {
  return t.high;
}
inline int64_t height_of(const ProductOfFloats& t) {
  return even_height(t.rows, kTileRows);
}
template <class Product>
inline Product tile_at(const Product& t, int64_t panel, int64_t row) {
  Product one = t;
  one.panel_begin = panel;
  one.panel_end = panel + 1;
  one.x = rows_from(t.x, *t.w, row);
  one.rows = t.rows - row < height_of(t) ? t.rows - row : height_of(t);
  const int64_t at = (panel - t.panel_begin) * kLanes;
  if (t.bias) one.bias = t.bias + at;
  one.y = t.y + row * t.y_stride + at;
  return one;
}

// Calls tile(product) for every tile of every panel: a panel is in the cache when its second tile comes. A single tile takes all
// panels at once.
template <class Product, class Tile>
inline void each_tile(const Product& t, Tile tile) {
  if (t.rows <= height_of(t)) return tile(t);
  for (int64_t panel = t.panel_begin; panel < t.panel_end; ++panel) {
    for (int64_t row = 0; row < t.rows; row += height_of(t)) tile(tile_at(t, panel, row));
  }
}

// --- few rows: straight from the packed codes -------------------------------------------------------------

// acc += the products of groups of n blocks, one a stream, with R rows at x.
template <Kind K, Prefetch How, int R, int S>
AUTARK_INLINE void add_groups(const uint8_t* const (&group)[S], int64_t n, const RoundedBlock* x, int64_t low,
                              int64_t ahead, F (&acc)[S][R][1]) {
  SuperFactors<K> super[S];
  AUTARK_UNROLL(2)
  for (int s = 0; s < S; ++s) super[s] = SuperFactors<K>(group[s]);
  for (int64_t i = 0; i < n; ++i) {
    AUTARK_UNROLL(2)
    for (int s = 0; s < S; ++s) {
      prefetch_share<K, R, 1, 1, How>(group[s], i, ahead);
      add_block<K, R, 1>(PackedBlock<K>(block_of<K>(group[s], n, i), super[s]), x + i * R, low, acc[s]);
    }
  }
}

// One panel a stream, panels `step` apart.
template <Kind K, Prefetch How, int R, bool Runs, int S>
inline void add_streams(const ProductOfRounded& t, int64_t panel, int64_t step) {
  const Panels& w = *t.w;
  const int64_t ahead = ahead_by<K, R, How>(t.prefetch);
  const uint8_t* group[S];
  F acc[S][R][1];
  for (int s = 0; s < S; ++s) {
    group[s] = panel_at(w, panel + s * step).groups;
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) acc[s][r][0] = zero();
  }
  for (int64_t b = 0; b < w.blocks; b += kGroup) {
    const int64_t n = blocks_from(b, w.blocks);
    if constexpr (Runs)
      add_groups_of_runs<How, R, S>(group, n, t.x + b * R, t.low, ahead, acc);
    else
      add_groups<K, How, R, S>(group, n, t.x + b * R, t.low, ahead, acc);
    for (int s = 0; s < S; ++s) group[s] += layout_of(K).group(kGroup);
  }
  for (int s = 0; s < S; ++s) {
    const int64_t of = panel + s * step, at = (of - t.panel_begin) * kLanes;
    for (int r = 0; r < R; ++r)
      write(acc[s][r][0], t.bias ? t.bias + at : nullptr, t.y + r * t.y_stride + at, lanes_left(w, of));
  }
}

template <Kind K, Prefetch How, int R, bool Runs>
void few_rounded_rows(const ProductOfRounded& t) {
  constexpr int S = kStreams<R, How>;
  const int64_t each = (t.panel_end - t.panel_begin) / S;
  for (int64_t i = 0; i < each; ++i) add_streams<K, How, R, Runs, S>(t, t.panel_begin + i, each);
  for (int64_t panel = t.panel_begin + S * each; panel < t.panel_end; ++panel)
    add_streams<K, How, R, Runs, 1>(t, panel, 0);
}

// --- many rows: expand kTilePanels panels, then whole tiles -------------------------------------------------------

template <Kind K>
inline void expand(const PanelAt& p, int64_t b, ExpandedBlock* out) {
  const BlockAt at = block_at<K>(p, b);
  const Codes c = codes_of<K>(at.low, at.high);
  AUTARK_UNROLL(8)
  for (int j = 0; j < 8; ++j) store_bytes(out->code + 64 * j, c.v[j]);
  const Factors f = factors_of<K>(at.scale, at.super);
  store(out->d, f.d);
  store(out->m, K == Kind::mxfp4 ? as_float(run_code(at.scale, 0)) : f.m);
}

// Blocks from b on of P panels. Asks for those that follow, also for the first ones of the next P panels: a
// block's bytes a block, since all at once would be too many.
template <Kind K, int P>
inline void expand_panels(const Panels& w, int64_t panel, int64_t b, int64_t blocks, ExpandedBlock* out) {
  constexpr int64_t kGroupBytes = layout_of(K).group(kGroup), kBytes = kGroupBytes / kGroup;
  const int64_t after = b + blocks < w.blocks ? b + blocks : 0;
  for (int p = 0; p < P; ++p) {
    const PanelAt at = panel_at(w, panel + p);
    const uint8_t* next = panel_at(w, panel + p + (after ? 0 : P)).groups +
                          static_cast<int64_t>(static_cast<uint64_t>(after) / kGroup) * kGroupBytes;
    for (int64_t i = 0; i < blocks; ++i) {
      for (int64_t ahead = 0; ahead < kBytes; ahead += 64) prefetch<false>(next + i * kBytes + ahead);
      expand<K>(at, b + i, out + i * P + p);
    }
  }
}

template <int R, int P>
inline void load_sums(const float* sums, F (&acc)[R][P]) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) acc[r][p] = load(sums + (r * P + p) * kLanes);
  }
}

template <int R, int P>
inline void store_sums(const F (&acc)[R][P], float* sums) {
  AUTARK_UNROLL(kMostRows)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) store(sums + (r * P + p) * kLanes, acc[r][p]);
  }
}

// w [block][P], x [block][R], sums [R][P][lane].
template <Kind K, int R, int P>
void rounded_tile(const ExpandedBlock* w, const RoundedBlock* x, int64_t low, int64_t blocks, float* sums) {
  F acc[R][P];
  load_sums(sums, acc);
  for (int64_t b = 0; b < blocks; ++b) add_block<K, R, P>(ExpandedBlocks{w + b * P}, x + b * R, low, acc);
  store_sums(acc, sums);
}

// The same for runs of MXFP4 in two digits.
template <int R, int P>
void tile_of_runs(const ExpandedBlock* w, const RoundedBlock* x, int64_t low, int64_t blocks, float* sums) {
  F acc[R][P];
  load_sums(sums, acc);
  for (int64_t b = 0; b < blocks; b += kRunBlocks)
    add_expanded_run<R, P>(w + b * P, x + b * R, low, blocks - b < kRunBlocks ? blocks - b : kRunBlocks, acc);
  store_sums(acc, sums);
}

// The tile of as many rows as there are: `rows` of at most R.
template <Kind K, int P, int R = kTileRows>
void rounded_tile_of(int64_t rows, const ExpandedBlock* w, const RoundedBlock* x, int64_t low, int64_t blocks,
                     float* sums) {
  if constexpr (R > 1) {
    if (rows < R) return rounded_tile_of<K, P, R - 1>(rows, w, x, low, blocks, sums);
  }
  if (K == Kind::mxfp4 && low) return tile_of_runs<R, P>(w, x, low, blocks, sums);
  rounded_tile<K, R, P>(w, x, low, blocks, sums);
}

template <Kind K, int P>
void many_rounded_rows(const ProductOfRounded& t, int64_t panel) {
  const Panels& w = *t.w;
  auto* expanded = static_cast<ExpandedBlock*>(t.scratch);
  auto* sums = reinterpret_cast<float*>(expanded + kBlocksAtOnce * P);
  for (int64_t row = 0; row < t.rows; row += kRowsAtOnce) {
    const int64_t end = t.rows - row < kRowsAtOnce ? t.rows : row + kRowsAtOnce;
    clear(sums, (end - row) * P * kLanes);
    for (int64_t b = 0; b < w.blocks; b += kBlocksAtOnce) {
      const int64_t blocks = w.blocks - b < kBlocksAtOnce ? w.blocks - b : kBlocksAtOnce;
      expand_panels<K, P>(w, panel, b, blocks, expanded);
      for (int64_t r = row; r < end; r += kTileRows) {
        const int64_t n = end - r < kTileRows ? end - r : kTileRows;
        rounded_tile_of<K, P>(n, expanded, t.x + r * w.blocks + b * n, t.low, blocks,
                              sums + (r - row) * P * kLanes);
      }
    }
    write_sums<P>(sums, w, panel, (panel - t.panel_begin) * kLanes, row, end - row, t.bias, t.y, t.y_stride);
  }
}

template <Kind K, Prefetch How, int R = kPackedTileRows>
void few_rounded_rows_of(const ProductOfRounded& t) {
  if constexpr (R > 1) {
    if (t.rows < R) return few_rounded_rows_of<K, How, R - 1>(t);
  }
  constexpr Prefetch kHow = R <= 2 ? How : Prefetch::by_rows;  // more rows ask alike
  if constexpr (K == Kind::mxfp4) {
    if (t.low) return few_rounded_rows<K, kHow, R, true>(t);
  }
  few_rounded_rows<K, kHow, R, false>(t);
}

template <Kind K>
void rounded_product_of(const ProductOfRounded& t) {
  if (t.rows == 0) return;
  // The last rows of a matrix of many are stored in higher tiles.
  const bool packed = t.rows <= kPackedTileRows || (t.rows <= kFewRows && t.high <= kPackedTileRows);
  if (packed && t.prefetch == Prefetch::second_cache)
    return each_tile(t, [](const auto& one) { few_rounded_rows_of<K, Prefetch::second_cache>(one); });
  if (packed) return each_tile(t, [](const auto& one) { few_rounded_rows_of<K, Prefetch::by_rows>(one); });
  int64_t panel = t.panel_begin;
  for (; panel + kTilePanels <= t.panel_end; panel += kTilePanels)
    many_rounded_rows<K, kTilePanels>(t, panel);
  if (panel < t.panel_end) many_rounded_rows<K, 1>(t, panel);
}

void rounded_product(const ProductOfRounded& t) {
  switch (t.w->kind) {
    case Kind::q8_0:
      return rounded_product_of<Kind::q8_0>(t);
    case Kind::q4_0:
      return rounded_product_of<Kind::q4_0>(t);
    case Kind::q4_1:
      return rounded_product_of<Kind::q4_1>(t);
    case Kind::q5_0:
      return rounded_product_of<Kind::q5_0>(t);
    case Kind::q5_1:
      return rounded_product_of<Kind::q5_1>(t);
    case Kind::q4_k:
      return rounded_product_of<Kind::q4_k>(t);
    case Kind::q5_k:
      return rounded_product_of<Kind::q5_k>(t);
    case Kind::q6_k:
      return rounded_product_of<Kind::q6_k>(t);
    case Kind::mxfp4:
      return rounded_product_of<Kind::mxfp4>(t);
    case Kind::int4:
      return rounded_product_of<Kind::int4>(t);
    default:
      __builtin_trap();  // plain formats keep their own precision
  }
}

// --- activations ------------------------------------------------------------------------------------------

void round_row(const float* x, int64_t n, RoundedBlock* out, int64_t stride) {
  for (int64_t i = 0; i < n; i += kBlock, out += stride) {
    const F a = load(x + i), b = load(x + i + kLanes);
    const bool ok = finite(a) && finite(b);  // else the scale is a NaN, and so the products
    const float top = max_of(max(abs(a), abs(b))), by = top > 0 && ok ? 127.f / top : 0;
    out->less_half[0] = -store_codes(out->code, to_int(ok ? a * all(by) : zero()));
    out->less_half[1] = -store_codes(out->code + kLanes, to_int(ok ? b * all(by) : zero()));
    out->scale = ok ? top * (1.f / 127) : __builtin_nanf("");
    out->less_sum = out->less_half[0] + out->less_half[1];
    out->sum = static_cast<float>(-out->less_sum);
  }
}

inline float power_of_two(int e) {  // −126 ≤ e ≤ 127
  const uint32_t bits = uint32_t(e + 127) << 23;
  float power;
  __builtin_memcpy(&power, &bits, 4);
  return power;
}

// What two digits must hold of a run: its largest |x|, and the largest sum of |x| of a block.
struct RunSize {
  float top = 0, block = 0;
  bool finite = true;
};

// REQUIRES: n % 32 == 0.
inline RunSize size_of_run(const float* x, int64_t n) {
  RunSize s;
  F top = zero();
  for (int64_t i = 0; i < n; i += kBlock) {
    const F a = abs(load(x + i)), b = abs(load(x + i + kLanes));
    s.finite = s.finite && finite(a + b);
    top = max(top, max(a, b));
    const float block = sum_of(a + b);
    s.block = block > s.block ? block : s.block;
  }
  s.top = max_of(top);
  s.finite = s.finite && s.block < kMostOfDigits;
  return s;
}

// The exponent of the power of two that makes a run whole numbers of two digits.
inline int digits_by(const RunSize& s) {
  uint32_t bits;
  __builtin_memcpy(&bits, &s.top, 4);
  const int e = int(bits >> 23) - 127;
  int by = (e < kLeastOfDigits ? -kLeastOfDigits : -e) + 13;
  while (s.top * power_of_two(by) > 127 * 128 + 63 || s.block * power_of_two(by) > kBlockOfDigits) --by;
  return by;
}

// A block of a run whose digits are of `by` · x. `ok`: the run is finite.
inline void round_block_of_run(const float* x, float by, bool ok, RoundedBlock& high, RoundedBlock& low) {
  RoundedBlock* const two[2] = {&high, &low};
  for (int half = 0; half < 2; ++half) {
    const F whole = nearest(ok ? load(x + half * kLanes) * all(by) : zero());
    const F first = nearest(fma(whole, all(1.f / 128), all(0.25f / 128)));
    high.less_half[half] = -store_codes(high.code + half * kLanes, to_int(first));
    low.less_half[half] = -store_codes(low.code + half * kLanes, to_int(fma(first, all(-128.f), whole)));
  }
  for (int half = 0; half < 2; ++half) low.less_half[half] += 128 * high.less_half[half];
  for (RoundedBlock* one : two) one->less_sum = one->less_half[0] + one->less_half[1];
  high.sum = low.sum = static_cast<float>(-low.less_sum);
}

// Calls round(at, end, by, finite) for every run of n values.
template <class Round>
inline void each_run_of_digits(const float* x, int64_t n, Round round) {
  constexpr int64_t kRun = kRunBlocks * kBlock;
  for (int64_t at = 0; at < n; at += kRun) {
    const int64_t end = n - at < kRun ? n : at + kRun;
    const RunSize size = size_of_run(x + at, end - at);
    round(at, end, digits_by(size.finite ? size : RunSize{}), size.finite);
  }
}

void round_two_digits(const float* x, int64_t n, RoundedBlock* out, int64_t stride, int64_t low) {
  each_run_of_digits(x, n, [&](int64_t at, int64_t end, int e, bool finite) {
    const float by = power_of_two(e);
    for (int64_t i = at; i < end; i += kBlock, out += stride) {
      round_block_of_run(x + i, by, finite, out[0], out[low]);
      out[0].scale = finite ? 1 / by : __builtin_nanf("");
      out[low].scale = finite ? static_cast<float>(-e) : __builtin_nanf("");
    }
  });
}

void hold_in_digits(const float* x, int64_t n, float* y) {
  each_run_of_digits(x, n, [&](int64_t at, int64_t end, int e, bool finite) {
    const F by = all(power_of_two(e)), back = all(finite ? power_of_two(-e) : __builtin_nanf(""));
    for (int64_t i = at; i < end; i += kLanes)
      store(y + i, nearest(finite ? load(x + i) * by : zero()) * back);
  });
}

// --- float products ---------------------------------------------------------------------------------------

template <Kind K, int J>
inline void expand_quad(const Codes& c, const Factors& f, float* out) {  // inputs 4 J … 4 J + 3
  constexpr KindLayout l = layout_of(K);
  constexpr float kOffset = l.meaning == Meaning::minimum ? 0 : float(1 << l.shift);
  const F q[4] = {byte_of<0>(c.v[J]), byte_of<1>(c.v[J]), byte_of<2>(c.v[J]), byte_of<3>(c.v[J])};
  const F d = l.meaning == Meaning::halves && J >= 4 ? f.m : f.d;
  AUTARK_UNROLL(4)
  for (int b = 0; b < 4; ++b) {
    const F w = l.meaning == Meaning::minimum ? fma(q[b], d, f.m) : (q[b] - all(kOffset)) * d;
    store(out + (4 * J + b) * kLanes, w);
  }
}

// Kinds whose floats are read straight from the panel: plain ones, and those of small floats, where the sum
// of a block is multiplied by its scale.
template <Kind K>
constexpr bool kOfSmallFloats = K == Kind::e4m3 || K == Kind::mxfp4;
template <Kind K>
constexpr bool kDirect = layout_of(K).meaning == Meaning::none || K == Kind::mxfp4;

// Inputs 4 q … 4 q + 3 of a block of a direct kind, without its scale.
template <Kind K>
inline Quad quad_at(const uint8_t* low, int64_t q) {
  if constexpr (K == Kind::e4m3) return load_e4m3(low + q * 64);
  if constexpr (K == Kind::mxfp4)
    return q < 4 ? load_e2m1<0>(low + q * 64) : load_e2m1<1>(low + (q - 4) * 64);
  if constexpr (K == Kind::bf16)
    return {{load_pair(low + q * 128, 0), load_pair(low + q * 128, 1), load_pair(low + q * 128 + 64, 0),
             load_pair(low + q * 128 + 64, 1)}};
  if constexpr (K == Kind::f16)
    return {{load_f16(low + q * 128), load_f16(low + q * 128 + 32), load_f16(low + q * 128 + 64),
             load_f16(low + q * 128 + 96)}};
  return {{load_floats(low + q * 256), load_floats(low + q * 256 + 64), load_floats(low + q * 256 + 128),
           load_floats(low + q * 256 + 192)}};
}

template <Kind K>
inline F block_scale(const PanelAt& p, int64_t b) {
  if constexpr (K == Kind::mxfp4) return load_e8m0(block_at<K>(p, b).scale);
  if constexpr (K != Kind::e4m3) return all(1);
  float scale;
  __builtin_memcpy(&scale, p.scales + static_cast<int64_t>(static_cast<uint64_t>(b) / 4) * 4, 4);
  return all(scale);
}

template <Kind K>
inline F add_sum(F acc, F sum, F scale) {
  return kOfSmallFloats<K> ? fma(sum, scale, acc) : acc + sum;
}

template <Kind K>
F expand_floats(const PanelAt& p, int64_t b, float* out) {  // [32][lane]; gives the block's scale
  const BlockAt at = block_at<K>(p, b);
  if constexpr (kDirect<K>) {
    AUTARK_UNROLL(8)
    for (int q = 0; q < kBlock / 4; ++q) {
      const Quad w = quad_at<K>(at.low, q);
      AUTARK_UNROLL(4)
      for (int j = 0; j < 4; ++j) store(out + (4 * q + j) * kLanes, w.v[j]);
    }
  } else {
    const Codes c = codes_of<K>(at.low, at.high);
    const Factors f = factors_of<K>(at.scale, at.super);
    expand_quad<K, 0>(c, f, out);
    expand_quad<K, 1>(c, f, out);
    expand_quad<K, 2>(c, f, out);
    expand_quad<K, 3>(c, f, out);
    expand_quad<K, 4>(c, f, out);
    expand_quad<K, 5>(c, f, out);
    expand_quad<K, 6>(c, f, out);
    expand_quad<K, 7>(c, f, out);
  }
  return block_scale<K>(p, b);
}

F expand_floats(const Panels& w, int64_t panel, int64_t b, float* out) {
  const PanelAt p = panel_at(w, panel);
  switch (w.kind) {
    case Kind::f32:
      return expand_floats<Kind::f32>(p, b, out);
    case Kind::f16:
      return expand_floats<Kind::f16>(p, b, out);
    case Kind::bf16:
      return expand_floats<Kind::bf16>(p, b, out);
    case Kind::e4m3:
      return expand_floats<Kind::e4m3>(p, b, out);
    case Kind::q8_0:
      return expand_floats<Kind::q8_0>(p, b, out);
    case Kind::q4_0:
      return expand_floats<Kind::q4_0>(p, b, out);
    case Kind::q4_1:
      return expand_floats<Kind::q4_1>(p, b, out);
    case Kind::q5_0:
      return expand_floats<Kind::q5_0>(p, b, out);
    case Kind::q5_1:
      return expand_floats<Kind::q5_1>(p, b, out);
    case Kind::q4_k:
      return expand_floats<Kind::q4_k>(p, b, out);
    case Kind::q5_k:
      return expand_floats<Kind::q5_k>(p, b, out);
    case Kind::q6_k:
      return expand_floats<Kind::q6_k>(p, b, out);
    case Kind::mxfp4:
      return expand_floats<Kind::mxfp4>(p, b, out);
    case Kind::int4:
      return expand_floats<Kind::int4>(p, b, out);
  }
  __builtin_unreachable();
}

// C blocks of R rows at a time, so that enough sums are under way: a sum waits for its last addition.
template <Kind K, int R, int C>
inline void add_float_blocks(const PanelAt& p, int64_t b, const float* const* x, F (&acc)[R]) {
  constexpr int64_t kBytes = layout_of(K).group(kGroup) / kGroup;
  const int64_t ahead = ahead_by<K, R, Prefetch::by_rows>(Prefetch::by_rows);
  const uint8_t* low[C];
  F s[C][R];
  AUTARK_UNROLL(4)
  for (int c = 0; c < C; ++c) {
    low[c] = block_at<K>(p, b + c).low;
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) s[c][r] = zero();
  }
  for (int q = 0; q < kBlock / 4; ++q) {
    prefetch_share<K, R, C, 8>(p.groups + b * kBytes, q, ahead);
    AUTARK_UNROLL(4)
    for (int c = 0; c < C; ++c) {
      const Quad w = quad_at<K>(low[c], q);
      AUTARK_UNROLL(4)
      for (int j = 0; j < 4; ++j) {
        AUTARK_UNROLL(kMostRows)
        for (int r = 0; r < R; ++r) s[c][r] = fma(w.v[j], all(x[r][(b + c) * kBlock + 4 * q + j]), s[c][r]);
      }
    }
  }
  AUTARK_UNROLL(4)
  for (int c = 0; c < C; ++c) {
    const F scale = block_scale<K>(p, b + c);
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) acc[r] = add_sum<K>(acc[r], s[c][r], scale);
  }
}

// A last block of fewer than 32 inputs.
template <Kind K, int R>
void add_float_rest(const PanelAt& p, int64_t b, int64_t in, const float* const* x, F (&acc)[R]) {
  alignas(64) float w[kBlock * kLanes];
  const F scale = expand_floats<K>(p, b, w);
  for (int r = 0; r < R; ++r) {
    F s = zero();
    for (int64_t k = b * kBlock; k < in; ++k) s = fma(load(w + (k - b * kBlock) * kLanes), all(x[r][k]), s);
    acc[r] = add_sum<K>(acc[r], s, scale);
  }
}

// No detour through the scratch, the same order.
template <Kind K, int R>
void few_float_rows(const ProductOfFloats& t) {
  constexpr int kChains = R == 1 ? 4 : R == 2 ? 2 : 1;
  const Panels& w = *t.w;
  const int64_t whole = w.in / kBlock;
  for (int64_t panel = t.panel_begin; panel < t.panel_end; ++panel) {
    const PanelAt p = panel_at(w, panel);
    F acc[R];
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) acc[r] = zero();
    int64_t b = 0;
    for (; b + kChains <= whole; b += kChains) add_float_blocks<K, R, kChains>(p, b, t.x, acc);
    for (; b < whole; ++b) add_float_blocks<K, R, 1>(p, b, t.x, acc);
    if (b < w.blocks) add_float_rest<K, R>(p, b, w.in, t.x, acc);
    const int64_t at = (panel - t.panel_begin) * kLanes;
    for (int r = 0; r < R; ++r)
      write(acc[r], t.bias ? t.bias + at : nullptr, t.y + r * t.y_stride + at, lanes_left(w, panel));
  }
}

template <Kind K, int R = kTileRows>
void few_float_rows_of(const ProductOfFloats& t) {
  if constexpr (R > 1) {
    if (t.rows < R) return few_float_rows_of<K, R - 1>(t);
  }
  few_float_rows<K, R>(t);
}

template <Kind K>
void few_direct_rows(const ProductOfFloats& t) {
  each_tile(t, [](const auto& one) { few_float_rows_of<K>(one); });
}

// Some inputs of P panels as floats, and what the sums of their blocks are to be multiplied by.
struct ExpandedFloats {
  float* value;                           // [P][kBlocksAtOnce][32][lane]
  float scale[kBlocksAtOnce][2][kLanes];  // [block][P][lane]
};

// n inputs from x[r] + from.
template <int R, int P>
void float_tile(const ExpandedFloats& w, const float* const* x, int64_t from, int64_t n, float* sums) {
  F acc[R][P];
  load_sums(sums, acc);
  for (int64_t k = 0; k < n; k += kBlock) {
    const int64_t m = n - k < kBlock ? n - k : kBlock;
    F s[R][P];
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) {
      AUTARK_UNROLL(2)
      for (int p = 0; p < P; ++p) s[r][p] = zero();
    }
    for (int64_t i = k; i < k + m; ++i) {
      F c[P];
      AUTARK_UNROLL(2)
      for (int p = 0; p < P; ++p) c[p] = load(w.value + (p * kBlocksAtOnce * kBlock + i) * kLanes);
      AUTARK_UNROLL(kMostRows)
      for (int r = 0; r < R; ++r) {
        const F one = all(x[r][from + i]);
        AUTARK_UNROLL(2)
        for (int p = 0; p < P; ++p) s[r][p] = fma(c[p], one, s[r][p]);
      }
    }
    AUTARK_UNROLL(kMostRows)
    for (int r = 0; r < R; ++r) {
      AUTARK_UNROLL(2)
      for (int p = 0; p < P; ++p) acc[r][p] = fma(s[r][p], load(w.scale[k / kBlock][p]), acc[r][p]);
    }
  }
  store_sums(acc, sums);
}

template <int P, int R = kTileRows>
void float_tile_of(int64_t rows, const ExpandedFloats& w, const float* const* x, int64_t from, int64_t n,
                   float* sums) {
  if constexpr (R > 1) {
    if (rows < R) return float_tile_of<P, R - 1>(rows, w, x, from, n, sums);
  }
  float_tile<R, P>(w, x, from, n, sums);
}

template <int P>
void float_panels(const ProductOfFloats& t, int64_t panel) {
  constexpr int64_t kInputs = kBlocksAtOnce * kBlock;
  const Panels& w = *t.w;
  ExpandedFloats expanded;
  expanded.value = static_cast<float*>(t.scratch);
  float* sums = expanded.value + P * kInputs * kLanes;
  for (int64_t row = 0; row < t.rows; row += kRowsAtOnce) {
    const int64_t end = t.rows - row < kRowsAtOnce ? t.rows : row + kRowsAtOnce;
    clear(sums, (end - row) * P * kLanes);
    for (int64_t k = 0; k < w.in; k += kInputs) {
      const int64_t n = w.in - k < kInputs ? w.in - k : kInputs;
      for (int p = 0; p < P; ++p) {
        for (int64_t i = 0; i < n; i += kBlock)
          store(expanded.scale[i / kBlock][p],
                expand_floats(w, panel + p, (k + i) / kBlock, expanded.value + (p * kInputs + i) * kLanes));
      }
      for (int64_t r = row; r < end; r += kTileRows)
        float_tile_of<P>(end - r < kTileRows ? end - r : kTileRows, expanded, t.x + r, k, n,
                         sums + (r - row) * P * kLanes);
    }
    write_sums<P>(sums, w, panel, (panel - t.panel_begin) * kLanes, row, end - row, t.bias, t.y, t.y_stride);
  }
}

void float_product(const ProductOfFloats& t) {
  if (t.rows == 0) return;
  if (t.rows <= kFewRows) {
    if (t.w->kind == Kind::f32) return few_direct_rows<Kind::f32>(t);
    if (t.w->kind == Kind::f16) return few_direct_rows<Kind::f16>(t);
    if (t.w->kind == Kind::bf16) return few_direct_rows<Kind::bf16>(t);
    if (t.w->kind == Kind::e4m3) return few_direct_rows<Kind::e4m3>(t);
    if (t.w->kind == Kind::mxfp4) return few_direct_rows<Kind::mxfp4>(t);
  }
  int64_t panel = t.panel_begin;
  for (; panel + kTilePanels <= t.panel_end; panel += kTilePanels) float_panels<kTilePanels>(t, panel);
  if (panel < t.panel_end) float_panels<1>(t, panel);
}

}  // namespace
}  // namespace autark
