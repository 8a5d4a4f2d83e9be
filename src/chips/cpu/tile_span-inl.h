// The order of a product by matrix tiles whose sums leave the tiles after every slice, whatever its inputs are. Included by
// tile_product-inl.h.
//
// A slice is the inputs that share one factor d: a block of 32, or half of it in formats of halves. Tile A: 16 rows of
// a slice. Tile B: the same slice of a panel; row j holds the inputs of dword j of 16 outputs. Tile C = A · B has the
// slice's exact sums, which go through memory to the lanes.
//
// A span is what four tiles A hold: four slices, or two whose inputs have two tiles A each. The span of up to eight panels is
// expanded once for all rows. Tiles A of 16 rows are loaded once for all these panels. A unit is a span of one panel
// and 16 rows: four products, whose sums (4 KiB) the lanes add while the tiles compute the next unit, so that the
// latencies of both overlap. The lanes keep the 16 sums of a unit in registers.
//
// `In` says what the inputs are:
//
//   Product, Slice, Rows, Sum   the product; a slice of one panel, with its tile B as `code`; 16 rows at a span; an element
//                               of C
//   kEach                       tiles A of a slice
//   Last                        room for a last row tile that is not whole
//   rows_at(pass, t, b, last)   row tile t at block b; first_row(pass, t): its first row, of the pass
//   copy_last(pass, b, blocks, last)        fills `last`
//   load<I>(tiles, rows, slices)            loads tile A I; dot<C, A, B>(tiles): C += A · B
//   add<From, To>(unit, slice, acc)         adds the sums of rows [From, To)
//   prefetch_rows(rows, slices, begin, end) asks for some of the 16 rows
#pragma once
#include "chips/cpu/tile_pass-inl.h"

