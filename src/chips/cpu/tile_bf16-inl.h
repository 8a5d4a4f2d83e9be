// Products of E4M3 and BF16 weights with activations that bf16 holds exactly, by matrix tiles (tiles.h), for every number
// of rows: included by the files of an ISA after its lanes, panels-inl.h and a header with expand_e4m3().
//
// Per span of 128 inputs an output has a sum from zero, to which the tiles add its four blocks in order; the sum is
// multiplied by the span's scale and added to the output's total. This order is fixed by the shape, so all numbers of rows,
// of panels and of threads give the same bits. Tiles add even and odd inputs of a block apart: the bits are not those of
// product_bf16-inl.h.
//
// Tile A: 16 rows of a block of activations, where they are. Tile B: the same block of a panel as pairs of inputs, which is
// how BF16 panels are stored; E4M3 is expanded, to pairs of inputs 4 q and 4 q + 2, 4 q + 1 and 4 q + 3, which takes fewer
// operations (Kernels::swaps_quads). A column is a span of a panel.
//
// Many rows: a span of up to eight panels is expanded for all rows. A unit is two row tiles and two columns, a tile C each, so
// that four products load two tiles A and two tiles B. The lanes add the sums of a unit to totals while the tiles compute the
// next one. The span's activations stay in the second-level cache for all these panels. The last row tile begins where it is
// whole, and its first rows are computed twice.
//
// Few rows: four spans of one panel, a tile C each, so that the panel is read from its first byte to its last.
#pragma once
#include "chips/cpu/tile_held-inl.h"

namespace autark {
namespace {

constexpr int kColumns = 4;  // of few rows
constexpr int64_t kSpanBlocks = 4;
constexpr int64_t kPairsOfBlock = kBlock * kLanes;  // bf16 values of a tile B
constexpr int64_t kTilesOfPass = 64;                // row tiles whose totals are kept
constexpr int kUnitRows = 2, kUnitColumns = 2;      // tiles of a unit
constexpr int kBf16C = 0, kBf16A = 4, kBf16B = 6;   // tiles: C, A and B

using TileSums = float[kTileHigh][kLanes];

struct alignas(64) Bf16Scratch {
  uint16_t b[kPanelsOfPass][kSpanBlocks * kPairsOfBlock];
  alignas(64) TileSums sums[2][kColumns];  // of the unit at hand and the next one
  alignas(64) TileSums totals[kTilesOfPass][kPanelsOfPass];
};
static_assert(sizeof(Bf16Scratch) <= kScratchBytes / 2);

// A span of a panel.
struct Column {
  const uint16_t* b = nullptr;  // [block][pair of inputs][lane][2]
  int64_t input = 0, blocks = 0;
  float scale = 1;
};

TileShapes bf16_shapes(int64_t rows) {
  TileShapes s;
  for (int i = 0; i < 4; ++i) s.set(kBf16C + i, rows, kTileRowBytes);
  for (int i = 0; i < 2; ++i) s.set(kBf16A + i, rows, kTileRowBytes);
  for (int i = 0; i < 2; ++i) s.set(kBf16B + i, kTileHigh, kTileRowBytes);
  return s;
}

// Blocks of a panel as tiles B.
template <Kind K>
struct PanelTiles {
  static constexpr int64_t kBytes = layout_of(K).low;  // of a block

  PanelTiles(const Panels& w, int64_t panel) : at(panel_at(w, panel)) {}

  // Block i, expanded to `room` if need be. Asks the second-level cache for what lies ahead, the first one for the next block.
  const uint16_t* block(int64_t i, uint16_t* room) const {
    const uint8_t* codes = at.groups + i * kBytes;
    for (int64_t n = 0; n < kBytes; n += 64) {
      prefetch<false>(codes + kSecondCacheAhead + n);
      prefetch<true>(codes + kBytes + n);
    }
    if constexpr (K == Kind::bf16) return reinterpret_cast<const uint16_t*>(codes);
    expand_e4m3(codes, room);
    return room;
  }
  Column column(int64_t span, const uint16_t* b) const {
    const int64_t first = span * kSpanBlocks, left = at.blocks - first;
    Column c{.b = b, .input = first * kBlock, .blocks = left < kSpanBlocks ? left : kSpanBlocks};
    if constexpr (K == Kind::e4m3) __builtin_memcpy(&c.scale, at.scales + span * 4, 4);
    return c;
  }
  PanelAt at;
};

// total += sum · scale for rows of a column.
inline void add_sums(const TileSums& sums, float scale, int64_t rows, TileSums& totals) {
  for (int64_t r = 0; r < rows; ++r) store(totals[r], fma(load(sums[r]), all(scale), load(totals[r])));
}

// Row tiles of a product: tile t begins at row min(16 t, rows − 16).
struct Bf16Tiles {
  const ProductOfBf16* of;
  int64_t begin, end;  // tiles

