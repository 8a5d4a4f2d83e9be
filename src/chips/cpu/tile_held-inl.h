// Products of block formats with official activations that two digits hold (layout.h), as bf16 values, by matrix tiles:
// included by tile_bf16-inl.h.
//
// What digits hold of a bf16 value is a bf16 value, and codes of eight bits are, too. A block's sum of their products is
// a whole number of at most 2^24 times a power of two (layout.h), so the tiles compute it exactly in float32, and the bits are those
// of products of two digits. They take one tile A instead of two, and the lanes need not put digits together.
//
// Tile A: 16 rows of a block of activations, where they are. Tile B: the codes of a panel minus their offset, as pairs of bf16 values.
#pragma once
#include "chips/cpu/tile_span-inl.h"

namespace autark {
namespace {

struct alignas(64) HeldSlice {  // of one panel
  uint16_t code[kBlock / 2][2 * kLanes];
  float d[kLanes];
};

// 16 rows of bf16 values at a span, `stride` values apart.
struct HeldRows {
  const uint16_t* x;
  int64_t stride;
};

struct Held {
  using Product = ProductOfBf16;
  using Slice = HeldSlice;
  using Rows = HeldRows;
  using Sum = float;
  struct Last {};
  static constexpr int kEach = 1;

  static int64_t first_row(const PassOf<Product>& pass, int64_t t) {
    return whole_tile_at(pass.row + t * kTileHigh, pass.of->rows) - pass.row;
  }
  static Rows rows_at(const PassOf<Product>& pass, int64_t t, int64_t b, Last) {
    const int64_t stride = pass.of->x_stride;
    return {pass.of->x + (pass.row + first_row(pass, t)) * stride + b * kBlock, stride};
  }
  static void copy_last(const PassOf<Product>&, int64_t, int64_t, Last) {}

  // A slice that the span lacks is multiplied, too, but not added.
  template <int I, class T>
  static void load(T& tiles, const Rows& t, int64_t slices) {
    tiles.template load<kA + I>(t.x + (I < slices ? I : 0) * kBlock, t.stride * 2);
  }
  template <int C, int A, int B, class T>
  static void dot(T& tiles) {
    tiles.template dot_bf16<C, A, B>();
  }
  template <int From, int To>
  AUTARK_INLINE static void add(const Unit<Held>& u, int s, F (&acc)[kTileHigh]) {
    const F d = autark::load(u.w[s].d);
    AUTARK_UNROLL(16)
    for (int r = From; r < To; ++r)
      acc[r] = fma(autark::load((*u.dots)[s][r]) * d, all(1.f), acc[r]);  // the product is rounded, too
  }
  static void prefetch_rows(const Rows& t, int64_t slices, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t s = 0; s < slices; ++s)
        prefetch<true>(reinterpret_cast<const uint8_t*>(t.x + r * t.stride + s * kBlock));
    }
  }
};
static_assert(sizeof(TileScratch<Held>) <= kScratchBytes / 2);

// Inputs 4 j … 4 j + 3 of a block, from their codes.
inline void expand_pairs(U c, float offset, uint16_t* out) {
  const F o = all(offset);
  store_bytes(reinterpret_cast<uint8_t*>(out), bf16_pairs(byte_of<0>(c) - o, byte_of<1>(c) - o));
  store_bytes(reinterpret_cast<uint8_t*>(out + 2 * kLanes), bf16_pairs(byte_of<2>(c) - o, byte_of<3>(c) - o));
}

template <Kind K>
inline void expand_held(const PanelAt& p, int64_t b, HeldSlice& out) {
  const BlockAt at = block_at<K>(p, b);
  const Codes c = codes_of<K>(at.low, at.high);
  prefetch_next_group<K>(at);
  AUTARK_UNROLL(8)
  for (int j = 0; j < 8; ++j) expand_pairs(c.v[j], 1 << layout_of(K).shift, out.code[2 * j]);
  store(out.d, factors_of<K>(at.scale, at.super).d);
}

template <Kind K, class T>
void tile_held_product(const ProductOfBf16& t) {
  T tiles(span_shapes(t.rows < kTileHigh ? t.rows : kTileHigh, kTileRowBytes));
  auto& s = *static_cast<TileScratch<Held>*>(t.scratch);
  each_span<kUnit>(t, [&](const PassOf<ProductOfBf16>& pass, int64_t b, int64_t blocks) {
    for (int64_t p = 0; p < pass.panels; ++p) {
      const PanelAt at = panel_at(*t.w, pass.panel + p);
      for (int64_t i = 0; i < blocks; ++i) expand_held<K>(at, b + i, s.w[p][i]);
    }
    add_span<Held>(tiles, pass, s, b, blocks, blocks);
  });
}

}  // namespace
}  // namespace autark
