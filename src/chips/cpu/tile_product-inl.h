// Products of rounded rows by matrix tiles (tiles.h): included by the files of an ISA after its lanes and
// panels-inl.h.
//
// Tile A: 16 rows of a slice, as layout.h stores them. A slice is the inputs that share one factor d: a block of 32,
// or half of it in formats of halves. Where an input has D = 2 digits (layout.h), a slice has two tiles A, and the lanes
// add the sums of the second to 128 times those of the first. Tile B: the same slice of a panel, its codes minus their offset; row j holds
// inputs 4 j … 4 j + 3 of 16 outputs. Tile C = A · B has the slice's exact int32 sums, which go through memory
// to the lanes. The lanes do what product-inl.h does, operation by operation, so the bits are those of
// the ISA's other products.
//
// A group of blocks of P panels is expanded once for all rows (B and the factors, at most 10 KiB). A step is kStep tiles A,
// kStep / D slices. While the lanes work on the sums of one step (2 x 8 KiB with the next one), a quarter at a time, the tiles
// compute the next one, a slice in each quarter: its products are started before the quarter's float operations and
// stored behind them, and two sets of C and A alternate, so neither waits for the other.
#pragma once
#include "chips/cpu/panels-inl.h"
#include "chips/cpu/tiles.h"

namespace autark {
namespace {

constexpr int kStep = 4;                                  // tiles A
constexpr int kQuarter = kTileHigh / kStep;               // rows
constexpr int64_t kRowsOfPass = rows_at_once(kTileHigh);  // whose sums are kept
constexpr int kC = 0, kA = 4, kB = 6;                     // tiles: C[set][panel], A[set], B[panel]

template <Meaning M>
constexpr int kSlicesEach = M == Meaning::halves ? 2 : 1;  // of a block

template <Meaning M>
struct alignas(64) Slice {               // of one panel
  uint8_t code[8 / kSlicesEach<M>][64];  // int8
  float d[kLanes], m[kLanes];            // m: of formats with a minimum
};

template <int P>
using Dots = int32_t[kTileHigh][kStep][P][kLanes];  // the sums of a step, row by row as they are read

template <Meaning M, int P>
struct alignas(64) TileScratch {
  Slice<M> w[kGroup * kSlicesEach<M>][P];  // of the group at hand
  alignas(64) Dots<P> dots[2];             // of the step at hand and the next one
  alignas(64) float sums[kRowsOfPass][P][kLanes];
  RoundedBlock last[2][kGroup * kTileHigh];  // [digit]: the last row tile of this group, as a whole tile
};
static_assert(sizeof(TileScratch<Meaning::minimum, 2>) <= kScratchBytes / 2);

// A step: `count` tiles A of a group from `first` on, for one row tile. x: block b of the group is at
// x[b · stride + row], its low digits `low` blocks behind.
struct TileStep {
  const RoundedBlock* x = nullptr;
  int64_t stride = 0, rows = 0;
  float* sums = nullptr;  // [16][P][lane]
  int64_t first = 0, count = 0, low = 0;
};

TileShapes product_shapes(int64_t rows, int slices_each) {
  TileShapes s;
  for (int i = 0; i < 4; ++i) s.set(kC + i, rows, kTileRowBytes);
  for (int i = 0; i < 2; ++i) s.set(kA + i, rows, kBlock / slices_each);
  for (int i = 0; i < 2; ++i) s.set(kB + i, kBlock / 4 / slices_each, kTileRowBytes);
  return s;
}

template <Kind K, class S>
inline void expand_slices(const PanelAt& p, int64_t b, S* out, int64_t stride) {
  constexpr KindLayout l = layout_of(K);
  constexpr int kEach = kSlicesEach<l.meaning>, kVectors = 8 / kEach;
  constexpr int kOffset = l.meaning == Meaning::minimum ? 0 : 1 << l.shift;
  const BlockAt at = block_at<K>(p, b);
  const Codes c = codes_of<K>(at.low, at.high);
  const Factors f = factors_of<K>(at.scale, at.super);
  prefetch<false>(at.scale + l.group(kGroup));
  for (int64_t i = 0; i < l.low + l.high; i += 64) prefetch<false>(at.low + l.group(kGroup) + i);
  AUTARK_UNROLL(8)
  for (int j = 0; j < 8; ++j) store_bytes(out[j / kVectors * stride].code[j % kVectors], c.v[j]);
  store(out[0].d, f.d);
  if constexpr (kEach == 2) store(out[stride].d, f.m);
  if constexpr (l.meaning == Meaning::minimum) store(out[0].m, f.m);
  for (int s = 0; s < kEach && kOffset; ++s) {
    uint8_t* code = out[s * stride].code[0];
    for (int i = 0; i < 64 * kVectors; ++i) code[i] = static_cast<uint8_t>(code[i] - kOffset);
  }
}

// Starts the products of tile A `first + i` of a step.
template <int Set, int D, Meaning M, int P, class T>
inline void start_slice(T& tiles, const TileScratch<M, P>& s, const TileStep& step, int64_t i) {
  constexpr int64_t kEach = kSlicesEach<M>;
  const int64_t slice = (step.first + i) / D, digit = (step.first + i) % D;
  const int8_t* a =
      step.x[slice / kEach * step.stride + digit * step.low].code + slice % kEach * (kBlock / kEach);
  tiles.template load<kA + Set>(a, sizeof(RoundedBlock));
  tiles.template load<kB>(s.w[slice][0].code, 64);
  tiles.template zero<kC + 2 * Set>();
  tiles.template dot_i8<kC + 2 * Set, kA + Set, kB>();
  if constexpr (P == 2) {
    tiles.template load<kB + 1>(s.w[slice][1].code, 64);
    tiles.template zero<kC + 2 * Set + 1>();
    tiles.template dot_i8<kC + 2 * Set + 1, kA + Set, kB + 1>();
  }
}

template <int Set, int P, class T>
inline void store_slice(const T& tiles, Dots<P>& dots, int64_t i) {
  constexpr int64_t kStride = sizeof(dots[0]);
  tiles.template store<kC + 2 * Set>(dots[0][i][0], kStride);
  if constexpr (P == 2) tiles.template store<kC + 2 * Set + 1>(dots[0][i][1], kStride);
}

// Adds a step's slices to the sums of rows row … row + 3. A tile with fewer rows repeats its last one, whose copies
// nobody reads.
template <int D, Meaning M, int P>
inline void add_slices(const TileScratch<M, P>& s, const Dots<P>& dots, const TileStep& step, int64_t row) {
  int64_t at[kQuarter];
  F acc[kQuarter][P];
  AUTARK_UNROLL(4)
  for (int r = 0; r < kQuarter; ++r) {
    at[r] = row + r < step.rows ? row + r : step.rows - 1;
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) acc[r][p] = load(step.sums + ((row + r) * P + p) * kLanes);
  }
  for (int64_t i = 0; i < step.count; i += D) {
    const int64_t slice = (step.first + i) / D;
    const RoundedBlock* x = step.x + slice / kSlicesEach<M> * step.stride;
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) {
      const Slice<M>& w = s.w[slice][p];
      const F d = load(w.d);
      AUTARK_UNROLL(4)
      for (int r = 0; r < kQuarter; ++r) {
        I dot = load_ints(dots[at[r]][i][p]);
        if constexpr (D == 2) dot = shift_left(dot, 7) + load_ints(dots[at[r]][i + 1][p]);
        F t = to_float(dot) * d;
        if constexpr (M == Meaning::minimum) t = fma(load(w.m), all(x[at[r]].sum), t);
        acc[r][p] = fma(t, all(x[at[r]].scale), acc[r][p]);
      }
    }
  }
  AUTARK_UNROLL(4)
  for (int r = 0; r < kQuarter; ++r) {
    AUTARK_UNROLL(2)
    for (int p = 0; p < P; ++p) store(step.sums + ((row + r) * P + p) * kLanes, acc[r][p]);
  }
}