  int64_t row(int64_t t) const { return whole_tile_at(t * kTileHigh, of->rows); }
  int64_t high() const { return of->rows < kTileHigh ? of->rows : kTileHigh; }
  const uint16_t* values(int64_t t) const { return of->x + row(t) * of->x_stride; }
};

// Totals of so many panels from `panel` on to y.
inline void write_totals(const Bf16Tiles& x, int64_t panel, int64_t panels, const Bf16Scratch& s) {
  const ProductOfBf16& t = *x.of;
  const int64_t at = (panel - t.panel_begin) * kLanes;
  for (int64_t i = x.begin; i < x.end; ++i) {
    for (int64_t r = 0; r < x.high(); ++r) {
      float* y = t.y + (x.row(i) + r) * t.y_stride + at;
      for (int64_t p = 0; p < panels; ++p)
        write(load(s.totals[i - x.begin][p][r]), t.bias ? t.bias + at + p * kLanes : nullptr, y + p * kLanes,
              lanes_left(*t.w, panel + p));
    }
  }
}

// --- many rows: a span of several panels -----------------------------------------------------------------------------

template <Kind K>
inline Column expanded_column(const Panels& w, int64_t panel, int64_t span, uint16_t* room) {
  const PanelTiles<K> from(w, panel);
  Column c = from.column(span, room);
  for (int64_t i = 0; i < c.blocks; ++i) {
    const uint16_t* b = from.block(span * kSpanBlocks + i, room + i * kPairsOfBlock);
    if (i == 0) c.b = b;  // BF16 panels are used where they are
  }
  return c;
}

// Up to two row tiles from `tile` on and up to two columns from number `column` on.
struct Bf16Unit {
  int64_t tile = 0, rows = 0;  // rows: tiles; 0: there is no unit
  int64_t column = 0, columns = 0;
};

// Products of one block of R row tiles and P columns.
template <int R, int P, class T>
AUTARK_INLINE void add_block(T& tiles, const uint16_t* const (&a)[kUnitRows],
                             const uint16_t* const (&b)[kUnitColumns], int64_t stride) {
  tiles.template load<kBf16A>(a[0], stride);
  tiles.template load<kBf16B>(b[0], kTileRowBytes);
  tiles.template dot_bf16<kBf16C, kBf16A, kBf16B>();
  if constexpr (P == 2) {
    tiles.template load<kBf16B + 1>(b[1], kTileRowBytes);
    tiles.template dot_bf16<kBf16C + 1, kBf16A, kBf16B + 1>();
  }
  if constexpr (R == 2) {
    tiles.template load<kBf16A + 1>(a[1], stride);
    tiles.template dot_bf16<kBf16C + 2, kBf16A + 1, kBf16B>();
    if constexpr (P == 2) tiles.template dot_bf16<kBf16C + 3, kBf16A + 1, kBf16B + 1>();
  }
}

template <int R, int P, class T>
inline void start_unit_of(T& tiles, const Bf16Tiles& x, const Column* c, int64_t tile) {
  tiles.template zero<kBf16C>();
  if constexpr (P == 2) tiles.template zero<kBf16C + 1>();
  if constexpr (R == 2) tiles.template zero<kBf16C + 2>();
  if constexpr (R == 2 && P == 2) tiles.template zero<kBf16C + 3>();
  const uint16_t *first = x.values(tile) + c->input, *second = x.values(tile + R - 1) + c->input;
  for (int64_t i = 0; i < c->blocks; ++i)
    add_block<R, P>(tiles, {first + i * kBlock, second + i * kBlock},
                    {c[0].b + i * kPairsOfBlock, c[P - 1].b + i * kPairsOfBlock}, x.of->x_stride * 2);
}

template <class T>
inline void start_unit(T& tiles, const Bf16Tiles& x, const Column* columns, const Bf16Unit& u) {
  const Column* c = columns + u.column;
  if (u.rows == 2) {
    if (u.columns == 2) return start_unit_of<2, 2>(tiles, x, c, u.tile);
    return start_unit_of<2, 1>(tiles, x, c, u.tile);
  }
  if (u.columns == 2) return start_unit_of<1, 2>(tiles, x, c, u.tile);
  start_unit_of<1, 1>(tiles, x, c, u.tile);
}

// Sums that a smaller unit lacks are those of an earlier one; nobody reads them.
template <class T>
inline void store_sums(const T& tiles, TileSums (&sums)[kColumns]) {
  tiles.template store<kBf16C>(sums[0], kTileRowBytes);
  tiles.template store<kBf16C + 1>(sums[1], kTileRowBytes);
  tiles.template store<kBf16C + 2>(sums[2], kTileRowBytes);
  tiles.template store<kBf16C + 3>(sums[3], kTileRowBytes);
}

// The units of a span in their order: while the tiles compute one, the lanes add the one before.
template <class T>
class Bf16Units {
 public:
  Bf16Units(T& tiles, const Bf16Tiles& x, const Column* columns, Bf16Scratch& s)
      : tiles_(tiles), x_(x), columns_(columns), s_(s) {}