namespace autark {
namespace {

constexpr int kUnit = 4;               // tiles A of a span, products of a unit
constexpr int kC = 0, kA = 2, kB = 6;  // tiles: C[product % 2], A[product], B[slice % 2]

template <class In>
using Dots = typename In::Sum[kUnit][kTileHigh][kLanes];

template <class In>
struct alignas(64) TileScratch {
  typename In::Slice w[kPanelsOfPass][kUnit];  // of the span at hand
  alignas(64) Dots<In> dots[2];                // of the unit at hand and the next one
  alignas(64) Sums sums[kRowsOfPass / kTileHigh][kPanelsOfPass];
  typename In::Last last;
};

TileShapes span_shapes(int64_t rows, int64_t bytes) {  // of a tile A
  TileShapes s;
  for (int i = 0; i < 2; ++i) s.set(kC + i, rows, kTileRowBytes);
  for (int i = 0; i < kUnit; ++i) s.set(kA + i, rows, bytes);
  for (int i = 0; i < 2; ++i) s.set(kB + i, bytes / 4, kTileRowBytes);
  return s;
}

template <class In, class T>
inline void load_all_rows(T& tiles, const typename In::Rows& rows, int64_t slices) {
  In::template load<0>(tiles, rows, slices);
  In::template load<1>(tiles, rows, slices);
  In::template load<2>(tiles, rows, slices);
  In::template load<3>(tiles, rows, slices);
}

// Product I of a unit.
template <int I, class In, class T>
inline void start_product(T& tiles, const typename In::Slice* w) {
  constexpr int kSlice = I / In::kEach, kOfB = kB + kSlice % 2, kOfC = kC + I % 2;
  if constexpr (I % In::kEach == 0) tiles.template load<kOfB>(w[kSlice].code, kTileRowBytes);
  tiles.template zero<kOfC>();
  In::template dot<kOfC, kA + I, kOfB>(tiles);
}

template <int I, class In, class T>
inline void store_product(const T& tiles, Dots<In>& dots) {
  tiles.template store<kC + I % 2>(dots[I][0], kTileRowBytes);
}

// The unit in the lanes, and what the tiles compute meanwhile.
template <class In>
struct Unit {
  typename In::Rows rows;
  int64_t slices;
  const typename In::Slice *w, *next;  // of the unit's panel, of the next unit's; null: there is none
  Dots<In>*dots, *next_dots;
};

// Product I: starts that of the next unit, adds the slice whose sums are complete, and half-way stores the product that
// was started before.
template <int I, class In, class T>
AUTARK_INLINE void run_product(T& tiles, const Unit<In>& u, F (&acc)[kTileHigh]) {
  constexpr int kSlice = I / In::kEach;
  const bool adds = I % In::kEach == In::kEach - 1 && kSlice < u.slices;
  if constexpr (I == 0) store_product<kUnit - 1, In>(tiles, *u.dots);
  if (u.next) start_product<I, In>(tiles, u.next);
  if (adds) In::template add<0, kTileHigh / 2>(u, kSlice, acc);
  if constexpr (I > 0) {
    if (u.next) store_product<I - 1, In>(tiles, *u.next_dots);
  }
  if (adds) In::template add<kTileHigh / 2, kTileHigh>(u, kSlice, acc);
}

template <class In, class T>
AUTARK_INLINE void run_unit(T& tiles, const Unit<In>& u, const UnitSums& sums) {
  F acc[kTileHigh];
  load_sums(sums, acc);
  run_product<0>(tiles, u, acc);
  run_product<1>(tiles, u, acc);
  run_product<2>(tiles, u, acc);
  run_product<3>(tiles, u, acc);
  store_sums(sums, acc);
}

// Starts and stores the products of the first unit of all, except for storing the last one.
template <class In, class T>
inline void run_first_products(T& tiles, const typename In::Slice* w, Dots<In>& dots) {
  start_product<0, In>(tiles, w);
  start_product<1, In>(tiles, w);
  store_product<0, In>(tiles, dots);
  start_product<2, In>(tiles, w);
  store_product<1, In>(tiles, dots);
  start_product<3, In>(tiles, w);
  store_product<2, In>(tiles, dots);
}

// Asks for the block of the next group that is in the place of this one.
template <Kind K>
inline void prefetch_next_group(const BlockAt& at) {
  constexpr KindLayout l = layout_of(K);
  prefetch<false>(at.scale + l.group(kGroup));
  for (int64_t i = 0; i < l.low + l.high; i += 64) prefetch<false>(at.low + l.group(kGroup) + i);
}

// Calls run(pass, b, blocks) for the spans of kBlocks blocks of every pass.
template <int64_t kBlocks, class Product, class Run>
inline void each_span(const Product& t, Run run) {
  static_assert(kBlocks > 0 && kGroup % kBlocks == 0);
  each_pass(t, kPanelsOfPass, [&](const PassOf<Product>& pass) {
    for (int64_t b = 0; b < t.w->blocks; b += kBlocks)
      run(pass, b, t.w->blocks - b < kBlocks ? t.w->blocks - b : kBlocks);
  });
}

// Adds the expanded span of `slices` slices from block b on to all sums of a pass.
template <class In, class T>
void add_span(T& tiles, const PassOf<typename In::Product>& pass, TileScratch<In>& s, int64_t b,
              int64_t blocks, int64_t slices) {
  const int64_t count = pass.count(), rows_each = (kTileHigh + pass.panels - 1) / pass.panels;
  In::copy_last(pass, b, blocks, s.last);
  typename In::Rows rows = In::rows_at(pass, 0, b, s.last);
  load_all_rows<In>(tiles, rows, slices);
  run_first_products<In>(tiles, s.w[0], s.dots[0]);
  int turn = 0;
  for (int64_t t = 0; t < count; ++t) {
    const bool last = t + 1 == count;
    const typename In::Rows next = last ? rows : In::rows_at(pass, t + 1, b, s.last);
    for (int64_t p = 0; p < pass.panels; ++p, turn = 1 - turn) {
      const bool last_panel = p + 1 == pass.panels;
      if (last_panel && !last) load_all_rows<In>(tiles, next, slices);
      const typename In::Slice* ahead = !last_panel ? s.w[p + 1] : last ? nullptr : s.w[0];
      run_unit(tiles, Unit<In>{rows, slices, s.w[p], ahead, &s.dots[turn], &s.dots[1 - turn]},
               pass.sums_at(In::first_row(pass, t), p, s.sums[t][p], b, blocks));
      const int64_t r = p * rows_each;
      In::prefetch_rows(next, slices, r, r + rows_each < kTileHigh ? r + rows_each : kTileHigh);
    }
    rows = next;
  }
}

}  // namespace
}  // namespace autark