// Quarter q of step `now` in the lanes, tile A q of step `next` in the tiles.
template <int Set, int D, Meaning M, int P, class T>
inline void run_quarter(T& tiles, TileScratch<M, P>& s, const TileStep& now, const TileStep& next, int turn,
                        int64_t q) {
  const bool more = q < next.count;
  if (more) start_slice<Set, D>(tiles, s, next, q);
  if (q * kQuarter < now.rows) add_slices<D>(s, s.dots[turn], now, q * kQuarter);
  if (more) store_slice<Set, P>(tiles, s.dots[1 - turn], q);
}

// The rows of a pass in tiles of 16, and what a group's products read of them.
struct RowTiles {
  const RoundedBlock* x;  // of the pass
  int64_t rows, blocks;
  int64_t low;       // ProductOfRounded::low
  bool copies_last;  // the last tile has fewer rows than the shapes of the tiles
};

// Row tile t at block b. REQUIRES: the last tile was copied, where it is.
template <Meaning M, int P>
inline TileStep step_at(const RowTiles& x, TileScratch<M, P>& s, int64_t t, int64_t b) {
  const int64_t row = t * kTileHigh, rows = x.rows - row < kTileHigh ? x.rows - row : kTileHigh;
  TileStep step{.x = x.x + row * x.blocks + b * rows,
                .stride = rows,
                .rows = rows,
                .sums = s.sums[row][0],
                .low = x.low};
  if (x.copies_last && rows < kTileHigh)
    step.x = s.last[0], step.stride = kTileHigh, step.low = kGroup * kTileHigh;
  return step;
}

