// Products of rounded rows by matrix tiles (tiles.h): included by the files of an ISA after its lanes and
// panels-inl.h.
//
// Tile A: 16 rows of int8 digits, as layout.h stores them. Where an input has two digits, a slice has two tiles A, and the
// lanes add the sums of the second to 128 times those of the first. Tile B: the codes of a panel minus their offset. The lanes
// round where product-inl.h does, so the bits are those of the ISA's other products.
#pragma once
#include "chips/cpu/tile_runs-inl.h"
#include "chips/cpu/tile_span-inl.h"

namespace autark {
namespace {

template <Meaning M>
constexpr int kSlicesEach = M == Meaning::halves ? 2 : 1;  // of a block

template <Meaning M>
struct alignas(64) DigitSlice {          // of one panel
  uint8_t code[8 / kSlicesEach<M>][64];  // int8
  float d[kLanes], minus_d[kLanes];      // minus_d: −kIntBias · d
  float m[kLanes];                       // of formats with a minimum
};

// 16 rows at a span: block b of the span is at x[b · stride + row], its low digits `low` blocks behind.
struct DigitRows {
  const RoundedBlock* x = nullptr;
  int64_t stride = 0, low = 0;
};

// Inputs of D digits (tile_span-inl.h).
template <int D, Meaning M>
struct Digits {
  using Product = ProductOfRounded;
  using Slice = DigitSlice<M>;
  using Rows = DigitRows;
  using Sum = int32_t;
  using Last =
      RoundedBlock[2][kUnit * kTileHigh];  // [digit]: the last row tile of this span, as a whole tile
  static constexpr int kEach = D;

  static int64_t first_row(const Pass&, int64_t t) { return t * kTileHigh; }

  // REQUIRES: the last tile was copied, if it is not whole.
  static Rows rows_at(const Pass& pass, int64_t t, int64_t b, const Last& last) {
    const RowTiles x = pass.x();
    const int64_t row = t * kTileHigh;
    if (x.rows - row < kTileHigh) return {last[0], kTileHigh, kUnit * kTileHigh};
    return {x.x + row * x.blocks + b * kTileHigh, kTileHigh, x.low};
  }

  static void copy_last(const Pass& pass, int64_t b, int64_t blocks, Last& last) {
    const RowTiles x = pass.x();
    const int64_t rows = x.rows % kTileHigh;
    const RoundedBlock* from = x.x + (x.rows - rows) * x.blocks + b * rows;
    for (int digit = 0; rows && digit < D; ++digit) {
      for (int64_t i = 0; i < blocks; ++i)
        __builtin_memcpy(last[digit] + i * kTileHigh, from + digit * x.low + i * rows,
                         rows * sizeof(RoundedBlock));
    }
  }

  static const RoundedBlock* rows_of(const Rows& t, int64_t slice) {
    return t.x + slice / kSlicesEach<M> * t.stride;
  }

  // A slice that the span lacks is multiplied, too, but not added.
  template <int I, class T>
  static void load(T& tiles, const Rows& t, int64_t slices) {
    constexpr int64_t kEachBlock = kSlicesEach<M>;
    const int64_t slice = I / D < slices ? I / D : 0;
    const int8_t* a = rows_of(t, slice)[I % D ? t.low : 0].code + slice % kEachBlock * (kBlock / kEachBlock);
    tiles.template load<kA + I>(a, sizeof(RoundedBlock));
  }
  template <int C, int A, int B, class T>
  static void dot(T& tiles) {
    tiles.template dot_i8<C, A, B>();
  }

  // Adds rows [From, To) of slice `s` of a unit to their sums. `Biased`: by times(), else sums are converted.
  template <bool Biased, int From, int To>
  AUTARK_INLINE static void add_rows(const Unit<Digits>& u, int s, F d, F minus_d, F (&acc)[kTileHigh]) {
    const Slice& w = u.w[s];
    const RoundedBlock* x = rows_of(u.rows, s);
    AUTARK_UNROLL(16)
    for (int r = From; r < To; ++r) {
      I dot = load_ints((*u.dots)[s * D][r]);
      if constexpr (D == 2) dot = shift_left(dot, 7) + load_ints((*u.dots)[s * D + 1][r]);
      F t = Biased ? times(dot, d, minus_d) : to_float(dot) * d;
      if constexpr (M == Meaning::minimum) t = fma(autark::load(w.m), all(x[r].sum), t);
      acc[r] = fma(t, all(x[r].scale), acc[r]);
    }
  }
  // Two digits have sums that are too large for a bias; so are factors whose product with it is not finite.
  template <int From, int To>
  AUTARK_INLINE static void add(const Unit<Digits>& u, int s, F (&acc)[kTileHigh]) {
    const F d = autark::load(u.w[s].d), minus_d = autark::load(u.w[s].minus_d);
    if (D == 1 && finite(minus_d)) return add_rows<D == 1, From, To>(u, s, d, minus_d, acc);
    add_rows<false, From, To>(u, s, d, minus_d, acc);
  }

  static void prefetch_rows(const Rows& t, int64_t slices, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t s = 0; s < slices; s += kSlicesEach<M>) {
        const RoundedBlock* x = rows_of(t, s) + r;
        prefetch<true>(reinterpret_cast<const uint8_t*>(x));
        if constexpr (D == 2) prefetch<true>(reinterpret_cast<const uint8_t*>(x + t.low));
      }
    }
  }
};
static_assert(sizeof(TileScratch<Digits<1, Meaning::minimum>>) <= kScratchBytes / 2);

template <Kind K>
inline void expand_slices(const PanelAt& p, int64_t b, DigitSlice<layout_of(K).meaning>* out) {
  constexpr KindLayout l = layout_of(K);
  constexpr int kEach = kSlicesEach<l.meaning>, kVectors = 8 / kEach;
  constexpr int kOffset = l.meaning == Meaning::minimum ? 0 : 1 << l.shift;
  const BlockAt at = block_at<K>(p, b);
  const Codes c = codes_of<K>(at.low, at.high);
  const Factors f = factors_of<K>(at.scale, at.super);
  prefetch_next_group<K>(at);
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

template <Kind K, int D, class T>
void tile_product_of_digits(const ProductOfRounded& t) {
  constexpr Meaning M = layout_of(K).meaning;
  constexpr int kEach = kSlicesEach<M>;
  using In = Digits<D, M>;
  T tiles(span_shapes(kTileHigh, kBlock / kEach));
  auto& s = *static_cast<TileScratch<In>*>(t.scratch);
  each_span<kUnit / D / kEach>(t, [&](const Pass& pass, int64_t b, int64_t blocks) {
    for (int64_t p = 0; p < pass.panels; ++p) {
      const PanelAt at = panel_at(*t.w, pass.panel + p);
      for (int64_t i = 0; i < blocks; ++i) expand_slices<K>(at, b + i, &s.w[p][i * kEach]);
    }
    add_span<In>(tiles, pass, s, b, blocks, blocks * kEach);
  });
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

// Whether a product is left to the kernels of `Few`. Two rows of runs are worth a tile, since their sums leave it once in four
// blocks.
bool is_few(const ProductOfRounded& t) {
  static_assert(kMostRows < kTileHigh);
  if (t.w->kind == Kind::mxfp4 && t.low && t.rows <= t.high) return t.rows == 1;
  return t.rows <= kTileRows || (t.rows <= kRowsOfFew && t.high <= kMostRows);
}

template <class T, const Kernels& (*Few)()>
void tile_product(const ProductOfRounded& t) {
  if (is_few(t)) return Few().rounded_product(t);
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
