// Products of rounded rows by matrix tiles (tiles.h): included by the files of an ISA after its lanes and
// panels-inl.h.
//
// Tile A: 16 rows of a slice, as layout.h stores them. A slice is the inputs that share one factor d: a block of 32,
// or half of it in formats of halves. Where an input has D = 2 digits (layout.h), a slice has two tiles A, and the lanes
// add the sums of the second to 128 times those of the first. Tile B: the same slice of a panel, its codes minus their offset; row j holds
// inputs 4 j … 4 j + 3 of 16 outputs. Tile C = A · B has the slice's exact int32 sums, which go through memory
// to the lanes. The lanes round where product-inl.h does, so the bits are those of
// the ISA's other products.
//
// A span is what four tiles A hold: four slices, two of two digits. The span of up to eight panels is expanded once for
// all rows (B and the factors, 22 KiB). Tiles A of 16 rows are loaded once for all these panels. A unit is a span of one
// panel and 16 rows: four products, whose sums (4 KiB) the lanes add while the tiles compute the next unit, so that the
// latencies of both overlap. The lanes keep the 16 sums of a unit in registers.
#pragma once
#include "chips/cpu/tile_runs-inl.h"

namespace autark {
namespace {

constexpr int kUnit = 4;               // tiles A of a span, products of a unit
constexpr int kC = 0, kA = 2, kB = 6;  // tiles: C[product % 2], A[product], B[slice % 2]

template <Meaning M>
constexpr int kSlicesEach = M == Meaning::halves ? 2 : 1;  // of a block

template <Meaning M>
struct alignas(64) Slice {               // of one panel
  uint8_t code[8 / kSlicesEach<M>][64];  // int8
  float d[kLanes], minus_d[kLanes];      // minus_d: −kIntBias · d
  float m[kLanes];                       // of formats with a minimum
};

using Dots = int32_t[kUnit][kTileHigh][kLanes];

template <Meaning M>
struct alignas(64) TileScratch {
  Slice<M> w[kPanelsOfPass][kUnit];  // of the span at hand
  alignas(64) Dots dots[2];          // of the unit at hand and the next one
  alignas(64) Sums sums[kRowsOfPass / kTileHigh][kPanelsOfPass];
  RoundedBlock last[2][kUnit * kTileHigh];  // [digit]: the last row tile of this span, as a whole tile
};
static_assert(sizeof(TileScratch<Meaning::minimum>) <= kScratchBytes / 2);

// 16 rows at a span: block b of the span is at x[b · stride + row], its low digits `low` blocks behind.
struct RowTile {
  const RoundedBlock* x = nullptr;
  int64_t stride = 0, low = 0;
};

template <Meaning M>
inline const RoundedBlock* rows_of(const RowTile& t, int64_t slice) {
  return t.x + slice / kSlicesEach<M> * t.stride;
}

TileShapes product_shapes(int slices_each) {
  TileShapes s;
  for (int i = 0; i < 2; ++i) s.set(kC + i, kTileHigh, kTileRowBytes);
  for (int i = 0; i < kUnit; ++i) s.set(kA + i, kTileHigh, kBlock / slices_each);
  for (int i = 0; i < 2; ++i) s.set(kB + i, kBlock / 4 / slices_each, kTileRowBytes);
  return s;
}

template <Kind K>
inline void expand_slices(const PanelAt& p, int64_t b, Slice<layout_of(K).meaning>* out) {
  constexpr KindLayout l = layout_of(K);
  constexpr int kEach = kSlicesEach<l.meaning>, kVectors = 8 / kEach;
  constexpr int kOffset = l.meaning == Meaning::minimum ? 0 : 1 << l.shift;
  const BlockAt at = block_at<K>(p, b);
  const Codes c = codes_of<K>(at.low, at.high);
  const Factors f = factors_of<K>(at.scale, at.super);
  prefetch<false>(at.scale + l.group(kGroup));
  for (int64_t i = 0; i < l.low + l.high; i += 64) prefetch<false>(at.low + l.group(kGroup) + i);
  AUTARK_UNROLL(8)
  for (int j = 0; j < 8; ++j)
    store_bytes(out[j / kVectors].code[j % kVectors], kOffset ? minus(c.v[j], kOffset) : c.v[j]);
  for (int i = 0; i < kEach; ++i) {
    const F d = i ? f.m : f.d;
    store(out[i].d, d);
    store(out[i].minus_d, d * all(-kIntBias));
  }
  if constexpr (l.meaning == Meaning::minimum) store(out[0].m, f.m);
}

// Tile A i of a span; a slice that the span lacks is multiplied, too, but not added.
template <int I, int D, Meaning M, class T>
inline void load_rows(T& tiles, const RowTile& t, int64_t slices) {
  constexpr int64_t kEach = kSlicesEach<M>;
  const int64_t slice = I / D < slices ? I / D : 0;
  const int8_t* a = rows_of<M>(t, slice)[I % D ? t.low : 0].code + slice % kEach * (kBlock / kEach);
  tiles.template load<kA + I>(a, sizeof(RoundedBlock));
}

template <int D, Meaning M, class T>
inline void load_all_rows(T& tiles, const RowTile& t, int64_t slices) {
  load_rows<0, D, M>(tiles, t, slices);
  load_rows<1, D, M>(tiles, t, slices);
  load_rows<2, D, M>(tiles, t, slices);
  load_rows<3, D, M>(tiles, t, slices);
}

// Product I of a unit.
template <int I, int D, Meaning M, class T>
inline void start_product(T& tiles, const Slice<M>* w) {
  constexpr int kSlice = I / D, kOfB = kB + kSlice % 2, kOfC = kC + I % 2;
  if constexpr (I % D == 0) tiles.template load<kOfB>(w[kSlice].code, 64);
  tiles.template zero<kOfC>();
  tiles.template dot_i8<kOfC, kA + I, kOfB>();
}

template <int I, class T>
inline void store_product(const T& tiles, Dots& dots) {
  tiles.template store<kC + I % 2>(dots[I][0], kTileRowBytes);
}

// The unit in the lanes, and what the tiles compute meanwhile.
template <Meaning M>
struct Unit {
  RowTile rows;
  int64_t slices;
  const Slice<M>*w, *next;  // of the unit's panel, of the next unit's; null: there is none
  Dots *dots, *next_dots;
};

// Adds rows [From, To) of slice `s` of a unit to their sums. `Biased`: by times(), else sums are converted.
template <int D, bool Biased, int From, int To, Meaning M>
AUTARK_INLINE void add_rows(const Unit<M>& u, int s, F d, F minus_d, F (&acc)[kTileHigh]) {
  const Slice<M>& w = u.w[s];
  const RoundedBlock* x = rows_of<M>(u.rows, s);
  AUTARK_UNROLL(16)
  for (int r = From; r < To; ++r) {
    I dot = load_ints((*u.dots)[s * D][r]);
    if constexpr (D == 2) dot = shift_left(dot, 7) + load_ints((*u.dots)[s * D + 1][r]);
    F t = Biased ? times(dot, d, minus_d) : to_float(dot) * d;
    if constexpr (M == Meaning::minimum) t = fma(load(w.m), all(x[r].sum), t);
    acc[r] = fma(t, all(x[r].scale), acc[r]);
  }
}

// Two digits have sums that are too large for a bias; so are factors whose product with it is not finite.
template <int D, int From, int To, Meaning M>
AUTARK_INLINE void add_slice(const Unit<M>& u, int s, F (&acc)[kTileHigh]) {
  const F d = load(u.w[s].d), minus_d = load(u.w[s].minus_d);
  if (D == 1 && finite(minus_d)) return add_rows<D, D == 1, From, To>(u, s, d, minus_d, acc);
  add_rows<D, false, From, To>(u, s, d, minus_d, acc);
}

// Product I: starts that of the next unit, adds the slice whose sums are complete, and half-way stores the product that
// was started before.
template <int I, int D, Meaning M, class T>
AUTARK_INLINE void run_product(T& tiles, const Unit<M>& u, F (&acc)[kTileHigh]) {
  const bool adds = I % D == D - 1 && I / D < u.slices;
  if constexpr (I == 0) store_product<kUnit - 1>(tiles, *u.dots);
  if (u.next) start_product<I, D>(tiles, u.next);
  if (adds) add_slice<D, 0, kTileHigh / 2>(u, I / D, acc);
  if constexpr (I > 0) {
    if (u.next) store_product<I - 1>(tiles, *u.next_dots);
  }
  if (adds) add_slice<D, kTileHigh / 2, kTileHigh>(u, I / D, acc);
}

template <int D, Meaning M, class T>
AUTARK_INLINE void run_unit(T& tiles, const Unit<M>& u, const UnitSums& sums) {
  F acc[kTileHigh];
  load_sums(sums, acc);
  run_product<0, D>(tiles, u, acc);
  run_product<1, D>(tiles, u, acc);
  run_product<2, D>(tiles, u, acc);
  run_product<3, D>(tiles, u, acc);
  store_sums(sums, acc);
}

// Starts and stores the products of the first unit of all, except for storing the last one.
template <int D, Meaning M, class T>
inline void run_first_products(T& tiles, const Slice<M>* w, Dots& dots) {
  start_product<0, D>(tiles, w);
  start_product<1, D>(tiles, w);
  store_product<0>(tiles, dots);
  start_product<2, D>(tiles, w);
  store_product<1>(tiles, dots);
  start_product<3, D>(tiles, w);
  store_product<2>(tiles, dots);
}

// Row tile t at block b. REQUIRES: the last tile was copied, if it is not whole.
template <Meaning M>
inline RowTile row_tile_at(const RowTiles& x, const TileScratch<M>& s, int64_t t, int64_t b) {
  const int64_t row = t * kTileHigh;
  if (x.rows - row < kTileHigh) return {s.last[0], kTileHigh, kUnit * kTileHigh};
  return {x.x + row * x.blocks + b * kTileHigh, kTileHigh, x.low};
}

template <int D, Meaning M>
void copy_last_tile(const RowTiles& x, TileScratch<M>& s, int64_t b, int64_t blocks) {
  const int64_t rows = x.rows % kTileHigh;
  const RoundedBlock* from = x.x + (x.rows - rows) * x.blocks + b * rows;
  for (int digit = 0; rows && digit < D; ++digit) {
    for (int64_t i = 0; i < blocks; ++i)
      __builtin_memcpy(s.last[digit] + i * kTileHigh, from + digit * x.low + i * rows,
                       rows * sizeof(RoundedBlock));
  }
}

// Asks for rows [begin, end) of a row tile.
template <int D, Meaning M>
inline void prefetch_rows(const RowTile& t, int64_t slices, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t s = 0; s < slices; s += kSlicesEach<M>) {
      const RoundedBlock* x = rows_of<M>(t, s) + r;
      prefetch<true>(reinterpret_cast<const uint8_t*>(x));
      if constexpr (D == 2) prefetch<true>(reinterpret_cast<const uint8_t*>(x + t.low));
    }
  }
}

