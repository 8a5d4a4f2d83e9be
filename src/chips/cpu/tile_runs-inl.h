// Products of MXFP4 with activations in two digits by matrix tiles, a run at a time (run_scales-inl.h). Included by
// tile_product-inl.h.
//
// A column is a run of one panel as two tiles B of 64 inputs each: its codes, doubled and shifted by the distances of
// their scales. A panel whose blocks stand alone has one column a block, with zeros for the others. A unit is a column and
// up to 16 rows, whose codes are packed to rows of 64 inputs: two sums, one a digit. While the tiles compute a unit, the sums of
// the one before are stored, and the lanes add those of the one before that. The lanes round where run_product-inl.h does.
#pragma once
#include "chips/cpu/run_scales-inl.h"
#include "chips/cpu/tile_pass-inl.h"

namespace autark {
namespace {

constexpr int kRunHalves = 2;  // of 64 inputs
constexpr int64_t kHalfBlocks = kRunBlocks / kRunHalves;
constexpr int kRunsKept = 3;  // a unit is added two units later, which may be two runs later
constexpr int kRunC = 0, kRunA = 4, kRunB = 6;  // tiles: C[2 digit + turn], A[digit], B[turn]

struct alignas(64) RunColumn {
  uint8_t code[kRunHalves][kTileHigh][kTileRowBytes];  // int8
  float d[kLanes];
  int64_t panel;     // of the pass
  bool first, last;  // of the panel's columns in this run
};

struct alignas(64) PackedRows {
  int8_t code[2][kRunHalves][kTileHigh][kTileRowBytes];  // [digit]
};

using RunDots = int32_t[2][kTileHigh][kLanes];  // [digit]

struct alignas(64) RunAtHand {
  RunColumn columns[kPanelsOfPass * kRunBlocks];
  float scales[kRowsOfPass / kTileHigh][kTileHigh];
};

struct alignas(64) RunScratch {
  RunAtHand runs[kRunsKept];
  PackedRows rows[2];           // of the row tile at hand and the next one
  alignas(64) RunDots dots[2];  // of the last two units
  alignas(64) Sums sums[kRowsOfPass / kTileHigh][kPanelsOfPass];
};
static_assert(sizeof(RunScratch) <= kScratchBytes / 2);

TileShapes run_shapes(int64_t rows) {
  TileShapes s;
  for (int i = 0; i < kRunB; ++i) s.set(i, rows, kTileRowBytes);
  for (int i = kRunB; i < kTiles; ++i) s.set(i, kTileHigh, kTileRowBytes);
  return s;
}

// value[16 n + c]: what code c means, doubled, times 2^n.
struct ShiftedE2m1 {
  alignas(64) uint8_t value[64];
};
constexpr ShiftedE2m1 shifted_e2m1() {
  ShiftedE2m1 t{};
  for (int i = 0; i < 64; ++i) t.value[i] = static_cast<uint8_t>((kDoubledE2m1[i % 16] - 16) * (1 << i / 16));
  return t;
}
static_assert(kMostShift == 3);
constexpr ShiftedE2m1 kShiftedE2m1 = shifted_e2m1();

// --- weights --------------------------------------------------------------------------------------------------------

template <int J>
inline void expand_vector(const uint8_t* low, U shift, uint8_t* out) {
  store_bytes(out + J * 64, looked_up_64(either(nibbles_of<J>(low), shift), kShiftedE2m1.value));
}

// A block of 32 inputs whose values are shifted by `shift`: the half of a tile B.
inline void expand_block(const uint8_t* low, I shift, uint8_t* out) {
  const I once = shift_left(shift, 4), twice = once + shift_left(once, 8);
  const U all_bytes = as_bytes(twice + shift_left(twice, 16));
  expand_vector<0>(low, all_bytes, out);
  expand_vector<1>(low, all_bytes, out);
  expand_vector<2>(low, all_bytes, out);
  expand_vector<3>(low, all_bytes, out);
  expand_vector<4>(low, all_bytes, out);
  expand_vector<5>(low, all_bytes, out);
  expand_vector<6>(low, all_bytes, out);
  expand_vector<7>(low, all_bytes, out);
}

inline void clear_block(uint8_t* out) {
  for (int j = 0; j < 8; ++j) store_bytes(out + 64 * j, as_bytes(int_zero()));
}

inline uint8_t* block_of_column(RunColumn& c, int64_t i) {
  return c.code[i / kHalfBlocks][i % kHalfBlocks * 8];
}

// The run of `count` blocks from block b on of panel `panel` of the pass: appends to columns[n], gives the new n.
int64_t expand_run(const PanelAt& p, int64_t b, int64_t count, int64_t panel, RunColumn* columns, int64_t n) {
  constexpr Kind K = Kind::mxfp4;
  constexpr KindLayout l = layout_of(K);
  const uint8_t* scales = block_at<K>(p, b).scale;
  const RunScales run(count, [&](int64_t i) { return run_code(scales, i); });
  prefetch<false>(scales + l.group(kGroup));
  const int64_t each = run.alone ? count : 1;
  for (int64_t k = 0; k < each; ++k) {
    RunColumn& c = columns[n + k];
    c.panel = panel, c.first = k == 0, c.last = k + 1 == each;
    store(c.d, run.alone ? RunScales::d(run_code(scales, k)) : run.d());
    for (int64_t i = 0; i < kRunBlocks; ++i) {
      if (i >= count || (run.alone && i != k)) {
        clear_block(block_of_column(c, i));
        continue;
      }
      const uint8_t* low = block_at<K>(p, b + i).low;
      for (int64_t at = 0; at < l.low; at += 64) prefetch<false>(low + l.group(kGroup) + at);
      expand_block(low, run.alone ? int_zero() : run.shift(run_code(scales, i)), block_of_column(c, i));
    }
  }
  return n + each;
}

// --- activations ----------------------------------------------------------------------------------------------------

// The codes of a block of `rows` rows, to rows of 64 bytes.
inline void pack_block(const RoundedBlock* from, int64_t rows, int8_t* to) {
  for (int64_t r = 0; r < rows; ++r) __builtin_memcpy(to + r * kTileRowBytes, from[r].code, kBlock);
}

// Row tile t at the run of `count` blocks from block b on. Blocks that the run lacks meet zeros of a column.
void pack_rows(const RowTiles& x, int64_t t, int64_t b, int64_t count, RunAtHand& run, PackedRows& to) {
  const int64_t row = t * kTileHigh, high = x.rows - row < kTileHigh ? x.rows - row : kTileHigh;
  const RoundedBlock* from = x.x + row * x.blocks + b * high;
  for (int64_t r = 0; r < high; ++r) run.scales[t][r] = from[r].scale;
  for (int64_t i = 0; i < count; ++i, from += high) {
    for (int digit = 0; digit < 2; ++digit)
      pack_block(from + digit * x.low, high, to.code[digit][i / kHalfBlocks][0] + i % kHalfBlocks * kBlock);
  }
}

// --- products -------------------------------------------------------------------------------------------------------

// A column of the run from block `block` on, and a row tile.
struct RunUnit {
  const RunAtHand* run = nullptr;
  const RunColumn* column = nullptr;
  int64_t tile = 0, block = 0;
};

template <int Turn, class T>
inline void start_half(T& tiles, const RunColumn& column, const PackedRows& rows, int half) {
  tiles.template load<kRunB + Turn>(column.code[half], kTileRowBytes);
  tiles.template load<kRunA>(rows.code[0][half], kTileRowBytes);
  tiles.template dot_i8<kRunC + Turn, kRunA, kRunB + Turn>();
  tiles.template load<kRunA + 1>(rows.code[1][half], kTileRowBytes);
  tiles.template dot_i8<kRunC + 2 + Turn, kRunA + 1, kRunB + Turn>();
}

template <int Turn, class T>
inline void start_unit(T& tiles, const RunUnit& u, const RunScratch& s) {
  tiles.template zero<kRunC + Turn>();
  tiles.template zero<kRunC + 2 + Turn>();
  start_half<Turn>(tiles, *u.column, s.rows[u.tile % 2], 0);
  start_half<Turn>(tiles, *u.column, s.rows[u.tile % 2], 1);
}

template <int Turn, class T>
inline void store_unit(const T& tiles, RunScratch& s) {
  tiles.template store<kRunC + Turn>(s.dots[Turn][0], kTileRowBytes);
  tiles.template store<kRunC + 2 + Turn>(s.dots[Turn][1], kTileRowBytes);
}

// Adds row r of a unit's column to the sum of a panel.
AUTARK_INLINE F add_row(const RunDots& dots, int64_t r, F d, float scale, F sum) {
  const I dot = shift_left(load_ints(dots[0][r]), 7) + load_ints(dots[1][r]);
  return fma(to_float(dot), d * all(scale), sum);
}

// Adds a unit to the sums of its panel.
inline void add_unit(const Pass& pass, const RunUnit& u, RunScratch& s, int turn) {
  const RunColumn& c = *u.column;
  UnitSums sums = pass.sums_at(u.tile * kTileHigh, c.panel, s.sums[u.tile][c.panel], u.block, kRunBlocks);
  sums.first = sums.first && c.first;
  if (!c.last) sums.y = nullptr;
  const F d = load(c.d);
  const float* scale = u.run->scales[u.tile];
  if (sums.rows < kTileHigh) {
    for (int64_t r = 0; r < sums.rows; ++r)
      store_sum(sums, r, add_row(s.dots[turn], r, d, scale[r], load_sum(sums, r)));
    return;
  }
  F acc[kTileHigh];
  load_sums(sums, acc);
  AUTARK_UNROLL(16)
  for (int r = 0; r < kTileHigh; ++r) acc[r] = add_row(s.dots[turn], r, d, scale[r], acc[r]);
  store_sums(sums, acc);
}

// The units of all runs in their order, each in three steps: its products start, its sums are stored, they are added.
template <class T>
class RunUnits {
 public:
  RunUnits(T& tiles, const Pass& pass, RunScratch& s) : tiles_(tiles), pass_(pass), s_(s) {}