  void next(const Bf16Unit& u) {
    if (u.rows) start_unit(tiles_, x_, columns_, u);
    add(before_, s_.sums[turn_]);
    turn_ = 1 - turn_;
    if (u.rows) store_sums(tiles_, s_.sums[turn_]);
    before_ = u;
  }

 private:
  void add(const Bf16Unit& u, const TileSums (&sums)[kColumns]) {
    for (int64_t r = 0; r < u.rows; ++r) {
      for (int64_t p = u.column; p < u.column + u.columns; ++p)
        add_sums(sums[r * kUnitColumns + p - u.column], columns_[p].scale, kTileHigh,
                 s_.totals[u.tile + r - x_.begin][p]);
    }
  }

  T& tiles_;
  const Bf16Tiles& x_;
  const Column* const columns_;
  Bf16Scratch& s_;
  Bf16Unit before_;
  int turn_ = 0;
};

template <class T>
void add_columns(T& tiles, const Bf16Tiles& x, const Column* columns, int64_t count, Bf16Scratch& s) {
  const auto of_two = [](int64_t left) { return left < 2 ? left : int64_t{2}; };
  Bf16Units<T> units(tiles, x, columns, s);
  for (int64_t c = 0; c < count; c += kUnitColumns) {
    for (int64_t t = x.begin; t < x.end; t += kUnitRows)
      units.next({t, of_two(x.end - t), c, of_two(count - c)});
  }
  units.next({});
}

// All spans of up to kPanelsOfPass panels.
template <Kind K, class T>
void many_bf16_rows(T& tiles, const Bf16Tiles& x, int64_t panel, int64_t panels, Bf16Scratch& s) {
  const Panels& w = *x.of->w;
  for (int64_t i = x.begin; i < x.end; ++i) clear(s.totals[i - x.begin][0][0], panels * kTileHigh * kLanes);
  for (int64_t span = 0; span * kSpanBlocks < w.blocks; ++span) {
    Column c[kPanelsOfPass];
    for (int64_t p = 0; p < panels; ++p) c[p] = expanded_column<K>(w, panel + p, span, s.b[p]);
    add_columns(tiles, x, c, panels, s);
  }
  write_totals(x, panel, panels, s);
}

// --- few rows: the spans of one panel, in the order of memory --------------------------------------------------------

// Starts the sums of column C; a block is expanded while the tiles multiply the one before. Both take turns in `room`: more
// would not stay in the first-level cache beside the panel.
template <Kind K, int C, class T>
inline void start_span(T& tiles, const PanelTiles<K>& from, const Column& c, const ProductOfBf16& t,
                       uint16_t* room) {
  constexpr int kA = kBf16A + C % 2, kB = kBf16B + C % 2;
  const int64_t first = c.input / kBlock;
  tiles.template zero<kBf16C + C>();
  const uint16_t* b = from.block(first, room);
  for (int64_t i = 0; i < c.blocks; ++i) {
    const uint16_t* next = b;
    if (i + 1 < c.blocks) next = from.block(first + i + 1, room + (i + 1) % 2 * kPairsOfBlock);
    tiles.template load<kA>(t.x + c.input + i * kBlock, t.x_stride * 2);
    tiles.template load<kB>(b, kTileRowBytes);
    tiles.template dot_bf16<kBf16C + C, kA, kB>();
    b = next;
  }
}

// Span `span` in column C, if there is one; meanwhile the lanes add the span before.
template <Kind K, int C, class T>
inline void run_span(T& tiles, const PanelTiles<K>& from, int64_t span, const ProductOfBf16& t,
                     Bf16Scratch& s) {
  constexpr int kBefore = (C + kColumns - 1) % kColumns;
  const bool is = span * kSpanBlocks < from.at.blocks;
  if (is) start_span<K, C>(tiles, from, from.column(span, nullptr), t, s.b[0]);
  if (span > 0 && (span - 1) * kSpanBlocks < from.at.blocks) {
    tiles.template store<kBf16C + kBefore>(s.sums[0][kBefore], kTileRowBytes);
    add_sums(s.sums[0][kBefore], from.column(span - 1, nullptr).scale, t.rows, s.totals[0][0]);
  }
}

template <Kind K, class T>
void few_bf16_rows(T& tiles, const Bf16Tiles& x, int64_t panel, Bf16Scratch& s) {
  const PanelTiles<K> from(*x.of->w, panel);
  clear(s.totals[0][0][0], x.of->rows * kLanes);
  for (int64_t span = 0; (span - 1) * kSpanBlocks < from.at.blocks; span += kColumns) {
    run_span<K, 0>(tiles, from, span, *x.of, s);
    run_span<K, 1>(tiles, from, span + 1, *x.of, s);
    run_span<K, 2>(tiles, from, span + 2, *x.of, s);
    run_span<K, 3>(tiles, from, span + 3, *x.of, s);
  }
  write_totals(x, panel, 1, s);
}

template <Kind K, class T>
void tile_bf16_product_of(const ProductOfBf16& t) {
  T tiles(bf16_shapes(t.rows < kTileHigh ? t.rows : kTileHigh));
  auto& s = *static_cast<Bf16Scratch*>(t.scratch);
  const int64_t count = (t.rows + kTileHigh - 1) / kTileHigh;
  if (count == 1) {
    for (int64_t panel = t.panel_begin; panel < t.panel_end; ++panel)
      few_bf16_rows<K>(tiles, Bf16Tiles{&t, 0, 1}, panel, s);
    return;
  }
  for (int64_t panel = t.panel_begin; panel < t.panel_end; panel += kPanelsOfPass) {
    const int64_t left = t.panel_end - panel;
    for (int64_t i = 0; i < count; i += kTilesOfPass)
      many_bf16_rows<K>(tiles, Bf16Tiles{&t, i, count - i < kTilesOfPass ? count : i + kTilesOfPass}, panel,
                        left < kPanelsOfPass ? left : kPanelsOfPass, s);
  }
}

template <class T>
void tile_bf16_product(const ProductOfBf16& t) {
  if (t.rows == 0) return;
  if (t.w->kind == Kind::e4m3) return tile_bf16_product_of<Kind::e4m3, T>(t);
  if (t.w->kind == Kind::bf16) return tile_bf16_product_of<Kind::bf16, T>(t);
  if (t.w->kind == Kind::q8_0) return tile_held_product<Kind::q8_0, T>(t);
  if (t.w->kind == Kind::q5_0) return tile_held_product<Kind::q5_0, T>(t);
  if (t.w->kind == Kind::q4_0) return tile_held_product<Kind::q4_0, T>(t);
  if (t.w->kind == Kind::int4) return tile_held_product<Kind::int4, T>(t);
  __builtin_trap();  // other kinds are no bf16 values
}

// Gives an ISA's kernels products of bf16 values by tiles T.
template <class T>
void use_bf16_tiles(Kernels& k, const char* name) {
  k.bf16_name = name;
  k.bf16_product = tile_bf16_product<T>;
  k.swaps_quads = k.bf16_codes = true;
}

}  // namespace
}  // namespace autark