// Adds the expanded span from block b on to all sums of a pass.
template <int D, Meaning M, class T>
void add_span(T& tiles, const Pass& pass, TileScratch<M>& s, int64_t b, int64_t blocks) {
  const RowTiles& x = pass.x;
  const int64_t slices = blocks * kSlicesEach<M>, count = x.count();
  const int64_t rows_each = (kTileHigh + pass.panels - 1) / pass.panels;
  copy_last_tile<D>(x, s, b, blocks);
  RowTile rows = row_tile_at(x, s, 0, b);
  load_all_rows<D, M>(tiles, rows, slices);
  run_first_products<D>(tiles, s.w[0], s.dots[0]);
  int turn = 0;
  for (int64_t t = 0; t < count; ++t) {
    const bool last = t + 1 == count;
    const RowTile next = last ? rows : row_tile_at(x, s, t + 1, b);
    for (int64_t p = 0; p < pass.panels; ++p, turn = 1 - turn) {
      const bool last_panel = p + 1 == pass.panels;
      if (last_panel && !last) load_all_rows<D, M>(tiles, next, slices);
      const Slice<M>* ahead = !last_panel ? s.w[p + 1] : last ? nullptr : s.w[0];
      run_unit<D>(tiles, Unit<M>{rows, slices, s.w[p], ahead, &s.dots[turn], &s.dots[1 - turn]},
                  pass.sums_at(t, p, s.sums[t][p], b, blocks));
      const int64_t r = p * rows_each;
      prefetch_rows<D, M>(next, slices, r, r + rows_each < kTileHigh ? r + rows_each : kTileHigh);
    }
    rows = next;
  }
}