  void next(const RunUnit& u) {
    if (turn_)
      step<1>(u);
    else
      step<0>(u);
    turn_ = 1 - turn_;
  }
  void finish() {
    next({});
    next({});
  }

 private:
  template <int Turn>
  void step(const RunUnit& u) {
    if (u.column) start_unit<Turn>(tiles_, u, s_);
    RunUnit& added = units_[Turn];
    if (added.column) add_unit(pass_, added, s_, Turn);
    if (units_[1 - Turn].column) store_unit<1 - Turn>(tiles_, s_);
    added = u;
  }

  T& tiles_;
  const Pass& pass_;
  RunScratch& s_;
  RunUnit units_[2];  // the last two
  int turn_ = 0;
};

// Adds the run from block b on, of n columns, to all sums of a pass. The first row tile is packed; the others are packed
// while the one before is multiplied, which makes 512 rows a tenth faster.
template <class T>
void add_run(RunUnits<T>& units, const Pass& pass, RunScratch& s, RunAtHand& run, int64_t n, int64_t b,
             int64_t count) {
  for (int64_t t = 0; t < pass.count(); ++t) {
    for (int64_t k = 0; k < n; ++k) {
      units.next({&run, run.columns + k, t, b});
      if (k == 0 && t + 1 < pass.count()) pack_rows(pass.x(), t + 1, b, count, run, s.rows[(t + 1) % 2]);
    }
  }
}

// The units of one row tile go on without a pause from one run to the next. Those of more are so many that a pause costs
// less than the cache that a second run would take.
template <class T>
void add_runs(T& tiles, const Pass& pass, RunScratch& s) {
  const Panels& w = *pass.of->w;
  const bool one_tile = pass.count() == 1;
  RunUnits<T> units(tiles, pass, s);
  for (int64_t b = 0; b < w.blocks; b += kRunBlocks) {
    const int64_t count = w.blocks - b < kRunBlocks ? w.blocks - b : kRunBlocks;
    RunAtHand& run = s.runs[one_tile ? b / kRunBlocks % kRunsKept : 0];
    pack_rows(pass.x(), 0, b, count, run, s.rows[0]);
    int64_t n = 0;
    for (int64_t p = 0; p < pass.panels; ++p)
      n = expand_run(panel_at(w, pass.panel + p), b, count, p, run.columns, n);
    add_run(units, pass, s, run, n, b, count);
    if (!one_tile) units.finish();
  }
  units.finish();
}

// With one row tile fewer panels share its packed rows: their columns of two runs stay in the first-level cache.
constexpr int64_t kPanelsOfTile = 2;

template <class T>
void tile_product_of_runs(const ProductOfRounded& t) {
  T tiles(run_shapes(t.rows < kTileHigh ? t.rows : kTileHigh));
  auto& s = *static_cast<RunScratch*>(t.scratch);
  const int64_t panels = t.rows <= kTileHigh ? kPanelsOfTile : kPanelsOfPass;
  each_pass(t, panels, [&](const Pass& pass) { add_runs(tiles, pass, s); });
}

}  // namespace
}  // namespace autark
