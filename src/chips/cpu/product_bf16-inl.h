// Products of E4M3 and BF16 weights with activations that bf16 holds exactly, for ISAs that multiply pairs of
// bf16 values: included by kernels_<isa>.cc after product-inl.h and the ISA's pairs. No factor is rounded.
//
// An output has two totals: of the inputs whose number mod 4 is 0 or 1, and of the others. Per span of 128 inputs
// each has a sum of its own from zero, which is multiplied by the span's scale and added to it. The output is the
// sum of its totals. This order is fixed by the shape, so rows may be taken one at a time from the packed codes or
// a tile at a time from expanded ones.
#pragma once
#include "chips/cpu/product-inl.h"

namespace autark {
namespace {

constexpr int kRowsOfTile = 8;
constexpr int64_t kSpan = 4 * kBlock, kQuads = kSpan / 4;  // inputs that share a scale, fours of them
constexpr int kSpansAtOnce = 4, kPanelsAtOnce = 4;         // expanded: 64 KiB
constexpr int64_t kRowsOfPass = 256;                       // their totals: 128 KiB
constexpr int64_t kQuadValues = 4 * kLanes;
constexpr int kTotalsWide = 2 * kLanes;  // two totals of 16 lanes

// Where the four inputs of a quad lie: in a panel, or expanded.
template <Kind K>
struct PackedQuads;
template <>
struct PackedQuads<Kind::e4m3> {
  static constexpr int64_t kBytes = 64;
  const uint8_t* from;
  E4m3Table table = e4m3_table();
  TwoPairs at(int64_t q) const { return pairs_of_e4m3(table, from + q * kBytes); }
};
template <>
struct PackedQuads<Kind::bf16> {
  static constexpr int64_t kBytes = 128;
  const uint8_t* from;
  TwoPairs at(int64_t q) const {
    const auto* p = reinterpret_cast<const uint16_t*>(from + q * kBytes);
    return {load_pairs(p), load_pairs(p + kQuadValues / 2)};
  }
};
struct ExpandedQuads {
  const uint16_t* from;
  TwoPairs at(int64_t q) const {
    return {load_pairs(from + q * kQuadValues), load_pairs(from + q * kQuadValues + kQuadValues / 2)};
  }
};

template <class W>
constexpr bool kExpanded = false;
template <>
constexpr bool kExpanded<ExpandedQuads> = true;

template <Kind K>
inline TwoPairs four_inputs(const uint16_t* x) {  // as the pairs of a quad need them
  if constexpr (K == Kind::e4m3) {
    const Pairs both = all_two_pairs(x);
    return {both, both};
  }
  return {all_pairs(x), all_pairs(x + 2)};
}

template <Kind K>
inline F total_of(const float* totals) {
  const F a = load(totals), b = load(totals + kLanes);
  return K == Kind::e4m3 ? sums_of_lanes(a, b) : a + b;
}

// Asks for the codes ahead of the i-th quads from `q` on, where R rows take C spans side by side.
template <int R, int C, class W>
inline void prefetch_quads(const W& w, int64_t q, int64_t i) {
  if constexpr (!kExpanded<W>) {
    constexpr int64_t kBytes = C * W::kBytes, kAhead = R <= 2 ? 4096 : 8192;
    for (int64_t at = 0; at < kBytes; at += 64)
      prefetch<(R <= 2)>(w.from + kAhead + q * W::kBytes + i * kBytes + at);
  }
}

template <int R>
inline void add_scaled(const F (&s)[R][2], F scale, float* totals) {
  AUTARK_UNROLL(kRowsOfTile)
  for (int r = 0; r < R; ++r) {
    AUTARK_UNROLL(2)
    for (int h = 0; h < 2; ++h) {
      float* total = totals + r * kTotalsWide + h * kLanes;
      store(total, fma(s[r][h], scale, load(total)));
    }
  }
}

// Adds C spans of `quads` quads each, from quad q of the weights on, to the totals of R rows.
template <Kind K, int R, int C, class W>
inline void add_spans(const W& w, int64_t q, int64_t quads, const float* scale, const uint16_t* x,
                      int64_t stride, float* totals) {
  F s[C][R][2];
  AUTARK_UNROLL(2)
  for (int c = 0; c < C; ++c) {
    AUTARK_UNROLL(kRowsOfTile)
    for (int r = 0; r < R; ++r) s[c][r][0] = s[c][r][1] = zero();
  }
  for (int64_t i = 0; i < quads; ++i) {
    prefetch_quads<R, C>(w, q, i);
    AUTARK_UNROLL(2)
    for (int c = 0; c < C; ++c) {
      const TwoPairs codes = w.at(q + c * kQuads + i);
      AUTARK_UNROLL(kRowsOfTile)
      for (int r = 0; r < R; ++r) {
        const TwoPairs four = four_inputs<K>(x + r * stride + 4 * (q + c * kQuads + i));
        s[c][r][0] = dot_pairs(s[c][r][0], codes.a, four.a);
        s[c][r][1] = dot_pairs(s[c][r][1], codes.b, four.b);
      }
    }
  }
  AUTARK_UNROLL(2)
  for (int c = 0; c < C; ++c) add_scaled(s[c], all(scale[c]), totals);
}

struct Span {
  int64_t first, quads;  // quads of a panel
  float scale;
};
template <Kind K>
inline Span span_of(const PanelAt& p, int64_t i) {
  const int64_t first = i * kQuads, left = p.blocks * (kBlock / 4) - first;
  Span s{first, left < kQuads ? left : kQuads, 1};
  if constexpr (K == Kind::e4m3) __builtin_memcpy(&s.scale, p.scales + i * 4, 4);
  return s;
}
inline int64_t spans_of(const Panels& w) {
  return (w.in + kSpan - 1) / kSpan;
}

// --- few rows: straight from the packed codes ----------------------------------------------------------------

template <Kind K, int R>
void few_bf16_rows(const ProductOfBf16& t, int64_t panel, const uint16_t* x, float* totals) {
  const PanelAt p = panel_at(*t.w, panel);
  const PackedQuads<K> w{p.groups};
  const int64_t spans = spans_of(*t.w);
  int64_t i = 0;
  if constexpr (R <= 2) {  // a sum waits for its last addition, so that more of them should be under way
    for (; i + 2 < spans; i += 2) {
      const float scale[2] = {span_of<K>(p, i).scale, span_of<K>(p, i + 1).scale};
      add_spans<K, R, 2>(w, i * kQuads, kQuads, scale, x, t.x_stride, totals);
    }
  }
  for (; i < spans; ++i) {
    const Span s = span_of<K>(p, i);
    add_spans<K, R, 1>(w, s.first, s.quads, &s.scale, x, t.x_stride, totals);
  }
}

template <Kind K, int R = kRowsOfTile>
void few_bf16_rows_of(int64_t rows, const ProductOfBf16& t, int64_t panel, const uint16_t* x, float* totals) {
  if constexpr (R > 1) {
    if (rows < R) return few_bf16_rows_of<K, R - 1>(rows, t, panel, x, totals);
  }
  few_bf16_rows<K, R>(t, panel, x, totals);
}

template <Kind K>
void write_totals(const ProductOfBf16& t, int64_t panel, int64_t row, int64_t rows, const float* totals) {
  const int64_t at = (panel - t.panel_begin) * kLanes;
  for (int64_t r = 0; r < rows; ++r)
    write(total_of<K>(totals + r * kTotalsWide), t.bias ? t.bias + at : nullptr,
          t.y + (row + r) * t.y_stride + at, lanes_left(*t.w, panel));
}

template <Kind K>
void few_bf16_rows_at(const ProductOfBf16& t, int64_t panel, int64_t row) {
  alignas(64) float totals[kRowsOfTile * kTotalsWide];
  const int64_t n = t.rows - row < kRowsOfTile ? t.rows - row : kRowsOfTile;
  clear(totals, n * kTotalsWide);
  few_bf16_rows_of<K>(n, t, panel, t.x + row * t.x_stride, totals);
  write_totals<K>(t, panel, row, n, totals);
}

// --- many rows: expand some spans of some panels, then whole tiles -------------------------------------------

struct ExpandedSpans {
  const uint16_t* codes[kPanelsAtOnce];
  float scale[kPanelsAtOnce][kSpansAtOnce];
  int64_t quads;  // of all spans
};

// Spans from `first` on, of `panels` panels.
template <Kind K>
ExpandedSpans expand_spans(const Panels& w, int64_t panel, int64_t panels, int64_t first, uint16_t* codes) {
  ExpandedSpans out{};
  for (int64_t p = 0; p < panels; ++p, codes += kSpansAtOnce * kQuads * kQuadValues) {
    const PanelAt at = panel_at(w, panel + p);
    const PackedQuads<K> packed{at.groups};
    out.quads = 0;
    for (int64_t i = first; i < spans_of(w) && i < first + kSpansAtOnce; ++i) {
      const Span s = span_of<K>(at, i);
      out.scale[p][i - first] = s.scale;
      for (int64_t q = 0; K == Kind::e4m3 && q < s.quads; ++q) {
        const TwoPairs two = packed.at(s.first + q);
        store_pairs(codes + (out.quads + q) * kQuadValues, two.a);
        store_pairs(codes + (out.quads + q) * kQuadValues + kQuadValues / 2, two.b);
      }
      out.quads += s.quads;
    }
    out.codes[p] = codes;
    if constexpr (K == Kind::bf16)
      out.codes[p] = reinterpret_cast<const uint16_t*>(packed.from + first * kQuads * packed.kBytes);
  }
  return out;
}

// `rows` of at most R rows and one panel, whose totals are at `totals`.
template <Kind K, int R = kRowsOfTile>
void bf16_tile(int64_t rows, const uint16_t* codes, const float* scale, int64_t quads, const uint16_t* x,
               int64_t stride, float* totals) {
  if constexpr (R > 1) {
    if (rows < R) return bf16_tile<K, R - 1>(rows, codes, scale, quads, x, stride, totals);
  }
  const ExpandedQuads w{codes};
  for (int64_t q = 0; q < quads; q += kQuads, ++scale)
    add_spans<K, R, 1>(w, q, quads - q < kQuads ? quads - q : kQuads, scale, x, stride, totals);
}

template <Kind K>
void many_bf16_rows(const ProductOfBf16& t, int64_t panel, int64_t panels, int64_t row, int64_t rows) {
  auto* codes = static_cast<uint16_t*>(t.scratch);
  auto* totals = reinterpret_cast<float*>(codes + kPanelsAtOnce * kSpansAtOnce * kQuads * kQuadValues);
  const int64_t wide = kRowsOfPass * kTotalsWide;  // from one panel's totals to the next one's
  for (int64_t p = 0; p < panels; ++p) clear(totals + p * wide, rows * kTotalsWide);
  for (int64_t i = 0; i < spans_of(*t.w); i += kSpansAtOnce) {
    const ExpandedSpans w = expand_spans<K>(*t.w, panel, panels, i, codes);
    for (int64_t r = 0; r < rows; r += kRowsOfTile) {
      const int64_t n = rows - r < kRowsOfTile ? rows - r : kRowsOfTile;
      const uint16_t* x = t.x + (row + r) * t.x_stride + i * kSpan;
      for (int64_t p = 0; p < panels; ++p)
        bf16_tile<K>(n, w.codes[p], w.scale[p], w.quads, x, t.x_stride, totals + p * wide + r * kTotalsWide);
    }
  }
  for (int64_t p = 0; p < panels; ++p) write_totals<K>(t, panel + p, row, rows, totals + p * wide);
}

template <Kind K>
void bf16_product_of(const ProductOfBf16& t) {
  if (t.rows <= 2 * kRowsOfTile) {
    for (int64_t p = t.panel_begin; p < t.panel_end; ++p) {
      for (int64_t row = 0; row < t.rows; row += kRowsOfTile) few_bf16_rows_at<K>(t, p, row);
    }
    return;
  }
  for (int64_t p = t.panel_begin; p < t.panel_end; p += kPanelsAtOnce) {
    const int64_t panels = t.panel_end - p < kPanelsAtOnce ? t.panel_end - p : kPanelsAtOnce;
    for (int64_t row = 0; row < t.rows; row += kRowsOfPass)
      many_bf16_rows<K>(t, p, panels, row, t.rows - row < kRowsOfPass ? t.rows - row : kRowsOfPass);
  }
}

void bf16_product(const ProductOfBf16& t) {
  if (t.w->kind == Kind::e4m3) return bf16_product_of<Kind::e4m3>(t);
  if (t.w->kind == Kind::bf16) return bf16_product_of<Kind::bf16>(t);
  __builtin_trap();  // other kinds are no bf16 values
}

}  // namespace
}  // namespace autark