template <Kind K, int D, class T>
void add_spans(T& tiles, const Pass& pass, TileScratch<layout_of(K).meaning>& s) {
  constexpr int64_t kEach = kSlicesEach<layout_of(K).meaning>, kBlocks = kUnit / D / kEach;  // of a span
  static_assert(kBlocks > 0 && kGroup % kBlocks == 0);
  const Panels& w = *pass.of->w;
  for (int64_t b = 0; b < w.blocks; b += kBlocks) {
    const int64_t blocks = w.blocks - b < kBlocks ? w.blocks - b : kBlocks;
    for (int64_t p = 0; p < pass.panels; ++p) {
      const PanelAt at = panel_at(w, pass.panel + p);
      for (int64_t i = 0; i < blocks; ++i) expand_slices<K>(at, b + i, &s.w[p][i * kEach]);
    }
    add_span<D>(tiles, pass, s, b, blocks);
  }
}

template <Kind K, int D, class T>
void tile_product_of_digits(const ProductOfRounded& t) {
  constexpr Meaning M = layout_of(K).meaning;
  T tiles(product_shapes(kSlicesEach<M>));
  auto& s = *static_cast<TileScratch<M>*>(t.scratch);
  each_pass(t, [&](const Pass& pass) { add_spans<K, D>(tiles, pass, s); });
}

