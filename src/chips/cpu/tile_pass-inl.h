// The rows and panels of a product by matrix tiles that share one expansion of the weights, and the sums of their outputs.
// Included after panels-inl.h.
#pragma once
#include "chips/cpu/panels-inl.h"
#include "chips/cpu/tiles.h"

namespace autark {
namespace {

constexpr int64_t kPanelsOfPass = 8;                      // that share tiles A
constexpr int64_t kRowsOfPass = rows_at_once(kTileHigh);  // whose sums are kept

using Sums = float[kTileHigh][kLanes];

// Where the sums of 16 rows of a panel come from and go to. The first span starts from zero, the last one writes to y.
struct UnitSums {
  Sums* kept;
  const float* bias;  // or null
  float* y;           // of the first row; null before the last span
  int64_t y_stride, rows, lanes;
  bool first;
};

AUTARK_INLINE F load_sum(const UnitSums& s, int64_t r) {
  return s.first ? zero() : load((*s.kept)[r]);
}
AUTARK_INLINE void store_sum(const UnitSums& s, int64_t r, F sum) {
  if (s.y)
    write(sum, s.bias, s.y + r * s.y_stride, s.lanes);
  else
    store((*s.kept)[r], sum);
}

AUTARK_INLINE void load_sums(const UnitSums& s, F (&acc)[kTileHigh]) {
  AUTARK_UNROLL(16)
  for (int r = 0; r < kTileHigh; ++r) acc[r] = load_sum(s, r);
}

AUTARK_INLINE void store_sums(const UnitSums& s, const F (&acc)[kTileHigh]) {
  AUTARK_UNROLL(16)
  for (int r = 0; r < kTileHigh; ++r) {
    if (!s.y || r < s.rows) store_sum(s, r, acc[r]);
  }
}

// Where the row tile of `row` begins, of so many rows of bf16 values: the last one begins where it is whole, and its first rows
// are computed twice.
inline int64_t whole_tile_at(int64_t row, int64_t rows) {
  const int64_t last = rows - kTileHigh;
  return row < last ? row : last < 0 ? 0 : last;
}

// The rows of a pass in tiles of 16, and what a span's products read of them.
struct RowTiles {
  const RoundedBlock* x;  // of the pass
  int64_t rows, blocks;
  int64_t low;  // ProductOfRounded::low
};

// The panels and the rows of a product that share tiles: `panels` from `panel` on, rows from `row` on.
template <class Product>
struct PassOf {
  const Product* of;
  int64_t panel, panels, row, rows;

  int64_t count() const { return (rows + kTileHigh - 1) / kTileHigh; }  // of row tiles
  RowTiles x() const { return {of->x + row * of->w->blocks, rows, of->w->blocks, of->low}; }

  // Of panel p and the rows from r on, both of the pass, at the span of `blocks` blocks from b on.
  UnitSums sums_at(int64_t r, int64_t p, Sums& kept, int64_t b, int64_t blocks) const {
    const int64_t at = (panel - of->panel_begin + p) * kLanes;
    UnitSums s{.kept = &kept, .y_stride = of->y_stride, .rows = rows - r, .first = b == 0};
    if (b + blocks < of->w->blocks) return s;
    s.bias = of->bias ? of->bias + at : nullptr;
    s.y = of->y + (row + r) * of->y_stride + at;
    s.lanes = lanes_left(*of->w, panel + p);
    return s;
  }
};
using Pass = PassOf<ProductOfRounded>;

// Calls run(pass) for every pass of a product, of at most `most` panels.
template <class Product, class Run>
inline void each_pass(const Product& t, int64_t most, Run run) {
  for (int64_t panel = t.panel_begin; panel < t.panel_end; panel += most) {
    const int64_t panels = t.panel_end - panel < most ? t.panel_end - panel : most;
    for (int64_t row = 0; row < t.rows; row += kRowsOfPass)
      run(PassOf<Product>{&t, panel, panels, row, t.rows - row < kRowsOfPass ? t.rows - row : kRowsOfPass});
  }
}

}  // namespace
}  // namespace autark