template <int D, Meaning M, int P>
void copy_last_tile(const RowTiles& x, TileScratch<M, P>& s, int64_t b, int64_t blocks) {
  const int64_t rows = x.rows % kTileHigh;
  const RoundedBlock* from = x.x + (x.rows - rows) * x.blocks + b * rows;
  for (int digit = 0; digit < D; ++digit) {
    for (int64_t i = 0; i < blocks; ++i)
      __builtin_memcpy(s.last[digit] + i * kTileHigh, from + digit * x.low + i * rows,
                       rows * sizeof(RoundedBlock));
  }
}

// Adds `blocks` expanded blocks from block b on to the sums of all rows of the pass.
template <int D, Meaning M, int P, class T>
void add_group(T& tiles, const RowTiles& x, TileScratch<M, P>& s, int64_t b, int64_t blocks) {
  if (x.copies_last) copy_last_tile<D>(x, s, b, blocks);
  const int64_t tiles_a = blocks * kSlicesEach<M> * D, row_tiles = (x.rows + kTileHigh - 1) / kTileHigh;
  TileStep now, next = step_at(x, s, 0, b);
  int turn = 0;
  for (int64_t t = 0; now.rows > 0 || next.rows > 0; turn = 1 - turn) {
    if (next.rows > 0) next.count = tiles_a - next.first < kStep ? tiles_a - next.first : kStep;
    for (int64_t q = 0; q < kStep; q += 2) {
      run_quarter<0, D>(tiles, s, now, next, turn, q);
      run_quarter<1, D>(tiles, s, now, next, turn, q + 1);
    }
    now = next;
    next.first += kStep;
    if (next.first >= tiles_a) next = ++t < row_tiles ? step_at(x, s, t, b) : TileStep{};
  }
}

template <Kind K, int D, int P, class T>
void tile_panels(T& tiles, const ProductOfRounded& t, int64_t panel) {
  constexpr Meaning M = layout_of(K).meaning;
  constexpr int64_t kEach = kSlicesEach<M>;
  const Panels& w = *t.w;
  auto& s = *static_cast<TileScratch<M, P>*>(t.scratch);
  for (int64_t row = 0; row < t.rows; row += kRowsOfPass) {
    const int64_t rows = t.rows - row < kRowsOfPass ? t.rows - row : kRowsOfPass;
    const RowTiles x{t.x + row * w.blocks, rows, w.blocks, t.low,
                     t.rows > kTileHigh && rows % kTileHigh != 0};
    clear(s.sums[0][0], (rows + kTileHigh - 1) / kTileHigh * kTileHigh * P * kLanes);
    for (int64_t b = 0; b < w.blocks; b += kGroup) {
      const int64_t blocks = blocks_from(b, w.blocks);
      for (int p = 0; p < P; ++p) {
        const PanelAt at = panel_at(w, panel + p);
        for (int64_t i = 0; i < blocks; ++i) expand_slices<K>(at, b + i, &s.w[i * kEach][p], P);
      }
      add_group<D>(tiles, x, s, b, blocks);
    }
    write_sums<P>(s.sums[0][0], w, panel, (panel - t.panel_begin) * kLanes, row, rows, t.bias, t.y,
                  t.y_stride);
  }
}

template <Kind K, int D, class T>
void tile_product_of_digits(const ProductOfRounded& t) {
  T tiles(product_shapes(t.rows < kTileHigh ? t.rows : kTileHigh, kSlicesEach<layout_of(K).meaning>));
  int64_t panel = t.panel_begin;
  for (; panel + 2 <= t.panel_end; panel += 2) tile_panels<K, D, 2>(tiles, t, panel);
  if (panel < t.panel_end) tile_panels<K, D, 1>(tiles, t, panel);
}

template <Kind K, class T>
void tile_product_of(const ProductOfRounded& t) {
  if (t.low) return tile_product_of_digits<K, 2, T>(t);
  tile_product_of_digits<K, 1, T>(t);
}

// Few rows, which are one tile for either, take the kernels of `Few`.
template <class T, const Kernels& (*Few)()>
void tile_product(const ProductOfRounded& t) {
  static_assert(kTileRows < kTileHigh);
  if (t.rows <= kTileRows) return Few().rounded_product(t);
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
  k.packed_rows = kTileRows;
  k.rounded_name = rounded_name;
  k.rounded_product = tile_product<T, Few>;
  return k;
}

}  // namespace
}  // namespace autark