template <Kind K, class T>
void tile_product_of(const ProductOfRounded& t) {
  if constexpr (K == Kind::mxfp4) {
    if (t.low) return tile_product_of_runs<T>(t);
  } else {
    if (t.low) return tile_product_of_digits<K, 2, T>(t);
  }
  tile_product_of_digits<K, 1, T>(t);
}

// So many rows leave a tile half empty: the kernels of `Few` are faster. More than kTileRows must be in tiles for them;
// the last rows of a matrix of many are not.
constexpr int64_t kRowsOfFew = 8;

template <class T, const Kernels& (*Few)()>
void tile_product(const ProductOfRounded& t) {
  static_assert(kMostRows < kTileHigh);
  if (t.rows <= kTileRows || (t.rows <= kRowsOfFew && t.high <= kMostRows)) return Few().rounded_product(t);
  switch (t.w->kind) {
    case Kind::q8_0:
      return tile_product_of<Kind::q8_0, T>(t);
    case Kind::q4_0:
      return tile_product_of<Kind::q4_0, T>(t);
    case Kind::q4_1:
      return tile_product_of<Kind::q4_1, T>(t);
    case Kind::q5_0:
      return tile_product_of<Kind::q5_0, T>(t);
    case Kind::q5_1:
      return tile_product_of<Kind::q5_1, T>(t);
    case Kind::q4_k:
      return tile_product_of<Kind::q4_k, T>(t);
    case Kind::q5_k:
      return tile_product_of<Kind::q5_k, T>(t);
    case Kind::q6_k:
      return tile_product_of<Kind::q6_k, T>(t);
    case Kind::mxfp4:
      return tile_product_of<Kind::mxfp4, T>(t);
    case Kind::int4:
      return tile_product_of<Kind::int4, T>(t);
    default:
      __builtin_trap();  // plain formats keep their own precision
  }
}

// The kernels of an ISA with products of many rounded rows by tiles T.
template <class T, const Kernels& (*Few)()>
Kernels with_tiles(const char* isa, const char* rounded_name) {
  Kernels k = Few();
  k.isa = isa;
  k.tile_rows = kTileHigh;
  k.packed_rows = kRowsOfFew;
  k.shared_panels = kPanelsOfPass;
  k.rounded_name = rounded_name;
  k.rounded_product = tile_product<T, Few>;
  return k;
}

}  // namespace
}  // namespace autark
